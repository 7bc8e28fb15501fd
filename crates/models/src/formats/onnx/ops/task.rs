//! A node with its inputs, as operators see it.

use std::sync::Arc;

use amplio_graph::{Op, Tensor};

use super::Fold;
use crate::formats::onnx::net::{Item, Net};
use crate::formats::onnx::numbers::{Array, Numbers, for_each};
use crate::formats::onnx::probes::Each;
use crate::formats::onnx::proto::NodeProto;
use crate::formats::onnx::{External, malformed};
use crate::{Error, Limits, Result};

/// A node that is to be lowered.
pub(in crate::formats::onnx) struct Task<'a, 'p> {
    pub(in crate::formats::onnx) node: &'a NodeProto<'p>,
    pub(in crate::formats::onnx) opset: i64,
    pub(in crate::formats::onnx) inputs: &'a [Option<Item>],
    pub(in crate::formats::onnx) net: &'a mut Net,
    pub(in crate::formats::onnx) external: &'a mut External<'p>,
    pub(in crate::formats::onnx) limits: &'a Limits,
    /// Height and width of the pictures that the file was made for, if only one size was thought of.
    pub(in crate::formats::onnx) made_for: Option<[usize; 2]>,
}

/// A node that is to be computed for one probe.
pub(in crate::formats::onnx) struct Call<'a> {
    pub(in crate::formats::onnx) node: &'a NodeProto<'a>,
    pub(in crate::formats::onnx) inputs: Vec<Option<&'a Array>>,
}

impl Task<'_, '_> {
    /// The input of this number.
    pub(in crate::formats::onnx) fn item(&self, index: usize) -> Result<&Item> {
        self.optional(index).ok_or_else(|| malformed(format!("there is no input {index}")))
    }

    /// The input of this number, if it is there.
    pub(in crate::formats::onnx) fn optional(&self, index: usize) -> Option<&Item> {
        self.inputs.get(index).and_then(Option::as_ref)
    }

    /// The input of this number, which does not depend on pixels.
    pub(in crate::formats::onnx) fn numbers(&self, index: usize) -> Result<Arc<Numbers>> {
        self.net.numbers(self.item(index)?)
    }

    /// The input of this number, which does not depend on the picture.
    pub(in crate::formats::onnx) fn tensor(&self, index: usize) -> Result<Arc<Tensor>> {
        let tensor = self.net.tensor(self.item(index)?);
        tensor.ok_or_else(|| Error::unsupported(format!("an input {index} that the network computes")))
    }

    /// The number that the input of this number is.
    pub(in crate::formats::onnx) fn scalar(&self, index: usize) -> Result<f32> {
        match self.tensor(index)?.data() {
            [one] => Ok(*one),
            more => Err(malformed(format!("{} numbers where one should be", more.len()))),
        }
    }

    /// Whole numbers for each probe, from the attribute of this name or, in newer versions, the input of this number.
    pub(in crate::formats::onnx) fn ints(&self, name: &str, index: usize) -> Result<Option<Each<Vec<i64>>>> {
        match (self.node.ints(name)?, self.optional(index)) {
            (Some(list), _) => Ok(Some(std::array::from_fn(|_| list.to_vec()))),
            (None, Some(_)) => Ok(Some(self.numbers(index)?.ints())),
            (None, None) => Ok(None),
        }
    }

    /// As [`Self::ints`], for whole numbers that do not depend on the picture's size.
    pub(in crate::formats::onnx) fn fixed_ints(&self, name: &str, index: usize) -> Result<Option<Vec<i64>>> {
        match (self.node.ints(name)?, self.optional(index)) {
            (Some(list), _) => Ok(Some(list.to_vec())),
            (None, Some(_)) => Ok(Some(self.numbers(index)?.fixed()?.ints())),
            (None, None) => Ok(None),
        }
    }

    /// The result of a primitive.
    pub(in crate::formats::onnx) fn apply(&mut self, op: impl Into<Op>, inputs: &[Item]) -> Result<Item> {
        self.net.apply(op, inputs)
    }

    /// What the node computes of numbers.
    pub(in crate::formats::onnx) fn computed(&mut self, fold: Fold) -> Result<Vec<Item>> {
        let inputs: Vec<Option<Arc<Numbers>>> = self
            .inputs
            .iter()
            .map(|input| input.as_ref().map(|input| self.net.numbers(input)).transpose())
            .collect::<Result<_>>()?;
        let fixed = inputs.iter().flatten().all(|numbers| matches!(**numbers, Numbers::Fixed(_)));
        let made = for_each(fixed, |probe| {
            let inputs =
                inputs.iter().map(|input| input.as_deref().map(|numbers| numbers.at(probe))).collect();
            fold(&Call { node: self.node, inputs })
        })?;
        made.iter().try_for_each(|numbers| self.net.spend(numbers))?;
        Ok(made.into_iter().map(Item::from).collect())
    }
}

impl<'a> Call<'a> {
    /// The input of this number.
    pub(in crate::formats::onnx) fn input(&self, index: usize) -> Result<&'a Array> {
        self.optional(index).ok_or_else(|| malformed(format!("there is no input {index}")))
    }

    /// The input of this number, if it is there.
    pub(in crate::formats::onnx) fn optional(&self, index: usize) -> Option<&'a Array> {
        self.inputs.get(index).copied().flatten()
    }

    /// Whole numbers from the attribute of this name or, in newer versions, the input of this number.
    pub(in crate::formats::onnx) fn ints(&self, name: &str, index: usize) -> Result<Option<Vec<i64>>> {
        Ok(self.node.ints(name)?.map(<[i64]>::to_vec).or_else(|| self.optional(index).map(Array::ints)))
    }
}

/// An axis counted from the front, where negative ones are counted from the back.
pub(in crate::formats::onnx) fn axis(axis: i64, rank: usize) -> Result<usize> {
    let counted = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let found = counted.and_then(|axis| usize::try_from(axis).ok()).filter(|axis| *axis < rank);
    found.ok_or_else(|| malformed(format!("there is no axis {axis} of {rank}")))
}

/// Axes counted from the front, each once.
pub(in crate::formats::onnx) fn axes(list: &[i64], rank: usize) -> Result<Vec<usize>> {
    let axes = list.iter().map(|&one| axis(one, rank)).collect::<Result<Vec<_>>>()?;
    match (1..axes.len()).find(|&i| axes[..i].contains(&axes[i])) {
        Some(again) => Err(malformed(format!("the axis {} twice", axes[again]))),
        None => Ok(axes),
    }
}
