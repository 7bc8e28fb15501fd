//! `amplio INPUT…`: makes pictures larger.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use amplio::media::Depth;
use amplio::media::animations::{Delay, Dither};
use amplio::media::videos::Container;
use amplio::{Choice, Encoding, Fit, Request, Size, Target, TileSize, Tiling, Upscaler, Writing};
use anyhow::Result;
use clap::ValueEnum;

use crate::batch::Batch;
use crate::denoise::DenoiseArgs;
use crate::destination::{self, Claims, Destination, IfExists};
use crate::engine::{DeviceArgs, ModelArgs};
use crate::formats;
use crate::inputs::{self, Except};
use crate::memory::Memory;
use crate::naming::Template;
use crate::outcome::{Failure, Outcome};
use crate::report::Report;
use crate::video::VideoArgs;
use crate::{quantity, stop, terminal};

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Pictures, animations, videos, archives such as book.cbz, folders of them, quoted patterns such as 'scans/*.png', numbered files such as
    /// frame%05d.png, or - for standard input.
    #[arg(value_name = "INPUT", required = true)]
    pub(crate) inputs: Vec<PathBuf>,

    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    denoise: DenoiseArgs,

    /// How many times wider and higher the result is; the model's own scale if no size is given.
    #[arg(short, long, value_name = "S", value_parser = quantity::scale, group = "extent", help_heading = "Size")]
    scale: Option<f64>,
    /// The size in pixels: a width 3840x, a height x2160, or both 1920x1080.
    #[arg(long, value_name = "SIZE", value_parser = quantity::size, group = "extent", help_heading = "Size")]
    size: Option<Size>,
    /// What happens if --size has another shape than the picture: fit inside, cover and crop, or stretch.
    #[arg(long, value_enum, requires = "size", help_heading = "Size")]
    fit: Option<FitArg>,
    /// The longer side in pixels.
    #[arg(long, value_name = "N", value_parser = quantity::side, group = "extent", help_heading = "Size")]
    long_side: Option<u32>,
    /// The shorter side in pixels.
    #[arg(long, value_name = "N", value_parser = quantity::side, group = "extent", help_heading = "Size")]
    short_side: Option<u32>,
    /// The most pixels that the result may have, such as 50M or 8MP.
    #[arg(long, value_name = "N", value_parser = quantity::pixels, help_heading = "Size")]
    max_pixels: Option<u64>,

    /// The file or the folder for the results, numbered files such as out/frame%05d.png, or - for standard output; beside the input if
    /// not given.
    #[arg(short, long, value_name = "FILE|DIR", help_heading = "Output")]
    output: Option<PathBuf>,
    /// The names of results, of {stem}, {scale}, {ext}, {model}, {width} and {height}.
    #[arg(long, value_name = "TEMPLATE", default_value = "{stem}_{scale}x.{ext}", help_heading = "Output")]
    name: Template,
    /// What happens if the file is there already [default: fail for one picture, skip for several].
    #[arg(
        long,
        value_enum,
        value_name = "ACTION",
        hide_possible_values = true,
        help_heading = "Output",
        help = "What happens to a file that is there already: skip, overwrite, rename or fail [default: fail for one \
                picture, skip for several]"
    )]
    if_exists: Option<IfExists>,
    /// The format of results: png, jpeg, webp, gif, tiff, avif, bmp, ppm, qoi or same [default: same, or png (tiff for
    /// floats) where the input's cannot hold the result]. png, webp and gif also hold animations.
    #[arg(short, long, value_name = "FORMAT", value_parser = Choice::from_str, help_heading = "Output")]
    format: Option<Choice>,
    /// The fidelity of jpeg, webp and avif, 1 to 100 [default: 90].
    #[arg(short, long, value_name = "Q", value_parser = clap::value_parser!(u8).range(1..=100), help_heading = "Output")]
    quality: Option<u8>,
    /// The bits of a sample: the input's, 8 or 16.
    #[arg(long, value_enum, default_value_t = DepthArg::Auto, help_heading = "Output")]
    depth: DepthArg,
    /// How gif makes the colours between those of its palettes.
    #[arg(long, value_enum, default_value_t = DitherArg::Diffusion, help_heading = "Output")]
    dither: DitherArg,
    /// The first number of numbered files that are read; the first one that is written for the frames of an animation or a video [default: 1].
    #[arg(long, value_name = "N", help_heading = "Output")]
    start_number: Option<u64>,
    /// Frames per second, such as 24 or 30000/1001, of an animation or a video that is made of numbered files [default: 25].
    #[arg(long, value_name = "N", value_parser = quantity::rate, help_heading = "Output")]
    fps: Option<Delay>,
    /// Whether results keep EXIF, XMP and the like; colour profiles are always kept where the format has them.
    #[arg(long, value_enum, default_value_t = MetadataArg::Keep, help_heading = "Output")]
    metadata: MetadataArg,

    #[command(flatten)]
    video: VideoArgs,

    #[command(flatten)]
    device: DeviceArgs,
    /// The side of the tiles in which pictures are made: auto, off or a number of pixels.
    #[arg(long, value_name = "N", value_parser = quantity::tile, default_value = "auto", help_heading = "Engine")]
    tile: TileSize,
    /// How many pixels tiles overlap on each side; from how far the network sees if not given.
    #[arg(long, value_name = "N", help_heading = "Engine")]
    overlap: Option<u16>,
    /// The memory that a tile may take, such as 2G [default: an eighth of what is free, at most 704M].
    #[arg(long, value_name = "SIZE", value_parser = quantity::bytes, help_heading = "Engine")]
    memory: Option<usize>,

    /// Say what would be written, and write nothing.
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Print one JSON object a line to standard output.
    #[arg(long)]
    json: bool,
    /// Print nothing but errors.
    #[arg(long)]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FitArg {
    Contain,
    Cover,
    Stretch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DepthArg {
    Auto,
    #[value(name = "8")]
    Eight,
    #[value(name = "16")]
    Sixteen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DitherArg {
    Diffusion,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MetadataArg {
    Keep,
    Strip,
}

/// Makes pictures larger.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    let batch = args.batch()?;
    stop::listen();
    let made_of = |path: &Path| batch.names.stem_of(path);
    // Where they lie among their inputs, results of an earlier run would be made larger again.
    let results = |path: &Path| made_of(path).or_else(|| made_of(&destination::before_renaming(path)?));
    let inputs = inputs::gather(
        &args.inputs,
        &Except {
            results: &results,
            beside: batch.destination == Destination::Beside,
            folder: batch.destination.folder(),
            before: args.start_number,
        },
    );
    let usual = if inputs::is_one(&args.inputs) { IfExists::Fail } else { IfExists::Skip };
    let claims = Claims::new(args.if_exists.unwrap_or(usual), inputs.places.clone());
    let report = Report::new(args.quiet, args.json, inputs.found.len() + inputs.missing.len());
    batch.run(inputs, claims, report)
}

impl Args {
    /// What is to be done with each input.
    pub(crate) fn batch(&self) -> Result<Batch> {
        let args = self.clone();
        let target = args.target()?;
        let destination = Destination::new(args.output.as_deref(), &args.inputs, args.format.is_some())?;
        let format = args.choice(&destination)?;
        if destination == Destination::Standard && !args.dry_run {
            args.check_standard_output()?;
        }
        let container = match &destination {
            Destination::File(path) => formats::container(path),
            _ => None,
        };
        let partner = |name: &str| args.model.load_other(name, args.quiet);
        let model = args.denoise.applied(args.model.load(args.quiet)?, partner)?;
        let cpu = args.device.cpu()?;
        Ok(Batch {
            upscaler: Upscaler::new(Arc::new(model.without_weights()), Arc::new(cpu.clone())),
            cpu,
            request: Request {
                target,
                tiling: args.tiling(),
                precision: args.device.precision(),
                bits: None,
                side_by_side: None,
            },
            destination,
            writing: Writing {
                format,
                quality: args.quality,
                depth: match args.depth {
                    DepthArg::Auto => None,
                    DepthArg::Eight => Some(Depth::U8),
                    DepthArg::Sixteen => Some(Depth::U16),
                },
                strip: args.metadata == MetadataArg::Strip,
                dither: match args.dither {
                    DitherArg::Diffusion => Dither::Diffusion,
                    DitherArg::None => Dither::None,
                },
                most_pixels: None,
            },
            container,
            start_number: args.start_number,
            fps: args.fps,
            video: args.video,
            rehearsal: args.dry_run,
            names: args.name,
        })
    }

    /// What videos are asked for.
    pub(crate) fn video(&self) -> &VideoArgs {
        &self.video
    }

    fn target(&self) -> Result<Target> {
        let size = match (self.size, self.fit) {
            (Some(Size::Exact { width, height, .. }), Some(fit)) => {
                let fit = match fit {
                    FitArg::Contain => Fit::Contain,
                    FitArg::Cover => Fit::Cover,
                    FitArg::Stretch => Fit::Stretch,
                };
                Some(Size::Exact { width, height, fit })
            }
            (_, Some(_)) => return Err(Failure::usage("--fit needs a --size with a width and a height")),
            (size, None) => size,
        };
        let scale = self.scale.map(Size::Scale);
        let sides = self.long_side.map(Size::LongSide).or(self.short_side.map(Size::ShortSide));
        Ok(Target { size: size.or(scale).or(sides), max_pixels: self.max_pixels })
    }

    fn tiling(&self) -> Tiling {
        Tiling {
            size: self.tile,
            overlap: self.overlap.map(usize::from),
            memory: self.memory.unwrap_or_else(|| Memory::now().for_tiles()),
        }
    }

    /// The format that `--format` and the names of results agree on.
    fn choice(&self, destination: &Destination) -> Result<Choice> {
        let literal = self.name.extension().map(|extension| PathBuf::from(format!("x.{extension}")));
        let numbered = match destination {
            Destination::Numbered(numbered) => Some(numbered.path(0)),
            _ => None,
        };
        let (named, from) = match (destination, &literal) {
            (Destination::File(path), _) if Container::of(path).is_some() => (None, ""),
            (Destination::File(path), _) if formats::container(path).is_some() => (None, ""),
            (Destination::File(path), _) => (Some(path), "-o"),
            (Destination::Numbered(_), _) => (numbered.as_ref(), "-o"),
            (Destination::Standard, _) | (_, None) => (None, ""),
            (_, Some(name)) => (Some(name), "--name"),
        };
        let unknown = |path: &Path| {
            let extension = path.extension().unwrap_or_default().display();
            Failure::usage(format!(
                "{from}: .{extension} is no picture format; there are {}",
                amplio::writable()
            ))
        };
        let wished: Option<Encoding> = match (named.map(|path| (path, formats::of_name(path))), &self.format)
        {
            (Some((path, None)), None) => return Err(unknown(path)),
            (Some((_, Some(Err(reason)))), _) => return Err(Failure::usage(format!("{from}: {reason}"))),
            (Some((_, Some(Ok(encoding)))), _) => Some(encoding),
            (None | Some((_, None)), _) => None,
        };
        match (wished, &self.format) {
            (Some(named), Some(Choice::This(format))) if named.format != format.format => {
                Err(Failure::usage(format!(
                    "--format says {} and the extension in {from} says {}",
                    format.format.name, named.format.name
                )))
            }
            (Some(named), _) => Ok(Choice::This(named)),
            (None, format) => Ok(format.clone().unwrap_or(Choice::Same)),
        }
    }

    fn check_standard_output(&self) -> Result<()> {
        if self.json {
            return Err(Failure::usage("standard output cannot take both the picture and --json"));
        }
        if terminal::output_is_terminal() {
            return Err(Failure::usage(
                "standard output is a terminal; say where the picture goes with -o or >",
            ));
        }
        Ok(())
    }
}
