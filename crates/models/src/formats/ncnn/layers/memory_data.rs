use amplio_graph::{Shape, Tensor};

use super::LayerKind;
use crate::{Error, formats::ncnn::malformed};

/// A constant: a number for each channel, a matrix, or a picture.
pub(super) const MEMORY_DATA: LayerKind = LayerKind {
    name: "MemoryData",
    index: 19,
    lower: |task| {
        task.take::<0>()?;
        let layer = task.layer;
        let [width, height, channels] = [layer.size(0, 0)?, layer.size(1, 0)?, layer.size(2, 0)?];
        let shape = match [width, height, channels, layer.size(11, 0)?] {
            [0, ..] => return Err(malformed("a constant without elements")),
            [width, 0, 0, 0] => Shape::image(1, width, 1, 1),
            [width, height, 0, 0] => Shape::new([1, height, width]),
            [width, height, channels, 0] if height > 0 && channels > 0 => {
                Shape::image(1, channels, height, width)
            }
            other => return Err(Error::unsupported(format!("a constant of the shape {other:?}"))),
        };
        let count = shape.elements();
        let values =
            if layer.int(21, 1)? == 0 { task.numbers.flagged(count)? } else { task.numbers.plain(count)? };
        Ok(vec![task.net.constant(Tensor::new(shape, values)?)])
    },
};
