//! Small arrays of whole numbers, truths and factors: what networks compute of sizes.
//!
//! They are computed for every probe (see [`super::probes`]) by plain arithmetic, so that no operator needs a second,
//! symbolic meaning. Numbers that come out the same for every probe do not depend on the picture's size.

use super::malformed;
use super::probes::{Each, PROBES};
use crate::{Error, Result};

/// The most elements of an array.
pub(super) const MOST_ELEMENTS: usize = 1 << 22;

/// What the numbers of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Float,
    Int,
    Bool,
}

impl Kind {
    /// A result as the network has it: rounded to `f32`, so that a size that is rounded up or down afterwards is the same.
    pub(super) fn stored(self, value: f64) -> f64 {
        if self == Self::Float { f64::from(value as f32) } else { value }
    }
}

/// A dense array in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub(super) kind: Kind,
    pub(super) dims: Vec<usize>,
    /// Whole numbers and truths too: `f64` holds every size exactly, and the largest `i64`, which stands for "to the end",
    /// stays beyond every size.
    pub(super) data: Vec<f64>,
}

/// An array for each probe, or one for all of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Numbers {
    Fixed(Array),
    Varying(Box<Each<Array>>),
}

impl Array {
    /// A list of whole numbers.
    pub(super) fn list(values: impl IntoIterator<Item = usize>) -> Self {
        let data: Vec<f64> = values.into_iter().map(|v| v as f64).collect();
        Self { kind: Kind::Int, dims: vec![data.len()], data }
    }

    /// The array of these dimensions whose elements are `f` of their indices.
    pub(super) fn from_fn(
        kind: Kind,
        dims: &[usize],
        mut f: impl FnMut(&[usize]) -> Result<f64>,
    ) -> Result<Self> {
        let count = count(dims)?;
        let mut data = Vec::with_capacity(count);
        let mut at = vec![0; dims.len()];
        for _ in 0..count {
            data.push(f(&at)?);
            for axis in (0..at.len()).rev() {
                at[axis] += 1;
                if at[axis] < dims[axis] {
                    break;
                }
                at[axis] = 0;
            }
        }
        Ok(Self { kind, dims: dims.to_vec(), data })
    }

    /// The elements as whole numbers; what is beyond them becomes the largest or smallest.
    pub(super) fn ints(&self) -> Vec<i64> {
        self.data.iter().map(|&v| v as i64).collect()
    }

    /// The only element.
    pub(super) fn scalar(&self) -> Result<f64> {
        match self.data[..] {
            [one] => Ok(one),
            _ => Err(malformed(format!("{} numbers where one should be", self.data.len()))),
        }
    }

    /// The element at an index of a larger shape, against which this one is broadcast.
    pub(super) fn at_broadcast(&self, at: &[usize]) -> f64 {
        let skipped = at.len() - self.dims.len();
        let place = self
            .dims
            .iter()
            .zip(&at[skipped..])
            .fold(0, |place, (&size, &i)| place * size + if size == 1 { 0 } else { i });
        self.data[place]
    }

    /// The same elements under other dimensions.
    pub(super) fn reshaped(&self, dims: Vec<usize>) -> Result<Self> {
        if count(&dims)? != self.data.len() {
            return Err(malformed(format!("{:?} does not become {dims:?}", self.dims)));
        }
        Ok(Self { dims, ..self.clone() })
    }
}

impl Numbers {
    /// What `arrays` are: one array, if they are all the same.
    pub(super) fn of(arrays: Each<Array>) -> Self {
        match &arrays {
            [first, rest @ ..] if rest.iter().all(|other| other == first) => Self::Fixed(first.clone()),
            _ => Self::Varying(Box::new(arrays)),
        }
    }

    /// The array of a probe.
    pub(super) fn at(&self, probe: usize) -> &Array {
        match self {
            Self::Fixed(array) => array,
            Self::Varying(arrays) => &arrays[probe],
        }
    }

    /// The array, if it does not depend on the picture's size.
    pub(super) fn fixed(&self) -> Result<&Array> {
        match self {
            Self::Fixed(array) => Ok(array),
            Self::Varying(_) => {
                Err(Error::unsupported("numbers here that depend on the size of the picture"))
            }
        }
    }

    /// The whole numbers of each probe.
    pub(super) fn ints(&self) -> Each<Vec<i64>> {
        std::array::from_fn(|probe| self.at(probe).ints())
    }

    /// The dimensions for each probe.
    pub(super) fn dims(&self) -> Each<Vec<usize>> {
        std::array::from_fn(|probe| self.at(probe).dims.clone())
    }
}

/// The array that `f` makes for each probe, or for all at once if nothing depends on them.
pub(super) fn for_each(fixed: bool, mut f: impl FnMut(usize) -> Result<Vec<Array>>) -> Result<Vec<Numbers>> {
    if fixed {
        return Ok(f(0)?.into_iter().map(Numbers::Fixed).collect());
    }
    let mut made: Vec<Vec<Array>> = Vec::new();
    for array in f(0)? {
        made.push(vec![array]);
    }
    for probe in 1..PROBES {
        for (arrays, array) in made.iter_mut().zip(f(probe)?) {
            arrays.push(array);
        }
    }
    let each = |arrays: Vec<Array>| {
        let arrays =
            arrays.try_into().map_err(|_| malformed("more results for one size than for another"))?;
        Ok(Numbers::of(arrays))
    };
    made.into_iter().map(each).collect()
}

/// The number of elements, if they are not too many.
pub(super) fn count(dims: &[usize]) -> Result<usize> {
    let count = dims.iter().try_fold(1_usize, |n, &d| n.checked_mul(d));
    count
        .filter(|count| *count <= MOST_ELEMENTS && dims.iter().all(|&d| d <= MOST_ELEMENTS))
        .ok_or_else(|| Error::limit(format!("an array of the shape {dims:?}"), MOST_ELEMENTS))
}

/// The dimensions of arrays broadcast against each other.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>> {
    let rank = a.len().max(b.len());
    let dim = |dims: &[usize], axis: usize| (axis + dims.len()).checked_sub(rank).map_or(1, |own| dims[own]);
    let pair = |axis| match (dim(a, axis), dim(b, axis)) {
        (a, b) if a == b => Ok(a),
        (1, b) => Ok(b),
        (a, 1) => Ok(a),
        _ => Err(malformed(format!("{a:?} and {b:?} do not broadcast"))),
    };
    (0..rank).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_that_agree_are_one() {
        let one = Array::list([1, 2]);
        assert!(Numbers::of(std::array::from_fn(|_| one.clone())).fixed().is_ok());
        assert!(Numbers::of(std::array::from_fn(|probe| Array::list([probe]))).fixed().is_err());
    }

    #[test]
    fn sizes_are_rounded_as_in_the_network() {
        // In f64, 30 times the f32 0.1 is a little more than 3, and would be rounded up to 4.
        let tenth = f64::from(0.1_f32);
        assert_eq!(Kind::Float.stored(30.0 * tenth).ceil(), 3.0);
        assert_eq!(Kind::Int.stored(16_777_217.0), 16_777_217.0);
    }

    #[test]
    fn broadcasting_repeats_ones() {
        let column = Array::list([1, 2]).reshaped(vec![2, 1]).expect("two");
        assert_eq!(broadcast(&column.dims, &[5, 1, 3]).expect("fits"), [5, 2, 3]);
        assert_eq!(column.at_broadcast(&[4, 1, 2]), 2.0);
        assert!(broadcast(&[2], &[3]).is_err());
    }
}
