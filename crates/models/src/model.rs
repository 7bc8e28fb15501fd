use std::borrow::Cow;
use std::path::Path;

use amplio_graph::{Graph, Shape, Tensor, passes, reference};

use crate::archs::{self, ARCHITECTURES, Architecture, Built};
use crate::formats::packed::Packed;
use crate::formats::{self, Contents, FORMATS, Format, Input, Mistaken};
use crate::info::Measures;
use crate::unwrap::unwrapped;
use crate::{Error, Limits, ModelInfo, Result, Weights, builtin};

/// A network that makes pictures larger, with what is known about it.
#[derive(Clone, Debug)]
pub struct Model {
    graph: Graph,
    /// The network before folding, if it fills pictures up in its own way.
    filling: Option<Graph>,
    info: ModelInfo,
    origin: Origin,
}

/// What the model was made of.
#[derive(Clone, Debug)]
enum Origin {
    Weights(Weights),
    /// The network as its file has it, before folding.
    Layers(Graph),
    /// It was given up.
    Forgotten,
}

/// The most numbers that a network may hold at once to be compared with another.
const MOST_COMPARED: usize = 1 << 28;

/// How far, relative to the largest value, two networks' answers may lie apart that are the same network.
const SAME: f32 = 1e-4;

impl Model {
    /// The built-in model of this name or alias; see [`builtin`].
    ///
    /// # Errors
    /// If there is none.
    pub fn builtin(name: &str) -> Result<Self> {
        builtin::find(name)?.load()
    }

    /// The model of a file.
    ///
    /// # Errors
    /// If the file cannot be read, is unsound or larger than the default [`Limits`], or holds no known network. Errors name
    /// the file.
    pub fn load(path: &Path) -> Result<Self> {
        Self::load_within(path, &Limits::default())
    }

    /// The model of a file that is no larger than `limits`.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load_within(path: &Path, limits: &Limits) -> Result<Self> {
        let bytes = limits.read_file(path)?;
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("model");
        let input = Input { bytes: &bytes, path: Some(path), limits };
        let name =
            [".param", ".safetensors.index"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        Self::read(name, &input).map_err(|error| error.in_file(path))
    }

    /// The model of a file's contents. Formats that lie in several files (NCNN) cannot be read so; see
    /// [`Model::from_ncnn`].
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self> {
        Self::read(name, &Input { bytes, path: None, limits: &Limits::default() })
    }

