use amplio_graph::Value;

use super::{LayerKind, Task};
use crate::Result;

/// The same value under several names.
pub(super) const SPLIT: LayerKind = LayerKind { name: "Split", index: 33, lower: same };
/// What does nothing when a network is used.
pub(super) const DROPOUT: LayerKind = LayerKind { name: "Dropout", index: 9, lower: same };
/// What does nothing.
pub(super) const NOOP: LayerKind = LayerKind { name: "Noop", index: 68, lower: same };
/// The same value elsewhere in memory.
pub(super) const DEEP_COPY: LayerKind = LayerKind { name: "DeepCopy", index: 70, lower: same };

fn same(task: &mut Task<'_, '_>) -> Result<Vec<Value>> {
    let [x] = task.take()?;
    Ok(vec![x; task.layer.tops.len()])
}
