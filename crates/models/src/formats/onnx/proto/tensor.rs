use amplio_graph::{Shape, Tensor};
use half::{bf16, f16};

use super::super::external::External;
use super::super::malformed;
use super::{Fields, pair};
use crate::formats::onnx::numbers::{Array, Kind};
use crate::{DType, Error, Limits, Result};

/// A tensor: where its numbers are, and how they are stored.
#[derive(Clone, Debug, Default)]
pub(in crate::formats::onnx) struct TensorProto<'a> {
    pub(in crate::formats::onnx) name: &'a str,
    dims: Vec<i64>,
    data_type: i64,
    raw: Option<&'a [u8]>,
    floats: Vec<f32>,
    ints: Vec<i64>,
    doubles: Vec<f64>,
    external: Vec<(&'a str, &'a str)>,
    is_external: bool,
}

/// What a tensor's numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::formats::onnx) enum DataType {
    /// Numbers for computing.
    Float(DType),
    /// Whole numbers of so many bytes, and truths: sizes, places, choices.
    Whole(Kind, usize, bool),
}

impl DataType {
    /// The type that ONNX gives this number.
    pub(in crate::formats::onnx) fn of(code: i64) -> Result<Self> {
        Ok(match code {
            1 => Self::Float(DType::F32),
            10 => Self::Float(DType::F16),
            11 => Self::Float(DType::F64),
            16 => Self::Float(DType::Bf16),
            2 => Self::Whole(Kind::Int, 1, false),
            3 => Self::Whole(Kind::Int, 1, true),
            4 => Self::Whole(Kind::Int, 2, false),
            5 => Self::Whole(Kind::Int, 2, true),
            6 => Self::Whole(Kind::Int, 4, true),
            7 => Self::Whole(Kind::Int, 8, true),
            9 => Self::Whole(Kind::Bool, 1, false),
            12 => Self::Whole(Kind::Int, 4, false),
            13 => Self::Whole(Kind::Int, 8, false),
            other => {
                let name = match other {
                    8 => "text",
                    14 | 15 => "complex numbers",
                    17..=20 => "numbers of 8 bits",
                    21..=23 => "numbers of 4 bits",
                    _ => return Err(malformed(format!("numbers of the unknown type {other}"))),
                };
                return Err(Error::unsupported(format!("a tensor of {name}; f32, f16, bf16 and f64 are")));
            }
        })
    }

    /// Bytes of a number.
    fn size(self) -> usize {
        match self {
            Self::Float(DType::F16 | DType::Bf16) => 2,
            Self::Float(DType::F32) => 4,
            Self::Float(DType::F64) => 8,
            Self::Whole(_, size, _) => size,
        }
    }
}

/// A tensor's numbers, as the network needs them.
#[derive(Clone, Debug)]
pub(in crate::formats::onnx) enum Decoded {
    Learned(Tensor, DType),
    Numbers(Array),
}

