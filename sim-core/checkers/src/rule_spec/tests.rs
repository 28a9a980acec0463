//! How rules are written in files.

use super::*;

#[derive(Debug, Deserialize, Serialize, PartialEq)]
struct File {
    rule: RuleSpec,
}

fn read(text: &str) -> Result<RuleSpec, toml::de::Error> {
    toml::from_str::<File>(&format!("rule = {text}")).map(|file| file.rule)
}

#[test]
fn every_kind_reads_compiles_and_prints() {
    for (text, kind) in [
        (r#"{ always = "sum(sold) <= sum(stocked)" }"#, "always"),
        (r#"{ never = "count(parked) > 0" }"#, "never"),
        (r#"{ sometimes = "breaker(*) == open" }"#, "sometimes"),
        (r#"{ eventually = "open-operations() == 0" }"#, "eventually"),
        (
            r#"{ threshold = "p99(latency, after = 10s) < 800ms" }"#,
            "threshold",
        ),
        (
            r#"{ conserved = { total = "sum(a)", equals = "sum(b)" } }"#,
            "conserved",
        ),
        (
            r#"{ saga-atomic = { within = "30s", effects = [["sold", "returned"]] } }"#,
            "saga-atomic",
        ),
        (
            r#"{ recovers = { within = "10s", success = 0.9 } }"#,
            "recovers",
        ),
    ] {
        let spec = read(text).expect(text);
        let named = spec.compile("x").expect(text);
        assert_eq!(named.rule.kind(), kind);
        let file = File { rule: spec };
        let printed = toml::to_string(&file).expect("a rule prints");
        assert_eq!(toml::from_str::<File>(&printed).expect("and reads"), file);
    }
}

#[test]
fn unknown_kinds_and_keys_are_refused() {
    for (text, hint) in [
        (r#"{ allways = "true" }"#, "unknown variant `allways`"),
        (r#"{ saga-atomic = { withn = "30s" } }"#, "withn"),
        (r#"{ saga-atomic = { within = "30s" } }"#, "effects"),
        (
            r#"{ conserved = { total = "sum(a)" } }"#,
            "missing field `equals`",
        ),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.contains(hint), "{error}");
    }
}

#[test]
fn errors_name_the_text_they_are_in() {
    let conserved = |total: &str, equals: &str| RuleSpec::Conserved {
        total: total.into(),
        equals: equals.into(),
    };
    let saga = |effects: &[[&str; 2]]| RuleSpec::SagaAtomic {
        within: Span::ZERO,
        effects: effects.iter().map(|pair| pair.map(String::from)).collect(),
    };
    for (spec, field, hint) in [
        (saga(&[]), "effects", "every saga would be whole"),
        (
            saga(&[["sold", "returned"], ["paid", "sold"]]),
            "effects",
            "names `sold` twice",
        ),
        (conserved("sum(a) >", "sum(b)"), "total", "expected a value"),
        (
            conserved("sum(a)", "sum(b) > 1"),
            "equals",
            "this is a condition",
        ),
        (
            conserved("sum(a, by = x)", "sum(b, by = y)"),
            "equals",
            "two kinds of keys",
        ),
        (
            RuleSpec::Recovers {
                within: Span::ZERO,
                success: 99.0,
            },
            "success",
            "between 0 and 1 (found 99)",
        ),
    ] {
        let error = spec.compile("x").expect_err("no rule");
        assert_eq!(error.field, field);
        assert!(error.to_string().contains(hint), "{error}");
    }
}

#[test]
fn the_schema_lists_every_kind_and_closes_it() {
    let schema = serde_json::to_string(&schemars::schema_for!(RuleSpec)).expect("a schema");
    for kind in [
        "always",
        "threshold",
        "conserved",
        "saga-atomic",
        "recovers",
    ] {
        assert!(schema.contains(&format!("\"{kind}\"")), "{kind}");
    }
    assert!(schema.contains("\"additionalProperties\":false"));
}
