//! The input channels in portions that are multiplied one after the other.
//!
//! The weights of a dense block's convolutions alone fill the L2 of most processors. If they pass through it beside the numbers of all
//! channels, they drive these out, and each number is fetched from the L3 twice: to be written, and to be read. The numbers of a portion
//! stay.

use std::ops::Range;

use amplio_graph::Result;
use amplio_graph::plan::Step;

/// The most channels of a portion, unless one view has more.
const CHANNELS: usize = 64;

/// Some input channels.
#[derive(Debug, PartialEq)]
pub(super) struct Portion {
    /// The views that hold them.
    pub(super) views: Range<usize>,
    pub(super) channels: Range<usize>,
}

impl Portion {
    /// The whole input of a step.
    pub(super) fn whole(step: &Step) -> Result<Vec<Self>> {
        let channels = views(step)?;
        Ok(vec![Self { views: 0..channels.len(), channels: 0..channels.iter().sum() }])
    }

    /// The input of a step, cut between views.
    pub(super) fn cut(step: &Step) -> Result<Vec<Self>> {
        Ok(group(&views(step)?))
    }
}

/// The channels of each view of the input of a step.
fn views(step: &Step) -> Result<Vec<usize>> {
    step.inputs.iter().map(|view| Ok(view.shape.as_image("conv2d")?.channels)).collect()
}

fn group(views: &[usize]) -> Vec<Portion> {
    let mut portions: Vec<Portion> = Vec::new();
    let mut first = 0;
    for (v, channels) in views.iter().enumerate() {
        let end = first + channels;
        match portions.last_mut() {
            Some(last) if end - last.channels.start <= CHANNELS => {
                last.views.end = v + 1;
                last.channels.end = end;
            }
            _ => portions.push(Portion { views: v..v + 1, channels: first..end }),
        }
        first = end;
    }
    portions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_stay_whole_and_in_order() {
        let portion = |views, channels| Portion { views, channels };
        assert_eq!(group(&[180]), [portion(0..1, 0..180)]);
        assert_eq!(
            group(&[64, 32, 32, 32]),
            [portion(0..1, 0..64), portion(1..3, 64..128), portion(3..4, 128..160)]
        );
        assert_eq!(
            group(&[16, 16, 80, 8]),
            [portion(0..2, 0..32), portion(2..3, 32..112), portion(3..4, 112..120)]
        );
    }
}
