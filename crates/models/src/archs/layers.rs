//! Layers that several architectures have, each on weights under its usual names.

use amplio_graph::ops::{Conv2d, LayerNorm, Reduce, ReduceKind, Slice, Unary};
use amplio_graph::{Builder, Shape, Tensor, Value};

use super::square_root;
use crate::weights::Scope;
use crate::{Error, Result};

/// The largest scale that is believed; what asks for more is something else.
const LARGEST_SCALE: usize = 16;

/// A convolution that keeps the picture's size.
pub(super) fn conv(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    Ok(net.at(weights.path()).conv2d(weights.conv2d()?, x))
}

/// A convolution of each channel alone.
pub(super) fn depthwise(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let conv = weights.conv2d()?;
    Ok(net.at(weights.path()).conv2d(Conv2d { groups: conv.outputs(), ..conv }, x))
}

/// Convolutions `0`, `2`, … below a path, with a function between them.
pub(super) fn mixer(net: &mut Builder, weights: &Scope<'_>, function: Unary, x: Value) -> Result<Value> {
    let y = conv(net, &weights.scope(0), x)?;
    let y = net.unary(function, y);
    conv(net, &weights.scope(2), y)
}

/// The channels of each pixel brought to mean 0 and variance 1.
pub(super) fn layer_norm(net: &mut Builder, weights: &Scope<'_>, epsilon: f32, x: Value) -> Result<Value> {
    let [weight, bias] = ["weight", "bias"].map(|name| weights.tensor(name));
    let norm = LayerNorm { axis: 1, epsilon, centred: true, weight: Some(weight?), bias: Some(bias?) };
    Ok(net.at(weights.path()).apply(norm, &[x]))
}

/// Channels brought to the mean and variance that were found in training (Ioffe and Szegedy 2015, arXiv 1502.03167).
pub(super) fn batch_norm(net: &mut Builder, weights: &Scope<'_>, epsilon: f32, x: Value) -> Result<Value> {
    let weight = weights.tensor("weight")?;
    let channels = weight.data().len();
    let [bias, mean, variance] =
        ["bias", "running_mean", "running_var"].map(|name| weights.vector(name, channels));
    let (bias, mean, variance) = (bias?, mean?, variance?);
    let mut factors = vec![0.0; channels];
    let mut summands = vec![0.0; channels];
    for c in 0..channels {
        let factor =
            f64::from(weight.data()[c]) / (f64::from(variance.data()[c]) + f64::from(epsilon)).sqrt();
        factors[c] = factor as f32;
        summands[c] = (f64::from(bias.data()[c]) - f64::from(mean.data()[c]) * factor) as f32;
    }
    let mut plane =
        |values| Ok::<_, Error>(net.constant(Tensor::new(Shape::new([1, channels, 1, 1]), values)?));
    let (factors, summands) = (plane(factors)?, plane(summands)?);
    let scaled = net.at(weights.path()).mul(x, factors);
    Ok(net.add(scaled, summands))
}

/// The slopes at `weight` of a leaky ReLU, one for each channel.
pub(super) fn prelu(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let slopes = weights.tensor("weight")?;
    Ok(net.at(weights.path()).prelu(slopes, x))
}

/// A matrix and a bias, on the channels of each pixel.
pub(super) fn linear(net: &mut Builder, weights: &Scope<'_>, x: Value) -> Result<Value> {
    let weight = weights.tensor("weight")?;
    let shape = Shape::new([side(weights, 0)?, side(weights, 1)?, 1, 1]);
    let weight = Tensor::new(shape, weight.data().to_vec())?;
    let bias = if weights.has("bias") { Some(weights.tensor("bias")?) } else { None };
    Ok(net.at(weights.path()).conv2d(Conv2d::same(weight, bias), x))
}

/// `x` times the tensor called `name`, which has a number for each channel.
pub(super) fn factor(net: &mut Builder, weights: &Scope<'_>, name: &str, x: Value) -> Result<Value> {
    let numbers = weights.tensor(name)?.data().to_vec();
    let numbers = Tensor::new(Shape::new([1, numbers.len(), 1, 1]), numbers)?;
    let numbers = net.constant(numbers);
    Ok(net.at(weights.path()).mul(x, numbers))
}

/// The mean of each channel over the whole picture.
pub(super) fn mean_of_channels(net: &mut Builder, x: Value) -> Value {
    net.apply(Reduce { kind: ReduceKind::Mean, axes: vec![2, 3], keep: true }, &[x])
}

/// The channels from `start` up to `end`.
pub(super) fn channels(net: &mut Builder, [start, end]: [usize; 2], x: Value) -> Value {
    net.apply(Slice { axis: 1, start: start as isize, end: end as isize, step: 1 }, &[x])
}

/// The picture with one channel more, which tells networks that ask for it how much noise to remove: the 15 of 255 that KAIR's
/// examples begin with.
pub(super) fn with_noise_level(net: &mut Builder, picture: Value) -> Value {
    const LEVEL: f32 = 15.0 / 255.0;
    let channel = channels(net.at("noise level"), [0, 1], picture);
    let level = net.unary(Unary::Clamp(LEVEL, LEVEL), channel);
    net.concat(&[picture, level])
}

/// `x + number`.
pub(super) fn shift(net: &mut Builder, x: Value, number: f32) -> Value {
    let number = net.constant(Tensor::scalar(number));
    net.add(x, number)
}

/// The length of an axis of the tensor called `weight`.
pub(super) fn side(weights: &Scope<'_>, axis: usize) -> Result<usize> {
    let weight = weights.tensor("weight")?;
    let missing =
        || Error::unsupported(format!("{}.weight has the shape {}", weights.path(), weight.shape()));
    weight.shape().get(axis).copied().ok_or_else(missing)
}

/// The scale and the output channels of a network whose last convolution, before the shuffle to pixels, has `channels`
/// outputs. They are not determined by it alone; this is spandrel's choice (`get_scale_and_output_channels`): most networks
/// return the channels they take.
pub(super) fn scale(channels: usize, inputs: usize) -> Result<(usize, usize)> {
    let scale = |outputs: usize| match outputs {
        0 => None,
        _ if channels == 0 || !channels.is_multiple_of(outputs) => None,
        _ => square_root(channels / outputs).filter(|scale| *scale <= LARGEST_SCALE),
    };
    let found = [inputs, 3, 4, 1].into_iter().find_map(|outputs| Some((scale(outputs)?, outputs)));
    let what = || format!("{channels} channels after the last convolution are no picture of a whole scale");
    found.ok_or_else(|| Error::unsupported(what()))
}

#[cfg(test)]
mod tests {
    use super::scale;

    #[test]
    fn scales_are_those_of_spandrel() {
        for (channels, inputs, expected) in
            [(48, 3, (4, 3)), (3, 3, (1, 3)), (27, 3, (3, 3)), (16, 1, (4, 1)), (12, 1, (2, 3))]
        {
            assert_eq!(scale(channels, inputs).ok(), Some(expected), "{channels} channels, {inputs} inputs");
        }
        assert!(scale(7, 3).is_err() && scale(0, 3).is_err());
    }
}
