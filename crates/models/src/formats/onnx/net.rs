//! Builds the graph: what is known becomes constants, what depends on pixels becomes values, and each value's shape is
//! known for every probe.

mod idioms;
mod ramp;
mod reshape;
mod shuffle;
mod varying;

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use amplio_graph::{Graph, Op, Shape, Tensor, Value};

pub(super) use reshape::asked;

use super::malformed;
use super::numbers::{Array, Kind, MOST_ELEMENTS, Numbers};
use super::probes::{Each, sizes};
use crate::formats::net;
use crate::{Error, Result};

/// What a name in the file stands for.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// Learned numbers.
    Constant(Arc<Tensor>),
    /// Sizes, places, choices, and what is computed of them.
    Numbers(Arc<Numbers>),
    /// What depends on pixels.
    Value(Value),
}

/// A graph that grows.
#[derive(Debug)]
pub(super) struct Net {
    inner: net::Net,
    /// All values, and their shapes.
    values: Vec<Value>,
    shapes: Vec<Each<Shape>>,
    /// The values that learned tensors have become; the tensors are kept, so that an address belongs to one of them.
    constants: HashMap<*const Tensor, (Arc<Tensor>, Value)>,
    /// What made each value.
    made: HashMap<Value, Made>,
    budget: Rc<Budget>,
}

/// How a value was made.
#[derive(Debug)]
enum Made {
    Constant(Arc<Tensor>),
    Of(Op, Vec<Value>),
}

/// What may still be done before a graph is there, in all attempts to build it together.
#[derive(Debug)]
pub(super) struct Budget {
    /// Elements read and made, and multiplications, of constants that are folded.
    folded: Cell<u64>,
    /// Numbers that are computed of sizes.
    computed: Cell<usize>,
}

const MOST_FOLDED: u64 = 1 << 28;
const MOST_COMPUTED: usize = 1 << 22;

impl Default for Budget {
    fn default() -> Self {
        Self { folded: MOST_FOLDED.into(), computed: MOST_COMPUTED.into() }
    }
}

impl Budget {
    /// Whether too much was computed, so that no attempt can succeed any more.
    pub(super) fn is_spent(&self) -> bool {
        self.computed.get() == 0
    }
}

impl From<Value> for Item {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl From<Tensor> for Item {
    fn from(tensor: Tensor) -> Self {
        Self::Constant(tensor.into())
    }
}

impl From<Numbers> for Item {
    fn from(numbers: Numbers) -> Self {
        Self::Numbers(numbers.into())
    }
}

impl Net {
    /// A network for pictures of so many channels, whose sides are multiples of `multiple`.
    pub(super) fn new(channels: usize, multiple: usize, budget: &Rc<Budget>) -> Self {
        let shapes = sizes(multiple).map(|[height, width]| Shape::image(1, channels, height, width));
        let inner = net::Net::new(channels);
        Self {
            values: vec![inner.input()],
            inner,
            shapes: vec![shapes],
            constants: HashMap::new(),
            made: HashMap::new(),
            budget: budget.clone(),
        }
    }

    pub(super) fn input(&self) -> Value {
        self.inner.input()
    }

    /// Names what is built next.
    pub(super) fn at(&mut self, name: &str) {
        self.inner.at(name);
    }

    /// The shape of a value for each probe.
    pub(super) fn shapes(&self, value: Value) -> &Each<Shape> {
        &self.shapes[value.index()]
    }

    /// The dimensions of an item for each probe.
    pub(super) fn dims(&self, item: &Item) -> Each<Vec<usize>> {
        match item {
            Item::Constant(tensor) => std::array::from_fn(|_| tensor.shape().to_vec()),
            Item::Numbers(numbers) => numbers.dims(),
            Item::Value(value) => std::array::from_fn(|probe| self.shapes(*value)[probe].to_vec()),
        }
    }

    /// The number of an item's dimensions.
    pub(super) fn rank(&self, item: &Item) -> usize {
        match item {
            Item::Constant(tensor) => tensor.shape().rank(),
            Item::Numbers(numbers) => numbers.at(0).dims.len(),
            Item::Value(value) => self.shapes(*value)[0].rank(),
        }
    }

    /// A picture of this height and width for each probe.
    pub(super) fn picture(&self, size: &Each<[usize; 2]>) -> Option<Value> {
        let fits = |shapes: &Each<Shape>| {
            shapes
                .iter()
                .zip(size)
                .all(|(shape, [height, width])| shape.rank() == 4 && shape[2..] == [*height, *width])
        };
        self.values.iter().zip(&self.shapes).find_map(|(value, shapes)| fits(shapes).then_some(*value))
    }

    /// The item as a value of the graph.
    pub(super) fn value(&mut self, item: &Item) -> Result<Value> {
        match item {
            Item::Value(value) => Ok(*value),
            Item::Constant(tensor) => {
                let address = Arc::as_ptr(tensor);
                if let Some((_, value)) = self.constants.get(&address) {
                    return Ok(*value);
                }
                let value = self.inner.constant(tensor.clone());
                self.values.push(value);
                self.shapes.push(std::array::from_fn(|_| tensor.shape().clone()));
                self.constants.insert(address, (tensor.clone(), value));
                self.made.insert(value, Made::Constant(tensor.clone()));
                Ok(value)
            }
            Item::Numbers(numbers) => match &**numbers {
                Numbers::Fixed(array) => self.value(&Item::Constant(tensor_of(array)?.into())),
                Numbers::Varying(arrays) => {
                    let item = self.varying(arrays)?;
                    self.value(&item)
                }
            },
        }
    }

