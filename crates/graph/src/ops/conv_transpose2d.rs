use std::sync::Arc;

use super::{Primitive, take};
use crate::receptive::{Ratio, Spread};
use crate::{Error, Result, Shape, Tensor};

/// Transposed two-dimensional convolution, as in PyTorch: each input pixel adds its multiple of the kernel to the result
/// at `stride` times its place.
///
/// Input `[n, i, h, w]`, weight `[i, o / groups, kh, kw]`, result `[n, o, h', w']` with
/// `h' = (h - 1) * stride - pad_top - pad_bottom + dilation * (kh - 1) + output_padding + 1`.
#[derive(Clone, Debug)]
pub struct ConvTranspose2d {
    /// `[input channels, output channels / groups, kernel height, kernel width]`.
    pub weight: Arc<Tensor>,
    /// One number for each output channel.
    pub bias: Option<Arc<Tensor>>,
    /// Distance in the result between neighbouring input pixels: vertical, horizontal.
    pub stride: [usize; 2],
    /// Rows and columns removed from the result: top, left, bottom, right.
    pub padding: [usize; 4],
    /// Rows added below and columns added to the right of the result, before the removal.
    pub output_padding: [usize; 2],
    /// Distance between the kernel's taps: vertical, horizontal.
    pub dilation: [usize; 2],
    /// Number of groups of channels that do not mix.
    pub groups: usize,
}

impl ConvTranspose2d {
    /// The kernel's height and width in taps.
    pub fn kernel(&self) -> [usize; 2] {
        [self.weight.shape()[2], self.weight.shape()[3]]
    }

    /// Number of output channels.
    pub fn outputs(&self) -> usize {
        self.weight.shape()[1] * self.groups
    }

    /// The size of the result along an axis (0 vertical, 1 horizontal) where the input's is `size`; `None` if it would
    /// not be positive, or overflow.
    fn side(&self, size: usize, axis: usize) -> Option<usize> {
        let kernel = self.dilation[axis].checked_mul(self.kernel()[axis] - 1)?;
        let full = size.checked_sub(1)?.checked_mul(self.stride[axis])?.checked_add(kernel)?;
        let removed = self.padding[axis].checked_add(self.padding[axis + 2])?;
        let side = full.checked_add(self.output_padding[axis])?.checked_add(1)?.checked_sub(removed)?;
        (side > 0).then_some(side)
    }
}

