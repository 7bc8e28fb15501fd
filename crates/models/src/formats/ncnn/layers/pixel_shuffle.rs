use amplio_graph::ops::{Gather, PixelShuffle};

use super::LayerKind;
use crate::formats::ncnn::malformed;

/// The largest side of a block.
pub(super) const LARGEST_BLOCK: usize = 64;

/// Channels to pixels. Mode 0: those of one block are neighbours. Mode 1: those of one colour are.
pub(super) const PIXEL_SHUFFLE: LayerKind = LayerKind {
    name: "PixelShuffle",
    index: 69,
    lower: |task| {
        let [mut x] = task.take()?;
        let r = task.layer.size(0, 1)?;
        let channels = task.net.channels(x);
        if r == 0 || r > LARGEST_BLOCK || channels % (r * r) != 0 {
            return Err(malformed(format!("{channels} channels are not blocks of {r} by {r}")));
        }
        if task.layer.flag(1)? && r > 1 {
            let colours = channels / (r * r);
            let indices = (0..channels).map(|at| at % (r * r) * colours + at / (r * r)).collect();
            x = task.net.apply(Gather { axis: 1, indices }, &[x])?;
        }
        Ok(vec![task.net.apply(PixelShuffle { r }, &[x])?])
    },
};
