//! The container of files from before PyTorch 1.6, and of those that were asked to be such: pickles one after the other (a
//! magic number, a version, facts about the machine, the object, the names of its storages), then the storages' numbers.

use std::collections::{BTreeMap, HashMap};

use super::cursor::Cursor;
use super::opcode::PROTO;
use super::pickle::{self, Pickle};
use super::value::{Node, Value};
use super::{Contents, malformed};
use crate::{Error, Limits, Result};

/// The number with which such files begin, little-endian.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// The only version.
const VERSION: i64 = 1001;

/// Whether a file begins as a pickle of protocols 2 to 5 does.
pub(super) fn probe(bytes: &[u8]) -> bool {
    matches!(bytes, [PROTO, 2..=5, ..])
}

/// Reads all but the numbers of the tensors.
pub(super) fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Contents<'a>> {
    let mut cursor = Cursor::new(bytes);
    if !matches!(next(&mut cursor, "the magic number")?.root, Value::Long(number) if number == MAGIC) {
        return Err(Error::unsupported(
            "a pickle that PyTorch did not write: it does not begin with PyTorch's number",
        ));
    }
    let version = next(&mut cursor, "the version")?.root;
    if version != Value::Int(VERSION) {
        let found =
            if let Value::Int(number) = version { number.to_string() } else { "without a number".to_owned() };
        return Err(Error::unsupported(format!(
            "version {found} of PyTorch's old format; {VERSION} is known"
        )));
    }
    if is_big_endian(&next(&mut cursor, "the machine")?) {
        return Err(Error::unsupported("numbers in the order of a big-endian machine"));
    }
    let object = next(&mut cursor, "the object")?;
    let keys = next(&mut cursor, "the names of the storages")?;
    let keys =
        keys.heap.sequence(keys.root).ok_or_else(|| malformed("the names of the storages are no list"))?;
    if keys.len() > limits.tensors {
        return Err(Error::limit(format!("{} storages", keys.len()), limits.tensors));
    }
    let sizes: HashMap<_, _> =
        object.heap.storages().map(|storage| (storage.key, storage.element.bytes)).collect();
    let mut storages = BTreeMap::new();
    for key in keys {
        let Value::Text(key) = *key else { return Err(malformed("the name of a storage is no text")) };
        let size = sizes.get(key).ok_or_else(|| malformed(format!("storage {key} belongs to no tensor")))?;
        storages.insert(
            key,
            storage(&mut cursor, *size).map_err(|error| error.within(format!("storage {key}")))?,
        );
    }
    Ok(Contents { object, storages })
}

/// The next pickle.
fn next<'a>(cursor: &mut Cursor<'a>, what: &str) -> Result<Pickle<'a>> {
    let start = cursor.position();
    let pickle = pickle::run(cursor.rest(), what)
        .map_err(|error| error.within(format!("the pickle at byte {start}")))?;
    cursor.take(pickle.length)?;
    Ok(pickle)
}

fn is_big_endian(machine: &Pickle<'_>) -> bool {
    let Some(Node::Dict(facts)) = machine.heap.node(machine.root) else { return false };
    facts.contains(&(Value::Text("little_endian"), Value::Bool(false)))
}

/// The bytes of a storage: the number of its elements, then these.
fn storage<'a>(cursor: &mut Cursor<'a>, size: usize) -> Result<&'a [u8]> {
    let elements = cursor.size()?;
    let bytes = elements
        .checked_mul(size)
        .ok_or_else(|| malformed(format!("it is said to have {elements} numbers")))?;
    cursor.take(bytes)
}