impl Primitive for ConvTranspose2d {
    const NAME: &'static str = "conv_transpose2d";
    const TOLERANCE: f32 = 2e-5;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let x = x.as_image(Self::NAME)?;
        let weight = self.weight.shape();
        let w = weight.as_image(Self::NAME)?;
        let fail = |what: String| Err(Error::shape(Self::NAME, what));
        if self.groups == 0 || self.stride.contains(&0) || self.dilation.contains(&0) || weight.contains(&0) {
            return fail(format!("zero groups, stride, dilation or kernel (weight {weight})"));
        }
        let outputs = w.channels.checked_mul(self.groups);
        let Some(outputs) = outputs.filter(|_| w.batch == x.channels && w.batch % self.groups == 0) else {
            return fail(format!(
                "weight {weight} in {} groups does not fit {} channels",
                self.groups, x.channels
            ));
        };
        if let Some(bias) = &self.bias
            && bias.shape().elements() != outputs
        {
            return fail(format!("bias {} does not fit {outputs} output channels", bias.shape()));
        }
        if (0..2).any(|axis| self.output_padding[axis] >= self.stride[axis].max(self.dilation[axis])) {
            let [v, h] = self.output_padding;
            return fail(format!("output padding {v}, {h} is not below the stride or the dilation"));
        }
        match (self.side(x.height, 0), self.side(x.width, 1)) {
            (Some(height), Some(width)) => Ok(Shape::image(x.batch, outputs, height, width)),
            _ => fail(format!("padding {:?} leaves nothing of {}", self.padding, Shape::from(x))),
        }
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let x = inputs[0];
        let [kh, kw] = self.kernel();
        let (each_in, each_out) = (x.shape()[1] / self.groups, self.weight.shape()[1]);
        // The input pixel that tap `k` carries to the result's place `at`.
        let source = |at: usize, k: usize, axis: usize| {
            let place = (at + self.padding[axis]).checked_sub(k * self.dilation[axis])?;
            let on_grid = place % self.stride[axis] == 0;
            Some(place / self.stride[axis]).filter(|&p| on_grid && p < x.shape()[2 + axis])
        };
        Tensor::from_fn(shape, |at| {
            let first = at[1] / each_out * each_in;
            let mut sum = self.bias.as_ref().map_or(0.0, |bias| f64::from(bias.data()[at[1]]));
            for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                let (Some(y), Some(x_)) = (source(at[2], ky, 0), source(at[3], kx, 1)) else { continue };
                for i in first..first + each_in {
                    let weight = self.weight.at(&[i, at[1] % each_out, ky, kx]);
                    sum += f64::from(weight) * f64::from(x.at(&[at[0], i, y, x_]));
                }
            }
            sum as f32
        })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        let reach = [0, 1].map(|axis| {
            let stride = self.stride[axis] as f64;
            let extent = (self.dilation[axis] * (self.kernel()[axis] - 1)) as f64;
            let removed = self.padding[axis] as f64;
            [((extent - removed) / stride).max(0.0), (removed + stride - 1.0) / stride]
        });
        Spread::Window { reach, scale: self.stride.map(|s| Ratio::new(s, 1)) }
    }

    fn learned(&self) -> Vec<&Tensor> {
        [Some(&self.weight), self.bias.as_ref()].into_iter().flatten().map(|tensor| &**tensor).collect()
    }

    fn macs(&self, inputs: &[&Shape], _: &Shape) -> u64 {
        let pixels = inputs[0][0].saturating_mul(inputs[0][2]).saturating_mul(inputs[0][3]);
        pixels.saturating_mul(self.weight.data().len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(weight: Tensor) -> ConvTranspose2d {
        ConvTranspose2d {
            weight: Arc::new(weight),
            bias: None,
            stride: [2, 2],
            padding: [1; 4],
            output_padding: [1, 1],
            dilation: [1, 1],
            groups: 1,
        }
    }

    #[test]
    fn output_padding_adds_at_the_end() {
        // torch.nn.functional.conv_transpose2d(arange(1, 5).view(1, 1, 2, 2), arange(1, 10).view(1, 1, 3, 3), stride=2,
        // padding=1, output_padding=1)
        let conv = op(Tensor::from_fn(Shape::new([1, 1, 3, 3]), |at| (1 + 3 * at[2] + at[3]) as f32));
        let x = Tensor::from_fn(Shape::image(1, 1, 2, 2), |at| (1 + 2 * at[2] + at[3]) as f32);
        let shape = conv.shape(&[x.shape()]).expect("fits");
        assert_eq!(shape, Shape::image(1, 1, 4, 4));
        let expected = [
            [5.0, 14.0, 10.0, 12.0],
            [14.0, 36.0, 24.0, 30.0],
            [15.0, 34.0, 20.0, 24.0],
            [24.0, 55.0, 32.0, 36.0],
        ];
        assert_eq!(conv.reference(&[&x], shape).data(), expected.as_flattened());
    }

    #[test]
    fn groups_and_dilation() {
        // conv_transpose2d(arange(1, 5).view(1, 2, 2, 1), arange(1, 9).view(2, 2, 1, 2), stride=(1, 3), dilation=(1, 2),
        // groups=2)
        let conv = ConvTranspose2d {
            stride: [1, 3],
            padding: [0; 4],
            output_padding: [0, 0],
            dilation: [1, 2],
            groups: 2,
            ..op(Tensor::from_fn(Shape::new([2, 2, 1, 2]), |at| (1 + 4 * at[0] + 2 * at[1] + at[3]) as f32))
        };
        let x = Tensor::from_fn(Shape::image(1, 2, 2, 1), |at| (1 + 2 * at[1] + at[2]) as f32);
        let shape = conv.shape(&[x.shape()]).expect("fits");
        assert_eq!(shape, Shape::image(1, 4, 2, 3));
        let expected = [
            [1.0, 0.0, 2.0, 2.0, 0.0, 4.0],
            [3.0, 0.0, 4.0, 6.0, 0.0, 8.0],
            [15.0, 0.0, 18.0, 20.0, 0.0, 24.0],
            [21.0, 0.0, 24.0, 28.0, 0.0, 32.0],
        ];
        assert_eq!(conv.reference(&[&x], shape).data(), expected.as_flattened());
    }

    #[test]
    fn hostile_attributes_are_refused() {
        let x = Shape::image(1, 1, 2, 2);
        let weight = || Tensor::zeros(Shape::new([1, 1, 3, 3]));
        for conv in [
            ConvTranspose2d { stride: [usize::MAX; 2], ..op(weight()) },
            ConvTranspose2d { dilation: [usize::MAX; 2], ..op(weight()) },
            ConvTranspose2d { padding: [usize::MAX; 4], ..op(weight()) },
            ConvTranspose2d { padding: [9; 4], ..op(weight()) },
            ConvTranspose2d { groups: 2, ..op(weight()) },
            ConvTranspose2d { groups: 0, ..op(weight()) },
            ConvTranspose2d { output_padding: [2, 0], ..op(weight()) },
            op(Tensor::zeros(Shape::new([1, 1, 0, 3]))),
        ] {
            assert!(conv.shape(&[&x]).is_err(), "{conv:?}");
        }
    }
}
