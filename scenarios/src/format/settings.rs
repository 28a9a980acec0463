//! Settings of the right type that cannot work: shares above one, nobody to do the work, a path
//! that is none.

use super::{Disk, Load, Model, Policy, Role, Route, Service, load::Keys, references::Checker};
use http::Method;
use windtunnel_record::{Distribution, Impairments, Span};

/// Finds settings that cannot work. In a table with other mistakes only what was decoded counts:
/// the rest has its default here, and that is not what was written.
pub(super) fn check(checker: &mut Checker<'_, '_>) {
    let scenario = checker.scenario;
    for (name, service) in &scenario.services {
        let mut settings = Settings::of(checker, format!("services.{name}"));
        settings.service(service);
    }
    for (name, policy) in &scenario.policies {
        let mut settings = Settings::of(checker, format!("policies.{name}"));
        settings.policy(policy);
    }
    for (number, load) in scenario.load.iter().enumerate() {
        let mut settings = Settings::of(checker, format!("load.{number}"));
        settings.load(load);
    }
    let network = &scenario.network;
    let mut settings = Settings::of(checker, "network".into());
    settings.share("loss", network.loss);
    settings.impairments("", &network.impairments());
    let latency = network.dns.as_ref().and_then(|dns| dns.latency.as_ref());
    settings.distribution("dns.latency", latency);
    settings.distribution("loopback", network.loopback.as_ref());
    settings.distribution("same-zone", network.same_zone.as_ref());
    settings.distribution("cross-zone", network.cross_zone.as_ref());
    for (number, link) in network.links.iter().enumerate() {
        settings.share(&format!("links.{number}.loss"), link.loss);
        settings.impairments(&format!("links.{number}."), &link.impairments());
        settings.distribution(&format!("links.{number}.latency"), link.latency.as_ref());
    }
    let mut settings = Settings::of(checker, "run".into());
    let duration = scenario.run.duration;
    settings.must(duration > Span::ZERO, "duration", "must be above zero");
}

/// The settings of one table.
struct Settings<'s, 'c, 't> {
    checker: &'s mut Checker<'c, 't>,
    part: String,
    whole: bool,
}

impl<'s, 'c, 't> Settings<'s, 'c, 't> {
    fn of(checker: &'s mut Checker<'c, 't>, part: String) -> Self {
        let whole = checker.places.decoded.get(&part).is_some_and(|p| p.whole);
        Self {
            checker,
            part,
            whole,
        }
    }

    /// Reports the setting at `path` unless it `holds`.
    fn must(&mut self, holds: bool, path: &str, what: &str) {
        if !holds && (self.whole || self.checker.places.has(&self.part, path)) {
            let span = self.checker.places.at(&self.part, path);
            let mut names = path.split('.').filter(|step| step.parse::<u32>().is_err());
            let name = names.next_back().unwrap_or(path);
            self.checker.report(span, format!("`{name}` {what}"), "");
        }
    }

    fn share(&mut self, path: &str, share: Option<f64>) {
        let holds = share.is_none_or(|share| (0.0..=1.0).contains(&share));
        self.must(holds, path, "is a share: from 0 to 1");
    }

    fn impairments(&mut self, under: &str, what: &Impairments) {
        self.share(&format!("{under}duplicate"), what.duplicate);
        self.share(&format!("{under}corrupt"), what.corrupt);
        if let Some(reorder) = &what.reorder {
            self.share(&format!("{under}reorder.rate"), Some(reorder.rate));
            self.distribution(&format!("{under}reorder.by"), Some(&reorder.by));
        }
        let holds = what.queue.is_none() || what.bandwidth.is_some();
        let what = "has a meaning only together with `bandwidth`";
        self.must(holds, &format!("{under}queue"), what);
    }

    fn speed(&mut self, path: &str, speed: f64) {
        let holds = speed.is_finite() && speed > 0.0;
        self.must(
            holds,
            path,
            "must be above 0 (1.0 is a core of usual speed)",
        );
    }

    fn distribution(&mut self, path: &str, distribution: Option<&Distribution>) {
        if let Some(fault) = distribution.and_then(Distribution::fault) {
            self.must(false, path, &format!("cannot be drawn: {fault}"));
        }
    }

    fn service(&mut self, service: &Service) {
        self.must(service.replicas > 0, "replicas", "must be at least 1");
        self.must(service.cores > 0, "cores", "must be at least 1");
        self.must(
            !service.zones.is_empty(),
            "zones",
            "needs at least one zone",
        );
        self.must(service.workers != Some(0), "workers", "must be at least 1");
        self.share("errors", Some(service.errors));
        self.speed("speed", service.speed);
        let goes = service.clock.is_none_or(|clock| clock.goes());
        let what = "must be above -1000000, where a clock stands, and at most 1000000";
        self.must(goes, "clock.drift-ppm", what);
        self.distribution("work", service.work.as_ref());
        self.must(service.files != Some(0), "files", "must be at least 1");
        if let Some(memory) = &service.memory {
            let given = [("limit", memory.limit), ("per-request", memory.per_request)];
            for (key, size) in given {
                let holds = size.is_none_or(|size| size.as_bytes() > 0);
                self.must(holds, &format!("memory.{key}"), "must be above zero");
            }
        }
        if let Some(disk) = &service.disk {
            self.disk(disk);
        }
        for (number, limp) in service.limp.iter().enumerate() {
            let there = limp.replica < service.replicas;
            let what = format!("must be below {} (they count from 0)", service.replicas);
            if self.whole {
                self.must(there, &format!("limp.{number}.replica"), &what);
            }
            self.speed(&format!("limp.{number}.speed"), limp.speed);
        }
        self.meaningless(service);
        for (number, route) in service.routes.iter().enumerate() {
            self.route(&format!("routes.{number}"), route);
        }
    }

