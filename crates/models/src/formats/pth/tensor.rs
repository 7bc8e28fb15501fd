//! Tensors of a PyTorch file: views of storages.

use amplio_graph::{Shape, Tensor};
use half::{bf16, f16};

use super::calls::size;
use super::malformed;
use super::value::{Global, Heap, Node, Value};
use crate::formats::numbers::numbers;
use crate::{DType, Error, Limits, Result};

/// The most dimensions of a tensor.
const MOST_DIMENSIONS: usize = 8;
/// How often a tensor may show each number of its storage on average: one number for all channels, but no large tensor from a
/// small file.
const MOST_REPEATED: usize = 1 << 10;

/// How PyTorch stores one kind of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element {
    storage: &'static str,
    dtypes: [&'static str; 2],
    /// Bytes of a number.
    pub(super) bytes: usize,
    /// The type, if it is one that weights have.
    pub(super) weight: Option<DType>,
}

impl Element {
    const ALL: [Self; 18] = [
        Self::new("HalfStorage", ["float16", "half"], 2, Some(DType::F16)),
        Self::new("BFloat16Storage", ["bfloat16", ""], 2, Some(DType::Bf16)),
        Self::new("FloatStorage", ["float32", "float"], 4, Some(DType::F32)),
        Self::new("DoubleStorage", ["float64", "double"], 8, Some(DType::F64)),
        Self::new("LongStorage", ["int64", "long"], 8, None),
        Self::new("IntStorage", ["int32", "int"], 4, None),
        Self::new("ShortStorage", ["int16", "short"], 2, None),
        Self::new("CharStorage", ["int8", ""], 1, None),
        Self::new("ByteStorage", ["uint8", ""], 1, None),
        Self::new("BoolStorage", ["bool", ""], 1, None),
        Self::new("UntypedStorage", ["", ""], 1, None),
        Self::new("ComplexFloatStorage", ["complex64", "cfloat"], 8, None),
        Self::new("ComplexDoubleStorage", ["complex128", "cdouble"], 16, None),
        Self::new("QInt8Storage", ["qint8", ""], 1, None),
        Self::new("QUInt8Storage", ["quint8", ""], 1, None),
        Self::new("QInt32Storage", ["qint32", ""], 4, None),
        Self::new("", ["uint16", ""], 2, None),
        Self::new("", ["uint32", ""], 4, None),
    ];

    const fn new(
        storage: &'static str,
        dtypes: [&'static str; 2],
        bytes: usize,
        weight: Option<DType>,
    ) -> Self {
        Self { storage, dtypes, bytes, weight }
    }

    /// The numbers of a storage of this class.
    pub(super) fn of_storage(class: Global<'_>) -> Result<Self> {
        let named = |e: &&Self| {
            class.module.starts_with("torch") && e.storage == class.name && !class.name.is_empty()
        };
        let found = Self::ALL.iter().find(named).copied();
        found.ok_or_else(|| Error::unsupported(format!("storages of the class {class}")))
    }

    /// The numbers of a tensor of this type, such as `torch.float32`.
    pub(super) fn of_dtype(dtype: Global<'_>) -> Result<Self> {
        let named =
            |e: &&Self| dtype.module == "torch" && e.dtypes.contains(&dtype.name) && !dtype.name.is_empty();
        let found = Self::ALL.iter().find(named).copied();
        found.ok_or_else(|| Error::unsupported(format!("tensors of the type {dtype}")))
    }
}

/// A run of numbers of a file, which tensors are views of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Storage<'a> {
    pub(super) element: Element,
    /// Its name in the file.
    pub(super) key: &'a str,
    /// How many numbers it has.
    pub(super) elements: usize,
    /// Its first number among those that the file has under this name.
    pub(super) first: usize,
}

/// A tensor before its numbers are read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View<'a> {
    pub(super) storage: Storage<'a>,
    /// The place of its first number in the storage.
    offset: usize,
    shape: Shape,
    /// How far neighbours along each dimension lie apart, in numbers.
    strides: Vec<usize>,
    element: Element,
}

