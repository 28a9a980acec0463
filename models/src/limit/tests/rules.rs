//! Several limits at once: all are charged or none.

use super::*;

fn law(cells: u32) -> Gcra {
    Gcra::new(&Quota::per_second(cells)).unwrap()
}

fn client(name: &str) -> Descriptor {
    Descriptor::new().with("client", name)
}

/// A limit for each client, and one for all.
fn clients_and_all(each: u32, all: u32) -> Rules {
    let each = Rule::new(
        "client",
        Pattern::everything().each("client"),
        law(each),
        100,
    );
    let all = Rule::new("all", Pattern::everything(), law(all), 1);
    Rules::new(vec![all.unwrap(), each.unwrap()]).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_one_rule_charges_none() {
    let rules = clients_and_all(2, 10);
    let now = Instant::now();
    let ask = |name: &str, cells| rules.check_at(&[client(name)], cells, now);
    assert_eq!(ask("a", 2).unwrap().unwrap().remaining, 0);
    for _ in 0..50 {
        assert_eq!(&*ask("a", 1).unwrap_err().rule, "client");
    }
    // The limit for all lost two cells and not 52.
    for n in 1..=4 {
        let standing = ask(&n.to_string(), 2).unwrap();
        assert_eq!(standing.unwrap().remaining, 0);
    }
    // And now that it is empty, the clients' own limits lose nothing.
    for _ in 0..50 {
        assert_eq!(&*ask("late", 1).unwrap_err().rule, "all");
    }
    let next = now + ms(200);
    assert!(rules.check_at(&[client("late")], 2, next).is_ok());
    let counts = Counts {
        admitted: 6,
        refused: 100,
    };
    assert_eq!(rules.counts(), counts);
}

#[tokio::test(start_paused = true)]
async fn the_rule_that_makes_it_wait_longest_is_reported() {
    let slow = Quota {
        period: Duration::from_secs(60),
        ..Quota::per_second(1)
    };
    let minute = Gcra::new(&slow).unwrap();
    let rule = |name: &str, law| Rule::new(name, Pattern::everything(), law, 1).unwrap();
    let rules = Rules::new(vec![rule("second", law(1)), rule("minute", minute)]).unwrap();
    let now = Instant::now();
    assert!(rules.check_at(&[], 1, now).is_ok());
    let rejected = rules.check_at(&[], 1, now).unwrap_err();
    assert_eq!(&*rejected.rule, "minute");
    assert_eq!(rejected.refused.retry_after(), Some(ms(60_000)));
    assert_eq!(rejected.standing.reset, ms(60_000));
    // What waiting does not cure is stricter than any wait.
    let rules = vec![rule("minute", minute), rule("second", law(2))];
    let rules = Rules::new(rules).unwrap();
    let never = rules.check_at(&[], 2, now).unwrap_err();
    assert_eq!(&*never.rule, "minute");
    assert_eq!(never.refused, Refused::InsufficientCapacity { burst: 1 });
}

/// How many of one second's calls pass: the greedy one sends 1000, each polite one sends 2.
fn second(rules: &Rules, from: Instant) -> (usize, [usize; 4]) {
    let (mut greedy, mut polite) = (0, [0; 4]);
    for tick in 0..1000 {
        let now = from + ms(tick);
        let ask = |name: &str| usize::from(rules.check_at(&[client(name)], 1, now).is_ok());
        greedy += ask("greedy");
        if tick % 500 == 499 {
            for (n, passed) in polite.iter_mut().enumerate() {
                *passed += ask(&format!("polite {n}"));
            }
        }
    }
    (greedy, polite)
}

#[tokio::test(start_paused = true)]
async fn a_greedy_tenant_leaves_the_others_their_share() {
    let rules = clients_and_all(10, 20);
    let began = Instant::now();
    for n in 0..5 {
        let (greedy, polite) = second(&rules, began + ms(1000 * n));
        assert!((9..=20).contains(&greedy), "{greedy}");
        assert_eq!(polite, [2; 4], "second {n}");
    }
}

#[tokio::test(start_paused = true)]
async fn descriptors_name_the_limit_by_order_key_and_value() {
    let search = Pattern::everything().with("route", "search").each("client");
    let rules = vec![
        Rule::new("search", search.clone(), law(1), 10).unwrap(),
        Rule::new(
            "vip",
            Pattern::everything().with("client", "vip"),
            law(5),
            1,
        )
        .unwrap(),
    ];
    let rules = Rules::new(rules).unwrap();
    let now = Instant::now();
    let on = |route, name| Descriptor::new().with("route", route).with("client", name);
    let limit = |descriptors: &[Descriptor]| {
        let standing = rules.check_at(descriptors, 1, now).unwrap();
        standing.map(|standing| standing.limit)
    };
    assert_eq!(limit(&[on("search", "a")]), Some(1));
    assert_eq!(limit(&[on("search", "b")]), Some(1), "an account each");
    assert!(rules.check_at(&[on("search", "a")], 1, now).is_err());
    assert_eq!(limit(&[on("cart", "a")]), None);
    assert_eq!(limit(&[client("vip")]), Some(5));
    assert_eq!(limit(&[client("other")]), None);
    // Of two that match, the first is charged, and once.
    let both = [on("search", "c"), on("search", "d")];
    assert_eq!(limit(&both), Some(1));
    assert_eq!(limit(&[on("search", "d")]), Some(1));
    let reversed = Descriptor::new()
        .with("client", "a")
        .with("route", "search");
    assert!(!search.matches(&reversed));
    assert!(!search.matches(&client("a")));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_steps_back_finds_the_rules_as_they_were() {
    let law = FixedWindow::new(3, Duration::from_secs(1)).unwrap();
    let rule = Rule::new("all", Pattern::everything(), law, 1).unwrap();
    let rules = Rules::new(vec![rule]).unwrap();
    let now = Instant::now() + ms(60_000);
    assert!(rules.check_at(&[], 3, now).is_ok());
    for back in [0, 1, 1000, 30_000] {
        let rejected = rules.check_at(&[], 1, now - ms(back)).unwrap_err();
        assert_eq!(rejected.standing.remaining, 0, "{back}");
    }
}

#[test]
fn two_rules_of_one_name_are_refused() {
    let rule = || Rule::new("a", Pattern::everything(), law(1), 1).unwrap();
    let twice = Rules::new(vec![rule(), rule()]).unwrap_err();
    assert_eq!(twice, InvalidRules::Twice("a".into()));
    assert!(Rule::new("a", Pattern::everything(), law(1), 0).is_err());
}
