//! Videos: what can be asked for, and what makes a piece of work the same work.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use amplio::media::videos::{OnError, Tools, Wish};
use amplio::{Dedup, Part, Request, VideoRequest};
use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};
use sha2::{Digest, Sha256};

use crate::inputs::explained;
use crate::{quantity, stop};

/// How many bytes of the beginning and of the end stand for an input.
const SAMPLE: u64 = 1 << 20;

/// What can be asked for.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Video")]
pub(crate) struct VideoArgs {
    /// The codec, such as h264, hevc, vp9, av1, prores or ffv1, or an encoder of ffmpeg [default: h264; hevc for more than 8
    /// bits; vp9 in webm].
    #[arg(long, value_name = "NAME")]
    codec: Option<String>,
    /// The constant quality in the encoder's own scale; smaller is better [default: one that looks lossless].
    #[arg(long, value_name = "N")]
    crf: Option<u32>,
    /// How hard the encoder tries, in its own words, such as slow or 6.
    #[arg(long, value_name = "NAME")]
    encoder_preset: Option<String>,
    /// The pixel format, such as yuv420p10le [default: the one of the encoder that is nearest to the input's].
    #[arg(long, value_name = "NAME")]
    pix_fmt: Option<String>,
    /// Another option of the encoder; can be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = option)]
    encoder_opt: Vec<(String, String)>,
    /// Decode in hardware, in a way that this ffmpeg has, such as vaapi or auto.
    #[arg(long, value_name = "NAME")]
    hwaccel: Option<String>,
    /// Begin here: seconds, or 1:02:03.5.
    #[arg(long, value_name = "TIME", value_parser = quantity::time)]
    start: Option<f64>,
    /// End here.
    #[arg(long, value_name = "TIME", value_parser = quantity::time)]
    end: Option<f64>,
    /// Make only the frames from number A up to, but without, B; the first is 0.
    #[arg(long, value_name = "A..B", value_parser = quantity::range)]
    frames: Option<Range<u64>>,
    /// Make one frame, the first of the part or one from the middle, as PNG: before on the left, after on the right.
    #[arg(long)]
    pub(crate) preview: bool,
    /// Make frames of fields, for interlaced video.
    #[arg(long)]
    deinterlace: bool,
    /// What happens where a frame cannot be decoded: fail (what is finished is kept), or repeat the one before.
    #[arg(long, value_enum, hide_possible_values = true, value_name = "ACTION", default_value_t = OnErrorArg::Fail)]
    on_error: OnErrorArg,
    /// Compute no frame twice: off, exact (for equal frames), or the most that frames may differ, in levels of 255.
    #[arg(long, value_name = "HOW", value_parser = dedup, default_value = "exact")]
    dedup: Dedup,
    /// The folder for unfinished work [default: beside the result, with its name and .amplio].
    #[arg(long, value_name = "DIR")]
    pub(crate) work_dir: Option<PathBuf>,
    /// Keep the finished work when the result is there.
    #[arg(long)]
    pub(crate) keep: bool,
    /// How many frames are finished at a time; what is lost at most when the work is interrupted.
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u64).range(1..), default_value_t = 120)]
    segment: u64,
    /// The program ffmpeg, or the folder in which it and ffprobe are.
    #[arg(long, value_name = "PATH")]
    ffmpeg: Option<PathBuf>,
    #[arg(skip)]
    tools: OnceLock<Tools>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OnErrorArg {
    Repeat,
    Fail,
}

impl VideoArgs {
    /// The programs, looked for once.
    pub(crate) fn tools(&self) -> Result<&Tools> {
        if let Some(tools) = self.tools.get() {
            return Ok(tools);
        }
        let tools = Tools::find(self.ffmpeg.as_deref())?;
        Ok(self.tools.get_or_init(|| tools))
    }

