//! Architectures: what network a set of weights is. Each is a file with one constant and an entry in [`ARCHITECTURES`].
//!
//! An architecture recognises its weights by their paths and reads every hyper-parameter from their shapes. The order of
//! the list does not matter: at most one architecture recognises a model.

mod compact;
mod esrgan;
mod span;

use std::sync::Arc;

use amplio_graph::{Graph, Op, Tensor, ops::Conv2d};

use crate::{DType, Error, Result, Weights};

/// A family of networks that differ in sizes.
#[derive(Clone, Copy, Debug)]
pub struct Architecture {
    /// Its name here and in files: lower case, one word.
    pub name: &'static str,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// Where it was published.
    pub paper: &'static str,
    /// Where its authors' implementation is.
    pub repository: &'static str,
    /// Whether these weights are of this family. True for no weights that another architecture's `detect` accepts.
    pub detect: fn(&Weights) -> bool,
    /// The network of these weights.
    pub build: fn(&Weights) -> Result<Built>,
    /// The weights, under their published paths, of a network that is only known as layers; none if the layers cannot be
    /// this family's, several if they do not tell which of its networks they are. What it returns still has to be compared
    /// with the layers.
    pub from_layers: fn(&[Layer<'_>]) -> Vec<Weights>,
}

/// A network that an architecture has built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The network.
    pub graph: Graph,
    /// The hyper-parameters, by name, in the order in which people speak of them.
    pub hyper: Vec<(&'static str, String)>,
}

/// A layer with learned numbers, as [`Architecture::from_layers`] sees it.
#[derive(Clone, Copy, Debug)]
pub enum Layer<'a> {
    /// A convolution.
    Conv(&'a Conv2d),
    /// The slopes of a PReLU.
    Slopes(&'a Arc<Tensor>),
}

/// All architectures.
pub const ARCHITECTURES: &[Architecture] = &[compact::ARCHITECTURE, esrgan::ARCHITECTURE, span::ARCHITECTURE];

/// The largest scale that is believed; what asks for more is something else.
const LARGEST_SCALE: usize = 16;

/// How many of a model's paths a message lists.
const LISTED: usize = 6;

/// The architecture of these weights.
///
/// # Errors
/// If none recognises them, or more than one does.
pub fn detect(weights: &Weights) -> Result<&'static Architecture> {
    only(ARCHITECTURES.iter().filter(|architecture| (architecture.detect)(weights)).collect(), weights)
}

fn only<'a>(found: Vec<&'a Architecture>, weights: &Weights) -> Result<&'a Architecture> {
    match found[..] {
        [one] => Ok(one),
        [] => Err(Error::unsupported(format!(
            "no known architecture ({}) has these {} tensors: {}",
            names(ARCHITECTURES.iter()),
            weights.len(),
            listed(weights)
        ))),
        _ => Err(Error::unsupported(format!(
            "the weights could be of several architectures: {}",
            names(found)
        ))),
    }
}

fn names<'a>(architectures: impl IntoIterator<Item = &'a Architecture>) -> String {
    architectures.into_iter().map(|a| a.name).collect::<Vec<_>>().join(", ")
}

fn listed(weights: &Weights) -> String {
    let some = weights.paths().take(LISTED).collect::<Vec<_>>().join(", ");
    if weights.len() > LISTED { format!("{some}, …") } else { some }
}

/// The layers with learned numbers of a graph, in the order in which they run.
pub(crate) fn layers<'a>(graph: &'a Graph) -> Vec<Layer<'a>> {
    let layer = |op: &'a Op| match op {
        Op::Conv2d(conv) => Some(Layer::Conv(conv)),
        Op::Prelu(prelu) => Some(Layer::Slopes(&prelu.slopes)),
        _ => None,
    };
    graph.nodes().filter_map(|(_, node)| node.op()).filter_map(layer).collect()
}

/// The scale and the output channels of a network whose last convolution, before the channels become pixels, has `channels`
/// outputs. They are not determined by it alone; this is spandrel's choice (`get_scale_and_output_channels`): most networks
/// return the channels they take.
fn scale_and_outputs(channels: usize, inputs: usize) -> Result<(usize, usize)> {
    let scale = |outputs: usize| match outputs {
        0 => None,
        _ if channels == 0 || !channels.is_multiple_of(outputs) => None,
        _ => square_root(channels / outputs).filter(|scale| *scale <= LARGEST_SCALE),
    };
    let found = [inputs, 3, 4, 1].into_iter().find_map(|outputs| Some((scale(outputs)?, outputs)));
    let what = || format!("{channels} channels after the last convolution are no picture of a whole scale");
    found.ok_or_else(|| Error::unsupported(what()))
}

/// The whole number whose square is `n`, if there is one.
fn square_root(n: usize) -> Option<usize> {
    let root = n.isqrt();
    (root * root == n).then_some(root)
}

/// Adds a convolution under its path.
fn insert_conv(weights: &mut Weights, path: &str, conv: &Conv2d) {
    let bias = conv.bias.clone().unwrap_or_else(|| Tensor::vector(vec![0.0; conv.outputs()]).into());
    weights.insert(format!("{path}.weight"), conv.weight.clone(), DType::F32);
    weights.insert(format!("{path}.bias"), bias, DType::F32);
}

#[cfg(test)]
mod tests {
    use super::scale_and_outputs;

    #[test]
    fn scales_are_those_of_spandrel() {
        for (channels, inputs, expected) in
            [(48, 3, (4, 3)), (3, 3, (1, 3)), (27, 3, (3, 3)), (16, 1, (4, 1)), (12, 1, (2, 3))]
        {
            assert_eq!(
                scale_and_outputs(channels, inputs).ok(),
                Some(expected),
                "{channels} channels, {inputs} inputs"
            );
        }
        assert!(scale_and_outputs(7, 3).is_err() && scale_and_outputs(0, 3).is_err());
    }
}
