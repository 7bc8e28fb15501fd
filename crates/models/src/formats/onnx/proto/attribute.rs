use super::{Fields, TensorProto};
use crate::Result;

/// The value of an attribute of a node.
#[derive(Clone, Debug)]
pub(in crate::formats::onnx) enum Attribute<'a> {
    Int(i64),
    Float(f32),
    Text(&'a str),
    Tensor(TensorProto<'a>),
    Ints(Vec<i64>),
    Floats(Vec<f32>),
    /// A kind that no operator here has: graphs, several words or tensors, types.
    Other,
}

/// An attribute with its name.
pub(super) fn parse(bytes: &[u8]) -> Result<(&str, Attribute<'_>)> {
    let (mut name, mut kind) = ("", 0);
    let (mut int, mut float, mut text, mut tensor) = (0, 0.0, "", None);
    let (mut ints, mut floats) = (Vec::new(), Vec::new());
    let mut fields = Fields::new(bytes);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => name = field.text()?,
            2 => float = field.float()?,
            3 => int = field.int()?,
            // Words of operators that are not known here may be any bytes.
            4 => text = std::str::from_utf8(field.bytes()?).unwrap_or_default(),
            5 => tensor = Some(TensorProto::parse(field.bytes()?)?),
            7 => field.floats(&mut floats)?,
            8 => field.ints(&mut ints)?,
            20 => kind = field.int()?,
            _ => (),
        }
    }
    let value = match (kind, tensor) {
        (1, _) => Attribute::Float(float),
        (2, _) => Attribute::Int(int),
        (3, _) => Attribute::Text(text),
        (4, Some(tensor)) => Attribute::Tensor(tensor),
        (6, _) => Attribute::Floats(floats),
        (7, _) => Attribute::Ints(ints),
        _ => Attribute::Other,
    };
    Ok((name, value))
}
