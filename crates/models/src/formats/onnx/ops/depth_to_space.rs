//! Channels to pixels, and back.

use amplio_graph::ops::{PixelShuffle, PixelUnshuffle, Transpose};

use super::{Item, Operator, Task};
use crate::formats::onnx::malformed;
use crate::{Error, Result};

pub(super) const DEPTH_TO_SPACE: Operator = Operator::new("DepthToSpace", |task| {
    let r = block(task)?;
    let x = task.item(0)?.clone();
    let x = match task.node.word("mode", "DCR")? {
        "CRD" => x,
        "DCR" => reordered(task, x, r, true)?,
        other => return Err(malformed(format!("the mode {other:?}"))),
    };
    Ok(vec![task.apply(PixelShuffle { r }, &[x])?])
});

/// Which blocks it makes of channels is not said otherwise than in ONNX: the place in the block comes first.
pub(super) const SPACE_TO_DEPTH: Operator = Operator::new("SpaceToDepth", |task| {
    let r = block(task)?;
    let x = task.item(0)?.clone();
    let x = task.apply(PixelUnshuffle { r }, &[x])?;
    Ok(vec![reordered(task, x, r, false)?])
});

fn block(task: &Task<'_, '_>) -> Result<usize> {
    let r = task.node.int("blocksize", 0)?;
    usize::try_from(r)
        .ok()
        .filter(|r| (1..=1 << 10).contains(r))
        .ok_or_else(|| malformed(format!("blocks of {r} pixels")))
}

/// The channels in another order: from `r * r` groups to groups of `r * r`, or back.
fn reordered(task: &mut Task<'_, '_>, x: Item, r: usize, grouped: bool) -> Result<Item> {
    let dims = task.net.dims(&x);
    let &[_, channels, ..] = &dims[0][..] else {
        return Err(Error::unsupported("blocks of values that are no pictures"));
    };
    let colours = channels / (r * r);
    if colours * r * r != channels || dims.iter().any(|d| d.len() != 4 || d[1] != channels) {
        return Err(malformed(format!("{channels} channels are not blocks of {r} by {r} pixels")));
    }
    if colours == 1 || r == 1 {
        return Ok(x);
    }
    let pair = if grouped { [r * r, colours] } else { [colours, r * r] };
    let cut = std::array::from_fn(|i| vec![dims[i][0], pair[0], pair[1], dims[i][2], dims[i][3]]);
    let x = task.net.reshape(&x, &cut)?;
    let x = task.apply(Transpose { axes: vec![0, 2, 1, 3, 4] }, &[x])?;
    task.net.reshape(&x, &dims)
}
