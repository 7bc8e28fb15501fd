//! 3x3 convolutions that were trained as branches (`Conv3XC`): `sk`, a 1x1 convolution, is added to a chain of a 1x1
//! (`conv.0`), a 3x3 (`conv.1`) and a 1x1 convolution (`conv.2`) of more channels. There is nothing between them, so that
//! all together are one 3x3 convolution.

use amplio_graph::ops::Conv2d;
use amplio_graph::{Shape, Tensor};

use super::super::insert_conv;
use crate::weights::Scope;
use crate::{Error, Result, Weights};

const TAPS: usize = 9;
const CENTRE: usize = 4;
/// The most channels within the branches that are believed: merging takes time with their cube.
const MOST_CHANNELS: usize = 512;
/// How many times as many channels the chain has within: what all published networks were trained with.
const GAIN: usize = 2;

/// Whether there is such a convolution.
pub(super) fn are_at(weights: &Scope<'_>) -> bool {
    weights.has("sk.weight") || weights.has("eval_conv.weight")
}

/// The convolution that does what the branches do together, or the one that is there in their place.
pub(super) fn merged(weights: &Scope<'_>) -> Result<Conv2d> {
    if !weights.has("sk.weight") {
        return weights.scope("eval_conv").conv2d();
    }
    let conv = |name| weights.scope(name).conv2d();
    let (skip, widen, spread, narrow) = (conv("sk")?, conv("conv.0")?, conv("conv.1")?, conv("conv.2")?);
    let [outputs, inputs] = [0, 1].map(|axis| skip.weight.shape()[axis]);
    let [wide_outputs, wide_inputs] = [0, 1].map(|axis| spread.weight.shape()[axis]);
    let fits = |conv: &Conv2d, shape: [usize; 4]| conv.weight.shape()[..] == shape;
    if !(fits(&skip, [outputs, inputs, 1, 1])
        && fits(&widen, [wide_inputs, inputs, 1, 1])
        && fits(&spread, [wide_outputs, wide_inputs, 3, 3])
        && fits(&narrow, [outputs, wide_outputs, 1, 1]))
    {
        let what = format!("{}: branches whose shapes do not fit each other", weights.path());
        return Err(Error::unsupported(what));
    }
    if ![outputs, inputs, wide_outputs, wide_inputs].iter().all(|n| (1..=MOST_CHANNELS).contains(n)) {
        return Err(Error::limit(format!("channels within {}", weights.path()), MOST_CHANNELS));
    }

    // With a tap's place before the channels that it reads, both steps of the chain are products of matrices.
    let by_tap = transposed(&exact(&spread.weight), wide_inputs, TAPS);
    let chain = product(&by_tap, &exact(&widen.weight), wide_inputs, inputs);
    let chain = product(&exact(&narrow.weight), &chain, wide_outputs, TAPS * inputs);
    let mut weight = transposed(&chain, TAPS, inputs);
    for (taps, skip) in weight.chunks_mut(TAPS).zip(skip.weight.data()) {
        taps[CENTRE] += f64::from(*skip);
    }

    let offsets = product(&by_tap, &bias(&widen), wide_inputs, 1);
    let offsets: Vec<_> =
        offsets.chunks(TAPS).zip(bias(&spread)).map(|(taps, b)| taps.iter().sum::<f64>() + b).collect();
    let offsets = product(&exact(&narrow.weight), &offsets, wide_outputs, 1);
    let offsets =
        offsets.iter().zip(bias(&narrow)).zip(bias(&skip)).map(|((sum, b), skip)| (sum + b + skip) as f32);

    let weight = weight.into_iter().map(|v| v as f32).collect();
    let weight = Tensor::new(Shape::new([outputs, inputs, 3, 3]), weight)?;
    Ok(Conv2d::same(weight, Some(Tensor::vector(offsets.collect()).into())))
}

