use amplio_graph::Shape;
use amplio_graph::ops::Conv2d;

use super::{Item, Operator, Task};
use crate::formats::onnx::malformed;
use crate::formats::onnx::proto::NodeProto;
use crate::{Error, Result};

/// A convolution.
pub(super) const CONV: Operator = Operator::new("Conv", lower);

/// The largest kernel, stride, dilation or padding. It keeps all sums and products of sizes far from overflow.
const LARGEST_SIZE: i64 = 1 << 20;

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let (weight, bias) = (task.tensor(1)?, task.optional(2).map(|_| task.tensor(2)).transpose()?);
    let kernel = kernel(weight.shape())?;
    let Geometry { stride, dilation, mut padding } = geometry(task.node, kernel)?;
    match task.node.word("auto_pad", "NOTSET")? {
        "NOTSET" => (),
        "VALID" => padding = [0; 4],
        same @ ("SAME_UPPER" | "SAME_LOWER") if stride == [1, 1] => {
            let all = [0, 1].map(|side| dilation[side] * (kernel[side] - 1));
            let (less, more) = (all.map(|n| n / 2), all.map(|n| n - n / 2));
            let (front, back) = if same == "SAME_UPPER" { (less, more) } else { (more, less) };
            padding = [front[0], front[1], back[0], back[1]];
        }
        other => return Err(Error::unsupported(format!("the automatic padding {other:?} with a stride"))),
    }
    let groups = groups(task.node)?;
    Ok(vec![task.apply(Conv2d { weight, bias, stride, padding, dilation, groups }, &[x])?])
}

/// How a window moves over a picture.
pub(super) struct Geometry {
    pub(super) stride: [usize; 2],
    pub(super) dilation: [usize; 2],
    /// Top, left, bottom, right.
    pub(super) padding: [usize; 4],
}

/// The strides, dilations and pads of a node whose window has this size.
pub(super) fn geometry(node: &NodeProto<'_>, kernel: [usize; 2]) -> Result<Geometry> {
    if let Some(said) = node.ints("kernel_shape")?
        && said != kernel.map(|side| side as i64)
    {
        return Err(malformed(format!("a kernel of {kernel:?} that is said to be {said:?}")));
    }
    Ok(Geometry {
        stride: sizes(node, "strides", [1; 2])?,
        dilation: sizes(node, "dilations", [1; 2])?,
        padding: sizes(node, "pads", [0; 4])?,
    })
}

/// `N` sizes of this name.
pub(super) fn sizes<const N: usize>(
    node: &NodeProto<'_>,
    name: &str,
    default: [usize; N],
) -> Result<[usize; N]> {
    let Some(list) = node.ints(name)? else { return Ok(default) };
    let list =
        list.iter().map(|&n| size(n)).collect::<Result<Vec<_>>>().map_err(|error| error.within(name))?;
    let count = list.len();
    list.try_into()
        .map_err(|_| Error::unsupported(format!("{count} {name}, of pictures that have not two sides")))
}

/// The height and width of the windows of a weight.
pub(super) fn kernel(weight: &Shape) -> Result<[usize; 2]> {
    match weight[..] {
        [_, _, height, width] if height > 0 && width > 0 && height.max(width) as i64 <= LARGEST_SIZE => {
            Ok([height, width])
        }
        _ => Err(Error::unsupported(format!("weights of the shape {weight}; those of pictures are"))),
    }
}

fn size(size: i64) -> Result<usize> {
    match usize::try_from(size) {
        Ok(found) if size <= LARGEST_SIZE => Ok(found),
        _ => Err(malformed(format!("the size {size}"))),
    }
}

/// The single number of groups of a node.
pub(super) fn groups(node: &NodeProto<'_>) -> Result<usize> {
    size(node.int("group", 1)?)
}
