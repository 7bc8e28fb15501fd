//! `amplio compare`: several models side by side.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use amplio::media::images::{self, Limits, WriteOptions};
use amplio::media::resample::{Kernel, Resampler};
use amplio::media::{Channels, Depth, Header, Image, Samples, convert};
use amplio::models::Model;
use amplio::{Request, Size, Target, Tiling, Upscaler};
use anyhow::{Result, anyhow};
use font8x8::{BASIC_FONTS, UnicodeFonts};

use crate::draft::{self, Draft};
use crate::engine::{self, DeviceArgs};
use crate::inputs::explained;
use crate::memory::Memory;
use crate::outcome::{Failure, Outcome};
use crate::quantity::{self, show_scale};
use crate::{stop, terminal};

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// The picture.
    input: PathBuf,
    /// The models, by name or path; bicubic is always the first column.
    #[arg(
        short,
        long,
        value_name = "A,B",
        value_delimiter = ',',
        default_value = "realesr-general-x4v3,realesr-animevideov3"
    )]
    models: Vec<String>,
    /// The part of the picture: x,y,width,height; the middle if not given.
    #[arg(short, long, value_name = "X,Y,W,H", value_parser = quantity::region)]
    region: Option<[u32; 4]>,
    /// The PNG file to write; beside the input, as NAME_compare.png, if not given.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

/// A picture of the sheet: 8 bits, RGB.
struct Column {
    lines: [String; 2],
    width: usize,
    height: usize,
    samples: Vec<u8>,
}

/// The side of the region if none was asked for.
const REGION: u32 = 160;

/// The pixels of a dot of a letter, along each side.
const DOT: usize = 2;
const LETTER: usize = 8 * DOT;
const GAP: usize = 24;
const LINE: usize = LETTER + DOT * 2;
const PAPER: u8 = 24;
const INK: u8 = 232;

/// Makes the sheet.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    let shown = args.input.display();
    let output = args.output.clone().unwrap_or_else(|| beside(&args.input));
    if output.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("png")) {
        return Err(Failure::usage(format!("{}: sheets are written as .png", output.display())));
    }
    let names: Vec<_> = args.models.iter().filter(|name| *name != "bicubic").collect();
    let models =
        names.into_iter().map(|name| Ok(Arc::new(engine::load(name)?))).collect::<Result<Vec<_>>>()?;
    draft::refuse_taken(&output, args.overwrite, Some(&args.input))?;
    let bytes = std::fs::read(&args.input).map_err(|error| anyhow!("{shown}: {}", explained(&error)))?;
    let image = images::read(&bytes, &Limits::default()).map_err(|error| anyhow!("{shown}: {error}"))?;
    let region = region(&args, &image)?;
    let part = part(&image, region)?;

    stop::listen();
    let scale = models.iter().map(|model| model.info().scale).max().unwrap_or(2) as f64;
    let device = args.device.device()?;
    let mut columns = vec![bicubic(&part, scale)?];
    for model in models {
        let upscaler = Upscaler::new(model.clone(), device.clone());
        columns.push(column(&upscaler, &model, &part, scale)?);
    }
    write(&output, args.overwrite, &sheet(&columns))?;
    terminal::print(format!("{shown} → {}", output.display()))?;
    Ok(Outcome::Done)
}

fn beside(input: &Path) -> PathBuf {
    let mut name = input.file_stem().unwrap_or_default().to_owned();
    name.push("_compare.png");
    input.with_file_name(name)
}

fn region(args: &Args, image: &Image) -> Result<[u32; 4]> {
    let (width, height) = (image.width, image.height);
    let Some([x, y, w, h]) = args.region else {
        let (w, h) = (width.min(REGION), height.min(REGION));
        return Ok([(width - w) / 2, (height - h) / 2, w, h]);
    };
    if x.checked_add(w).is_none_or(|end| end > width) || y.checked_add(h).is_none_or(|end| end > height) {
        return Err(Failure::usage(format!(
            "the region {x},{y},{w},{h} lies outside of the {width}x{height} pixels"
        )));
    }
    Ok([x, y, w, h])
}

/// A part of a picture, laid on white, as RGB of 8 or 16 bits: so all columns are made from the same colours.
fn part(image: &Image, [x, y, width, height]: [u32; 4]) -> Result<Image> {
    let from = Header { width, height: 1, ..image.header() };
    let depth = if from.depth == Depth::U8 { Depth::U8 } else { Depth::U16 };
    let to = Header { channels: Channels::Rgb, depth, transfer: amplio::media::Transfer::Encoded, ..from };
    let (row, first) = (image.header().row_samples(), x as usize * image.channels.count());
    let mut samples = if depth == Depth::U8 { Samples::U8(Vec::new()) } else { Samples::U16(Vec::new()) };
    for line in y as usize..(y + height) as usize {
        let start = line * row + first;
        match (&mut samples, convert(&image.samples.slice(start..start + from.row_samples()), &from, &to)?) {
            (Samples::U8(all), Samples::U8(line)) => all.extend(line),
            (Samples::U16(all), Samples::U16(line)) => all.extend(line),
            _ => {}
        }
    }
    Ok(Image::new(Header { height, ..to }, samples)?)
}

