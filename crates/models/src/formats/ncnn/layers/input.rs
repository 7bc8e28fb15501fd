use super::LayerKind;

/// The picture.
pub(super) const INPUT: LayerKind = LayerKind {
    name: "Input",
    index: 16,
    lower: |task| {
        task.take::<0>()?;
        Ok(vec![task.picture])
    },
};
