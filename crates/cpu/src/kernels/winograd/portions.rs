//! The input channels in portions that are multiplied one after the other.
//!
//! The weights of a dense block's convolutions alone fill the L2 of most processors. If they pass through it beside the numbers of all
//! channels, they drive these out, and each number is fetched from the L3 twice: to be written, and to be read. The numbers of a portion
//! stay.

use std::ops::Range;

use amplio_graph::Result;
use amplio_graph::plan::Step;

/// The most channels of a portion that stays in the L2.
pub(super) const CHANNELS: usize = 64;

/// Some input channels.
#[derive(Debug, PartialEq)]
pub(super) struct Portion {
    /// The views that hold them.
    pub(super) views: Range<usize>,
    pub(super) channels: Range<usize>,
}

impl Portion {
    /// The input of a step, cut between views: portions of at most so many channels, unless one view has more.
    pub(super) fn of(step: &Step, most: usize) -> Result<Vec<Self>> {
        let channels = step.inputs.iter().map(|view| Ok(view.shape.as_image("conv2d")?.channels));
        Ok(group(&channels.collect::<Result<Vec<_>>>()?, most))
    }
}

/// Groups views of so many channels each.
fn group(views: &[usize], most: usize) -> Vec<Portion> {
    let mut portions: Vec<Portion> = Vec::new();
    let mut first = 0;
    for (v, channels) in views.iter().enumerate() {
        let end = first + channels;
        match portions.last_mut() {
            Some(last) if end - last.channels.start <= most => {
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
        assert_eq!(group(&[180], 64), [portion(0..1, 0..180)]);
        assert_eq!(
            group(&[64, 32, 32, 32], 64),
            [portion(0..1, 0..64), portion(1..3, 64..128), portion(3..4, 128..160)]
        );
        assert_eq!(
            group(&[16, 16, 80, 8], 64),
            [portion(0..2, 0..32), portion(2..3, 32..112), portion(3..4, 112..120)]
        );
        assert_eq!(group(&[64, 32, 80], usize::MAX), [portion(0..3, 0..176)]);
    }
}