fn bicubic(part: &Image, scale: f64) -> Result<Column> {
    let began = Instant::now();
    let header = part.header();
    let to = Target { size: Some(Size::Scale(scale)), max_pixels: None }
        .extent(part.width, part.height, scale)?
        .size();
    let floats = Header { depth: Depth::F32, ..header };
    let Samples::F32(source) = convert(&part.samples, &header, &floats)? else {
        return Err(anyhow!("no floats"));
    };
    let resampler = Resampler::new((part.width, part.height), to, Channels::Rgb, Kernel::CatmullRom)?;
    let samples = Samples::F32(resampler.rows(&source, 0..to.1)?);
    let image = Image::new(Header { width: to.0, height: to.1, ..floats }, samples)?;
    labelled("bicubic", scale, began, &image)
}

fn column(upscaler: &Upscaler, model: &Model, part: &Image, scale: f64) -> Result<Column> {
    let began = Instant::now();
    let target = Target { size: Some(Size::Scale(scale)), max_pixels: None };
    let request = Request {
        target,
        tiling: Tiling { memory: Memory::now().for_tiles(), ..Tiling::default() },
        ..Request::default()
    };
    let watcher = |_| if stop::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let image = upscaler.enlarge(part.clone(), &request, &watcher).map_err(|error| match error {
        amplio::Error::Stopped => Failure::Interrupted.into(),
        error => anyhow!("{}: {error}", model.info().name),
    })?;
    labelled(&model.info().name, scale, began, &image)
}

fn labelled(name: &str, scale: f64, began: Instant, image: &Image) -> Result<Column> {
    let seconds = began.elapsed().as_secs_f64();
    let to = Header { depth: Depth::U8, channels: Channels::Rgb, ..image.header() };
    let Samples::U8(samples) = convert(&image.samples, &image.header(), &to)? else {
        return Err(anyhow!("no bytes"));
    };
    let lines = [name.to_owned(), format!("{}x  {seconds:.2} s", show_scale(scale))];
    Ok(Column { lines, width: image.width as usize, height: image.height as usize, samples })
}

/// A sheet of paper with all columns.
fn sheet(columns: &[Column]) -> Column {
    let wide = |column: &Column| {
        let letters = column.lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        column.width.max(letters * LETTER)
    };
    let width = columns.iter().map(|column| wide(column) + GAP).sum::<usize>() + GAP;
    let height = columns.iter().map(|column| column.height).max().unwrap_or(0) + 2 * LINE + 2 * GAP;
    let mut sheet =
        Column { lines: Default::default(), width, height, samples: vec![PAPER; width * height * 3] };
    let mut left = GAP;
    for column in columns {
        for (index, line) in column.lines.iter().enumerate() {
            sheet.write(line, left, GAP / 2 + index * LINE);
        }
        for (y, row) in column.samples.chunks_exact(column.width * 3).enumerate() {
            let start = ((y + 2 * LINE + GAP) * width + left) * 3;
            sheet.samples[start..start + row.len()].copy_from_slice(row);
        }
        left += wide(column) + GAP;
    }
    sheet
}

impl Column {
    /// Writes a line of text, with its upper left corner at `left`, `top`.
    fn write(&mut self, line: &str, left: usize, top: usize) {
        for (index, letter) in line.chars().enumerate() {
            let dots = BASIC_FONTS.get(letter).or_else(|| BASIC_FONTS.get('?')).unwrap_or_default();
            for (y, x) in (0..LETTER).flat_map(|y| (0..LETTER).map(move |x| (y, x))) {
                if dots[y / DOT] >> (x / DOT) & 1 == 1 {
                    let start = ((top + y) * self.width + left + index * LETTER + x) * 3;
                    self.samples[start..start + 3].fill(INK);
                }
            }
        }
    }
}

fn write(output: &Path, replace: bool, sheet: &Column) -> Result<()> {
    let png = images::by_name("png").ok_or_else(|| anyhow!("PNG cannot be written"))?;
    let header = Header::new(sheet.width as u32, sheet.height as u32, Channels::Rgb, Depth::U8);
    let draft = Draft::new(Some(output), replace)?;
    let mut writer = images::writer(png, &header, &WriteOptions::default(), draft.sink()?)?;
    writer.write_rows(&Samples::U8(sheet.samples.clone()))?;
    writer.finish()?;
    draft.publish()
}
