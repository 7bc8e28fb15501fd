//! The messages of an ONNX file (<https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>), with the fields that say what
//! a network is. A list in memory takes at most eight times the bytes that it has in the file, and numbers that lie there
//! as bytes stay there until they are needed.

mod attribute;
mod tensor;

pub(super) use attribute::Attribute;
pub(super) use tensor::{DataType, Decoded, TensorProto};

use super::malformed;
use super::wire::Fields;
use crate::{Error, Limits, Result};

/// A file.
#[derive(Clone, Debug, Default)]
pub(super) struct ModelProto<'a> {
    /// The version of the standard set of operators.
    pub(super) opset: Option<i64>,
    pub(super) graph: Option<GraphProto<'a>>,
    /// How many operators the file defines itself.
    pub(super) functions: usize,
}

/// A network.
#[derive(Clone, Debug, Default)]
pub(super) struct GraphProto<'a> {
    pub(super) nodes: Vec<NodeProto<'a>>,
    pub(super) initializers: Vec<TensorProto<'a>>,
    pub(super) inputs: Vec<ValueInfo<'a>>,
    pub(super) outputs: Vec<ValueInfo<'a>>,
}

/// One use of an operator.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeProto<'a> {
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) name: &'a str,
    pub(super) op: &'a str,
    pub(super) domain: &'a str,
    pub(super) attributes: Vec<(&'a str, Attribute<'a>)>,
}

/// An input or output of the network: its name, and its dimensions where they are fixed.
#[derive(Clone, Debug, Default)]
pub(super) struct ValueInfo<'a> {
    pub(super) name: &'a str,
    pub(super) dims: Vec<Option<i64>>,
}

/// Names of the standard set of operators.
const STANDARD: [&str; 2] = ["", "ai.onnx"];

impl<'a> ModelProto<'a> {
    pub(super) fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self> {
        let mut model = Self::default();
        let mut fields = Fields::new(bytes);
        while let Some((number, field)) = fields.next()? {
            match number {
                7 => model.graph = Some(GraphProto::parse(field.bytes()?, limits)?),
                8 => {
                    let (domain, version) = opset(field.bytes()?)?;
                    if STANDARD.contains(&domain) {
                        model.opset = Some(version);
                    }
                }
                25 => model.functions += 1,
                _ => (),
            }
        }
        Ok(model)
    }
}

impl<'a> GraphProto<'a> {
    fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self> {
        let mut graph = Self::default();
        let mut fields = Fields::new(bytes);
        while let Some((number, field)) = fields.next()? {
            match number {
                1 => {
                    let place = |error: Error| error.within(format!("node number {}", graph.nodes.len()));
                    let node = field.bytes().and_then(NodeProto::parse).map_err(place)?;
                    graph.nodes.push(node);
                }
                5 => {
                    let place =
                        |error: Error| error.within(format!("tensor number {}", graph.initializers.len()));
                    let tensor = field.bytes().and_then(TensorProto::parse).map_err(place)?;
                    graph.initializers.push(tensor);
                }
                11 => graph.inputs.push(ValueInfo::parse(field.bytes()?)?),
                12 => graph.outputs.push(ValueInfo::parse(field.bytes()?)?),
                15 => return Err(Error::unsupported("sparse tensors")),
                _ => (),
            }
            if graph.nodes.len() > limits.layers {
                return Err(Error::limit(format!("{} nodes", graph.nodes.len()), limits.layers));
            }
            let tensors = graph.initializers.len().max(graph.inputs.len()).max(graph.outputs.len());
            if tensors > limits.tensors {
                return Err(Error::limit(format!("{tensors} tensors"), limits.tensors));
            }
        }
        Ok(graph)
    }
}

impl<'a> NodeProto<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut node = Self::default();
        let mut fields = Fields::new(bytes);
        while let Some((number, field)) = fields.next()? {
            match number {
                1 => node.inputs.push(field.text()?),
                2 => node.outputs.push(field.text()?),
                3 => node.name = field.text()?,
                4 => node.op = field.text()?,
                5 => node.attributes.push(attribute::parse(field.bytes()?)?),
                7 => node.domain = field.text()?,
                _ => (),
            }
        }
        Ok(node)
    }

    /// Whether its operator is of the standard set.
    pub(super) fn is_standard(&self) -> bool {
        STANDARD.contains(&self.domain)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, attribute)| attribute)
    }

    /// The whole number of this name.
    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::Int(value)) => Ok(*value),
            Some(_) => Err(malformed(format!("the attribute {name} is no whole number"))),
        }
    }

    /// The number of this name.
    pub(super) fn float(&self, name: &str, default: f32) -> Result<f32> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::Float(value)) => Ok(*value),
            Some(_) => Err(malformed(format!("the attribute {name} is no number"))),
        }
    }

    /// The whole numbers of this name.
    pub(super) fn ints(&self, name: &str) -> Result<Option<&[i64]>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Ints(values)) => Ok(Some(values)),
            Some(_) => Err(malformed(format!("the attribute {name} is no list of whole numbers"))),
        }
    }

    /// The word of this name.
    pub(super) fn word<'s>(&'s self, name: &str, default: &'s str) -> Result<&'s str> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::Text(value)) => Ok(value),
            Some(_) => Err(malformed(format!("the attribute {name} is no word"))),
        }
    }
}

impl<'a> ValueInfo<'a> {
    /// Name (1) and type (2): a tensor (1) with a shape (2) of dimensions (1), which are numbers (1) or names (2).
    fn parse(bytes: &'a [u8]) -> Result<Self> {
        let mut info = Self::default();
        let mut fields = Fields::new(bytes);
        while let Some((number, field)) = fields.next()? {
            match number {
                1 => info.name = field.text()?,
                2 => {
                    for tensor in messages(field.bytes()?, 1)? {
                        for shape in messages(tensor, 2)? {
                            info.dims =
                                messages(shape, 1)?.into_iter().map(dimension).collect::<Result<_>>()?;
                        }
                    }
                }
                _ => (),
            }
        }
        Ok(info)
    }
}

/// All fields with this number, which are messages.
fn messages(bytes: &[u8], wanted: u64) -> Result<Vec<&[u8]>> {
    let mut found = Vec::new();
    let mut fields = Fields::new(bytes);
    while let Some((number, field)) = fields.next()? {
        if number == wanted {
            found.push(field.bytes()?);
        }
    }
    Ok(found)
}

fn dimension(bytes: &[u8]) -> Result<Option<i64>> {
    let mut fields = Fields::new(bytes);
    while let Some((number, field)) = fields.next()? {
        if number == 1 {
            return Ok(Some(field.int()?).filter(|size| *size > 0));
        }
    }
    Ok(None)
}

fn opset(bytes: &[u8]) -> Result<(&str, i64)> {
    let mut opset = ("", 0);
    let mut fields = Fields::new(bytes);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => opset.0 = field.text()?,
            2 => opset.1 = field.int()?,
            _ => (),
        }
    }
    Ok(opset)
}

/// A key and its value.
fn pair(bytes: &[u8]) -> Result<(&str, &str)> {
    let mut pair = ("", "");
    let mut fields = Fields::new(bytes);
    while let Some((number, field)) = fields.next()? {
        match number {
            1 => pair.0 = field.text()?,
            2 => pair.1 = field.text()?,
            _ => (),
        }
    }
    Ok(pair)
}
