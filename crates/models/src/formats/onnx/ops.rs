//! The operators. Each is a constant in a file and an entry in [`OPERATORS`]; operators that differ in a formula only
//! share a file.
//!
//! An operator means one thing for values of the graph, which it is lowered for, and perhaps the same for sizes and what
//! is computed of them, which it is computed for at once.

mod arithmetic;
mod cast;
mod clip;
mod comparison;
mod concat;
mod constant;
mod conv;
mod conv_transpose;
mod depth_to_space;
mod einsum;
mod expand;
mod gather;
mod grid_sample;
mod matmul;
mod norm;
mod pad;
mod pool;
mod prelu;
mod range;
mod reduce;
mod reshape;
mod resize;
mod scatter_nd;
mod shape;
mod slice;
mod softmax;
mod transpose;
mod unary;
mod where_op;

use std::sync::Arc;

use amplio_graph::{Op, Tensor};

use super::net::{Item, Net};
use super::numbers::{Array, Numbers, for_each};
use super::probes::Each;
use super::proto::NodeProto;
use super::{External, malformed};
use crate::{Error, Limits, Result};

/// Writes a node as primitives.
type Lower = fn(&mut Task<'_, '_>) -> Result<Vec<Item>>;

/// Computes a node for one probe.
type Fold = fn(&Call<'_>) -> Result<Vec<Array>>;

/// An operator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operator {
    pub(super) name: &'static str,
    /// Writes it as primitives.
    lower: Option<Lower>,
    /// Computes it, if these first inputs are numbers and not learned or made of pixels.
    fold: Option<(Fold, DataInputs)>,
}

/// Which inputs decide whether an operator computes with numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DataInputs {
    /// The others say how.
    First,
    All,
}

/// A node that is to be lowered.
pub(super) struct Task<'a, 'p> {
    pub(super) node: &'a NodeProto<'p>,
    pub(super) opset: i64,
    pub(super) inputs: &'a [Option<Item>],
    pub(super) net: &'a mut Net,
    pub(super) external: &'a mut External<'p>,
    pub(super) limits: &'a Limits,
}

/// A node that is to be computed for one probe.
pub(super) struct Call<'a> {
    pub(super) node: &'a NodeProto<'a>,
    pub(super) inputs: Vec<Option<&'a Array>>,
}

/// All operators.
pub(super) const OPERATORS: &[Operator] = &[
    unary::ABS,
    arithmetic::ADD,
    comparison::AND,
    pool::AVERAGE_POOL,
    norm::BATCH_NORMALIZATION,
    cast::CAST,
    cast::CAST_LIKE,
    unary::CEIL,
    clip::CLIP,
    concat::CONCAT,
    constant::CONSTANT,
    constant::CONSTANT_OF_SHAPE,
    conv::CONV,
    conv_transpose::CONV_TRANSPOSE,
    unary::COS,
    depth_to_space::DEPTH_TO_SPACE,
    arithmetic::DIV,
    cast::DROPOUT,
    einsum::EINSUM,
    unary::ELU,
    comparison::EQUAL,
    unary::ERF,
    unary::EXP,
    expand::EXPAND,
    reshape::FLATTEN,
    unary::FLOOR,
    gather::GATHER,
    unary::GELU,
    matmul::GEMM,
    pool::GLOBAL_AVERAGE_POOL,
    pool::GLOBAL_MAX_POOL,
    comparison::GREATER,
    comparison::GREATER_OR_EQUAL,
    grid_sample::GRID_SAMPLE,
    norm::GROUP_NORMALIZATION,
    unary::HARD_SIGMOID,
    unary::HARD_SWISH,
    cast::IDENTITY,
    norm::INSTANCE_NORMALIZATION,
    norm::LAYER_NORMALIZATION,
    unary::LEAKY_RELU,
    comparison::LESS,
    comparison::LESS_OR_EQUAL,
    unary::LOG,
    matmul::MATMUL,
    arithmetic::MAX,
    pool::MAX_POOL,
    arithmetic::MEAN,
    arithmetic::MIN,
    unary::MISH,
    arithmetic::MOD,
    arithmetic::MUL,
    unary::NEG,
    comparison::NOT,
    comparison::OR,
    pad::PAD,
    arithmetic::POW,
    prelu::PRELU,
    range::RANGE,
    unary::RECIPROCAL,
    reduce::REDUCE_L2,
    reduce::REDUCE_MAX,
    reduce::REDUCE_MEAN,
    reduce::REDUCE_MIN,
    reduce::REDUCE_PROD,
    reduce::REDUCE_SUM,
    reduce::REDUCE_SUM_SQUARE,
    unary::RELU,
    reshape::RESHAPE,
    resize::RESIZE,
    unary::ROUND,
    scatter_nd::SCATTER_ND,
    shape::SHAPE,
    unary::SIGMOID,
    unary::SIGN,
    unary::SIN,
    shape::SIZE,
    slice::SLICE,
    softmax::SOFTMAX,
    unary::SOFTPLUS,
    depth_to_space::SPACE_TO_DEPTH,
    slice::SPLIT,
    unary::SQRT,
    reshape::SQUEEZE,
    arithmetic::SUB,
    arithmetic::SUM,
    unary::TANH,
    expand::TILE,
    transpose::TRANSPOSE,
    reshape::UNSQUEEZE,
    where_op::WHERE,
];

