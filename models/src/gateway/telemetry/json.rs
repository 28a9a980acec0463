//! Readings as JSON.

use serde_json::{Map, Value as Json, json};

use super::family::{Family, Reading, Sample, Value};

/// Readings by family: a list of samples, each with its labels and its `value`, or of a histogram its
/// `count`, `sum` and estimated quantiles in seconds.
pub fn json(families: &[Family]) -> Json {
    let all = families.iter().map(|family| {
        let samples = family.samples.iter().map(sample);
        (family.name.to_owned(), samples.collect())
    });
    Json::Object(all.collect())
}

fn sample(sample: &Sample) -> Json {
    let labels = sample.labels.iter();
    let labels = labels.map(|(name, value)| ((*name).to_owned(), Json::from(&**value)));
    let mut all: Map<String, Json> = labels.collect();
    match &sample.value {
        Value::Number(number) => {
            all.insert("value".to_owned(), (*number).into());
        }
        Value::Reading(reading) => all.extend(spread(reading)),
    }
    Json::Object(all)
}

fn spread(reading: &Reading) -> Map<String, Json> {
    let spread = json!({
        "count": reading.count(),
        "sum": reading.sum,
        "p50": reading.quantile(0.5),
        "p90": reading.quantile(0.9),
        "p99": reading.quantile(0.99),
    });
    match spread {
        Json::Object(map) => map,
        _ => Map::new(),
    }
}
