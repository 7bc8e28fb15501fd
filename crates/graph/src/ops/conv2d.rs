use std::sync::Arc;

use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// Two-dimensional convolution (cross-correlation) over a picture, zero outside it.
///
/// Input `[n, groups * i, h, w]`, weight `[o, i, kh, kw]`, result `[n, o, h', w']` with
/// `h' = (h + pad_top + pad_bottom - dilation * (kh - 1) - 1) / stride + 1`.
#[derive(Clone, Debug)]
pub struct Conv2d {
    /// `[output channels, input channels / groups, kernel height, kernel width]`.
    pub weight: Arc<Tensor>,
    /// One number for each output channel.
    pub bias: Option<Arc<Tensor>>,
    /// Step between output pixels, in input pixels: vertical, horizontal.
    pub stride: [usize; 2],
    /// Rows and columns of zeros around the picture: top, left, bottom, right.
    pub padding: [usize; 4],
    /// Distance between the kernel's taps: vertical, horizontal.
    pub dilation: [usize; 2],
    /// Number of groups of channels that do not mix; the channel count for a depthwise convolution.
    pub groups: usize,
}

impl Conv2d {
    /// A convolution with stride 1 that keeps the picture's size (for odd kernels).
    pub fn same(weight: impl Into<Arc<Tensor>>, bias: Option<Arc<Tensor>>) -> Self {
        let weight = weight.into();
        let [top, left] = match weight.shape()[..] {
            [_, _, kh, kw] => [kh / 2, kw / 2],
            _ => [0, 0],
        };
        Self { weight, bias, stride: [1, 1], padding: [top, left, top, left], dilation: [1, 1], groups: 1 }
    }

    /// The kernel's height and width in taps.
    pub fn kernel(&self) -> [usize; 2] {
        [self.weight.shape()[2], self.weight.shape()[3]]
    }

    /// Number of output channels.
    pub fn outputs(&self) -> usize {
        self.weight.shape()[0]
    }

    /// Whether each pixel of the result is one of the input's through the same weights, which mix all channels.
    pub fn is_pointwise(&self) -> bool {
        (self.kernel(), self.stride, self.padding, self.groups) == ([1, 1], [1, 1], [0; 4], 1)
    }

    fn extent(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel()[axis] - 1) + 1
    }
}

impl Primitive for Conv2d {
    const NAME: &'static str = "conv2d";
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
        if w.channels.checked_mul(self.groups) != Some(x.channels) || w.batch % self.groups != 0 {
            return fail(format!(
                "weight {weight} in {} groups does not fit {} channels",
                self.groups, x.channels
            ));
        }
        if let Some(bias) = &self.bias
            && bias.shape().elements() != w.batch
        {
            return fail(format!("bias {} does not fit weight {weight}", bias.shape()));
        }
        let side = |size: usize, axis: usize| {
            let padded = size.checked_add(self.padding[axis])?.checked_add(self.padding[axis + 2])?;
            let extent = self.dilation[axis].checked_mul(self.kernel()[axis] - 1)?.checked_add(1)?;
            Some(padded.checked_sub(extent)? / self.stride[axis] + 1)
        };
        match (side(x.height, 0), side(x.width, 1)) {
            (Some(height), Some(width)) => Ok(Shape::image(x.batch, w.batch, height, width)),
            _ => fail(format!("{} is smaller than the kernel of {weight}", Shape::from(x))),
        }
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let x = inputs[0];
        let [kh, kw] = self.kernel();
        let inputs = self.weight.shape()[1];
        let tap = |at: usize, k: usize, axis: usize| {
            let position = (at * self.stride[axis] + k * self.dilation[axis]).checked_sub(self.padding[axis]);
            position.filter(|&p| p < x.shape()[2 + axis])
        };
        Tensor::from_fn(shape, |at| {
            let first = at[1] / (self.outputs() / self.groups) * inputs;
            let mut sum = self.bias.as_ref().map_or(0.0, |bias| f64::from(bias.data()[at[1]]));
            for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                let (Some(y), Some(x_)) = (tap(at[2], ky, 0), tap(at[3], kx, 1)) else { continue };
                for i in 0..inputs {
                    let weight = self.weight.at(&[at[1], i, ky, kx]);
                    sum += f64::from(weight) * f64::from(x.at(&[at[0], first + i, y, x_]));
                }
            }
            sum as f32
        })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        let reach = [0, 1].map(|axis| {
            let before = self.padding[axis];
            [before, (self.extent(axis) - 1).saturating_sub(before)]
        });
        Spread::window(reach).reduced(self.stride)
    }

    fn learned(&self) -> Vec<&Tensor> {
        [Some(&self.weight), self.bias.as_ref()].into_iter().flatten().map(|tensor| &**tensor).collect()
    }

    fn macs(&self, _: &[&Shape], output: &Shape) -> u64 {
        let positions = output.elements() / self.outputs();
        (positions * self.weight.data().len()) as u64
    }
}
