use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use amplio_graph::ops::{Conv2d, ConvTranspose2d};
use amplio_graph::{Shape, Tensor};

use crate::{Error, Result};

/// How a file stores numbers. In memory all are `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DType {
    /// IEEE half precision.
    F16,
    /// The upper half of an `f32`.
    Bf16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision, rounded to single when read.
    F64,
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// A tensor of a model file.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Its values.
    pub tensor: Arc<Tensor>,
    /// How the file stores them.
    pub dtype: DType,
}

/// The learned tensors of a network by their paths (a "state dict"), with what the file says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, Weight>,
    metadata: BTreeMap<String, String>,
}

impl Weights {
    /// Without tensors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor, or replaces the one at this path.
    pub fn insert(&mut self, path: impl Into<String>, tensor: impl Into<Arc<Tensor>>, dtype: DType) {
        self.tensors.insert(path.into(), Weight { tensor: tensor.into(), dtype });
    }

    /// The tensor at a path.
    pub fn get(&self, path: &str) -> Option<&Weight> {
        self.tensors.get(path)
    }

    /// Whether there is a tensor at a path.
    pub fn has(&self, path: &str) -> bool {
        self.tensors.contains_key(path)
    }

    /// All tensors, by path, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Weight)> {
        self.tensors.iter().map(|(path, weight)| (path.as_str(), weight))
    }

    /// All paths, in alphabetical order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// Whether there are no tensors.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// What the file says about itself: architecture, licence, source, …
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// What the file says about itself, to be changed.
    pub fn metadata_mut(&mut self) -> &mut BTreeMap<String, String> {
        &mut self.metadata
    }

    /// The type in which most of the numbers are stored, the larger of two equally frequent ones; `F32` if there are none.
    pub fn dtype(&self) -> DType {
        let mut counts = BTreeMap::<DType, usize>::new();
        for weight in self.tensors.values() {
            *counts.entry(weight.dtype).or_default() += weight.tensor.data().len();
        }
        counts.into_iter().max_by_key(|&(_, count)| count).map_or(DType::F32, |(dtype, _)| dtype)
    }

    /// The same tensors under other paths; those for which `renamed` has none are left out.
    pub fn renamed(&self, renamed: impl Fn(&str) -> Option<String>) -> Self {
        let tensors = self.tensors.iter().filter_map(|(path, weight)| Some((renamed(path)?, weight.clone())));
        Self { tensors: tensors.collect(), metadata: self.metadata.clone() }
    }

    /// The tensors below all paths.
    pub fn root(&self) -> Scope<'_> {
        Scope { weights: self, path: String::new() }
    }

    /// The tensors below a path, such as `body.0`.
    pub fn scope(&self, path: impl fmt::Display) -> Scope<'_> {
        self.root().scope(path)
    }
}

/// The tensors below one path of a [`Weights`]. Errors name the whole path.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    weights: &'a Weights,
    path: String,
}