impl<'a> View<'a> {
    /// The view that the arguments of PyTorch's rebuilding functions describe: storage, offset, shape, strides, …
    pub(super) fn of(heap: &Heap<'a>, arguments: &[Value<'a>], element: Option<Element>) -> Result<Self> {
        let [storage, Value::Int(offset), shape, strides, ..] = arguments else {
            return Err(malformed("a tensor has no storage, offset, shape and strides"));
        };
        let Some(Node::Storage(storage)) = heap.node(*storage) else {
            return Err(malformed(format!("the storage of a tensor is {}", heap.kind(*storage))));
        };
        let element = element.unwrap_or(storage.element);
        let (shape, strides) = (sizes(heap, *shape)?, sizes(heap, *strides)?);
        if shape.len() != strides.len() {
            return Err(malformed(format!(
                "a tensor has {} dimensions and {} strides",
                shape.len(),
                strides.len()
            )));
        }
        Ok(Self { storage: *storage, offset: size(*offset)?, shape: Shape::new(shape), strides, element })
    }

    /// How many numbers it has.
    pub(super) fn elements(&self) -> usize {
        self.shape.elements()
    }

    /// The tensor, if its numbers are of a type that weights have. `bytes` are all that the file has under the storage's
    /// name.
    pub(super) fn read(&self, bytes: &[u8], limits: &Limits) -> Result<Option<(Tensor, DType)>> {
        if self.elements() > limits.elements {
            return Err(Error::limit(format!("a tensor of the shape {}", self.shape), limits.elements));
        }
        let bytes = self.within(bytes)?;
        if self.elements() > (bytes.len() / self.element.bytes).saturating_mul(MOST_REPEATED) {
            let what = format!("how often a tensor of the shape {} repeats its numbers", self.shape);
            return Err(Error::limit(what, MOST_REPEATED));
        }
        let Some(dtype) = self.element.weight else { return Ok(None) };
        let values = match dtype {
            DType::F16 => self.gather(bytes, |b| f16::from_le_bytes(b).to_f32()),
            DType::Bf16 => self.gather(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            DType::F32 => self.gather(bytes, f32::from_le_bytes),
            DType::F64 => self.gather(bytes, |b| f64::from_le_bytes(b) as f32),
        };
        Ok(Some((Tensor::new(self.shape.clone(), values)?, dtype)))
    }

    /// The bytes of the storage, beginning with the view's first number, if all of the view lies in it.
    fn within<'b>(&self, bytes: &'b [u8]) -> Result<&'b [u8]> {
        let Storage { key, elements, first, element } = self.storage;
        let (start, end) =
            (first.checked_mul(element.bytes), first.saturating_add(elements).checked_mul(element.bytes));
        let storage = start.zip(end).and_then(|(start, end)| bytes.get(start..end)).ok_or_else(|| {
            let needed = end.map_or_else(|| "more".to_owned(), |end| end.to_string());
            malformed(format!("storage {key} has {} bytes, and not {needed}", bytes.len()))
        })?;
        let mut steps = self.shape.iter().zip(&self.strides);
        let span = steps.try_fold(1_usize, |span, (side, stride)| {
            span.checked_add(side.saturating_sub(1).checked_mul(*stride)?)
        });
        let span = if self.elements() == 0 { Some(0) } else { span };
        let end = span.and_then(|span| self.offset.checked_add(span)?.checked_mul(self.element.bytes));
        let start = self.offset.checked_mul(self.element.bytes);
        start.zip(end).and_then(|(start, end)| storage.get(start..end)).ok_or_else(|| {
            let Self { shape, strides, offset, .. } = self;
            malformed(format!(
                "a tensor of the shape {shape} with the strides {strides:?}, which begins at number {offset}, ends beyond \
                 storage {key}, which has {} bytes",
                storage.len()
            ))
        })
    }

    /// The numbers in the order of the shape. Neighbours in the storage are read together.
    fn gather<const N: usize>(&self, bytes: &[u8], number: impl Fn([u8; N]) -> f32 + Copy) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.elements());
        let run = self.run();
        let mut index = vec![0; self.shape.rank()];
        while values.len() < self.elements() {
            let start: usize = index.iter().zip(&self.strides).map(|(i, stride)| i * stride).sum();
            let taken = bytes.get(start * N..(start + run) * N).unwrap_or_default();
            // `within` has seen that they are there; what is never reached must not be waited for.
            if taken.is_empty() {
                break;
            }
            values.extend(numbers(taken, number));
            advance(&mut index, &self.shape, run);
        }
        values
    }

    /// How many numbers follow each other in the storage as they do in the tensor.
    fn run(&self) -> usize {
        let mut run = 1;
        for (side, stride) in self.shape.iter().zip(&self.strides).rev() {
            if *side != 1 && *stride != run {
                break;
            }
            run *= side;
        }
        run
    }
}

