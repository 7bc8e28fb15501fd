use amplio_graph::Tensor;

use super::{Item, Operator};
use crate::formats::onnx::malformed;
use crate::formats::onnx::numbers::{Array, Kind, Numbers, count};
use crate::formats::onnx::probes::Each;
use crate::formats::onnx::proto::{Attribute, Decoded};

/// Numbers that an attribute holds.
pub(super) const CONSTANT: Operator = Operator::new("Constant", |task| {
    let [(name, attribute)] = &task.node.attributes[..] else {
        return Err(malformed("a constant has one attribute"));
    };
    let item = match attribute {
        Attribute::Tensor(tensor) => match tensor.decode(task.external, task.limits)? {
            Decoded::Learned(tensor, _) => Item::from(tensor),
            Decoded::Numbers(array) => Numbers::Fixed(array).into(),
        },
        Attribute::Float(value) => Tensor::scalar(*value).into(),
        Attribute::Floats(values) => Tensor::vector(values.clone()).into(),
        Attribute::Int(value) => whole(&[*value], Vec::new()),
        Attribute::Ints(values) => whole(values, vec![values.len()]),
        Attribute::Text(_) | Attribute::Other => {
            return Err(crate::Error::unsupported(format!("a constant in the attribute {name}")));
        }
    };
    Ok(vec![item])
});

/// One number, as often as sizes say.
pub(super) const CONSTANT_OF_SHAPE: Operator = Operator::new("ConstantOfShape", |task| {
    let array = match task.node.attribute("value") {
        None => Array { kind: Kind::Float, dims: vec![1], data: vec![0.0] },
        Some(Attribute::Tensor(tensor)) => match tensor.decode(task.external, task.limits)? {
            Decoded::Learned(tensor, _) => {
                let data = tensor.data().iter().map(|&v| f64::from(v)).collect();
                Array { kind: Kind::Float, dims: vec![1], data }
            }
            Decoded::Numbers(array) => array,
        },
        Some(_) => return Err(malformed("a value that is no tensor")),
    };
    let value = array.scalar()?;
    let dims = task.numbers(0)?;
    let made: Each<crate::Result<Array>> = std::array::from_fn(|probe| {
        let dims: Option<Vec<usize>> =
            dims.at(probe).ints().into_iter().map(|d| usize::try_from(d).ok()).collect();
        let dims = dims.ok_or_else(|| malformed("a negative size"))?;
        let data = vec![value; count(&dims)?];
        Ok(Array { kind: array.kind, dims, data })
    });
    let [a, b, c, d] = made;
    let numbers = Numbers::of([a?, b?, c?, d?]);
    task.net.spend(&numbers)?;
    Ok(vec![numbers.into()])
});

fn whole(values: &[i64], dims: Vec<usize>) -> Item {
    let data = values.iter().map(|&v| v as f64).collect();
    Numbers::Fixed(Array { kind: Kind::Int, dims, data }).into()
}