impl<'a> TensorProto<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut tensor = Self::default();
        let mut fields = Fields::new(bytes);
        while let Some((number, field)) = fields.next()? {
            match number {
                1 => field.ints(&mut tensor.dims)?,
                2 => tensor.data_type = field.int()?,
                3 => return Err(Error::unsupported("tensors in segments")),
                4 => field.floats(&mut tensor.floats)?,
                5 | 7 | 11 => field.ints(&mut tensor.ints)?,
                8 => tensor.name = field.text()?,
                9 => tensor.raw = Some(field.bytes()?),
                10 => field.doubles(&mut tensor.doubles)?,
                13 => tensor.external.push(pair(field.bytes()?)?),
                14 => tensor.is_external = field.int()? == 1,
                _ => (),
            }
        }
        Ok(tensor)
    }

    /// The file in which its numbers lie, if it is another one.
    pub(in crate::formats::onnx) fn location(&self) -> Option<&'a str> {
        let place = self.external.iter().find(|(key, _)| *key == "location" && self.is_external);
        place.map(|(_, location)| *location)
    }

    /// Number of elements, if it can be counted.
    pub(in crate::formats::onnx) fn elements(&self) -> Option<usize> {
        self.dims.iter().try_fold(1_usize, |n, &d| n.checked_mul(usize::try_from(d).ok()?))
    }

    /// Its numbers.
    pub(in crate::formats::onnx) fn decode(
        &self,
        external: &mut External<'_>,
        limits: &Limits,
    ) -> Result<Decoded> {
        let count = self.elements().filter(|count| *count <= limits.elements);
        let count = count
            .ok_or_else(|| Error::limit(format!("a tensor of {:?} numbers", self.dims), limits.elements))?;
        // Their product is small; but a side of an empty tensor may still claim anything.
        let dims: Vec<usize> = self.dims.iter().map(|&d| d as usize).collect();
        if dims.iter().any(|&d| d > limits.elements) {
            return Err(Error::limit(format!("a tensor of the shape {dims:?}"), limits.elements));
        }
        let kind = DataType::of(self.data_type)?;
        let bytes = match (self.is_external, self.raw) {
            (true, _) => Some(external.read(&self.external, count.saturating_mul(kind.size()))?),
            (false, raw) => raw.map(Into::into),
        };
        let expected = count.saturating_mul(kind.size());
        if let Some(bytes) = &bytes
            && bytes.len() != expected
        {
            return Err(malformed(format!(
                "{} bytes are not the {expected} of {count} numbers of the shape {dims:?}",
                bytes.len()
            )));
        }
        let found = match kind {
            DataType::Float(dtype) => {
                let numbers = bytes.map_or_else(|| self.listed(dtype), |bytes| floats(&bytes, dtype));
                check(numbers.len(), count, &dims)?;
                Decoded::Learned(Tensor::new(Shape::new(dims), numbers)?, dtype)
            }
            DataType::Whole(kind, size, signed) => {
                let numbers = match bytes {
                    Some(bytes) => bytes.chunks_exact(size).map(|b| whole(b, signed)).collect(),
                    None => self.ints.clone(),
                };
                check(numbers.len(), count, &dims)?;
                Decoded::Numbers(Array { kind, dims, data: numbers.into_iter().map(|n| n as f64).collect() })
            }
        };
        Ok(found)
    }

    /// The numbers that lie in a list of their type; halves lie as the whole numbers of their bits.
    fn listed(&self, dtype: DType) -> Vec<f32> {
        match dtype {
            DType::F32 => self.floats.clone(),
            DType::F64 => self.doubles.iter().map(|&v| v as f32).collect(),
            DType::F16 => self.ints.iter().map(|&bits| f16::from_bits(bits as u16).to_f32()).collect(),
            DType::Bf16 => self.ints.iter().map(|&bits| bf16::from_bits(bits as u16).to_f32()).collect(),
        }
    }
}

fn check(found: usize, count: usize, dims: &[usize]) -> Result<()> {
    if found == count {
        return Ok(());
    }
    Err(malformed(format!("{found} numbers are not the {count} of the shape {dims:?}")))
}

fn floats(bytes: &[u8], dtype: DType) -> Vec<f32> {
    fn all<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        bytes.as_chunks::<N>().0.iter().map(|chunk| number(*chunk)).collect()
    }
    match dtype {
        DType::F16 => all(bytes, |b| f16::from_le_bytes(b).to_f32()),
        DType::Bf16 => all(bytes, |b| bf16::from_le_bytes(b).to_f32()),
        DType::F32 => all(bytes, f32::from_le_bytes),
        DType::F64 => all(bytes, |b| f64::from_le_bytes(b) as f32),
    }
}

/// A little-endian whole number of up to eight bytes.
fn whole(bytes: &[u8], signed: bool) -> i64 {
    let negative = signed && bytes.last().is_some_and(|high| high & 0x80 != 0);
    let mut all = [if negative { 0xff } else { 0 }; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(all)
}
