//! `amplio doctor`: what amplio finds on this machine and what it can do here.

use amplio::cpu::{Cpu, Level};
use amplio::media::Depth;
use amplio::media::images::{FORMATS, Format, Keeps};
use amplio::media::videos::Tools;
use anyhow::Result;
use sysinfo::{CpuRefreshKind, RefreshKind, System};

use super::models;
use crate::memory::Memory;
use crate::outcome::Outcome;
use crate::quantity::{count, show_bytes};
use crate::terminal;

/// What was typed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {}

/// What results of videos are usually encoded with.
const ENCODERS: [&str; 5] = ["libx264", "libx265", "libvpx-vp9", "libsvtav1", "prores_ks"];

/// Tells.
pub(crate) fn run(Args {}: Args) -> Result<Outcome> {
    let memory = Memory::now();
    let cpu = Cpu::best(0)?;
    let system = System::new_with_specifics(RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()));
    let brand = system.cpus().first().map(|cpu| cpu.brand().trim()).filter(|brand| !brand.is_empty());
    let levels =
        Level::ALL.map(|level| format!("{level} {}", if level.is_available() { "yes" } else { "no" }));
    let unreadable: Vec<_> = FORMATS.iter().filter(|f| f.read.is_none()).map(|f| f.name).collect();
    let unwritable: Vec<_> = FORMATS.iter().filter(|f| f.write.is_none()).map(|f| f.name).collect();
    terminal::print("This machine")?;
    terminal::print(terminal::facts(&[
        ("amplio", env!("CARGO_PKG_VERSION").into()),
        ("system", System::long_os_version().unwrap_or_else(|| std::env::consts::OS.into())),
        ("processor", format!("{} ({})", brand.unwrap_or("unknown"), std::env::consts::ARCH)),
        ("instructions", format!("{}; in use: {}", levels.join(", "), cpu.level())),
        ("tiles", format!("of {} results in exact precision", cpu.tiles())),
        ("threads", cpu.threads().to_string()),
        ("memory", format!("{}, {} free", show_bytes(memory.total), show_bytes(memory.available))),
        (
            "for a tile",
            format!(
                "{}, as much again for results of tiles side by side",
                show_bytes(memory.for_tiles() as u64)
            ),
        ),
    ]))?;
    terminal::print("\nModels")?;
    terminal::print(indented(&models::builtin_table()))?;
    terminal::print("\nPicture formats")?;
    terminal::print(indented(&formats()))?;
    terminal::print("\nWhat is missing")?;
    let mut missing =
        vec![("gpu", "amplio has no GPU devices yet; networks run on the processor".to_owned())];
    let mut tell = |name, formats: &[&str], what: &str| {
        if !formats.is_empty() {
            let these = count(formats.len(), "format", "formats");
            missing.push((name, format!("{} ({these}) {what}", formats.join(", "))));
        }
    };
    tell("reading", &unreadable, "can be written, but amplio has no decoder for them");
    tell("writing", &unwritable, "can be read; results become PNG, TIFF of floats, or what --format says");
    if Level::best() == Level::Scalar {
        missing.push(("instructions", "without AVX2 or NEON networks run several times slower".into()));
    }
    let tools = Tools::find(None);
    if let Err(error) = &tools {
        missing.push(("videos", error.to_string()));
    }
    terminal::print(terminal::facts(&missing))?;
    if let Ok(tools) = tools {
        terminal::print("\nVideos")?;
        let has = tools.encoders();
        let encoders =
            ENCODERS.map(|name| format!("{name} {}", if has.contains(name) { "yes" } else { "no" }));
        terminal::print(terminal::facts(&[
            ("ffmpeg", tools.version().into()),
            ("encoders", encoders.join(", ")),
        ]))?;
    }
    Ok(Outcome::Done)
}

fn formats() -> String {
    let head = ["format", "extensions", "read", "write", "bits", "alpha", "largest side", "keeps"]
        .map(str::to_owned);
    let rows = FORMATS.iter().map(|format| row(format).to_vec());
    terminal::table(&[head.to_vec()].into_iter().chain(rows).collect::<Vec<_>>())
}

fn row(format: &Format) -> [String; 8] {
    let yes = |is: bool| if is { "yes" } else { "-" }.to_owned();
    let writer = format.write.as_ref();
    let write = writer.map_or("-", |w| match (w.lossy, w.lossless) {
        (true, true) => "lossy, lossless",
        (true, false) => "lossy",
        (false, _) => "lossless",
    });
    let bits = |depth: &Depth| match depth {
        Depth::U8 => "8",
        Depth::U16 => "16",
        Depth::F32 => "float",
    };
    let bits = writer.map_or("-".into(), |w| w.depths.iter().map(bits).collect::<Vec<_>>().join(", "));
    [
        format.name.into(),
        format.extensions.join(", "),
        yes(format.read.is_some()),
        write.into(),
        bits,
        writer.map_or("-".into(), |w| yes(w.channels.iter().any(|channels| channels.has_alpha()))),
        writer.map_or("-".into(), |w| w.max_side.to_string()),
        writer.map_or("-".into(), |w| kept(w.keeps)),
    ]
}

fn kept(keeps: Keeps) -> String {
    let all = [
        (keeps.icc, "icc"),
        (keeps.cicp, "cicp"),
        (keeps.gamma, "gamma"),
        (keeps.exif, "exif"),
        (keeps.xmp, "xmp"),
        (keeps.density, "density"),
    ];
    let kept: Vec<_> = all.into_iter().filter_map(|(is, name)| is.then_some(name)).collect();
    if kept.is_empty() { "-".into() } else { kept.join(", ") }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
