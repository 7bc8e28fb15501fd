//! A layer as a list of layers has it.

use std::collections::BTreeMap;

use super::malformed;
use crate::{Error, Result};

/// The largest size (kernel, padding, channels, …) that a layer may have. It keeps all sums and products of sizes far from
/// overflow.
pub(super) const LARGEST_SIZE: usize = 1 << 20;

/// A layer: what it is, what it reads and makes, and its attributes by number.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Layer {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) bottoms: Vec<String>,
    pub(super) tops: Vec<String>,
    pub(super) params: BTreeMap<i32, Param>,
}

/// An attribute.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Param {
    One(Scalar),
    Many(Vec<Scalar>),
}

/// A number of an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar {
    Int(i32),
    Float(f32),
    /// The binary form does not say which of both it is.
    Bits(u32),
}

impl Scalar {
    fn int(self) -> Option<i32> {
        match self {
            Self::Int(value) => Some(value),
            Self::Bits(bits) => Some(bits as i32),
            Self::Float(value) => (value.fract() == 0.0 && value.abs() < 1e9).then_some(value as i32),
        }
    }

    fn float(self) -> f32 {
        match self {
            Self::Int(value) => value as f32,
            Self::Float(value) => value,
            Self::Bits(bits) => f32::from_bits(bits),
        }
    }
}

impl Layer {
    /// The whole number with this id.
    pub(super) fn int(&self, id: i32, default: i32) -> Result<i32> {
        match self.params.get(&id) {
            None => Ok(default),
            Some(Param::One(scalar)) => {
                scalar.int().ok_or_else(|| malformed(format!("attribute {id} is no whole number")))
            }
            Some(Param::Many(_)) => Err(malformed(format!("attribute {id} is a list"))),
        }
    }

    /// The whole number with this id, which cannot be negative.
    pub(super) fn size(&self, id: i32, default: usize) -> Result<usize> {
        let default =
            i32::try_from(default).map_err(|_| malformed(format!("attribute {id} is too large")))?;
        let value = self.int(id, default)?;
        match usize::try_from(value) {
            Ok(size) if size <= LARGEST_SIZE => Ok(size),
            Ok(_) => Err(Error::limit(format!("attribute {id} is {value}"), LARGEST_SIZE)),
            Err(_) => Err(malformed(format!("attribute {id} is {value}"))),
        }
    }

    /// Whether the number with this id is there and not zero.
    pub(super) fn flag(&self, id: i32) -> Result<bool> {
        Ok(self.int(id, 0)? != 0)
    }

    /// The number with this id.
    pub(super) fn float(&self, id: i32, default: f32) -> Result<f32> {
        match self.params.get(&id) {
            None => Ok(default),
            Some(Param::One(scalar)) => Ok(scalar.float()),
            Some(Param::Many(_)) => Err(malformed(format!("attribute {id} is a list"))),
        }
    }

    /// The numbers with this id; none if there are none.
    pub(super) fn floats(&self, id: i32) -> Result<Vec<f32>> {
        Ok(self.list(id)?.iter().map(|scalar| scalar.float()).collect())
    }

    /// The whole numbers with this id; none if there are none.
    pub(super) fn ints(&self, id: i32) -> Result<Vec<i32>> {
        let ints: Option<Vec<_>> = self.list(id)?.iter().map(|scalar| scalar.int()).collect();
        ints.ok_or_else(|| malformed(format!("attribute {id} has numbers that are not whole")))
    }

    fn list(&self, id: i32) -> Result<&[Scalar]> {
        match self.params.get(&id) {
            None => Ok(&[]),
            Some(Param::Many(list)) => Ok(list),
            Some(Param::One(_)) => Err(malformed(format!("attribute {id} is no list"))),
        }
    }
}