    fn disk(&mut self, disk: &Disk) {
        self.distribution("disk.sync", disk.sync.as_ref());
        self.distribution("disk.read", disk.read.as_ref());
        self.distribution("disk.write", disk.write.as_ref());
        let moves = disk
            .bandwidth
            .is_none_or(|rate| rate.as_bytes_per_second() > 0);
        self.must(moves, "disk.bandwidth", "must be above zero");
        let room = disk.capacity.is_none_or(|size| size.as_bytes() >= 4096);
        let what = "must be at least 4KiB, which the root directory takes";
        self.must(room, "disk.capacity", what);
    }

    /// Keys that this kind of service does not look at.
    fn meaningless(&mut self, service: &Service) {
        let described = ["work", "workers", "errors", "calls", "memory.per-request"];
        let (kind, keys): (_, Vec<_>) = match (&service.app, service.role) {
            (Some(_), _) => ("a written service", [&described[..], &["routes"]].concat()),
            (None, Role::Gateway) => ("a gateway", [&described[..], &["config"]].concat()),
            (None, Role::Service) => ("a described service", vec!["routes", "config"]),
        };
        for key in keys {
            let given = self.checker.places.has(&self.part, key);
            self.must(!given, key, &format!("means nothing for {kind}"));
        }
        if service.app.is_none() && service.role == Role::Gateway {
            let routed = !service.routes.is_empty();
            self.must(
                routed,
                "routes",
                "are missing: a gateway needs at least one",
            );
        }
    }

    fn route(&mut self, at: &str, route: &Route) {
        let one = route.path_exact.is_none() || route.path_prefix.is_none();
        let what = "and `path-exact` exclude each other";
        self.must(one, &format!("{at}.path-prefix"), what);
        for (key, path) in [
            ("path-exact", &route.path_exact),
            ("path-prefix", &route.path_prefix),
        ] {
            let holds = path.as_ref().is_none_or(|path| path.starts_with('/'));
            self.must(holds, &format!("{at}.{key}"), "must begin with `/`");
        }
        let method = route.method.as_deref().is_none_or(known);
        self.must(method, &format!("{at}.method"), METHODS);
    }

    fn policy(&mut self, policy: &Policy) {
        match policy {
            Policy::Breaker(breaker) => {
                for (key, count) in [
                    ("consecutive-failures", breaker.consecutive_failures),
                    ("trials", breaker.trials),
                ] {
                    self.must(count > 0, &format!("breaker.{key}"), "must be at least 1");
                }
                if let Some(rate) = breaker.failure_rate {
                    let share = rate.ratio > 0.0 && rate.ratio <= 1.0;
                    let at = "breaker.failure-rate";
                    let what = "is a share: above 0, at most 1";
                    self.must(share, &format!("{at}.ratio"), what);
                    let window = rate.window > Span::ZERO;
                    self.must(window, &format!("{at}.window"), "must be above zero");
                }
            }
            Policy::Retry(retry) => {
                let at_least = "must be at least 1 (the first try counts)";
                self.must(retry.attempts > 0, "retry.attempts", at_least);
                let ordered = retry.base <= retry.cap;
                let what = format!("is above `cap` ({})", retry.cap);
                self.must(ordered, "retry.base", &what);
                let holds = retry.budget.is_none_or(|b| (0.0..=1.0).contains(&b));
                let what = "is retries per request: from 0 to 1";
                self.must(holds, "retry.budget", what);
            }
            Policy::RateLimit(limit) => {
                let holds = limit.rate.as_per_second() > 0.0;
                self.must(holds, "rate-limit.rate", "must be above zero");
                self.must(limit.burst > 0, "rate-limit.burst", "must be at least 1");
            }
            Policy::Balancer(_) => {}
        }
    }

    fn load(&mut self, load: &Load) {
        match load.model {
            Model::Open => {
                let example = "stages = [{ for = \"30s\", rate = \"100/s\" }]";
                let what = format!("are missing, so nobody comes (write {example})");
                self.must(!load.stages.is_empty(), "stages", &what);
            }
            Model::Closed { clients, think } => {
                self.must(clients > 0, "model.closed.clients", "must be at least 1");
                self.distribution("model.closed.think", Some(&think));
                let given = self.checker.places.has(&self.part, "stages");
                self.must(!given, "stages", "mean nothing for a closed model");
            }
        }
        match load.keys {
            Keys::Uniform(n) => self.must(n > 0, "keys.uniform", "must be at least 1"),
            Keys::Zipf { n, s } => {
                self.must(n > 0, "keys.zipf.n", "must be at least 1");
                let holds = s.is_finite() && s >= 0.0;
                self.must(holds, "keys.zipf.s", "must be 0 or more");
            }
        }
        if load.app.is_some() {
            for key in ["request", "retry", "breaker", "balancer", "timeout"] {
                let given = self.checker.places.has(&self.part, key);
                self.must(!given, key, "means nothing for a written client");
            }
        }
        let (method, path) = load
            .request
            .split_once(' ')
            .unwrap_or(("GET", &load.request));
        self.must(known(method), "request", METHODS);
        let holds = path.starts_with('/') && !path.contains(char::is_whitespace);
        let what = "is a method and a path: \"POST /checkout/{key}\"";
        self.must(holds, "request", what);
    }
}

const METHODS: &str = "needs a method such as GET, HEAD, POST, PUT, PATCH or DELETE";

fn known(method: &str) -> bool {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    known.iter().any(|known| known == method)
}
