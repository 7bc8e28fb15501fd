use std::collections::BTreeMap;

use amplio_graph::Tensor;
use half::f16;
use serde_json::{Value, json};

use super::NAME;
use crate::{DType, Error, Result, Weights};

/// A safetensors file of these weights, each tensor in its own type.
///
/// The same weights give the same bytes always, which the `safetensors` crate does not promise: it keeps what a file says
/// about itself in a hash map.
///
/// # Errors
/// If a type cannot be written (only [`DType::F32`] and [`DType::F16`] can).
pub fn write(weights: &Weights) -> Result<Vec<u8>> {
    // The larger type first, so that each tensor begins at a multiple of its number's size.
    let mut tensors: Vec<_> = weights.iter().collect();
    tensors.sort_by_key(|(_, weight)| weight.dtype != DType::F32);
    let mut header = BTreeMap::new();
    if !weights.metadata().is_empty() {
        header.insert("__metadata__".to_owned(), json!(weights.metadata()));
    }
    let mut data = Vec::new();
    for (path, weight) in tensors {
        let start = data.len();
        let dtype = encode(&weight.tensor, weight.dtype, &mut data)?;
        let shape: &[usize] = weight.tensor.shape();
        let entry = json!({ "data_offsets": [start, data.len()], "dtype": dtype, "shape": shape });
        header.insert(path.to_owned(), entry);
    }
    Ok(joined(header, &data))
}

fn encode(tensor: &Tensor, dtype: DType, data: &mut Vec<u8>) -> Result<&'static str> {
    match dtype {
        DType::F32 => data.extend(tensor.data().iter().flat_map(|v| v.to_le_bytes())),
        DType::F16 => data.extend(tensor.data().iter().flat_map(|&v| f16::from_f32(v).to_le_bytes())),
        _ => {
            return Err(Error::unsupported(format!("writing {dtype} to {NAME}; f32 and f16 can be written")));
        }
    }
    Ok(if dtype == DType::F32 { "F32" } else { "F16" })
}

fn joined(header: BTreeMap<String, Value>, data: &[u8]) -> Vec<u8> {
    let mut text = Value::from_iter(header).to_string();
    let padded = text.len().next_multiple_of(8);
    text.extend(std::iter::repeat_n(' ', padded - text.len()));
    let mut file = Vec::with_capacity(8 + text.len() + data.len());
    file.extend((text.len() as u64).to_le_bytes());
    file.extend(text.as_bytes());
    file.extend(data);
    file
}
