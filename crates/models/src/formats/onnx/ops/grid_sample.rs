use amplio_graph::ops::{Filter, GridPadding, GridSample};

use super::{Item, Operator, Task};
use crate::Result;
use crate::formats::onnx::malformed;

/// A picture sampled at computed places.
pub(super) const GRID_SAMPLE: Operator = Operator::new("GridSample", lower);

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let filter = match task.node.word("mode", "bilinear")? {
        "bilinear" | "linear" => Filter::Bilinear,
        "nearest" => Filter::Nearest,
        "bicubic" | "cubic" => Filter::BICUBIC,
        other => return Err(malformed(format!("the mode {other:?}"))),
    };
    let padding = match task.node.word("padding_mode", "zeros")? {
        "zeros" => GridPadding::Zeros,
        "border" => GridPadding::Border,
        "reflection" => GridPadding::Reflection,
        other => return Err(malformed(format!("the padding {other:?}"))),
    };
    let align_corners = task.node.int("align_corners", 0)? != 0;
    let inputs = [task.item(0)?.clone(), task.item(1)?.clone()];
    Ok(vec![task.apply(GridSample { filter, padding, align_corners }, &inputs)?])
}
