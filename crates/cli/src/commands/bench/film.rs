//! How many frames of a video a model makes in a second when they are in memory already.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use amplio::cpu::Cpu;
use amplio::graph::Precision;
use amplio::media::Image;
use amplio::media::videos::{Tools, to_image};
use amplio::models::Model;
use amplio::{Reel, Request, Tiling, Upscaler, VideoRequest};
use anyhow::{Result, anyhow};
use serde_json::json;

use super::{median, ms};
use crate::memory::Memory;
use crate::terminal;
use crate::video::trouble;

/// No more frames than this are kept in memory.
const MOST: usize = 240;

/// What was measured.
struct Measured<'a> {
    model: &'a str,
    precision: Precision,
    size: (u32, u32),
    frames: usize,
    /// How many of them are made at a time.
    lanes: usize,
    rounds: Vec<Duration>,
}

/// Makes the frames of a video larger as often as was asked for, in as many lanes as videos have, and throws them away.
pub(super) fn run(
    (model, cpu): (Model, Cpu),
    video: &Path,
    precision: Precision,
    (rounds, as_json): (u32, bool),
) -> Result<()> {
    let name = model.info().name.clone();
    let frames = frames(video)?;
    let upscaler = Upscaler::new(Arc::new(model.without_weights()), Arc::new(cpu));
    let tiling = Tiling { memory: Memory::now().for_tiles(), ..Tiling::default() };
    let request = Request { tiling, precision: Some(precision), bits: Some(8), ..Request::default() };
    let frame = frames[0].header();
    let lanes = upscaler.frames_at_a_time(&frame, &request);
    // The first round compiles.
    let times = (0..=rounds).map(|_| round(&upscaler, &request, &frames, lanes));
    let times = times.collect::<Result<Vec<_>>>()?;
    let (size, rounds) = ((frame.width, frame.height), times[1..].to_vec());
    let measured = Measured { model: &name, precision, size, frames: frames.len(), lanes, rounds };
    measured.tell(as_json)
}

/// The first frames of a video, as pictures.
fn frames(video: &Path) -> Result<Vec<Image>> {
    let tools = Tools::find(None)?;
    let reel = Reel::of_file(&tools, video, &VideoRequest::default()).map_err(trouble)?;
    let (frames, _) = reel.frames(None).map_err(trouble)?;
    let pictures = frames.take(MOST).map(|frame| to_image(&frame?, &reel.colour()));
    let pictures = pictures.collect::<amplio::media::Result<Vec<_>>>()?;
    if pictures.is_empty() { Err(anyhow!("{} has no frames", video.display())) } else { Ok(pictures) }
}

/// Makes all frames larger; how long it took.
fn round(upscaler: &Upscaler, request: &Request, frames: &[Image], lanes: usize) -> Result<Duration> {
    let (next, began) = (AtomicUsize::new(0), Instant::now());
    let lane = || {
        while let Some(frame) = frames.get(next.fetch_add(1, Ordering::Relaxed)) {
            upscaler.within(|| upscaler.enlarge(frame.clone(), request, &|_| ControlFlow::Continue(())))?;
        }
        Ok::<_, amplio::Error>(())
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().try_for_each(|lane| Ok(lane.join().map_err(|_| anyhow!("a lane panicked"))??))
    })
    .map(|()| began.elapsed())
}

impl Measured<'_> {
    fn tell(&self, as_json: bool) -> Result<()> {
        let Self { model, precision, size: (width, height), frames, lanes, rounds } = self;
        let least = rounds.iter().min().copied().unwrap_or_default();
        let rate = |time: Duration| *frames as f64 / time.as_secs_f64().max(1e-9);
        if as_json {
            return terminal::print(json!({
                "model": model, "precision": precision.to_string(), "width": width, "height": height,
                "frames": frames, "lanes": lanes, "rounds": rounds.len(),
                "minimum_ms": ms(least), "median_ms": ms(median(rounds)),
                "frames_per_second": rate(least), "median_frames_per_second": rate(median(rounds)),
            }));
        }
        terminal::print(format!(
            "{model}, {frames} frames of {width}x{height}, {precision}, {lanes} at a time"
        ))?;
        terminal::print(terminal::facts(&[
            ("best", format!("{:.2} frames/s of {} rounds", rate(least), rounds.len())),
            ("median", format!("{:.2} frames/s", rate(median(rounds)))),
        ]))
    }
}
