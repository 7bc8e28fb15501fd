//! What a pickle makes: plain data. Values that hold others lie in a [`Heap`] and are named by their place, so that sharing
//! costs nothing, and neither cycles nor deep nesting can harm.

use std::fmt;

use super::tensor::{Storage, View};

/// A value of a pickle. Texts and bytes are read where they lie in the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    None,
    Bool(bool),
    Float(f64),
    Int(i64),
    /// A whole number of more than 64 bits: its bytes, little-endian.
    Long(&'a [u8]),
    Text(&'a str),
    Bytes,
    Place(Place),
}

/// Where a value lies in the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(usize);

/// A value that holds others, or that something can be done to.
#[derive(Clone, Debug)]
pub(super) enum Node<'a> {
    /// A list, a tuple or a set.
    Sequence(Vec<Value<'a>>),
    Dict(Entries<'a>),
    /// The name of a function or a class.
    Global(Global<'a>),
    Storage(Storage<'a>),
    Tensor(Box<View<'a>>),
    /// What a constructor outside of our list would have made: data that nothing is done with but to look for tensors.
    Object(Box<Object<'a>>),
}

/// The entries of a dict, in their order.
pub(super) type Entries<'a> = Vec<(Value<'a>, Value<'a>)>;

/// A function or a class by its name. It is never looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Global<'a> {
    pub(super) module: &'a str,
    pub(super) name: &'a str,
}

/// An instance of a class that we do not know.
#[derive(Clone, Debug, Default)]
pub(super) struct Object<'a> {
    /// What was put into it as into a dict or a list.
    pub(super) entries: Entries<'a>,
    /// Its attributes.
    pub(super) state: Option<Value<'a>>,
}

impl fmt::Display for Global<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.module, self.name)
    }
}

/// All values of a pickle that hold others.
#[derive(Clone, Debug, Default)]
pub(super) struct Heap<'a> {
    nodes: Vec<Node<'a>>,
}

impl<'a> Heap<'a> {
    pub(super) fn add(&mut self, node: Node<'a>) -> Value<'a> {
        self.nodes.push(node);
        Value::Place(Place(self.nodes.len() - 1))
    }

    pub(super) fn node(&self, value: Value<'a>) -> Option<&Node<'a>> {
        let Value::Place(Place(index)) = value else { return None };
        self.nodes.get(index)
    }

    pub(super) fn node_mut(&mut self, value: Value<'a>) -> Option<&mut Node<'a>> {
        let Value::Place(Place(index)) = value else { return None };
        self.nodes.get_mut(index)
    }

    pub(super) fn sequence(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        match self.node(value)? {
            Node::Sequence(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn global(&self, value: Value<'a>) -> Option<Global<'a>> {
        match self.node(value)? {
            Node::Global(global) => Some(*global),
            _ => None,
        }
    }

    pub(super) fn storages(&self) -> impl Iterator<Item = &Storage<'a>> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Storage(storage) => Some(storage),
            _ => None,
        })
    }

    /// What a value is, for messages.
    pub(super) fn kind(&self, value: Value<'a>) -> String {
        let kind = match (value, self.node(value)) {
            (_, Some(Node::Global(global))) => return global.to_string(),
            (_, Some(Node::Sequence(_))) => "a list",
            (_, Some(Node::Dict(_))) => "a dict",
            (_, Some(Node::Storage(_))) => "a storage",
            (_, Some(Node::Tensor(_))) => "a tensor",
            (_, Some(Node::Object(_))) => "an object",
            (Value::None, _) => "None",
            (Value::Int(_) | Value::Long(_) | Value::Float(_), _) => "a number",
            (Value::Bool(_), _) => "a truth value",
            (Value::Text(_), _) => "a text",
            _ => "bytes",
        };
        kind.to_owned()
    }
}
