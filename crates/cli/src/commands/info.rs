//! `amplio info`: what is known about pictures, archives of them and models.

use std::io::Cursor;
use std::path::Path;

use amplio::media::animations::{self, Loops};
use amplio::media::archives::{self, Archive};
use amplio::media::images::{self, Limits};
use amplio::media::pages::Pages;
use amplio::media::{Channels, Density, DensityUnit, Depth, Image, Metadata, Transfer};
use amplio::models::{Model, builtin};
use anyhow::{Error, Result, anyhow, bail};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::formats::{self, Container};
use crate::inputs::explained;
use crate::outcome::Outcome;
use crate::quantity::{show_bytes, show_count};
use crate::terminal;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Pictures, archives of them, model files, and names of built-in models.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<String>,
    /// Print one JSON object a line.
    #[arg(long)]
    json: bool,
}

/// A fact: its name for people, its name for programs, and its value for both.
struct Fact {
    name: &'static str,
    key: &'static str,
    shown: String,
    value: Value,
}

/// Tells what is known about each file.
pub(crate) fn run(args: Args) -> Result<Outcome> {
    let mut outcome = Outcome::Done;
    for (index, file) in args.files.iter().enumerate() {
        match facts(file) {
            Ok(facts) if args.json => terminal::print(object(file, facts))?,
            Ok(facts) => {
                let facts = facts.into_iter().filter(|fact| !fact.name.is_empty());
                let facts: Vec<_> = facts.map(|fact| (fact.name, fact.shown)).collect();
                let gap = if index > 0 { "\n" } else { "" };
                terminal::print(format!("{gap}{file}\n{}", terminal::facts(&facts)))?;
            }
            Err(error) => {
                if args.json {
                    terminal::print(json!({ "file": file, "kind": "error", "message": error.to_string() }))?;
                }
                terminal::complain(error);
                outcome = Outcome::SomeFailed;
            }
        }
    }
    Ok(outcome)
}

fn object(file: &str, facts: Vec<Fact>) -> Value {
    let mut object = Map::from_iter([("file".to_owned(), file.into())]);
    object.extend(facts.into_iter().map(|fact| (fact.key.to_owned(), fact.value)));
    object.into()
}

/// What is known about a file, whatever it is.
fn facts(file: &str) -> Result<Vec<Fact>> {
    if let Ok(builtin) = builtin::find(file) {
        let mut facts = model(&builtin.load()?, builtin.bytes());
        facts.retain(|fact| !["licence", "source"].contains(&fact.key));
        facts.push(text("licence", "licence", builtin.licence));
        facts.push(text("source", "source", builtin.source));
        return Ok(facts);
    }
    let path = Path::new(file);
    let bytes = std::fs::read(path).map_err(|error| anyhow!("{file}: {}", explained(&error)))?;
    if bytes.is_empty() {
        return Err(anyhow!("{file}: it is empty"));
    }
    let named = |error: Error| anyhow!("{file}: {error}");
    let as_picture = |bytes| picture(bytes).map_err(named);
    let is_book = archives::detect(&bytes) && formats::container(path) == Some(Container::Archive);
    match images::detect(&bytes) {
        // TGA has no signature: a model may look like one.
        Some(format) if format.name != "tga" => as_picture(&bytes),
        found => match Model::load(path) {
            Ok(loaded) => Ok(model(&loaded, &bytes)),
            Err(_) if found.is_some() => as_picture(&bytes),
            Err(_) if is_book => archive(&bytes).map_err(named),
            Err(error) if is_model(path, &bytes) => Err(error.into()),
            Err(_) => Err(anyhow!("{file}: neither a picture nor a model in a known format")),
        },
    }
}

/// Whether a file says that it is a model, sound or not.
fn is_model(path: &Path, bytes: &[u8]) -> bool {
    amplio::models::formats::detect(bytes, Some(path)).is_some()
}

