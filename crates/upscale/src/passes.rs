//! How the channels of a picture go through a network that has other channels: one run of the network for each pass.

use amplio_media::Channels;
use amplio_media::colour::LUMA;

/// One run of the network: where its input channels come from, and what becomes of its output channels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pass {
    /// For each input channel of the network, the channel of the picture; `None` for a constant 1 (opaque).
    pub(crate) inputs: Vec<Option<usize>>,
    /// For each channel of the picture that this run makes: the channel, and how it follows from the output channels.
    pub(crate) outputs: Vec<(usize, Mix)>,
    /// Whether the pass carries alpha alone, which is often the same everywhere.
    pub(crate) alpha: bool,
}

/// How a channel follows from the network's output channels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mix {
    /// It is this one.
    One(usize),
    /// It is the sum of all, each with its weight.
    Sum(Vec<f32>),
}

impl Pass {
    /// Whether the network's input channels are the `channels` of the picture.
    pub(crate) fn takes_all(&self, channels: usize) -> bool {
        self.inputs.len() == channels && self.inputs.iter().enumerate().all(|(i, input)| *input == Some(i))
    }

    /// Whether the `outputs` channels of the network are the channels of the picture.
    pub(crate) fn is_plain(&self, outputs: usize) -> bool {
        let same = |(i, (channel, mix)): (usize, &(usize, Mix))| i == *channel && *mix == Mix::One(i);
        !self.alpha && self.outputs.len() == outputs && self.outputs.iter().enumerate().all(same)
    }
}

impl Mix {
    /// The channel's sample, for the network's output channels of a pixel.
    pub(crate) fn of(&self, pixel: &[f32]) -> f32 {
        match self {
            Self::One(channel) => pixel[*channel],
            Self::Sum(weights) => weights.iter().zip(pixel).map(|(weight, value)| weight * value).sum(),
        }
    }
}

/// The passes of a picture of these channels through a network of `inputs` to `outputs` channels; `None` if the network's
/// channels are no picture's.
pub(crate) fn passes(picture: Channels, inputs: usize, outputs: usize) -> Option<Vec<Pass>> {
    let (colours, count) = (picture.colours(), picture.count());
    let same = |channels: usize| (0..channels).map(|c| (c, Mix::One(c))).collect();
    // Alpha and grey are shown to a colour network as grey pictures.
    let grey = |channel: usize, mix: Mix, alpha: bool| Pass {
        inputs: (0..inputs).map(|i| (i < 3).then_some(channel)).collect(),
        outputs: vec![(channel, mix)],
        alpha,
    };
    let luma = Mix::Sum(LUMA.to_vec());
    match (inputs, outputs) {
        (1, 1) => Some((0..count).map(|c| grey(c, Mix::One(0), c >= colours)).collect()),
        (4, 4) if count == 4 => {
            Some(vec![Pass { inputs: (0..4).map(Some).collect(), outputs: same(4), alpha: false }])
        }
        (3 | 4, 3 | 4) => {
            let mut passes = Vec::new();
            if colours == 1 {
                passes.push(grey(0, luma.clone(), false));
            } else {
                let inputs = (0..inputs).map(|i| (i < 3).then_some(i)).collect();
                passes.push(Pass { inputs, outputs: same(3), alpha: false });
            }
            if picture.has_alpha() {
                passes.push(grey(count - 1, luma, true));
            }
            Some(passes)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_of_a_picture_is_made_once() {
        for picture in Channels::ALL {
            for (inputs, outputs) in [(1, 1), (3, 3), (4, 4), (4, 3)] {
                let passes = passes(picture, inputs, outputs).expect("a picture's channels");
                let mut made: Vec<usize> =
                    passes.iter().flat_map(|p| p.outputs.iter().map(|(c, _)| *c)).collect();
                made.sort_unstable();
                assert_eq!(made, (0..picture.count()).collect::<Vec<_>>());
                for pass in &passes {
                    assert_eq!(pass.inputs.len(), inputs);
                    for (_, mix) in &pass.outputs {
                        match mix {
                            Mix::One(channel) => assert!(*channel < outputs),
                            Mix::Sum(weights) => assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6),
                        }
                    }
                }
            }
        }
        assert_eq!(passes(Channels::Rgb, 3, 12), None);
    }
}
