//! The tensors of what a pickle has made, by their paths.

use std::collections::BTreeMap;

use super::malformed;
use super::pickle::Pickle;
use super::tensor::View;
use super::value::{Heap, Node, Object, Value};
use crate::{Error, Limits, Result};

/// How deep values may be nested; a module within a module is four levels deeper.
const DEEPEST: usize = 256;
/// The most values that are looked at, those that are shared once for each path to them.
const MOST_VALUES: usize = 1 << 21;
/// The most bytes of all paths together.
const MOST_PATHS: usize = 1 << 26;

/// Attributes of a module that hold its tensors and the modules within it, without a level of their own in the paths.
const MODULE: [&str; 3] = ["_parameters", "_buffers", "_modules"];

/// The most plain values that are noted, and the most bytes of one with its path.
const MOST_NOTES: usize = 64;
const LONGEST_NOTE: usize = 1 << 10;

/// What a pickle holds, by path: the keys of dicts, the places in lists and the names of attributes on the way to it, joined by
/// dots, as the tensors of a state dict are called.
#[derive(Debug, Default)]
pub(super) struct Tree<'p, 'a> {
    pub(super) tensors: BTreeMap<String, &'p View<'a>>,
    /// Texts, numbers and truth values: the first ones that are short.
    pub(super) notes: BTreeMap<String, String>,
}

/// All that lies below the root of a pickle.
pub(super) fn of<'p, 'a>(pickle: &'p Pickle<'a>, limits: &Limits) -> Result<Tree<'p, 'a>> {
    let mut walk = Walk { heap: &pickle.heap, found: Tree::default(), open: Vec::new(), values: 0, bytes: 0 };
    walk.visit(pickle.root, String::new())?;
    if walk.found.tensors.len() > limits.tensors {
        return Err(Error::limit(format!("{} tensors", walk.found.tensors.len()), limits.tensors));
    }
    Ok(walk.found)
}

struct Walk<'p, 'a> {
    heap: &'p Heap<'a>,
    found: Tree<'p, 'a>,
    /// The values on the way to the present one. What holds itself is not entered again.
    open: Vec<Value<'a>>,
    values: usize,
    bytes: usize,
}

impl<'p, 'a> Walk<'p, 'a> {
    fn visit(&mut self, value: Value<'a>, path: String) -> Result<()> {
        self.values += 1;
        if self.values > MOST_VALUES {
            return Err(Error::limit("values on the ways to tensors", MOST_VALUES));
        }
        let Some(node) = self.heap.node(value) else { return Ok(()) };
        if self.open.contains(&value) {
            return Ok(());
        }
        if self.open.len() >= DEEPEST {
            return Err(Error::limit("values within values", DEEPEST));
        }
        self.open.push(value);
        match node {
            Node::Tensor(view) => self.add(path, view)?,
            Node::Dict(entries) => self.visit_all(entries.iter().copied(), &path)?,
            Node::Sequence(items) => {
                self.visit_all((0..).map(Value::Int).zip(items.iter().copied()), &path)?
            }
            Node::Object(object) => self.visit_object(object, &path)?,
            Node::Global(_) | Node::Storage(_) => (),
        }
        self.open.pop();
        Ok(())
    }

    fn visit_all(&mut self, entries: impl Iterator<Item = (Value<'a>, Value<'a>)>, path: &str) -> Result<()> {
        for (key, value) in entries {
            // Most values of a checkpoint are plain.
            if self.heap.node(value).is_none() {
                self.note(path, key, value);
                continue;
            }
            let inner = match key {
                Value::Text(key) => joined(path, key),
                Value::Int(number) => joined(path, &number.to_string()),
                _ => continue,
            };
            self.bytes += inner.len();
            if self.bytes > MOST_PATHS {
                return Err(Error::limit("bytes of the names of tensors", MOST_PATHS));
            }
            self.visit(value, inner)?;
        }
        Ok(())
    }

    fn note(&mut self, path: &str, key: Value<'a>, value: Value<'a>) {
        let (Value::Text(key), true) = (key, self.found.notes.len() < MOST_NOTES) else { return };
        let note = match value {
            Value::Text(text) => text.to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            _ => return,
        };
        if key.len() + path.len() + note.len() <= LONGEST_NOTE {
            self.found.notes.insert(joined(path, key), note);
        }
    }

    /// An object's entries, and its attributes. Those of objects with slots are a pair of dicts.
    fn visit_object(&mut self, object: &'p Object<'a>, path: &str) -> Result<()> {
        self.visit_all(object.entries.iter().copied(), path)?;
        let Some(state) = object.state else { return Ok(()) };
        let pair = self.heap.sequence(state);
        for attributes in pair.unwrap_or(&[state]) {
            let Some(Node::Dict(attributes)) = self.heap.node(*attributes) else { continue };
            for (name, value) in attributes {
                match name {
                    Value::Text(name) if MODULE.contains(name) => self.visit(*value, path.to_owned())?,
                    _ => self.visit_all([(*name, *value)].into_iter(), path)?,
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, view: &'p View<'a>) -> Result<()> {
        if let Some(known) = self.found.tensors.get(&path)
            && **known != *view
        {
            return Err(malformed(format!("two tensors are called {path}")));
        }
        self.found.tensors.insert(path, view);
        Ok(())
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