/// Adds a convolution under its path as branches that do the same: the chain carries it through the first of its channels,
/// and `sk` is zero. Whoever reads SPAN can read that. False if it is not such a convolution.
pub(super) fn insert(weights: &mut Weights, path: &str, conv: &Conv2d) -> bool {
    let [outputs, inputs, 3, 3] = conv.weight.shape()[..] else { return false };
    if inputs.max(outputs) * GAIN > MOST_CHANNELS {
        return false;
    }
    let (wide_inputs, wide_outputs) = (inputs * GAIN, outputs * GAIN);
    let data = conv.weight.data();
    let identity = |shape| Tensor::from_fn(Shape::new(shape), |i| if i[0] == i[1] { 1.0 } else { 0.0 });
    let widened = Tensor::from_fn(Shape::new([wide_outputs, wide_inputs, 3, 3]), |i| {
        let inside = i[0] < outputs && i[1] < inputs;
        if inside { data[(i[0] * inputs + i[1]) * TAPS + i[2] * 3 + i[3]] } else { 0.0 }
    });
    let mut add = |name: &str, weight: Tensor, bias| {
        insert_conv(weights, &format!("{path}.{name}"), &Conv2d::same(weight, bias));
    };
    add("sk", Tensor::zeros(Shape::new([outputs, inputs, 1, 1])), None);
    add("conv.0", identity([wide_inputs, inputs, 1, 1]), None);
    add("conv.1", widened, None);
    add("conv.2", identity([outputs, wide_outputs, 1, 1]), conv.bias.clone());
    insert_conv(weights, &format!("{path}.eval_conv"), conv);
    true
}

fn exact(tensor: &Tensor) -> Vec<f64> {
    tensor.data().iter().map(|v| f64::from(*v)).collect()
}

fn bias(conv: &Conv2d) -> Vec<f64> {
    conv.bias.as_ref().map_or_else(|| vec![0.0; conv.outputs()], |bias| exact(bias))
}

/// Each block of `rows` times `columns` numbers with its rows and columns exchanged.
fn transposed(data: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let column = |block: &[f64], c| block.iter().copied().skip(c).step_by(columns).collect::<Vec<_>>();
    data.chunks(rows * columns).flat_map(|block| (0..columns).flat_map(move |c| column(block, c))).collect()
}

/// The product of two matrices: the first has `inner` columns, the second `inner` rows and `columns` columns.
fn product(a: &[f64], b: &[f64], inner: usize, columns: usize) -> Vec<f64> {
    let mut result = Vec::with_capacity(a.len() / inner * columns);
    for row in a.chunks(inner) {
        let mut sums = vec![0.0; columns];
        for (factor, terms) in row.iter().zip(b.chunks(columns)) {
            for (sum, term) in sums.iter_mut().zip(terms) {
                *sum += factor * term;
            }
        }
        result.extend(sums);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_convolution_survives_as_branches() {
        let weight =
            Tensor::from_fn(Shape::new([3, 2, 3, 3]), |i| (i[0] * 31 + i[1] * 11 + i[2] * 3 + i[3]) as f32);
        let conv = Conv2d::same(weight, Some(Tensor::vector(vec![0.5, -1.0, 2.0]).into()));
        let mut weights = Weights::new();
        assert!(insert(&mut weights, "conv_1", &conv));
        let merged = merged(&weights.scope("conv_1")).expect("merges");
        assert_eq!((merged.weight, merged.bias), (conv.weight, conv.bias));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut weights = Weights::new();
        let conv = Conv2d::same(Tensor::zeros(Shape::new([4, 4, 3, 3])), None);
        assert!(insert(&mut weights, "c", &conv));
        insert_conv(&mut weights, "c.conv.0", &Conv2d::same(Tensor::zeros(Shape::new([8, 3, 1, 1])), None));
        assert!(merged(&weights.scope("c")).is_err());
        let conv = Conv2d::same(Tensor::zeros(Shape::new([4, 4, 5, 5])), None);
        assert!(!insert(&mut weights, "d", &conv));
    }
}
