use amplio_graph::ops::{Gather, PixelUnshuffle};

use super::LayerKind;
use super::pixel_shuffle::LARGEST_BLOCK;
use crate::formats::ncnn::malformed;

/// Pixels to channels. Mode 0: those of one block are neighbours. Mode 1: those of one colour are.
pub(super) const REORG: LayerKind = LayerKind {
    name: "Reorg",
    index: 55,
    lower: |task| {
        let [x] = task.take()?;
        let r = task.layer.size(0, 1)?;
        if r == 0 || r > LARGEST_BLOCK {
            return Err(malformed(format!("blocks of {r} by {r}")));
        }
        let mut y = task.net.apply(PixelUnshuffle { r }, &[x])?;
        if task.layer.flag(1)? && r > 1 {
            let colours = task.net.channels(x);
            let indices = (0..colours * r * r).map(|at| at % colours * r * r + at / colours).collect();
            y = task.net.apply(Gather { axis: 1, indices }, &[y])?;
        }
        Ok(vec![y])
    },
};
