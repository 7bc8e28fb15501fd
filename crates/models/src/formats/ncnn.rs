//! NCNN: a list of layers (`.param`, as text or binary) and their numbers (`.bin`), in two files
//! (<https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure>).

mod binary;
mod input;
mod layers;
mod lower;
mod numbers;
mod param;
mod surroundings;
mod text;

use std::path::{Path, PathBuf};

use amplio_graph::Graph;

use super::{Contents, Format, Input};
use crate::{DType, Error, Limits, Result};

/// The format.
pub const FORMAT: Format =
    Format { name: NAME, extensions: &["param", "bin"], probe, read: read_pair, beside: None };

const NAME: &str = "ncnn";

/// With what a list of layers begins: as a word of text, or as a little-endian number.
const MAGIC: u32 = 7_767_517;

/// A network, and how most of its numbers are stored.
pub type Network = (Graph, DType);

fn probe(bytes: &[u8]) -> bool {
    is_text(bytes) || is_binary(bytes)
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(MAGIC.to_string().as_bytes())
}

fn is_binary(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC.to_le_bytes())
}

/// The network of a list of layers and of the layers' numbers.
///
/// # Errors
/// If one of both is unsound, if a layer is unknown or does what has no primitive, or if something is larger than the limits.
pub fn read(param: &[u8], bin: &[u8], limits: &Limits) -> Result<Network> {
    limits.check_bytes(param.len())?;
    limits.check_bytes(bin.len())?;
    let layers = if is_binary(param) { binary::parse(param, limits)? } else { text::parse(param, limits)? };
    lower::lower(&layers, bin, limits)
}

/// Reads the file that was given and the one that belongs to it.
fn read_pair(input: &Input<'_>) -> Result<Contents> {
    let given_layers = probe(input.bytes);
    let path = input.path.ok_or_else(|| {
        let missing = if given_layers { "the numbers (.bin)" } else { "the list of layers (.param)" };
        Error::not_found(format!("an ncnn model lies in two files; without a path {missing} cannot be found"))
    })?;
    let sibling = sibling(path, given_layers)?;
    let other = input.limits.read_file(&sibling)?;
    let (param, bin) = if given_layers { (input.bytes, &other[..]) } else { (&other[..], input.bytes) };
    let (graph, dtype) = read(param, bin, input.limits)?;
    Ok(Contents::Graph { graph, dtype, multiple: 1 })
}

/// The other file of the pair: `x.param` or `x.param.bin` beside `x.bin`, and the other way round. Of files with and without
/// pnnx's `.ncnn` in their names, those belong together first that agree in it.
fn sibling(path: &Path, given_layers: bool) -> Result<PathBuf> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = [".param.bin", ".param", ".bin"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let other = stem.strip_suffix(".ncnn").map_or_else(|| format!("{stem}.ncnn"), str::to_owned);
    let endings: &[&str] = if given_layers { &[".bin"] } else { &[".param", ".param.bin"] };
    let names =
        [stem, &other].into_iter().flat_map(|stem| endings.iter().map(move |end| format!("{stem}{end}")));
    let candidates: Vec<_> = names.map(|name| path.with_file_name(name)).collect();
    let found = candidates.iter().find(|candidate| candidate.is_file() && candidate.as_path() != path);
    found.cloned().ok_or_else(|| {
        let names: Vec<_> = candidates.iter().filter_map(|c| c.file_name()?.to_str()).collect();
        Error::not_found(format!("the other file of the ncnn model ({}) is not there", names.join(" or ")))
    })
}

fn malformed(what: impl Into<String>) -> Error {
    Error::malformed(NAME, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_whose_names_agree_belong_together() {
        let folder = tempfile::tempdir().expect("a folder");
        let found = |given: &str| {
            let path = sibling(&folder.path().join(given), given.contains("param")).expect("the other file");
            path.file_name().and_then(|name| name.to_str()).map(str::to_owned).expect("a name")
        };
        let write = |name: &str| std::fs::write(folder.path().join(name), b"").expect("a file");
        ["a.param", "a.ncnn.bin", "b.param.bin", "b.bin"].into_iter().for_each(write);
        for (given, other) in [
            ("a.param", "a.ncnn.bin"),
            ("a.ncnn.bin", "a.param"),
            ("b.param.bin", "b.bin"),
            ("b.bin", "b.param.bin"),
        ] {
            assert_eq!(found(given), other, "{given}");
        }
        ["a.bin", "a.ncnn.param"].into_iter().for_each(write);
        for (given, other) in [("a.param", "a.bin"), ("a.ncnn.param", "a.ncnn.bin")] {
            assert_eq!((found(given), found(other)), (other.to_owned(), given.to_owned()));
        }
    }
}
