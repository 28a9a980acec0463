//! Can a crate of somebody else's test its own service? A copy of `tests/outside` is built away from
//! the workspace, tested, given a bug, and its failure replayed by the line that was printed.

#![cfg(madsim)]

// The package links every test with the simulated clock, which the drop-in brings along.
use tokio as _;

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use windtunnel_tests::program::{Scratch, scratch};

/// The line that puts a sale on the disk before it is answered.
const SYNC: &str = "self.sales.sync_data().await?;\n";

#[test]
fn an_outside_crate_finds_its_bug_and_the_pasted_line_reproduces_it() {
    let store = Outside::copy();
    let sound = store.cargo_test();
    assert!(sound.status.success(), "{}", told(&sound));

    store.edit("src/lib.rs", SYNC, "");
    let broken = store.cargo_test();
    let story = told(&broken);
    assert!(!broken.status.success(), "{story}");
    let rule = "rule `nothing oversold` broke at ";
    let broke_at = after(&story, rule).to_owned();
    let digest = after(&story, "\ndigest ").to_owned();
    assert!(story.contains("shrunk from "), "{story}");
    assert!(story.contains("power-loss"), "{story}");

    let line = after(&story, "replay it: ");
    let replayed = store.shell(line);
    let again = told(&replayed);
    assert!(!replayed.status.success(), "{again}");
    assert!(
        again.contains("reproduced: the digest is as recorded"),
        "{again}"
    );
    assert_eq!(after(&again, rule), broke_at);
    assert_eq!(after(&again, "\ndigest "), digest);

    store.edit(
        "src/lib.rs",
        "self.sold += 1;",
        &format!("{SYNC}self.sold += 1;"),
    );
    let mended = store.shell(line);
    assert!(mended.status.success(), "{}", told(&mended));
}

/// What stands after `mark` on its line.
fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    let (_, rest) = text
        .split_once(mark)
        .unwrap_or_else(|| panic!("`{mark}` is not in: {text}"));
    rest.lines().next().unwrap_or_default()
}

fn told(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(err)
}

/// A copy of the crate, away from the workspace, with the workspace's versions of its dependencies.
struct Outside {
    directory: Scratch,
    target: PathBuf,
}

impl Outside {
    fn copy() -> Self {
        let directory = scratch("outside crate");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the workspace");
        copy_tree(&root.join("tests/outside"), &directory).expect("it can be copied");
        fs::copy(root.join("Cargo.lock"), directory.join("Cargo.lock")).expect("a lock file");
        let this = std::env::current_exe().expect("a test is a program");
        let target = this
            .ancestors()
            .nth(3)
            .expect("the target directory")
            .join("outside");
        let outside = Self { directory, target };
        outside.edit("Cargo.toml", "../../", &format!("{}/", root.display()));
        outside
    }

    /// Replaces `old`, which must be there, by `new`.
    fn edit(&self, file: &str, old: &str, new: &str) {
        let path = self.directory.join(file);
        let text = fs::read_to_string(&path).expect("it was copied");
        assert!(text.contains(old), "`{old}` is not in {file}");
        fs::write(&path, text.replace(old, new)).expect("it can be written");
    }

    fn cargo_test(&self) -> Output {
        self.shell("cargo test --test storm")
    }

    /// Carries out a line as a user would. Nothing of this test run's settings goes along.
    fn shell(&self, line: &str) -> Output {
        let mut shell = Command::new("sh");
        for (name, _) in std::env::vars_os() {
            let cargos = name.to_string_lossy().starts_with("CARGO") && name != "CARGO_HOME";
            if cargos || name == "RUSTFLAGS" || name == "RUST_BACKTRACE" {
                shell.env_remove(name);
            }
        }
        let run = shell
            .args(["-c", line])
            .current_dir(&self.directory)
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TARGET_DIR", &self.target)
            .output();
        run.expect("there is a shell")
    }
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true if entry.file_name() == "target" => {}
            true => copy_tree(&entry.path(), &to)?,
            false => drop(fs::copy(entry.path(), to)?),
        }
    }
    Ok(())
}
