//! A video cut into shards, so that many machines that share a folder can make it.

use std::path::{Path, PathBuf};

use amplio::media::videos::{Mark, Wanted};
use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::commands::{Command, upscale};

/// A video cut into shards, as a file tells it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// The video.
    pub(crate) input: PathBuf,
    /// What was asked for, as it would be typed after `amplio INPUT`.
    pub(crate) options: Vec<String>,
    /// What makes it the same work.
    pub(crate) key: String,
    /// The number of frames.
    pub(crate) frames: u64,
    /// The shards: runs of segments.
    pub(crate) shards: Vec<Wanted>,
}

impl Plan {
    /// Reads a plan.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| anyhow!("{}: {}", path.display(), crate::inputs::explained(&error)))?;
        let told = serde_json::from_str(&text).ok();
        told.as_ref().and_then(Self::from).with_context(|| format!("{} is no plan", path.display()))
    }

    /// The folder for the work of a plan: beside it, so that all machines find it.
    pub(crate) fn folder(path: &Path) -> PathBuf {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".amplio");
        path.with_file_name(name)
    }

    /// How many frames a shard has.
    pub(crate) fn frames_of(&self, index: usize) -> u64 {
        let first = |shard: &Wanted| shard.after.as_ref().map_or(0, |mark| mark.frames);
        let before = |index: usize| self.shards.get(index).map_or(self.frames, first);
        before(index + 1).saturating_sub(before(index))
    }

    /// What would be typed to make the whole video.
    pub(crate) fn arguments(&self) -> Result<upscale::Args> {
        arguments(&self.input, &self.options)
    }

    pub(crate) fn told(&self) -> Value {
        let mark = |mark: &Mark| json!({ "frames": mark.frames, "pts": mark.pts, "digest": mark.digest });
        let shard = |shard: &Wanted| json!({ "first": shard.first, "end": shard.end, "after": shard.after.as_ref().map(mark) });
        json!({
            "input": self.input.to_string_lossy(), "options": self.options, "key": self.key, "frames": self.frames,
            "shards": self.shards.iter().map(shard).collect::<Vec<_>>(),
        })
    }

    fn from(told: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mark = |mark: &Value| {
            let (frames, pts) = (mark["frames"].as_u64()?, mark["pts"].as_i64()?);
            Some(Mark { frames, pts, digest: text(&mark["digest"])? })
        };
        let shard = |shard: &Value| {
            let (first, end) = (shard["first"].as_u64()?, shard["end"].as_u64()?);
            let after = if shard["after"].is_null() { None } else { Some(mark(&shard["after"])?) };
            Some(Wanted { first, end: Some(end), after })
        };
        Some(Self {
            input: text(&told["input"])?.into(),
            options: told["options"].as_array()?.iter().map(text).collect::<Option<_>>()?,
            key: text(&told["key"])?,
            frames: told["frames"].as_u64()?,
            shards: told["shards"].as_array()?.iter().map(shard).collect::<Option<_>>()?,
        })
    }
}

/// What would be typed to make a video with these options.
pub(crate) fn arguments(input: &Path, options: &[String]) -> Result<upscale::Args> {
    let words = ["amplio".into(), "upscale".into(), input.as_os_str().to_owned()];
    let words = words.into_iter().chain(options.iter().map(Into::into));
    match Arguments::try_parse_from(words)?.command {
        Some(Command::Upscale(args)) => Ok(*args),
        _ => bail!("the options do not belong to a video"),
    }
}

/// Runs of segments of equal length, as far as that goes. `marks` are the places behind each segment but the last.
pub(crate) fn shards(segments: u64, shards: u64, marks: &[Mark]) -> Vec<Wanted> {
    let cut = |index: u64| segments * index / shards;
    let shard = |index| {
        let first = cut(index);
        let after = first.checked_sub(1).and_then(|before| marks.get(before as usize).cloned());
        Wanted { first, end: Some(cut(index + 1)), after }
    };
    (0..shards).map(shard).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_comes_back() {
        let mark = |frames| Mark { frames, pts: frames as i64 * 40 - 1000, digest: format!("d{frames}") };
        let marks: Vec<_> = (1..7).map(|n| mark(n * 120)).collect();
        let shards = shards(7, 3, &marks);
        let runs: Vec<_> = shards.iter().map(|shard| (shard.first, shard.end)).collect();
        assert_eq!(runs, [(0, Some(2)), (2, Some(4)), (4, Some(7))]);
        assert_eq!(shards[1].after, Some(mark(240)));
        let options = vec!["--scale".into(), "2".into()];
        let plan = Plan { input: "clip.mkv".into(), options, key: "k".into(), frames: 800, shards };
        assert_eq!(Plan::from(&plan.told()), Some(plan.clone()));
        assert!(plan.arguments().is_ok());
        assert_eq!([0, 1, 2].map(|index| plan.frames_of(index)), [240, 240, 320]);
        assert_eq!(Plan::from(&json!({ "input": "x" })), None);
    }
}
