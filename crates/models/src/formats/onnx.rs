//! ONNX: a list of operators with their numbers, in the wire format of protocol buffers (<https://onnx.ai/onnx/>), as
//! exporters of PyTorch write it; versions 11 to 21 of the standard operators.
//!
//! Operators are lowered into the primitives, one file each in `ops/`. What exporters compute of sizes is settled while
//! the graph is built: `probes` tells how.

mod external;
mod lower;
mod net;
mod numbers;
mod ops;
mod probes;
mod proto;
mod wire;

use std::collections::BTreeSet;

use external::External;

use super::{Contents, Format, Input};
use crate::{Error, Result};

/// The format.
pub const FORMAT: Format = Format { name: NAME, extensions: &["onnx"], probe, read, beside: Some(beside) };

const NAME: &str = "onnx";

/// The versions of the standard operators.
const OPSETS: std::ops::RangeInclusive<i64> = 11..=21;

/// The names of all operators, and whether each computes with sizes only.
pub fn operators() -> impl Iterator<Item = (&'static str, bool)> {
    ops::OPERATORS.iter().map(|operator| (operator.name, operator.is_for_sizes_only()))
}

/// A model begins with the version of its format, as field 1, and goes on with one of its other fields.
fn probe(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 3..=0x1f, 0x12 | 0x1a | 0x22 | 0x28 | 0x32 | 0x3a | 0x42 | 0x72, ..])
}

/// The files in which the numbers of the network lie, if they lie in others.
fn beside(input: &Input<'_>) -> Result<Vec<String>> {
    let Some(graph) = proto::ModelProto::parse(input.bytes, input.limits)?.graph else {
        return Ok(Vec::new());
    };
    let constants =
        graph.nodes.iter().flat_map(|node| &node.attributes).filter_map(|(_, value)| match value {
            proto::Attribute::Tensor(tensor) => Some(tensor),
            _ => None,
        });
    let files: BTreeSet<_> =
        graph.initializers.iter().chain(constants).filter_map(proto::TensorProto::location).collect();
    Ok(files.into_iter().map(str::to_owned).collect())
}

fn read(input: &Input<'_>) -> Result<Contents> {
    let model = proto::ModelProto::parse(input.bytes, input.limits)?;
    let graph = model.graph.ok_or_else(|| malformed("there is no graph in it"))?;
    let opset = model.opset.ok_or_else(|| malformed("it does not say which version of operators it uses"))?;
    if !OPSETS.contains(&opset) {
        let (first, last) = (OPSETS.start(), OPSETS.end());
        return Err(Error::unsupported(format!(
            "version {opset} of the ONNX operators; {first} to {last} are"
        )));
    }
    if model.functions > 0 {
        return Err(Error::unsupported(
            "operators that the file defines itself; export it with them inlined",
        ));
    }
    let mut external = External::beside(input.path, input.limits);
    let lowered = lower::lower(&graph, opset, &mut external, input.limits)?;
    Ok(Contents::Graph { graph: lowered.graph, dtype: lowered.dtype, multiple: lowered.multiple })
}

fn malformed(what: impl Into<String>) -> Error {
    Error::malformed(NAME, what)
}
