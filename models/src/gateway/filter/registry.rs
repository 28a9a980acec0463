//! Which kinds of filters there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Filter, builtin};

/// Makes a filter out of its settings, or says what is wrong with them.
pub type Factory =
    Arc<dyn Fn(&Map<String, Value>) -> Result<Box<dyn Filter>, String> + Send + Sync>;

/// The kinds of filters by name. The default has the built-in ones.
#[derive(Clone)]
pub struct Registry(BTreeMap<String, Factory>);

impl Default for Registry {
    fn default() -> Self {
        builtin::all(Self(BTreeMap::new()))
    }
}

impl Registry {
    /// Adds a kind, or replaces the one of that name. `make` gets the settings read into its own type;
    /// whether unknown keys are errors is that type's to say.
    #[must_use]
    pub fn with<S, F>(
        mut self,
        kind: &str,
        make: impl Fn(S) -> Result<F, String> + Send + Sync + 'static,
    ) -> Self
    where
        S: DeserializeOwned,
        F: Filter,
    {
        let factory = move |settings: &Map<String, Value>| {
            let settings = Value::Object(settings.clone());
            let settings = serde_json::from_value(settings).map_err(|error| error.to_string())?;
            let filter: Box<dyn Filter> = Box::new(make(settings)?);
            Ok(filter)
        };
        self.0.insert(kind.to_owned(), Arc::new(factory));
        self
    }

    /// The names, in order.
    pub fn kinds(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Makes a filter of this kind; none if there is no such kind.
    pub(in crate::gateway) fn build(
        &self,
        kind: &str,
        settings: &Map<String, Value>,
    ) -> Option<Result<Box<dyn Filter>, String>> {
        self.0.get(kind).map(|factory| factory(settings))
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
