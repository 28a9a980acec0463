//! What happens in runs of small scenarios.

use super::describe;
use crate::format::Scenario;
use windtunnel::{Tunnel, execute};
use windtunnel_record::{Moment, Outcome, RunSpec, Seed, Span};

#[test]
fn an_errors_fault_answers_in_the_place_of_any_kind_of_service() {
    for target in ["front", "back", "stock"] {
        let text = format!(
            r#"
            format = 1
            name = "errors"
            run = {{ duration = "3s", settle = "1s" }}
            [services.front]
            role = "gateway"
            routes = [{{ to = "back" }}]
            [services.back]
            [services.stock]
            app = "shop/stock"
            [[load]]
            name = "callers"
            via = "{target}"
            request = "GET /health"
            stages = [{{ for = "3s", rate = "20/s" }}]
            [[faults]]
            id = "bad"
            at = "1s"
            for = "1s"
            inject = {{ errors = {{ target = "{target}", status = 507 }} }}
            "#
        );
        let scenario = Scenario::from_toml(&text).expect("it is valid");
        let describe = move |tunnel: &mut Tunnel| describe(&scenario, tunnel);
        let spec = RunSpec::new("errors", Seed(1));
        let run = execute(&spec, Default::default(), describe).expect("it can be made");
        let second = |n| Moment::START + Span::from_secs(n);
        let (mut injected, mut ok) = (0, 0);
        for operation in run.history().operations {
            let during = (second(1)..second(2)).contains(&operation.invoked);
            if during {
                injected += u32::from(operation.detail == "507");
            } else {
                ok += u32::from(operation.outcome == Some(Outcome::Ok));
            }
        }
        assert!(injected >= 10, "{target}: {injected} answers were injected");
        assert!(ok >= 20, "{target}: {ok} answers were its own");
    }
}
