use amplio_graph::ops::{Conv2d, Pad, PadMode};
use amplio_graph::{Shape, Tensor, Value};

use super::{LayerKind, Task, activation};
use crate::formats::ncnn::malformed;
use crate::formats::ncnn::param::Layer;
use crate::{Error, Result};

/// A convolution, with an activation after it.
pub(super) const CONVOLUTION: LayerKind = LayerKind { name: "Convolution", index: 6, lower };

/// A convolution in groups of channels, with an activation after it.
pub(super) const CONVOLUTION_DEPTH_WISE: LayerKind =
    LayerKind { name: "ConvolutionDepthWise", index: 42, lower };

/// Amounts of padding that stand for "so that the picture keeps its size": the odd pixel at the end, or at the front.
const SAME_UPPER: i32 = -233;
const SAME_LOWER: i32 = -234;

/// The weight's shape: outputs, inputs of a group, height, width; and the number of groups. The same for transposed ones.
pub(super) fn weight_shape(layer: &Layer) -> Result<([usize; 4], usize)> {
    let width = layer.size(1, 0)?;
    let (outputs, height) = (layer.size(0, 0)?, layer.size(11, width)?);
    let groups = if layer.kind.ends_with("DepthWise") { layer.size(7, 1)? } else { 1 };
    let count = layer.int(6, 0)?;
    let each = outputs.checked_mul(height).and_then(|n| n.checked_mul(width));
    match (each, usize::try_from(count)) {
        (Some(each), Ok(count)) if each > 0 && groups > 0 && count > 0 && count % each == 0 => {
            Ok(([outputs, count / each, height, width], groups))
        }
        _ => Err(malformed(format!("{count} weights are not {outputs} kernels of {height}x{width}"))),
    }
}

/// How many channels the layer's input must have.
pub(in crate::formats::ncnn) fn input_channels(layer: &Layer) -> Result<usize> {
    let ([_, inputs, ..], groups) = weight_shape(layer)?;
    Ok(inputs.saturating_mul(groups))
}

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let layer = task.layer;
    if layer.flag(19)? {
        return Err(Error::unsupported("weights that the network computes"));
    }
    if layer.flag(8)? {
        return Err(Error::unsupported("int8 weights; f32 and f16 are"));
    }
    let [mut x] = task.take()?;
    let (shape, groups) = weight_shape(layer)?;
    if shape[1].saturating_mul(groups) != task.net.channels(x) {
        let what =
            format!("kernels of {} channels in {groups} groups do not fit {}", shape[1], task.net.shape(x));
        return Err(malformed(what));
    }
    let (dilation_width, stride_width) = (layer.size(2, 1)?, layer.size(3, 1)?);
    let stride = [layer.size(13, stride_width)?, stride_width];
    let dilation = [layer.size(12, dilation_width)?, dilation_width];
    let mut padding = padding(layer, [shape[2], shape[3]], dilation, stride)?;

    let count = Shape::new(shape).elements();
    let weight = Tensor::new(Shape::new(shape), task.numbers.flagged(count)?)?;
    let bias = if layer.flag(5)? { Some(Tensor::vector(task.numbers.plain(shape[0])?)) } else { None };

    let border = layer.float(18, 0.0)?;
    if border != 0.0 && padding != [0; 4] {
        x = task.net.apply(Pad { mode: PadMode::Constant(border), amounts: padding }, &[x])?;
        padding = [0; 4];
    }
    let conv =
        Conv2d { weight: weight.into(), bias: bias.map(Into::into), stride, padding, dilation, groups };
    let y = task.net.apply(conv, &[x])?;
    Ok(vec![activation::fused(layer, task.net, y)?])
}

/// Rows and columns of the border: top, left, bottom, right.
fn padding(
    layer: &Layer,
    kernel: [usize; 2],
    dilation: [usize; 2],
    stride: [usize; 2],
) -> Result<[usize; 4]> {
    let left = layer.int(4, 0)?;
    if left != SAME_UPPER && left != SAME_LOWER {
        let left = layer.size(4, 0)?;
        let top = layer.size(14, left)?;
        return Ok([top, left, layer.size(16, top)?, layer.size(15, left)?]);
    }
    if stride != [1, 1] {
        return Err(Error::unsupported("padding that depends on the size of the picture, with a stride"));
    }
    // Kernels and dilations are at most `LARGEST_SIZE`, so that this cannot overflow.
    let all = [0, 1].map(|axis| dilation[axis] * kernel[axis].saturating_sub(1));
    let less = all.map(|n| n / 2);
    let more = [all[0] - less[0], all[1] - less[1]];
    let (front, back) = if left == SAME_UPPER { (less, more) } else { (more, less) };
    Ok([front[0], front[1], back[0], back[1]])
}