    /// The model of the contents of an NCNN model's two files.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn from_ncnn(name: &str, param: &[u8], bin: &[u8], limits: &Limits) -> Result<Self> {
        let (graph, dtype) = formats::ncnn::read(param, bin, limits)?;
        Self::new(name, formats::ncnn::FORMAT.name, Contents::Graph { graph, dtype, multiple: 1 })
    }

    fn read(name: &str, input: &Input<'_>) -> Result<Self> {
        input.limits.check_bytes(input.bytes.len())?;
        match Packed::of(input.bytes, input.limits)? {
            Some(packed) => Self::read_packed(name, &packed, input.limits),
            None => Self::read_as(detected(input.bytes, input.path)?, name, input),
        }
    }

    fn read_packed(name: &str, packed: &Packed<'_>, limits: &Limits) -> Result<Self> {
        let bytes = packed.model(limits)?;
        let model = match packed.numbers(limits)? {
            Some(numbers) => Self::from_ncnn(name, &bytes, &numbers, limits),
            None => detected(&bytes, Some(packed.name())).and_then(|format| {
                let input = Input { bytes: &bytes, path: None, limits };
                Self::read_as(format, name, &input)
            }),
        };
        model.map_err(|error| error.within(packed.place()))
    }

    fn read_as(format: &Format, name: &str, input: &Input<'_>) -> Result<Self> {
        Self::new(name, format.name, (format.read)(input)?)
    }

    pub(crate) fn new(name: &str, format: &'static str, contents: Contents) -> Result<Self> {
        let (architecture, built, dtype, origin) = match contents {
            Contents::Weights(weights) => {
                let weights = unwrapped(weights);
                let architecture = archs::detect(&weights)?;
                let built =
                    (architecture.build)(&weights).map_err(|error| error.within(architecture.name))?;
                (Some(architecture.name), built, weights.dtype(), Origin::Weights(weights))
            }
            Contents::Graph { graph, dtype, multiple } => {
                let origin = Origin::Layers(graph.clone());
                (None, Built { multiple, ..Built::new(graph, Vec::new()) }, dtype, origin)
            }
        };
        let measures = Measures::of(&built.graph, built.multiple)?;
        let said = |keys: &[&str]| match &origin {
            Origin::Weights(weights) => keys.iter().find_map(|key| weights.metadata().get(*key).cloned()),
            Origin::Layers(_) | Origin::Forgotten => None,
        };
        let info = ModelInfo {
            name: name.to_owned(),
            format,
            architecture,
            hyper: built.hyper,
            scale: measures.scale,
            input_channels: built.graph.input_channels(),
            output_channels: measures.output_channels,
            size_multiple: measures.size_multiple,
            minimum_size: measures.minimum_size,
            radius: measures.radius,
            macs_per_pixel: measures.macs_per_pixel,
            parameters: measures.parameters,
            dtype,
            licence: said(&["license", "licence"]),
            source: said(&["source"]),
        };
        let filling = (info.size_multiple > 1 && passes::fills(&built.graph)).then(|| built.graph.clone());
        Ok(Self { graph: passes::fold(&built.graph), filling, info, origin })
    }

    /// The network, folded.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// How long a side must be made, by mirroring the picture, before the network is given it. A network that fills pictures up
    /// in its own way is given them as they are, unless they are very small; see [`Model::graph_for`].
    pub fn side(&self, side: usize) -> usize {
        let ModelInfo { size_multiple, minimum_size, .. } = self.info;
        if self.filling.is_some() && side >= minimum_size.saturating_add(size_multiple) {
            return side;
        }
        side.max(minimum_size).next_multiple_of(size_multiple)
    }

    /// The network for pictures of this height and width. Where they are no multiples of [`ModelInfo::size_multiple`], it fills
    /// them up in its own way, or mirrors them at their last row and column.
    pub fn graph_for(&self, size: [usize; 2]) -> Cow<'_, Graph> {
        let missing = size.map(|side| side.next_multiple_of(self.info.size_multiple) - side);
        if missing == [0; 2] {
            return Cow::Borrowed(&self.graph);
        }
        let graph = self.filling.as_ref().unwrap_or(&self.graph);
        Cow::Owned(passes::fold(&passes::filled(graph, missing, self.info.scale)))
    }

    /// What is known about the model.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The same model without what only [`Model::weights`] needs: what folding has changed is then in memory once.
    #[must_use]
    pub fn without_weights(self) -> Self {
        Self { origin: Origin::Forgotten, ..self }
    }

    /// The weights under the paths of their architecture. A model that was made of layers is compared with what every
    /// architecture would make of its numbers: both must answer the same.
    ///
    /// # Errors
    /// If the model was made of layers, and no architecture is the same network; after [`Model::without_weights`].
    pub fn weights(&self) -> Result<Cow<'_, Weights>> {
        Ok(self.recognise()?.1)
    }

    /// The architecture, and the weights under its paths; see [`Model::weights`].
    ///
    /// # Errors
    /// As [`Model::weights`].
    pub fn recognise(&self) -> Result<(&'static Architecture, Cow<'_, Weights>)> {
        let graph = match &self.origin {
            Origin::Weights(weights) => return Ok((archs::detect(weights)?, Cow::Borrowed(weights))),
            Origin::Layers(graph) => graph,
            Origin::Forgotten => {
                let what = format!("the weights of {}, which were given up", self.info.name);
                return Err(Error::unsupported(what));
            }
        };
        let layers = archs::layers(graph);
        let told = ARCHITECTURES.iter().filter_map(|arch| Some((arch, arch.from_layers?)));
        let candidates =
            told.clone().flat_map(|(arch, of)| of(&layers).into_iter().map(move |weights| (arch, weights)));
        for (architecture, weights) in candidates {
            if let Ok(built) = (architecture.build)(&weights)
                && self.answers_as(&built.graph)?
            {
                return Ok((architecture, Cow::Owned(weights)));
            }
        }
        let told: Vec<_> = told.map(|(architecture, _)| architecture.name).collect();
        let what = format!(
            "the layers of {} as weights: they are no {} network, and layers do not tell the weights of others",
            self.info.name,
            told.join(" or ")
        );
        Err(Error::unsupported(what))
    }

    /// Whether another network answers the same for a small picture of noise.
    fn answers_as(&self, other: &Graph) -> Result<bool> {
        let side = self.info.minimum_size.max(2).next_multiple_of(self.info.size_multiple);
        let picture = Shape::image(1, self.info.input_channels, side, side);
        let small = |graph: &Graph| {
            let shapes = graph.shapes(&picture).ok();
            shapes.is_some_and(|all| {
                all.iter().fold(0, |sum: usize, s| sum.saturating_add(s.elements())) < MOST_COMPARED
            })
        };
        if !small(&self.graph) || !small(other) {
            return Ok(false);
        }
        let mut state = 1_u32;
        let picture = Tensor::from_fn(picture, |_| {
            // Numerical Recipes' generator: any noise will do.
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        });
        let [ours, theirs] = [reference::run(&self.graph, &picture)?, reference::run(other, &picture)?];
        let largest = ours.data().iter().fold(0.0, |m: f32, v| m.max(v.abs()));
        let close = |(a, b): (&f32, &f32)| (a - b).abs() <= SAME * largest;
        Ok(ours.shape() == theirs.shape() && ours.data().iter().zip(theirs.data()).all(close))
    }
}

/// The format of a file.
fn detected(bytes: &[u8], path: Option<&Path>) -> Result<&'static Format> {
    let found = formats::detect(bytes, path);
    if found.is_none_or(|format| !(format.probe)(bytes))
        && let Some(mistaken) = Mistaken::of(bytes)
    {
        return Err(Error::unsupported(mistaken.explained()));
    }
    found.ok_or_else(|| {
        let known: Vec<_> =
            FORMATS.iter().map(|f| format!("{} (.{})", f.name, f.extensions.join(", ."))).collect();
        Error::unsupported(format!("this format of model files; known are {}", known.join(", ")))
    })
}
