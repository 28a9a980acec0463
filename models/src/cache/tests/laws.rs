//! Random heads and instants: what is served from the store is never what a plain reading forbids.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::{Found, Kit, Rules, get, said};

fn draw(rng: &mut ChaCha8Rng, most: u64) -> u64 {
    rng.next_u64() % most
}

/// What the two heads say, drawn as numbers so that the reference needs no parser.
#[derive(Debug, Default)]
struct Drawn {
    flags: u64,
    max_age: Option<u64>,
    s_maxage: Option<u64>,
    age: Option<u64>,
    while_revalidate: Option<u64>,
    asked_max_age: Option<u64>,
    max_stale: Option<u64>,
    min_fresh: Option<u64>,
    no_cache: bool,
    waited: u64,
}

impl Drawn {
    fn new(rng: &mut ChaCha8Rng) -> Self {
        let mut maybe = |one_in: u64| (draw(rng, one_in) == 0).then(|| draw(rng, 12));
        let (max_age, s_maxage, age) = (maybe(2), maybe(4), maybe(3));
        let (while_revalidate, asked_max_age) = (maybe(3), maybe(5));
        let (max_stale, min_fresh, no_cache) = (maybe(5), maybe(5), maybe(9).is_some());
        Self {
            // Each flag with a chance of one in eight.
            flags: rng.next_u64() & rng.next_u64() & rng.next_u64(),
            max_age,
            s_maxage,
            age,
            while_revalidate,
            asked_max_age,
            max_stale,
            min_fresh,
            no_cache,
            waited: draw(rng, 25),
        }
    }

    fn flag(&self, bit: u64) -> bool {
        self.flags >> bit & 1 == 1
    }

    fn answer(&self) -> String {
        let words = [
            "no-store",
            "private",
            "no-cache",
            "must-revalidate",
            "proxy-revalidate",
        ];
        let mut control: Vec<String> = Vec::new();
        for (bit, word) in words.iter().enumerate() {
            control.extend(self.flag(bit as u64).then(|| (*word).to_owned()));
        }
        let numbers = [
            ("max-age", self.max_age),
            ("s-maxage", self.s_maxage),
            ("stale-while-revalidate", self.while_revalidate),
        ];
        for (name, number) in numbers {
            control.extend(number.map(|number| format!("{name}={number}")));
        }
        let mut text = format!("cache-control: {}\n", control.join(", "));
        if let Some(age) = self.age {
            text.push_str(&format!("age: {age}\n"));
        }
        text
    }

    fn question(&self) -> String {
        let mut control: Vec<String> = Vec::new();
        control.extend(self.no_cache.then(|| "no-cache".to_owned()));
        let numbers = [
            ("max-age", self.asked_max_age),
            ("max-stale", self.max_stale),
            ("min-fresh", self.min_fresh),
        ];
        for (name, number) in numbers {
            control.extend(number.map(|number| format!("{name}={number}")));
        }
        format!("cache-control: {}", control.join(", "))
    }

    /// Whether a stored answer may be served without asking; every bound by itself.
    fn is_allowed(&self) -> bool {
        let lifetime = self.s_maxage.or(self.max_age).unwrap_or(0);
        let age = self.age.unwrap_or(0) + self.waited;
        let forbidden = self.flag(0) || self.flag(1) || self.flag(2) || self.no_cache;
        let wishes = self.asked_max_age.is_none_or(|most| age <= most)
            && self.min_fresh.is_none_or(|least| age + least <= lifetime);
        let strict = self.flag(3) || self.flag(4) || self.s_maxage.is_some();
        let past = age.saturating_sub(lifetime);
        let stale = [self.max_stale, self.while_revalidate];
        let stale = !strict && stale.into_iter().flatten().any(|most| past <= most);
        !forbidden && wishes && (lifetime > age || stale)
    }
}

async fn is_served(drawn: &Drawn, jitter: f64) -> bool {
    let kit = Kit::with(Rules {
        jitter,
        ..Rules::default()
    });
    kit.ask(&get(""), |_| said(200, &drawn.answer(), "old"))
        .await;
    tokio::time::sleep(Duration::from_secs(drawn.waited)).await;
    let (found, _, body, _) = kit
        .ask(&get(&drawn.question()), |_| said(200, "", "new"))
        .await;
    assert_eq!(body == "old", matches!(found, Found::Hit | Found::Stale));
    body == "old"
}

#[tokio::test(start_paused = true)]
async fn nothing_is_served_that_a_plain_reading_forbids() {
    let mut rng = ChaCha8Rng::seed_from_u64(9111);
    let mut served = 0;
    for _ in 0..6000 {
        let drawn = Drawn::new(&mut rng);
        // A lifetime of zero without a way to validate is not worth a place.
        let worth = drawn.s_maxage.or(drawn.max_age).unwrap_or(0) > 0;
        let allowed = drawn.is_allowed() && worth;
        assert_eq!(is_served(&drawn, 0.0).await, allowed, "{drawn:?}");
        served += u32::from(allowed);
    }
    assert!(served > 300, "too few cases were served: {served}");
}

#[tokio::test(start_paused = true)]
async fn chance_only_shortens() {
    let mut rng = ChaCha8Rng::seed_from_u64(5861);
    let mut shortened = 0;
    for _ in 0..2000 {
        let mut drawn = Drawn::new(&mut rng);
        (drawn.max_stale, drawn.while_revalidate) = (None, None);
        let served = is_served(&drawn, 1.0).await;
        assert!(drawn.is_allowed() || !served, "{drawn:?}");
        shortened += u32::from(drawn.is_allowed() && !served);
    }
    assert!(shortened > 20, "nothing was shortened: {shortened}");
}
