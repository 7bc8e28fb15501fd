use amplio_graph::ops::ConvTranspose2d;

use super::conv::{Geometry, geometry, groups, kernel, sizes};
use super::{Item, Operator, Task};
use crate::{Error, Result};

/// A transposed convolution.
pub(super) const CONV_TRANSPOSE: Operator = Operator::new("ConvTranspose", lower);

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let (weight, bias) = (task.tensor(1)?, task.optional(2).map(|_| task.tensor(2)).transpose()?);
    let Geometry { stride, dilation, padding } = geometry(task.node, kernel(weight.shape())?)?;
    if task.node.ints("output_shape")?.is_some()
        || !matches!(task.node.word("auto_pad", "NOTSET")?, "NOTSET" | "VALID")
    {
        return Err(Error::unsupported("padding that follows from the size of the result"));
    }
    let output_padding = sizes(task.node, "output_padding", [0; 2])?;
    let groups = groups(task.node)?;
    let conv = ConvTranspose2d { weight, bias, stride, padding, output_padding, dilation, groups };
    Ok(vec![task.apply(conv, &[x])?])
}