fn picture(bytes: &[u8]) -> Result<Vec<Fact>> {
    let (format, _) = images::read_header(bytes)?;
    let image = images::read(bytes, &Limits::default())?;
    let Image { width, height, channels, metadata, .. } = &image;
    let pixels = show_count(f64::from(*width) * f64::from(*height));
    let channels = match channels {
        Channels::Grey => "grey",
        Channels::GreyAlpha => "grey with alpha",
        Channels::Rgb => "rgb",
        Channels::Rgba => "rgb with alpha",
    };
    let (depth, bits) = match image.samples.depth() {
        Depth::U8 => ("8 bits", 8),
        Depth::U16 => ("16 bits", 16),
        Depth::F32 => ("32 bits, float", 32),
    };
    let light = if image.transfer == Transfer::Linear { ", proportional to light" } else { "" };
    let known = known(metadata);
    let mut facts = vec![
        text("kind", "kind", "picture"),
        text("format", "format", format.name),
        Fact {
            name: "size",
            key: "width",
            shown: format!("{width} x {height} ({pixels} pixels)"),
            value: json!(width),
        },
        hidden("height", json!(height)),
        text("channels", "channels", channels),
        Fact { name: "depth", key: "bits", shown: format!("{depth}{light}"), value: json!(bits) },
        Fact {
            name: "metadata",
            key: "metadata",
            shown: if known.is_empty() { "none".into() } else { known.join(", ") },
            value: json!(known),
        },
    ];
    facts.extend(metadata.density.map(density));
    facts.extend(many(bytes)?);
    facts.push(size(bytes));
    Ok(facts)
}

/// How many pictures there are in the file, if not one.
fn many(bytes: &[u8]) -> Result<Vec<Fact>> {
    if let Some(animation) = animations::open(bytes, &animations::Limits::default())? {
        let loops = match animation.loops {
            Loops::Forever => None,
            Loops::Times(plays) => Some(plays),
        };
        let shown = loops.map_or("for ever".into(), |plays| plays.to_string());
        let frames = animation.frames;
        return Ok(vec![
            Fact { name: "frames", key: "frames", shown: frames.to_string(), value: json!(frames) },
            Fact { name: "plays", key: "plays", shown, value: json!(loops) },
        ]);
    }
    let count = Pages::open(bytes.to_vec())?.ok().map(|pages| pages.count());
    Ok(count.into_iter().map(pages).collect())
}

fn pages(count: usize) -> Fact {
    Fact { name: "pages", key: "pages", shown: count.to_string(), value: json!(count) }
}

fn archive(bytes: &[u8]) -> Result<Vec<Fact>> {
    let mut archive = Archive::open(Cursor::new(bytes), &archives::Limits::default())?;
    let mut sizes = Vec::new();
    for (entry, _) in amplio::pictures(&mut archive)? {
        let name = archive.name(entry)?;
        let header = archive.read(entry).and_then(|bytes| images::read_header(&bytes));
        let (_, header) = header.map_err(|error| anyhow!("{name}: {error}"))?;
        sizes.push((header.width, header.height));
    }
    let by_pixels = |(width, height): &&(u32, u32)| u64::from(*width) * u64::from(*height);
    let (smallest, largest) = (sizes.iter().min_by_key(by_pixels), sizes.iter().max_by_key(by_pixels));
    let (Some(smallest), Some(largest)) = (smallest, largest) else {
        bail!("there is neither a picture nor a model in this archive");
    };
    let show = |(width, height): &(u32, u32)| format!("{width} x {height}");
    let alike = smallest == largest;
    let shown = if alike { show(largest) } else { format!("{} to {}", show(smallest), show(largest)) };
    Ok(vec![
        text("kind", "kind", "archive"),
        text("format", "format", "zip"),
        pages(sizes.len()),
        Fact { name: "sizes", key: "sizes", shown, value: json!(sizes) },
        size(bytes),
    ])
}

