//! Safetensors in several files, and an index that says which tensor lies in which of them: `x.safetensors.index.json`
//! beside `x-00001-of-00002.safetensors` and its like.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde::Deserialize;

use super::read_only;
use crate::formats::{Contents, Format, Input};
use crate::{Error, Limits, Result, Weights};

/// The format.
pub const FORMAT: Format = Format {
    name: NAME,
    extensions: &["json"],
    probe,
    read: |input: &Input<'_>| read(input).map(Contents::Weights),
    beside: Some(|input: &Input<'_>| Ok(files(input)?.into_keys().collect())),
};

const NAME: &str = "sharded safetensors";

/// What an index has and hardly any other file.
const KEY: &[u8] = b"\"weight_map\"";

#[derive(Deserialize)]
struct Index {
    /// The file's name of each tensor.
    weight_map: BTreeMap<String, String>,
}

fn probe(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{") && bytes.windows(KEY.len()).any(|window| window == KEY)
}

fn read(input: &Input<'_>) -> Result<Weights> {
    let missing =
        || Error::not_found("the index of a model in several files; without a path they cannot be found");
    let index = input.path.ok_or_else(missing)?;
    let mut left = *input.limits;
    let mut weights = Weights::new();
    for (file, names) in files(input)? {
        let path = index.with_file_name(&file);
        let bytes = left.read_file(&path)?;
        if !super::probe(&bytes) {
            return Err(
                Error::unsupported("parts of a model in another format than safetensors").in_file(&path)
            );
        }
        let part = read_only(&bytes, Some(&names), &left).map_err(|error| error.in_file(&path))?;
        left = less(&left, bytes.len(), &part);
        weights.metadata_mut().extend(part.metadata().clone());
        for (name, weight) in part.iter() {
            weights.insert(name, weight.tensor.clone(), weight.dtype);
        }
    }
    Ok(weights)
}

/// What may still be read after a part of so many bytes.
fn less(limits: &Limits, bytes: usize, part: &Weights) -> Limits {
    let elements: usize = part.iter().map(|(_, weight)| weight.tensor.data().len()).sum();
    Limits {
        file_bytes: limits.file_bytes.saturating_sub(bytes),
        tensors: limits.tensors.saturating_sub(part.len()),
        elements: limits.elements.saturating_sub(elements),
        ..*limits
    }
}

/// The tensors of each file.
fn files(input: &Input<'_>) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let index: Index = serde_json::from_slice(input.bytes).map_err(|error| malformed(error.to_string()))?;
    let mut files = BTreeMap::<_, BTreeSet<_>>::new();
    for (tensor, file) in index.weight_map {
        let mut parts = Path::new(&file).components();
        if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
            return Err(malformed(format!(
                "tensor {tensor} lies in {file:?}, which is no file beside the index"
            )));
        }
        files.entry(file).or_default().insert(tensor);
    }
    if files.is_empty() {
        return Err(malformed("the index names no tensors"));
    }
    Ok(files)
}

fn malformed(what: impl Into<String>) -> Error {
    Error::malformed(NAME, what)
}
