//! A file of `windtunnel gateway` with mistakes. The verb itself refuses in a simulated build, so the
//! file is read here by the function that the verb reads it with.

use insta::assert_snapshot;
use windtunnel_scenarios::format::GatewayFile;

const WRONG_KEYS: &str = r#"listen = "8080"
name = "front"
deadlin = "3s"
[upstreams.orders]
endpoints = "orders:80"
[[routes]]
name = "all"
upstream = "orders"
retry = { atempts = 3 }
"#;

const WRONG_MEANING: &str = r#"listen = "127.0.0.1:8080"
name = "front"
[upstreams.orders]
endpoints = ["orders"]
[[routes]]
name = "all"
upstream = "order"
retry = { attempts = 0 }
"#;

fn problems(text: &str) -> String {
    let problems = GatewayFile::from_toml(text).expect_err("it has mistakes");
    let lines = problems.into_iter().map(|problem| {
        let place = format!("{}:{}", problem.line, problem.column);
        let help = problem.help.map(|help| format!("\n    help: {help}"));
        format!("{place}: {}{}\n", problem.message, help.unwrap_or_default())
    });
    lines.collect()
}

#[test]
fn keys_and_kinds_that_are_wrong_are_told_all_at_once() {
    assert_snapshot!("gateway_keys", problems(WRONG_KEYS));
}

#[test]
fn settings_that_cannot_work_together_are_told_all_at_once() {
    assert_snapshot!("gateway_meaning", problems(WRONG_MEANING));
}

#[test]
fn the_gateway_files_of_the_readme_are_valid() {
    let readme = include_str!("../../../README.md");
    let blocks = readme.split("```toml\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    let files: Vec<&str> = blocks
        .filter(|block| block.contains("[upstreams."))
        .collect();
    let files: Vec<&str> = files
        .into_iter()
        .chain([include_str!("../../../scenarios/packaging/gateway.toml")])
        .collect();
    assert_eq!(
        files.len(),
        4,
        "the short, the long, that of production and the one that is packaged"
    );
    for file in files {
        let listens = file.lines().any(|line| line.starts_with("listen"));
        let listen = if listens {
            ""
        } else {
            "listen = \"127.0.0.1:1\"\n"
        };
        if let Err(problems) = GatewayFile::from_toml(&format!("{listen}{file}")) {
            let problems: Vec<_> = problems.into_iter().map(|p| (p.line, p.message)).collect();
            panic!("{problems:?} in\n{file}");
        }
    }
}
