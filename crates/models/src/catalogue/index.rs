use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Entry, Key, Resource};
use crate::{Error, Result};

/// A list of models in the form of OpenModelDB's: a JSON object of models by their names. What is missing or strange in the
/// entry of a model costs that entry, and not the list.
#[derive(Clone, Debug, Default)]
pub struct Index {
    entries: BTreeMap<Key, Entry>,
    passed_over: usize,
}

/// The most that a list may hold: many times of what OpenModelDB has.
const MOST_BYTES: usize = 64 << 20;
const MOST_ENTRIES: usize = 1 << 15;
const MOST_PARTS: usize = 64;

/// The most characters of a line and of a description.
const LINE: usize = 120;
const DESCRIPTION: usize = 4000;

/// No network here enlarges more.
const LARGEST_SCALE: u64 = 64;

impl Index {
    /// The most bytes that a list may have.
    pub const MOST_BYTES: u64 = MOST_BYTES as u64;

    /// Reads a list.
    ///
    /// # Errors
    /// If it is larger than a list may be, no JSON object, or holds no model at all.
    pub fn parse(json: &[u8]) -> Result<Self> {
        if json.len() > MOST_BYTES {
            return Err(Error::limit(format!("a list of models of {} bytes", json.len()), MOST_BYTES));
        }
        let models: Map<String, Value> = serde_json::from_slice(json)
            .map_err(|error| Error::malformed("list of models", error.to_string()))?;
        if models.len() > MOST_ENTRIES {
            return Err(Error::limit(format!("a list of {} models", models.len()), MOST_ENTRIES));
        }
        let mut index = Self::default();
        for (id, model) in &models {
            match entry(id, model) {
                Some(entry) => drop(index.entries.insert(entry.key.clone(), entry)),
                None => index.passed_over += 1,
            }
        }
        if index.entries.is_empty() {
            return Err(Error::malformed("list of models", "it holds no model"));
        }
        Ok(index)
    }

    /// Its models, in the order of their names.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// How many entries were passed over, because something in them made no sense.
    pub fn passed_over(&self) -> usize {
        self.passed_over
    }

    /// The model that people call so: the name of its entry or its authors' name; case, blanks, `-` and `_` do not matter.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        let key = Key::of_name(name)?;
        self.entries.get(&key).or_else(|| self.entries().find(|entry| entry.is_called(&key)))
    }
}

fn entry(id: &str, model: &Value) -> Option<Entry> {
    let text = |field: &str, most| model.get(field).and_then(Value::as_str).map(|text| cleaned(text, most));
    let licence = text("license", LINE).filter(|licence| !licence.is_empty());
    let entry = Entry {
        key: Key::of_name(id)?,
        name: text("name", LINE).filter(|name| !name.is_empty())?,
        authors: lines(model.get("author")),
        licence,
        architecture: text("architecture", LINE)?.to_ascii_lowercase(),
        scale: model.get("scale")?.as_u64().filter(|scale| (1..=LARGEST_SCALE).contains(scale))? as usize,
        tags: lines(model.get("tags")),
        description: text("description", DESCRIPTION).unwrap_or_default(),
        resources: some(model.get("resources")).iter().filter_map(resource).collect(),
    };
    (!entry.resources.is_empty()).then_some(entry)
}

fn resource(value: &Value) -> Option<Resource> {
    let kind = value.get("type")?.as_str()?.to_ascii_lowercase();
    let is_word =
        !kind.is_empty() && kind.len() <= 16 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // A digest that is none must not become "no digest is known".
    let sha256 = match value.get("sha256") {
        None | Some(Value::Null) => None,
        Some(digest) => Some(digest.as_str()?.parse().ok()?),
    };
    let is_link = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    let urls = some(value.get("urls")).iter().filter_map(Value::as_str).filter(is_link);
    let urls: Vec<_> = urls.map(|url| cleaned(url, DESCRIPTION)).collect();
    let bytes = value.get("size").and_then(Value::as_u64);
    (is_word && !urls.is_empty()).then_some(Resource { kind, bytes, sha256, urls })
}

/// The lines of a text or of a list of texts.
fn lines(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(line)) => vec![cleaned(line, LINE)],
        list => some(list).iter().filter_map(Value::as_str).map(|line| cleaned(line, LINE)).collect(),
    }
}

/// The values of a list, as many as are looked at.
fn some(list: Option<&Value>) -> &[Value] {
    let list = list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    &list[..list.len().min(MOST_PARTS)]
}

/// A text without characters that would steer a terminal or turn the direction of writing, and not longer than that.
fn cleaned(text: &str, most: usize) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let plain: String = text.chars().take(most).map(|c| if steers(c) { ' ' } else { c }).collect();
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(change: impl FnOnce(&mut Value)) -> Value {
        let mut model = serde_json::json!({
            "name": "Test", "author": ["a", "b"], "license": "MIT", "tags": ["x"], "description": "It tests.",
            "architecture": "esrgan", "scale": 4,
            "resources": [{ "platform": "pytorch", "type": "pth", "size": 3, "sha256": "0".repeat(64), "urls": ["https://a.b/c"] }],
        });
        change(&mut model);
        model
    }

    fn parse(models: Value) -> Result<Index> {
        Index::parse(models.to_string().as_bytes())
    }

    #[test]
    fn a_list_is_read() {
        let index = parse(serde_json::json!({ "4x-test": model(|_| {}) })).expect("a list");
        let entry = index.find("4X test").expect("by its entry");
        assert_eq!(index.find("TEST"), Some(entry));
        assert_eq!((entry.scale, entry.authors.len(), entry.resources[0].bytes), (4, 2, Some(3)));
        assert_eq!((entry.licence.as_deref(), index.passed_over()), (Some("MIT"), 0));
    }

    #[test]
    fn what_is_strange_costs_only_its_entry() {
        let strange: [fn(&mut Value); 8] = [
            |m| m["name"] = Value::Null,
            |m| m["scale"] = serde_json::json!(-4),
            |m| m["scale"] = serde_json::json!(1_000_000_000),
            |m| m["architecture"] = serde_json::json!({}),
            |m| m["resources"] = serde_json::json!([]),
            |m| m["resources"][0]["urls"] = serde_json::json!(["javascript:alert(1)", 5]),
            |m| m["resources"][0]["sha256"] = serde_json::json!("short"),
            |m| m["resources"][0]["type"] = serde_json::json!("../pth"),
        ];
        for (number, change) in strange.into_iter().enumerate() {
            let index =
                parse(serde_json::json!({ "good": model(|_| {}), "bad": model(change) })).expect("a list");
            assert_eq!((index.entries().count(), index.passed_over()), (1, 1), "{number}");
        }
        let index = parse(serde_json::json!({ "good": model(|_| {}), "../../bad": model(|_| {}), "a": 5 }));
        assert_eq!(index.expect("a list").passed_over(), 2);
    }

    #[test]
    fn no_text_steers_a_terminal() {
        let hostile = model(|m| {
            m["name"] = serde_json::json!("\u{1b}[2Jgone\u{202e}");
            m["description"] = serde_json::json!("x".repeat(1 << 20));
        });
        let index = parse(serde_json::json!({ "hostile": hostile })).expect("a list");
        let entry = index.find("hostile").expect("an entry");
        assert_eq!((entry.name.as_str(), entry.description.len()), ("[2Jgone", DESCRIPTION));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        for wrong in ["", "[]", "{}", "<html>", "{\"a\":1}", "{\"a\":{\"name\":\"x\"", &deep] {
            assert!(Index::parse(wrong.as_bytes()).is_err(), "{}", &wrong[..wrong.len().min(20)]);
        }
    }
}
