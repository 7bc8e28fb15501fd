//! Runs a graph with the reference implementation of each primitive: slow, readable, and the oracle of every device.

use crate::graph::Kind;
use crate::{Graph, Result, Tensor};

/// The output of `graph` for `input`.
///
/// # Errors
/// If the graph does not take an input of this shape.
pub fn run(graph: &Graph, input: &Tensor) -> Result<Tensor> {
    graph.shapes(input.shape())?;
    let mut values: Vec<Tensor> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let value = match &node.kind {
            Kind::Input => input.clone(),
            Kind::Constant(tensor) => tensor.as_ref().clone(),
            Kind::Apply { op, inputs } => {
                let inputs: Vec<_> = inputs.iter().map(|v| &values[v.index()]).collect();
                op.reference(&inputs).map_err(|e| e.at(&node.name))?
            }
        };
        values.push(value);
    }
    Ok(values.swap_remove(graph.output.index()))
}
