use amplio_graph::Tensor;
use amplio_graph::ops::{Binary, BinaryFn, Prelu, Unary};

use super::{Item, Operator, Task};
use crate::Result;

/// Leaky ReLU with learned slopes.
pub(super) const PRELU: Operator = Operator::new("PRelu", lower);

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let (x, slopes) = (task.item(0)?.clone(), task.item(1)?.clone());
    let rank = task.net.rank(&x);
    if let Some(tensor) = task.net.tensor(&slopes) {
        // One slope for each channel: ones follow, and nothing but perhaps a one precedes.
        let dims = tensor.shape();
        let after = rank.saturating_sub(2);
        let per_channel = rank >= 2
            && tensor.data().len() == task.net.dims(&x)[0][1]
            && dims.rank() > after
            && dims[dims.rank() - after..].iter().all(|&size| size == 1)
            && dims.rank() <= rank;
        if per_channel || (rank >= 2 && tensor.data().len() == 1) {
            let slopes = Tensor::vector(tensor.data().to_vec()).into();
            return Ok(vec![task.apply(Prelu { slopes }, &[x])?]);
        }
    }
    let positive = task.apply(Unary::Relu, std::slice::from_ref(&x))?;
    let negative = task.apply(Binary { function: BinaryFn::Min }, &[x, Tensor::scalar(0.0).into()])?;
    let negative = task.apply(Binary { function: BinaryFn::Mul }, &[negative, slopes])?;
    Ok(vec![task.apply(Binary { function: BinaryFn::Add }, &[positive, negative])?])
}