impl Scope<'_> {
    /// The path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The tensors below a path below this one.
    pub fn scope(&self, path: impl fmt::Display) -> Self {
        Self { weights: self.weights, path: self.join(path) }
    }

    /// Whether there is a tensor called `name` here.
    pub fn has(&self, name: &str) -> bool {
        self.weights.has(&self.join(name))
    }

    /// How many of the paths `0`, `1`, … below this one have tensors: one more than the largest, or zero.
    pub fn count(&self) -> usize {
        let numbers = self.weights.paths().filter_map(|path| {
            let below = path.strip_prefix(&self.path)?;
            let below = if self.path.is_empty() { below } else { below.strip_prefix('.')? };
            below.split('.').next()?.parse::<u32>().ok()
        });
        numbers.max().map_or(0, |largest| largest as usize + 1)
    }

    /// The tensor called `name`.
    ///
    /// # Errors
    /// If it is missing.
    pub fn tensor(&self, name: &str) -> Result<Arc<Tensor>> {
        let path = self.join(name);
        match self.weights.get(&path) {
            Some(weight) => Ok(Arc::clone(&weight.tensor)),
            None => Err(Error::not_found(format!("the model has no tensor {path}"))),
        }
    }

    /// The tensor called `name`, which has one dimension of this length.
    ///
    /// # Errors
    /// If it is missing or has another shape.
    pub fn vector(&self, name: &str, length: usize) -> Result<Arc<Tensor>> {
        let tensor = self.tensor(name)?;
        self.expect(name, tensor.shape(), &[Some(length)])?;
        Ok(tensor)
    }

    /// The convolution whose `weight` and, if there is one, `bias` lie here; with stride 1, and padded so that odd kernels
    /// keep the picture's size.
    ///
    /// # Errors
    /// If there is no `weight`, it does not have four dimensions, or the bias does not fit it.
    pub fn conv2d(&self) -> Result<Conv2d> {
        let weight = self.tensor("weight")?;
        self.expect("weight", weight.shape(), &[None; 4])?;
        let bias = if self.has("bias") { Some(self.vector("bias", weight.shape()[0])?) } else { None };
        Ok(Conv2d::same(weight, bias))
    }

    /// The transposed convolution whose `weight` and, if there is one, `bias` lie here; without padding.
    ///
    /// # Errors
    /// If there is no `weight`, it does not have four dimensions, or the bias does not fit it.
    pub fn conv_transpose2d(&self, stride: usize) -> Result<ConvTranspose2d> {
        let weight = self.tensor("weight")?;
        self.expect("weight", weight.shape(), &[None; 4])?;
        let bias = if self.has("bias") { Some(self.vector("bias", weight.shape()[1])?) } else { None };
        Ok(ConvTranspose2d {
            weight,
            bias,
            stride: [stride; 2],
            padding: [0; 4],
            output_padding: [0; 2],
            dilation: [1; 2],
            groups: 1,
        })
    }

    fn expect(&self, name: &str, found: &Shape, expected: &[Option<usize>]) -> Result<()> {
        let fits = found.len() == expected.len()
            && found.iter().zip(expected).all(|(f, e)| e.is_none_or(|e| e == *f));
        if fits {
            return Ok(());
        }
        let expected: Vec<_> =
            expected.iter().map(|e| e.map_or("?".into(), |size| size.to_string())).collect();
        let what = format!("{} has the shape {found}, and not {}", self.join(name), expected.join("x"));
        Err(Error::unsupported(what))
    }

    fn join(&self, path: impl fmt::Display) -> String {
        if self.path.is_empty() { path.to_string() } else { format!("{}.{path}", self.path) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights() -> Weights {
        let mut weights = Weights::new();
        weights.insert("body.0.weight", Tensor::zeros(Shape::new([4, 3, 3, 3])), DType::F16);
        weights.insert("body.0.bias", Tensor::zeros(Shape::new([4])), DType::F32);
        weights.insert("body.10.weight", Tensor::zeros(Shape::new([5])), DType::F32);
        weights
    }

    #[test]
    fn tensors_are_reached_by_path() {
        let weights = weights();
        let conv = weights.scope("body").scope(0).conv2d().expect("a convolution");
        assert_eq!((conv.outputs(), conv.padding), (4, [1; 4]));
        assert_eq!(weights.scope("body").count(), 11);
        assert_eq!(weights.scope("bod").count(), 0);
        assert_eq!(weights.dtype(), DType::F16);
    }

    #[test]
    fn errors_name_path_and_shapes() {
        let weights = weights();
        let missing = weights.scope("body.1").conv2d().expect_err("missing").to_string();
        assert!(missing.contains("body.1.weight"), "{missing}");
        let shape = weights.scope("body.10").vector("weight", 4).expect_err("five").to_string();
        assert!(shape.contains("body.10.weight") && shape.contains('5') && shape.contains('4'), "{shape}");
    }
}
