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
mod task;
mod top_k;
mod transpose;
mod unary;
mod where_op;

use super::net::Item;
use super::numbers::Array;
use super::proto::NodeProto;
use crate::{Error, Result};

pub(super) use task::Task;
use task::{Call, axes, axis};

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
    top_k::TOP_K,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_and_unique() {
        let lower = |name: &str| name.to_ascii_lowercase();
        assert!(OPERATORS.windows(2).all(|pair| lower(pair[0].name) < lower(pair[1].name)));
    }
}
