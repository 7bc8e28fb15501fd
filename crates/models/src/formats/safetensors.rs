//! Safetensors: a JSON header with names, types, shapes and places, then the numbers
//! (<https://github.com/huggingface/safetensors>).

pub mod sharded;
mod write;

use std::collections::BTreeSet;

use ::safetensors::tensor::{Dtype, TensorInfo};
use ::safetensors::{SafeTensorError, SafeTensors};
use amplio_graph::{Shape, Tensor};
use half::{bf16, f16};

pub use write::write;

use super::numbers::numbers;
use super::{Contents, Format, Input};
use crate::{DType, Error, Limits, Result, Weights};

/// The format.
pub const FORMAT: Format = Format {
    name: NAME,
    extensions: &["safetensors"],
    probe,
    read: |input: &Input<'_>| read(input.bytes, input.limits).map(Contents::Weights),
    beside: None,
};

const NAME: &str = "safetensors";

/// The longest side of a tensor.
const LONGEST_SIDE: usize = 1 << 31;

fn probe(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, _, _, _, 0, 0, 0, b'{', ..])
}

/// The tensors of a safetensors file. Tensors of whole numbers and of types that no network here has are skipped.
///
/// # Errors
/// If the header or the places that it names are unsound, or something is larger than the limits.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Weights> {
    read_only(bytes, None, limits)
}

/// The same, only of the tensors of these names, if there are names. All of them must be there.
fn read_only(bytes: &[u8], names: Option<&BTreeSet<String>>, limits: &Limits) -> Result<Weights> {
    limits.check_bytes(bytes.len())?;
    let (header_bytes, header) =
        SafeTensors::read_metadata(bytes).map_err(|error| malformed(bytes, &error))?;
    let mut tensors = header.tensors();
    if let Some(missing) = names.into_iter().flatten().find(|name| !tensors.contains_key(*name)) {
        return Err(Error::not_found(format!("there is no tensor {missing}")));
    }
    tensors.retain(|name, _| names.is_none_or(|names| names.contains(name)));
    if tensors.len() > limits.tensors {
        return Err(Error::limit(format!("{} tensors", tensors.len()), limits.tensors));
    }
    check_elements(tensors.values().copied(), limits)?;
    // The crate has checked that the places follow each other without gaps and end where the file ends.
    let data = bytes.get(8 + header_bytes..).unwrap_or_default();
    let mut weights = Weights::new();
    for (name, info) in tensors {
        let values = data.get(info.data_offsets.0..info.data_offsets.1).unwrap_or_default();
        if let Some((values, dtype)) = decode(values, info.dtype) {
            weights.insert(name, Tensor::new(Shape::new(info.shape.clone()), values)?, dtype);
        }
    }
    weights.metadata_mut().extend(header.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
    Ok(weights)
}

fn check_elements<'a>(tensors: impl Iterator<Item = &'a TensorInfo>, limits: &Limits) -> Result<()> {
    let mut elements = 0_usize;
    for info in tensors {
        if info.shape.iter().any(|&side| side > LONGEST_SIDE) {
            return Err(Error::limit(format!("a tensor of the shape {:?}", info.shape), LONGEST_SIDE));
        }
        elements = elements.saturating_add(info.shape.iter().product());
    }
    if elements > limits.elements {
        return Err(Error::limit(format!("{elements} numbers"), limits.elements));
    }
    Ok(())
}

fn decode(bytes: &[u8], dtype: Dtype) -> Option<(Vec<f32>, DType)> {
    Some(match dtype {
        Dtype::F16 => (numbers(bytes, |b| f16::from_le_bytes(b).to_f32()).collect(), DType::F16),
        Dtype::BF16 => (numbers(bytes, |b| bf16::from_le_bytes(b).to_f32()).collect(), DType::Bf16),
        Dtype::F32 => (numbers(bytes, f32::from_le_bytes).collect(), DType::F32),
        Dtype::F64 => (numbers(bytes, |b| f64::from_le_bytes(b) as f32).collect(), DType::F64),
        _ => return None,
    })
}

fn malformed(bytes: &[u8], error: &SafeTensorError) -> Error {
    let what = match error {
        SafeTensorError::InvalidHeaderLength | SafeTensorError::HeaderTooLarge => {
            let promised = bytes.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
            format!("its header is said to have {promised} bytes, and the file has {}", bytes.len())
        }
        SafeTensorError::MetadataIncompleteBuffer => {
            "the tensors do not fill the file exactly: it is cut off, or tensors share a place".to_owned()
        }
        _ => error.to_string(),
    };
    Error::malformed(NAME, what)
}
