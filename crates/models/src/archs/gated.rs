//! Gated convolutions, the blocks of MoSR and MoESR: half of the channels weigh the others, the last of which are mixed with
//! their neighbours.
//!
//! Paper: Yu, Wang: MambaOut, 2024, <https://arxiv.org/abs/2405.07992>.

use amplio_graph::ops::Unary;
use amplio_graph::{Builder, Value};

use super::layers::{channels, conv, depthwise, layer_norm, side};
use crate::weights::Scope;
use crate::{Error, Result};

const EPSILON: f32 = 1e-6;

/// A block without the way around it. Each of the `kernels` mixes as many channels as it has weights for, one kernel after the
/// other up to the last channel.
pub(super) fn gated(
    net: &mut Builder,
    weights: &Scope<'_>,
    kernels: &[Scope<'_>],
    x: Value,
) -> Result<Value> {
    let hidden = side(&weights.scope("fc2"), 1)?;
    let sizes = kernels.iter().map(|kernel| side(kernel, 0)).collect::<Result<Vec<_>>>()?;
    let mixed = sizes.iter().fold(0, |sum: usize, size| sum.saturating_add(*size));
    let own = hidden.checked_sub(mixed).ok_or_else(|| {
        Error::unsupported(format!("{}: {mixed} of {hidden} channels are mixed", weights.path()))
    })?;
    let y = layer_norm(net, &weights.scope("norm"), EPSILON, x)?;
    let y = conv(net, &weights.scope("fc1"), y)?;
    let gate = channels(net, [0, hidden], y);
    let gate = net.unary(Unary::Mish, gate);
    let mut parts = Vec::new();
    let mut start = hidden;
    if own > 0 {
        parts.push(channels(net, [start, start + own], y));
        start += own;
    }
    for (kernel, size) in kernels.iter().zip(sizes) {
        let seen = channels(net, [start, start + size], y);
        parts.push(depthwise(net, kernel, seen)?);
        start += size;
    }
    let all = if let [one] = parts[..] { one } else { net.concat(&parts) };
    let y = net.mul(gate, all);
    let y = conv(net, &weights.scope("fc2"), y)?;
    Ok(net.unary(Unary::Mish, y))
}
