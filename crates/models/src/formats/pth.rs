//! PyTorch's own files (`.pth`, `.pt`, `.ckpt`): a pickle with the names and places of tensors, and the tensors' numbers, in
//! a zip archive or, before PyTorch 1.6, one after the other
//! (<https://docs.pytorch.org/docs/stable/notes/serialization.html>). TorchScript's archives are read for their weights; their
//! code is not.
//!
//! A pickle is a program. Here it cannot do anything but to make data; `pth/pickle.rs` says how.

pub(super) mod archive;
mod calls;
mod cursor;
mod legacy;
mod opcode;
mod pickle;
mod tensor;
mod tree;
mod value;

use std::collections::BTreeMap;

use self::archive::Archive;
use self::pickle::Pickle;
use self::tree::Tree;
use super::{Format, Input};
use crate::unwrap;
use crate::{Error, Limits, Result, Weights};

/// The format.
pub const FORMAT: Format = Format {
    name: NAME,
    extensions: &["pth", "pt", "ckpt"],
    probe: |bytes| archive::probe(bytes) || legacy::probe(bytes),
    read: |input: &Input<'_>| read(input.bytes, input.limits).map(super::Contents::Weights),
    beside: None,
};

const NAME: &str = "pth";

/// A file's pickle and the bytes of its storages by their names.
#[derive(Debug)]
struct Contents<'a> {
    object: Pickle<'a>,
    storages: BTreeMap<&'a str, &'a [u8]>,
}

/// The network's tensors of a PyTorch file, under the paths of the file. Of a checkpoint that holds several networks, or
/// the state of an optimiser, only the wanted network's tensors are read. Tensors of whole numbers are skipped. Texts and
/// numbers beside the tensors become metadata.
///
/// # Errors
/// If the file is unsound, calls what no checkpoint has a reason to call, or is larger than the limits.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Weights> {
    limits.check_bytes(bytes.len())?;
    let contents =
        if archive::probe(bytes) { read_archive(bytes, limits)? } else { legacy::read(bytes, limits)? };
    let Tree { tensors, notes } = tree::of(&contents.object, limits)?;
    if tensors.is_empty() {
        let root = contents.object.heap.kind(contents.object.root);
        return Err(Error::unsupported(format!("a PyTorch file without tensors; what it holds is {root}")));
    }
    let container = unwrap::container(tensors.keys().map(String::as_str));
    let mut weights = Weights::new();
    let mut left = *limits;
    for (path, view) in tensors.iter().filter(|(path, _)| path.starts_with(&container)) {
        let within = |error: Error| error.within(format!("tensor {path}"));
        let key = view.storage.key;
        let storage = contents.storages.get(key);
        let storage =
            storage.ok_or_else(|| within(malformed(format!("its storage {key} is not in the file"))))?;
        if let Some((tensor, dtype)) = view.read(storage, &left).map_err(within)? {
            left.elements -= tensor.data().len();
            weights.insert(path, tensor, dtype);
        }
    }
    // What is said beside the network's tensors, or of the whole file, may matter: a licence, a flag of the architecture.
    let said = notes.iter().filter_map(|(path, note)| {
        let name = path.strip_prefix(&container).unwrap_or(path);
        (!name.contains('.')).then(|| (name.to_owned(), note.clone()))
    });
    weights.metadata_mut().extend(said);
    Ok(weights)
}

/// Reads all but the numbers of the tensors of an archive.
fn read_archive<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Contents<'a>> {
    let archive = Archive::new(bytes, limits)?;
    // All entries lie in one folder, which is called as the file was when it was written.
    let pickles = archive.names().filter_map(|name| Some((name, name.strip_suffix("data.pkl")?)));
    let pickles: Vec<_> =
        pickles.filter(|(_, root)| root.is_empty() || root.find('/') == Some(root.len() - 1)).collect();
    let [(name, root)] = pickles[..] else {
        let what = "an archive that has no data.pkl, or several: PyTorch writes one";
        return Err(Error::unsupported(what));
    };
    if archive.get(&format!("{root}byteorder"))? == Some(b"big") {
        return Err(Error::unsupported("numbers in the order of a big-endian machine"));
    }
    let object = pickle::run(archive.get(name)?.unwrap_or_default(), name)?;
    let mut storages = BTreeMap::new();
    for storage in object.heap.storages() {
        if let Some(bytes) = archive.get(&format!("{root}data/{}", storage.key))? {
            storages.insert(storage.key, bytes);
        }
    }
    Ok(Contents { object, storages })
}

fn malformed(what: impl Into<String>) -> Error {
    Error::malformed(NAME, what)
}
