use amplio_graph::ops::ConvTranspose2d;
use amplio_graph::{Shape, Tensor, Value};

use super::convolution::weight_shape;
use super::{LayerKind, Task, activation};
use crate::formats::ncnn::malformed;
use crate::formats::ncnn::param::Layer;
use crate::{Error, Result};

/// A transposed convolution, with an activation after it.
pub(super) const DECONVOLUTION: LayerKind = LayerKind { name: "Deconvolution", index: 8, lower };

/// A transposed convolution in groups of channels, with an activation after it.
pub(super) const DECONVOLUTION_DEPTH_WISE: LayerKind =
    LayerKind { name: "DeconvolutionDepthWise", index: 51, lower };

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let layer = task.layer;
    if layer.flag(28)? {
        return Err(Error::unsupported("weights that the network computes"));
    }
    if layer.size(20, 0)? != 0 || layer.size(21, 0)? != 0 {
        return Err(Error::unsupported("padding that follows from the size of the result"));
    }
    let [x] = task.take()?;
    let (shape, groups) = weight_shape(layer)?;
    let [outputs, inputs, ..] = shape;
    if inputs.checked_mul(groups) != Some(task.net.channels(x)) || !outputs.is_multiple_of(groups) {
        let what =
            format!("kernels of {inputs} channels in {groups} groups do not fit {}", task.net.shape(x));
        return Err(malformed(what));
    }
    let weight = task.numbers.flagged(Shape::new(shape).elements())?;
    let weight = inputs_first(weight, shape, groups)?;
    let bias = if layer.flag(5)? { Some(Tensor::vector(task.numbers.plain(outputs)?)) } else { None };
    let (dilation_width, stride_width) = (layer.size(2, 1)?, layer.size(3, 1)?);
    let conv = ConvTranspose2d {
        weight: weight.into(),
        bias: bias.map(Into::into),
        stride: [layer.size(13, stride_width)?, stride_width],
        padding: padding(layer)?,
        output_padding: output_padding(layer)?,
        dilation: [layer.size(12, dilation_width)?, dilation_width],
        groups,
    };
    let y = task.net.apply(conv, &[x])?;
    Ok(vec![activation::fused(layer, task.net, y)?])
}

/// From a kernel for each output of each group to one for each input.
fn inputs_first(weight: Vec<f32>, shape: [usize; 4], groups: usize) -> Result<Tensor> {
    let [outputs, inputs, height, width] = shape;
    let each = outputs / groups;
    let source = Tensor::new(Shape::new([groups, each, inputs, height * width]), weight)?;
    let turned = Tensor::from_fn(Shape::new([groups, inputs, each, height * width]), |at| {
        source.at_broadcast(&[at[0], at[2], at[1], at[3]])
    });
    Ok(Tensor::new(Shape::new([groups * inputs, each, height, width]), turned.data().to_vec())?)
}

/// Rows and columns that are removed: top, left, bottom, right.
fn padding(layer: &Layer) -> Result<[usize; 4]> {
    if layer.int(4, 0)? < 0 {
        return Err(Error::unsupported("padding that follows from the size of the result"));
    }
    let left = layer.size(4, 0)?;
    let top = layer.size(14, left)?;
    Ok([top, left, layer.size(16, top)?, layer.size(15, left)?])
}

/// Rows below and columns to the right that are added.
fn output_padding(layer: &Layer) -> Result<[usize; 2]> {
    let right = layer.size(18, 0)?;
    Ok([layer.size(19, right)?, right])
}