impl Operator {
    /// An operator on values of the graph.
    const fn new(name: &'static str, lower: Lower) -> Self {
        Self { name, lower: Some(lower), fold: None }
    }

    /// An operator on numbers only.
    const fn computed(name: &'static str, fold: Fold) -> Self {
        Self { name, lower: None, fold: Some((fold, DataInputs::All)) }
    }

    /// The same operator, which can also be computed.
    const fn or_computed(self, fold: Fold, data: DataInputs) -> Self {
        Self { fold: Some((fold, data)), ..self }
    }

    /// Whether only sizes, and what is computed of them, can be its inputs.
    pub(super) fn is_for_sizes_only(&self) -> bool {
        self.lower.is_none()
    }
}

/// The operator of a node.
pub(super) fn find(node: &NodeProto<'_>) -> Result<&'static Operator> {
    let found = OPERATORS.iter().find(|operator| node.is_standard() && operator.name == node.op);
    found.ok_or_else(|| {
        let quantised = ["Quantize", "QLinear", "Integer", "QGemm"].iter().any(|word| node.op.contains(word));
        Error::unsupported(match (quantised, node.is_standard()) {
            (true, _) => "networks that compute with int8; a file with f32 or f16 numbers is".to_owned(),
            (_, false) => format!("operators of {}; those of the ONNX standard are", node.domain),
            (_, true) => {
                let known: Vec<_> = OPERATORS.iter().map(|operator| operator.name).collect();
                format!("this operator; known are {}", known.join(", "))
            }
        })
    })
}

/// What the node makes.
pub(super) fn lower(operator: &Operator, task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let known = task.inputs.iter().flatten().all(|item| !matches!(item, Item::Value(_)));
    let number = |item: &&Option<Item>| matches!(item, Some(Item::Numbers(_)));
    match (operator.lower, operator.fold) {
        (_, Some((fold, DataInputs::First))) if known && task.inputs.first().as_ref().is_some_and(number) => {
            task.computed(fold)
        }
        (_, Some((fold, DataInputs::All))) if known && task.inputs.iter().any(|item| number(&item)) => {
            task.computed(fold)
        }
        (Some(lower), _) => lower(task),
        (None, Some((fold, _))) => task.computed(fold),
        (None, None) => Err(Error::unsupported("this operator")),
    }
}

impl Task<'_, '_> {
    /// The input of this number.
    pub(super) fn item(&self, index: usize) -> Result<&Item> {
        self.optional(index).ok_or_else(|| malformed(format!("there is no input {index}")))
    }

    /// The input of this number, if it is there.
    pub(super) fn optional(&self, index: usize) -> Option<&Item> {
        self.inputs.get(index).and_then(Option::as_ref)
    }

    /// The input of this number, which does not depend on pixels.
    pub(super) fn numbers(&self, index: usize) -> Result<Arc<Numbers>> {
        self.net.numbers(self.item(index)?)
    }

    /// The input of this number, which does not depend on the picture.
    pub(super) fn tensor(&self, index: usize) -> Result<Arc<Tensor>> {
        let tensor = self.net.tensor(self.item(index)?);
        tensor.ok_or_else(|| Error::unsupported(format!("an input {index} that the network computes")))
    }

    /// The number that the input of this number is.
    pub(super) fn scalar(&self, index: usize) -> Result<f32> {
        match self.tensor(index)?.data() {
            [one] => Ok(*one),
            more => Err(malformed(format!("{} numbers where one should be", more.len()))),
        }
    }

    /// Whole numbers for each probe, from the attribute of this name or, in newer versions, the input of this number.
    pub(super) fn ints(&self, name: &str, index: usize) -> Result<Option<Each<Vec<i64>>>> {
        match (self.node.ints(name)?, self.optional(index)) {
            (Some(list), _) => Ok(Some(std::array::from_fn(|_| list.to_vec()))),
            (None, Some(_)) => Ok(Some(self.numbers(index)?.ints())),
            (None, None) => Ok(None),
        }
    }

    /// As [`Self::ints`], for whole numbers that do not depend on the picture's size.
    pub(super) fn fixed_ints(&self, name: &str, index: usize) -> Result<Option<Vec<i64>>> {
        match (self.node.ints(name)?, self.optional(index)) {
            (Some(list), _) => Ok(Some(list.to_vec())),
            (None, Some(_)) => Ok(Some(self.numbers(index)?.fixed()?.ints())),
            (None, None) => Ok(None),
        }
    }

    /// The result of a primitive.
    pub(super) fn apply(&mut self, op: impl Into<Op>, inputs: &[Item]) -> Result<Item> {
        self.net.apply(op, inputs)
    }

    fn computed(&mut self, fold: Fold) -> Result<Vec<Item>> {
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
    pub(super) fn input(&self, index: usize) -> Result<&'a Array> {
        self.optional(index).ok_or_else(|| malformed(format!("there is no input {index}")))
    }

    /// The input of this number, if it is there.
    pub(super) fn optional(&self, index: usize) -> Option<&'a Array> {
        self.inputs.get(index).copied().flatten()
    }

    /// Whole numbers from the attribute of this name or, in newer versions, the input of this number.
    pub(super) fn ints(&self, name: &str, index: usize) -> Result<Option<Vec<i64>>> {
        Ok(self.node.ints(name)?.map(<[i64]>::to_vec).or_else(|| self.optional(index).map(Array::ints)))
    }
}

/// An axis counted from the front, where negative ones are counted from the back.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize> {
    let counted = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let found = counted.and_then(|axis| usize::try_from(axis).ok()).filter(|axis| *axis < rank);
    found.ok_or_else(|| malformed(format!("there is no axis {axis} of {rank}")))
}

/// Axes counted from the front, each once.
pub(super) fn axes(list: &[i64], rank: usize) -> Result<Vec<usize>> {
    let axes = list.iter().map(|&one| axis(one, rank)).collect::<Result<Vec<_>>>()?;
    match (1..axes.len()).find(|&i| axes[..i].contains(&axes[i])) {
        Some(again) => Err(malformed(format!("the axis {} twice", axes[again]))),
        None => Ok(axes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_unique() {
        let lower = |name: &str| name.to_ascii_lowercase();
        assert!(OPERATORS.windows(2).all(|pair| lower(pair[0].name) < lower(pair[1].name)));
    }
}