    /// The item as learned numbers, if it does not depend on the picture.
    pub(super) fn tensor(&self, item: &Item) -> Option<Arc<Tensor>> {
        match item {
            Item::Constant(tensor) => Some(tensor.clone()),
            Item::Numbers(numbers) => tensor_of(numbers.fixed().ok()?).ok().map(Arc::new),
            Item::Value(_) => None,
        }
    }

    /// The item as small numbers, if it does not depend on pixels.
    pub(super) fn numbers(&self, item: &Item) -> Result<Arc<Numbers>> {
        match item {
            Item::Numbers(numbers) => Ok(numbers.clone()),
            Item::Constant(tensor) if tensor.data().len() <= MOST_ELEMENTS => {
                let data = tensor.data().iter().map(|&v| f64::from(v)).collect();
                let array = Array { kind: Kind::Float, dims: tensor.shape().to_vec(), data };
                Ok(Numbers::Fixed(array).into())
            }
            Item::Constant(_) => Err(Error::limit("numbers of an array", MOST_ELEMENTS)),
            Item::Value(_) => Err(Error::unsupported("sizes, places or choices that depend on pixels")),
        }
    }

    /// The result of an operation: a constant if all inputs are.
    pub(super) fn apply(&mut self, op: impl Into<Op>, inputs: &[Item]) -> Result<Item> {
        let op = op.into();
        let tensors: Option<Vec<_>> = inputs.iter().map(|input| self.tensor(input)).collect();
        if let Some(tensors) = tensors.filter(|_| folds(&op)) {
            return self.folded(&op, &tensors);
        }
        let values = inputs.iter().map(|input| self.value(input)).collect::<Result<Vec<_>>>()?;
        let (op, values) = self.idiom(&op, &values).unwrap_or((op, values));
        self.apply_values(op, &values).map(Item::Value)
    }

    fn apply_values(&mut self, op: Op, values: &[Value]) -> Result<Value> {
        let mut shapes = Vec::new();
        for probe in 0..super::probes::PROBES {
            let inputs: Vec<_> = values.iter().map(|value| &self.shapes(*value)[probe]).collect();
            shapes.push(op.shape(&inputs)?);
        }
        let shapes = shapes.try_into().map_err(|_| malformed("a shape is missing"))?;
        let made = Made::Of(op.clone(), values.to_vec());
        let value = self.inner.apply(op, values)?;
        self.values.push(value);
        self.shapes.push(shapes);
        self.made.insert(value, made);
        Ok(value)
    }

    /// Counts the elements of numbers that were computed.
    pub(super) fn spend(&self, numbers: &Numbers) -> Result<()> {
        let elements = match numbers {
            Numbers::Fixed(array) => array.data.len(),
            Numbers::Varying(arrays) => arrays.iter().map(|array| array.data.len()).sum(),
        };
        let left = self.budget.computed.get().checked_sub(elements);
        self.budget.computed.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or_else(|| Error::limit("numbers computed of sizes", MOST_COMPUTED))
    }

    /// Counts the cost of constants that are folded, before they are made.
    fn afford(&self, cost: u64) -> Result<()> {
        let left = self.budget.folded.get().checked_sub(cost);
        let left = left.ok_or_else(|| Error::limit("constants to fold", MOST_FOLDED as usize))?;
        self.budget.folded.set(left);
        Ok(())
    }

    fn folded(&mut self, op: &Op, inputs: &[Arc<Tensor>]) -> Result<Item> {
        let shapes: Vec<_> = inputs.iter().map(|tensor| tensor.shape()).collect();
        let shape = op.shape(&shapes)?;
        let read = inputs.iter().fold(0, |sum: usize, tensor| sum.saturating_add(tensor.data().len()));
        let cost = (read.saturating_add(shape.elements()) as u64).saturating_add(op.macs(&shapes, &shape));
        self.afford(cost)?;
        let inputs: Vec<_> = inputs.iter().map(|tensor| &**tensor).collect();
        Ok(op.reference(&inputs)?.into())
    }

    pub(super) fn finish(self, output: &Item) -> Result<Graph> {
        let Item::Value(output) = output else {
            return Err(Error::unsupported("a network whose output does not depend on the picture"));
        };
        self.inner.finish(*output)
    }
}

/// Whether the cost of an operation on constants is that of its elements, so that it may be computed at once.
fn folds(op: &Op) -> bool {
    matches!(
        op,
        Op::Binary(_)
            | Op::Concat(_)
            | Op::Gather(_)
            | Op::MatMul(_)
            | Op::Reduce(_)
            | Op::Reshape(_)
            | Op::Slice(_)
            | Op::Transpose(_)
            | Op::Unary(_)
    )
}

fn tensor_of(array: &Array) -> Result<Tensor> {
    let data = array.data.iter().map(|&v| v as f32).collect();
    Ok(Tensor::new(Shape::new(array.dims.clone()), data)?)
}