    /// What is asked for.
    pub(crate) fn request(&self, request: Request) -> VideoRequest {
        VideoRequest {
            request,
            wish: Wish {
                codec: self.codec.clone(),
                crf: self.crf,
                preset: self.encoder_preset.clone(),
                pixels: self.pix_fmt.clone(),
                options: self.encoder_opt.clone(),
            },
            dedup: self.dedup,
            part: Part { start: self.start, end: self.end, frames: self.frames.clone() },
            length: self.segment,
            hwaccel: self.hwaccel.clone(),
            deinterlace: self.deinterlace,
            on_error: match self.on_error {
                OnErrorArg::Repeat => OnError::Repeat,
                OnErrorArg::Fail => OnError::Fail,
            },
            ..VideoRequest::default()
        }
    }

    /// The folder for the unfinished work of a result.
    pub(crate) fn folder(&self, result: &Path) -> PathBuf {
        let mut name = result.file_name().unwrap_or_default().to_owned();
        name.push(".amplio");
        match &self.work_dir {
            Some(folder) => folder.join(name),
            None => result.with_file_name(name),
        }
    }
}

/// What tells an input from others.
#[derive(Clone)]
pub(crate) struct Identity(Sha256);

impl Identity {
    /// By the file's size and time, its beginning and its end: videos are too long to be read twice.
    pub(crate) fn of_file(path: &Path) -> Result<Self> {
        let mut digest = Sha256::new();
        sample(path, &mut digest).map_err(|error| explained(&error))?;
        Ok(Self(digest))
    }

    /// By each of them.
    pub(crate) fn of_files(paths: &[PathBuf]) -> Result<Self> {
        let mut digest = Sha256::new();
        for path in paths {
            let sampled = sample(path, &mut digest);
            sampled.map_err(|error| anyhow!("{}: {}", path.display(), explained(&error)))?;
        }
        Ok(Self(digest))
    }

    /// By all that is in it.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::new_with_prefix(bytes))
    }

    /// By all that comes from a reader, which is copied until someone asks to stop.
    pub(crate) fn of_stream(mut from: impl Read, to: &mut File) -> std::io::Result<Self> {
        let (mut digest, mut part) = (Sha256::new(), vec![0; SAMPLE as usize]);
        while !stop::asked() {
            let read = from.read(&mut part)?;
            if read == 0 {
                break;
            }
            digest.update(&part[..read]);
            to.write_all(&part[..read])?;
        }
        Ok(Self(digest))
    }

    /// By something else, too.
    pub(crate) fn and(mut self, what: &str) -> Self {
        self.0.update(what);
        self.0.update([0]);
        self
    }

    /// A name for work: equal if and only if it gives the same frames.
    pub(crate) fn key(&self, parts: &[&str]) -> String {
        let whole = parts.iter().fold(self.clone(), |whole, part| whole.and(part));
        whole.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Adds what tells a file from others.
fn sample(path: &Path, digest: &mut Sha256) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let about = file.metadata()?;
    let changed = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    digest.update(format!("{} {changed:?}\n", about.len()));
    for place in [0, about.len().saturating_sub(SAMPLE)] {
        let mut sample = Vec::new();
        file.seek(SeekFrom::Start(place))?;
        (&file).take(SAMPLE).read_to_end(&mut sample)?;
        digest.update(&sample);
    }
    Ok(())
}

/// An option of an encoder.
fn option(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("an option of the encoder is NAME=VALUE")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_:".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(fits) {
        return Err(format!("{name:?} is no name of an option"));
    }
    Ok((name.into(), value.into()))
}

fn dedup(text: &str) -> Result<Dedup, String> {
    match (text, text.parse::<f64>()) {
        ("off", _) => Ok(Dedup::Off),
        ("exact", _) => Ok(Dedup::Exact),
        (_, Ok(levels)) if levels > 0.0 && levels <= 255.0 => Ok(Dedup::Near(levels)),
        _ => Err("it is off, exact, or a number of levels up to 255".into()),
    }
}

/// What goes wrong with a video, said of its file.
pub(crate) fn trouble(error: amplio::Error) -> anyhow::Error {
    match error {
        amplio::Error::Stopped => crate::outcome::Failure::Interrupted.into(),
        amplio::Error::Media(amplio::media::Error::Io { path, source }) => match path {
            Some(path) => anyhow!("{}: {}", path.display(), explained(&source)),
            None => explained(&source),
        },
        error => error.into(),
    }
}