/// The kinds of metadata that a picture has.
fn known(metadata: &Metadata) -> Vec<&'static str> {
    let all = [
        (metadata.icc.is_some(), "icc"),
        (metadata.exif.is_some(), "exif"),
        (metadata.xmp.is_some(), "xmp"),
        (metadata.iptc.is_some(), "iptc"),
        (metadata.gamma.is_some(), "gamma"),
        (metadata.chromaticities.is_some(), "chromaticities"),
        (metadata.cicp.is_some(), "cicp"),
        (!metadata.texts.is_empty(), "texts"),
    ];
    all.into_iter().filter_map(|(is, name)| is.then_some(name)).collect()
}

fn density(Density { x, y, unit }: Density) -> Fact {
    let (unit, word) = match unit {
        DensityUnit::Ratio => ("ratio", "(ratio alone)"),
        DensityUnit::Inch => ("inch", "pixels per inch"),
        DensityUnit::Centimetre => ("centimetre", "pixels per centimetre"),
        DensityUnit::Metre => ("metre", "pixels per metre"),
    };
    let value = json!({ "x": x, "y": y, "unit": unit });
    Fact { name: "density", key: "density", shown: format!("{x} x {y} {word}"), value }
}

fn model(model: &Model, bytes: &[u8]) -> Vec<Fact> {
    let info = model.info();
    let hyper: Vec<_> = info.hyper.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let pairs: Map<String, Value> =
        info.hyper.iter().map(|(name, value)| ((*name).into(), json!(value))).collect();
    let number = |name, key, value: usize| Fact { name, key, shown: value.to_string(), value: json!(value) };
    let mut facts = vec![
        text("kind", "kind", "model"),
        text("name", "name", &info.name),
        text("format", "format", info.format),
        text("architecture", "architecture", info.architecture.unwrap_or("from the file's own layers")),
        Fact { name: "made with", key: "hyper_parameters", shown: hyper.join(", "), value: pairs.into() },
        Fact { name: "scale", key: "scale", shown: format!("{}x", info.scale), value: json!(info.scale) },
        Fact {
            name: "channels",
            key: "input_channels",
            shown: format!("{} in, {} out", info.input_channels, info.output_channels),
            value: json!(info.input_channels),
        },
        hidden("output_channels", json!(info.output_channels)),
        Fact {
            name: "parameters",
            key: "parameters",
            shown: show_count(info.parameters as f64),
            value: json!(info.parameters),
        },
        Fact {
            name: "sees",
            key: "receptive_radius",
            shown: info
                .radius
                .map_or("the whole picture".into(), |radius| format!("{radius} pixels around each")),
            value: json!(info.radius),
        },
        Fact {
            name: "work",
            key: "macs_per_pixel",
            shown: format!("{} MAC for each pixel of the input", show_count(info.macs_per_pixel)),
            value: json!(info.macs_per_pixel),
        },
        number("size multiple", "size_multiple", info.size_multiple),
        number("minimum size", "minimum_size", info.minimum_size),
        text("numbers", "dtype", info.dtype.to_string()),
        said("licence", info.licence.as_deref()),
        said("source", info.source.as_deref()),
        size(bytes),
        text("sha-256", "sha256", sha256(bytes)),
    ];
    facts.retain(|fact| fact.key != "hyper_parameters" || !fact.shown.is_empty());
    facts
}

fn text(name: &'static str, key: &'static str, value: impl Into<String>) -> Fact {
    let shown = value.into();
    Fact { name, key, value: json!(shown), shown }
}

/// What a file may say about itself.
fn said(name: &'static str, value: Option<&str>) -> Fact {
    Fact { name, key: name, shown: value.unwrap_or("not said").to_owned(), value: json!(value) }
}

/// A fact that people see as part of another one.
fn hidden(key: &'static str, value: Value) -> Fact {
    Fact { name: "", key, shown: String::new(), value }
}

fn size(bytes: &[u8]) -> Fact {
    Fact { name: "file", key: "bytes", shown: show_bytes(bytes.len() as u64), value: json!(bytes.len()) }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
