//! Architectures: what network a set of weights is. Each is a file with one constant and an entry in [`ARCHITECTURES`].
//!
//! An architecture recognises its weights by their paths and reads every hyper-parameter from their shapes. The order of
//! the list does not matter: at most one architecture recognises a model.

mod compact;
mod cugan;
mod dctlsa;
mod dncnn;
mod drunet;
mod dysample;
mod esrgan;
mod fbcnn;
mod gated;
mod layers;
mod mm_realsr;
mod moesr;
mod mosr;
mod nafnet;
mod plksr;
mod rcan;
mod safmn;
mod seemore;
mod span;
mod swift_srgan;

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
    /// with the layers. `None` if layers do not tell this family's weights.
    pub from_layers: Option<FromLayers>,
}

/// Tells weights from layers; see [`Architecture::from_layers`].
pub type FromLayers = fn(&[Layer<'_>]) -> Vec<Weights>;

/// A network that an architecture has built.
#[derive(Clone, Debug)]
pub struct Built {
    /// The network.
    pub graph: Graph,
    /// The hyper-parameters, by name, in the order in which people speak of them.
    pub hyper: Vec<(&'static str, String)>,
    /// Height and width of pictures must be multiples of this, for a reason that the graph does not tell (windows of a fixed
    /// size); 1 if there is none.
    pub multiple: usize,
}

impl Built {
    /// A network that asks for no other sizes than its graph does.
    pub fn new(graph: Graph, hyper: Vec<(&'static str, String)>) -> Self {
        Self { graph, hyper, multiple: 1 }
    }
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
pub const ARCHITECTURES: &[Architecture] = &[
    compact::ARCHITECTURE,
    cugan::ARCHITECTURE,
    dctlsa::ARCHITECTURE,
    dncnn::ARCHITECTURE,
    drunet::ARCHITECTURE,
    esrgan::ARCHITECTURE,
    fbcnn::ARCHITECTURE,
    mm_realsr::ARCHITECTURE,
    moesr::ARCHITECTURE,
    mosr::ARCHITECTURE,
    nafnet::ARCHITECTURE,
    plksr::ARCHITECTURE,
    rcan::ARCHITECTURE,
    safmn::ARCHITECTURE,
    seemore::ARCHITECTURE,
    span::ARCHITECTURE,
    swift_srgan::ARCHITECTURE,
];

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
        [] if weights.is_empty() => Err(Error::unsupported(
            "a file without tensors of f16, bf16, f32 or f64; those of quantised networks are whole numbers",
        )),
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

/// Paths from all over the network.
fn listed(weights: &Weights) -> String {
    let step = weights.len().div_ceil(LISTED).max(1);
    let some = weights.paths().step_by(step).collect::<Vec<_>>().join(", ");
    if step > 1 { format!("{some}, …") } else { some }
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
