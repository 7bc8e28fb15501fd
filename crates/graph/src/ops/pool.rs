use super::{Primitive, take};
use crate::receptive::Spread;
use crate::{Error, Result, Shape, Tensor};

/// The largest or the average pixel of each window, channel by channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// What is taken of a window.
    pub kind: PoolKind,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Step between windows: vertical, horizontal.
    pub stride: [usize; 2],
    /// Rows and columns that windows may lie beyond the picture: top, left, bottom, right; fewer than the window has.
    pub padding: [usize; 4],
}

/// What a [`Pool`] takes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The largest pixel.
    Max,
    /// The average pixel.
    Average {
        /// Whether pixels beyond the picture count, as zeros.
        count_padding: bool,
    },
}

impl Primitive for Pool {
    const NAME: &'static str = "pool";
    const TOLERANCE: f32 = 5e-6;

    fn shape(&self, inputs: &[&Shape]) -> Result<Shape> {
        let [x] = take(Self::NAME, inputs)?;
        let x = x.as_image(Self::NAME)?;
        let side = |size: usize, axis: usize| {
            let (kernel, before, after) = (self.kernel[axis], self.padding[axis], self.padding[axis + 2]);
            if size == 0 || self.stride[axis] == 0 || before >= kernel || after >= kernel {
                return None;
            }
            let room = size.checked_add(before)?.checked_add(after)?.checked_sub(kernel)?;
            Some(room / self.stride[axis] + 1)
        };
        match (side(x.height, 0), side(x.width, 1)) {
            (Some(height), Some(width)) => Ok(Shape::image(x.batch, x.channels, height, width)),
            _ => {
                let what = format!("{self:?} does not fit {}", Shape::from(x));
                Err(Error::shape(Self::NAME, what))
            }
        }
    }

    fn reference(&self, inputs: &[&Tensor], shape: Shape) -> Tensor {
        let x = inputs[0];
        let window = |at: usize, axis: usize| {
            let start = at * self.stride[axis];
            (start..start + self.kernel[axis])
                .filter_map(move |place| place.checked_sub(self.padding[axis]))
                .filter(move |&place| place < x.shape()[2 + axis])
        };
        Tensor::from_fn(shape, |at| {
            let pixels: Vec<f32> = window(at[2], 0)
                .flat_map(|row| window(at[3], 1).map(move |column| (row, column)))
                .map(|(row, column)| x.at(&[at[0], at[1], row, column]))
                .collect();
            let sum: f64 = pixels.iter().copied().map(f64::from).sum();
            match self.kind {
                PoolKind::Max => pixels.into_iter().fold(f32::NEG_INFINITY, f32::max),
                PoolKind::Average { count_padding: false } => (sum / pixels.len() as f64) as f32,
                PoolKind::Average { count_padding: true } => {
                    (sum / self.kernel.map(|k| k as f64).iter().product::<f64>()) as f32
                }
            }
        })
    }

    fn spread(&self, _: &[&Shape]) -> Spread {
        let reach = [0, 1].map(|axis| {
            let before = self.padding[axis];
            [before, self.kernel[axis].saturating_sub(1).saturating_sub(before)]
        });
        Spread::window(reach).reduced(self.stride)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_counts_as_zeros_or_not_at_all() {
        let x = Tensor::from_fn(Shape::image(1, 1, 3, 3), |at| (3 * at[2] + at[3]) as f32 - 9.0);
        let pooled = |kind| {
            let op = Pool { kind, kernel: [2, 2], stride: [2, 2], padding: [1, 1, 0, 0] };
            op.reference(&[&x], op.shape(&[x.shape()]).expect("fits")).into_data()
        };
        // -9 -8 -7 / -6 -5 -4 / -3 -2 -1
        assert_eq!(pooled(PoolKind::Max), [-9.0, -7.0, -3.0, -1.0]);
        assert_eq!(pooled(PoolKind::Average { count_padding: false }), [-9.0, -7.5, -4.5, -3.0]);
        assert_eq!(pooled(PoolKind::Average { count_padding: true }), [-2.25, -3.75, -2.25, -3.0]);
    }

    #[test]
    fn windows_without_pixels_are_refused() {
        let x = Shape::image(1, 1, 3, 3);
        let op = Pool { kind: PoolKind::Max, kernel: [2, 2], stride: [1, 1], padding: [0; 4] };
        assert!(op.shape(&[&x]).is_ok());
        for op in [
            Pool { padding: [2, 0, 0, 0], ..op },
            Pool { kernel: [0, 2], ..op },
            Pool { kernel: [4, 4], ..op },
            Pool { stride: [0, 1], ..op },
            Pool { kernel: [usize::MAX; 2], padding: [usize::MAX - 1; 4], ..op },
        ] {
            assert!(op.shape(&[&x]).is_err(), "{op:?}");
        }
    }
}
