use amplio_graph::Value;
use amplio_graph::ops::{Coordinates, Filter, Resize, Target};

use super::{LayerKind, Task};
use crate::formats::ncnn::malformed;
use crate::{Error, Result};

/// The picture in another size.
pub(super) const INTERP: LayerKind = LayerKind { name: "Interp", index: 50, lower };

/// The largest factor by which a picture grows or shrinks, and the largest size that it is brought to.
const LARGEST_FACTOR: f32 = 64.0;
const LARGEST_SIZE: usize = 1 << 12;

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let layer = task.layer;
    let filter = match layer.int(0, 0)? {
        1 => Filter::Nearest,
        2 => Filter::Bilinear,
        3 => Filter::BICUBIC,
        other => return Err(Error::unsupported(format!("interpolation {other}; 1, 2 and 3 are"))),
    };
    let factors = [layer.float(1, 1.0)?, layer.float(2, 1.0)?];
    let size = [layer.size(3, 0)?, layer.size(4, 0)?];
    let target = match (task.inputs.len(), size) {
        (1, [0, 0]) if factors.iter().all(|f| (1.0 / LARGEST_FACTOR..=LARGEST_FACTOR).contains(f)) => {
            Target::Scale(factors.map(f64::from))
        }
        (1, [0, 0]) => return Err(Error::unsupported(format!("a picture {factors:?} times as large"))),
        (1, [height, width]) if height > 0 && width > 0 && height.max(width) <= LARGEST_SIZE => {
            Target::Size(size)
        }
        (2, _) => Target::LikeSecond,
        _ => return Err(malformed(format!("the target size {size:?} of {} values", task.inputs.len()))),
    };
    let coordinates = match (filter, layer.flag(6)?) {
        (Filter::Nearest, _) => Coordinates::Asymmetric,
        (_, true) => Coordinates::AlignCorners,
        (_, false) => Coordinates::HalfPixel,
    };
    Ok(vec![task.net.apply(Resize { filter, target, coordinates, antialias: false }, task.inputs)?])
}