/// Moves an index forward by `steps` numbers in row-major order, which is a whole number of rows of its last dimensions.
fn advance(index: &mut [usize], shape: &[usize], mut steps: usize) {
    for (i, side) in index.iter_mut().zip(shape).rev() {
        let sum = *i + steps;
        (*i, steps) = (sum % side, sum / side);
        if steps == 0 {
            break;
        }
    }
}

fn sizes<'a>(heap: &Heap<'a>, list: Value<'a>) -> Result<Vec<usize>> {
    let list = heap.sequence(list).ok_or_else(|| malformed("a shape is no list"))?;
    if list.len() > MOST_DIMENSIONS {
        return Err(Error::limit(format!("a tensor of {} dimensions", list.len()), MOST_DIMENSIONS));
    }
    let side = |value: &Value<'_>| match value {
        Value::Int(side) => size(*side),
        _ => Err(malformed("a shape holds something else than whole numbers")),
    };
    list.iter().map(side).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(offset: usize, shape: &[usize], strides: &[usize]) -> Result<Vec<f32>> {
        let bytes: Vec<_> = (0..12).flat_map(|i| (i as f32).to_le_bytes()).collect();
        let element = Element::ALL[2];
        let storage = Storage { element, key: "0", elements: 12, first: 0 };
        let view = View { storage, offset, shape: Shape::new(shape), strides: strides.to_vec(), element };
        Ok(view.read(&bytes, &Limits::default())?.expect("weights").0.into_data())
    }

    #[test]
    fn views_are_read_in_the_order_of_their_shape() {
        let numbers = |numbers: &[u8]| numbers.iter().map(|n| f32::from(*n)).collect::<Vec<_>>();
        for (offset, shape, strides, expected) in [
            (0, &[2, 3][..], &[3, 1][..], &[0, 1, 2, 3, 4, 5][..]),
            (6, &[3, 2], &[1, 3], &[6, 9, 7, 10, 8, 11]),
            (1, &[2, 1, 2], &[4, 99, 1], &[1, 2, 5, 6]),
            (2, &[2, 3], &[0, 1], &[2, 3, 4, 2, 3, 4]),
            (11, &[], &[], &[11]),
            (12, &[0, 7], &[7, 1], &[]),
            (0, &[2, 2, 2], &[6, 2, 1], &[0, 1, 2, 3, 6, 7, 8, 9]),
        ] {
            let found = read(offset, shape, strides).expect("within the storage");
            assert_eq!(found, numbers(expected), "{shape:?} {strides:?}");
        }
    }

    #[test]
    fn few_numbers_do_not_become_many() {
        assert_eq!(read(3, &[64, 1, 1], &[0, 0, 0]).expect("repeated"), [3.0; 64]);
        let error = read(0, &[1 << 14, 1 << 13, 2], &[0, 0, 1]).expect_err("too often").to_string();
        assert!(error.contains("16384x8192x2") && error.contains("limit"), "{error}");
    }

    #[test]
    fn views_beyond_their_storage_are_errors() {
        for (offset, shape, strides) in [
            (0, &[13][..], &[1][..]),
            (12, &[1], &[1]),
            (usize::MAX, &[1], &[1]),
            (1, &[3, 4], &[4, 1]),
            (0, &[2], &[usize::MAX]),
            (0, &[1 << 40, 1 << 40], &[0, 0]),
        ] {
            assert!(read(offset, shape, strides).is_err(), "{offset} {shape:?} {strides:?}");
        }
    }
}
