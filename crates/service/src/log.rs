//! What happened, as one JSON object a line.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};

/// Where lines go. The caller decides: this crate prints nothing.
#[derive(Clone)]
pub struct Log(Arc<dyn Fn(&str) + Send + Sync>);

impl Log {
    /// Sends each line, without its end, to `sink`.
    pub fn new(sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Writes an event with its facts.
    pub(crate) fn event(&self, event: &str, facts: Value) {
        let mut line = Map::new();
        line.insert("time".into(), crate::clock::rfc3339(SystemTime::now()).into());
        line.insert("event".into(), event.into());
        if let Value::Object(facts) = facts {
            line.extend(facts);
        }
        (self.0)(&Value::Object(line).to_string());
    }
}
