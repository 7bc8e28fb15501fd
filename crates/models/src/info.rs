use amplio_graph::receptive::{self, Ratio};
use amplio_graph::{Builder, Graph, Shape};

use crate::{DType, Error, Result};

/// What is known about a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// Its name: that of its file without the ending.
    pub name: String,
    /// The format of its file.
    pub format: &'static str,
    /// The architecture whose weights the file holds; `None` if the file holds the network itself.
    pub architecture: Option<&'static str>,
    /// The architecture's hyper-parameters, by name.
    pub hyper: Vec<(&'static str, String)>,
    /// How many times larger the picture becomes in both directions.
    pub scale: usize,
    /// Channels of the picture that it takes.
    pub input_channels: usize,
    /// Channels of the picture that it returns.
    pub output_channels: usize,
    /// Height and width of what it takes must be multiples of this.
    pub size_multiple: usize,
    /// Height and width of what it takes must be at least this.
    pub minimum_size: usize,
    /// How many pixels of the input away from its own place a pixel of the output sees at most; `None` if it sees all.
    pub radius: Option<usize>,
    /// Multiply-accumulates for each pixel of the input.
    pub macs_per_pixel: f64,
    /// Number of learned numbers.
    pub parameters: usize,
    /// How most of them are stored in the file.
    pub dtype: DType,
    /// The licence, if the file names it.
    pub licence: Option<String>,
    /// Where the model comes from, if the file says so.
    pub source: Option<String>,
}

/// What a graph says about itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measures {
    pub(crate) scale: usize,
    pub(crate) output_channels: usize,
    pub(crate) size_multiple: usize,
    pub(crate) minimum_size: usize,
    pub(crate) radius: Option<usize>,
    pub(crate) macs_per_pixel: f64,
    pub(crate) parameters: usize,
}

impl Measures {
    /// Measures a graph whose pictures must have multiples of `multiple` rows and columns, and of what the graph itself
    /// asks for.
    ///
    /// # Errors
    /// If the graph does not make pictures larger by a whole number.
    pub(crate) fn of(graph: &Graph, multiple: usize) -> Result<Self> {
        let picture = |side| Shape::image(1, graph.input_channels(), side, side);
        let footprint = receptive::footprint(graph, &picture(Builder::PROBE))?;
        let (scale, output_channels) = enlargement(graph)?;
        let [vertical, horizontal] = footprint.multiple;
        let both = Ratio::new(vertical, horizontal).up * horizontal;
        let size_multiple = Ratio::new(both, multiple).up * multiple;
        let mut sizes = (size_multiple..Builder::PROBE).step_by(size_multiple).take(Self::MOST_TRIED);
        let minimum_size = sizes.find(|side| graph.shapes(&picture(*side)).is_ok()).unwrap_or(Builder::PROBE);
        let side = minimum_size.max(Self::TYPICAL_SIDE).next_multiple_of(size_multiple);
        Ok(Self {
            scale,
            output_channels,
            size_multiple,
            minimum_size,
            radius: footprint.radius(),
            macs_per_pixel: graph.macs(&picture(side))? as f64 / (side * side) as f64,
            parameters: parameters(graph),
        })
    }

    /// How many sizes are tried in search of the smallest; networks that enlarge by a whole number take small ones.
    const MOST_TRIED: usize = 256;
    /// The side of the picture for which the work is counted.
    const TYPICAL_SIDE: usize = 256;
}

/// The scale and the output's channels. The output's sizes say them, and not the footprint, which knows no scale behind
/// an operation that sees the whole picture. A second size tells a scale from a size that is always the same.
fn enlargement(graph: &Graph) -> Result<(usize, usize)> {
    let output = |side| {
        let shapes = graph.shapes(&Shape::image(1, graph.input_channels(), side, side));
        shapes.and_then(|mut shapes| shapes.swap_remove(graph.output().index()).as_image("output"))
    };
    let (large, small) = (output(Builder::PROBE)?, output(Builder::PROBE / 2).ok());
    let scale = large.height / Builder::PROBE;
    let fits = |side: usize, height: usize, width: usize| height == side * scale && width == side * scale;
    let both = fits(Builder::PROBE, large.height, large.width)
        && small.is_none_or(|small| fits(Builder::PROBE / 2, small.height, small.width));
    if small.is_some_and(|small| (small.height, small.width) == (large.height, large.width)) {
        return Err(Error::unsupported(format!(
            "a network whose result always has {1}x{0} pixels, as it was made for pictures of one size only; \
             export it with dynamic height and width",
            large.height, large.width
        )));
    }
    if scale == 0 || !both {
        return Err(Error::unsupported(format!(
            "a network that makes {0}x{0} pixels into {1}x{2}: a whole number of times as many in both directions is",
            Builder::PROBE,
            large.height,
            large.width
        )));
    }
    Ok((scale, large.channels))
}

fn parameters(graph: &Graph) -> usize {
    let learned = graph.nodes().map(|(_, node)| match (node.op(), node.constant()) {
        (Some(op), _) => op.parameters(),
        // Single numbers belong to the architecture: the scale of a residual, the factor of a mean.
        (None, Some(constant)) if constant.data().len() > 1 => constant.data().len(),
        _ => 0,
    });
    learned.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use amplio_graph::ops::{Coordinates, Filter, Resize, Target};

    #[test]
    fn a_result_of_one_size_says_what_to_do() {
        let mut net = Builder::new(3);
        let target = Target::Size([48, 32]);
        let (filter, coordinates) = (Filter::Nearest, Coordinates::Asymmetric);
        let x = net.input();
        let x = net.apply(Resize { filter, target, coordinates, antialias: false }, &[x]);
        let graph = net.finish(x).expect("a network");
        let error = Measures::of(&graph, 1).expect_err("one size").to_string();
        assert!(error.contains("always has 32x48 pixels") && error.contains("dynamic height"), "{error}");
    }
}
