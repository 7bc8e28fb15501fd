//! A video, from a video or from an animation. Its unfinished work lies in a folder named by what is made, so that whoever asks
//! for the same again, after whatever has happened, goes on from there.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use amplio::media::videos::{Container, OnError, Probe, Slides, Tools, Wanted, Wish, Work};
use amplio::{Part, Reel, VideoJob, VideoProgress, VideoRequest};

use super::Progress;
use super::Workshop;
use super::cache::{Finished, Made};
use super::make::{Task, Watch};
use super::subject::Subject;
use crate::refusal::{Code, Refusal};
use crate::spool::Content;

/// How many frames are finished at a time; what is lost at most when the server is killed.
const SEGMENT: u64 = 60;

/// Where films are made, and how long they may be.
pub(crate) struct Studio {
    /// ffmpeg, or why there is none.
    tools: Result<Tools, String>,
    folder: PathBuf,
    pub(crate) max_frames: u64,
    pub(crate) max_duration: Duration,
    max_pixels: u64,
    /// The keys of what is in work.
    busy: Mutex<HashSet<String>>,
    freed: Condvar,
}

/// Keeps others away from the same work.
struct Alone<'a> {
    studio: &'a Studio,
    key: &'a str,
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.studio.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(self.key);
        self.studio.freed.notify_all();
    }
}

impl Studio {
    /// A studio in a folder.
    pub(crate) fn open(folder: PathBuf, settings: &crate::Settings) -> crate::Result<Self> {
        std::fs::create_dir_all(&folder).map_err(crate::Error::io(&folder))?;
        let tools = Tools::find(settings.ffmpeg.as_deref()).map_err(|error| error.to_string());
        if let (Some(_), Err(why)) = (&settings.ffmpeg, &tools) {
            return Err(crate::Error::setting("ffmpeg", why));
        }
        Ok(Self {
            tools: tools.map(|tools| tools.restrained(settings.restraint())),
            folder,
            max_frames: settings.max_frames,
            max_duration: settings.max_duration,
            max_pixels: settings.max_pixels,
            busy: Mutex::default(),
            freed: Condvar::new(),
        })
    }

    /// Looks into a video.
    pub(crate) fn probe(&self, path: &Path) -> Result<Probe, Refusal> {
        Ok(Probe::new(self.tools()?, path)?)
    }

    fn tools(&self) -> Result<&Tools, Refusal> {
        self.tools.as_ref().map_err(|why| Refusal::new(Code::UnsupportedMedia, why.as_str()))
    }

    /// Waits until nobody else does this work: someone who was not waited for any more may still be about to stop.
    fn alone<'a>(&'a self, key: &'a str) -> Alone<'a> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        while !busy.insert(key.to_owned()) {
            busy = self.freed.wait(busy).unwrap_or_else(PoisonError::into_inner);
        }
        Alone { studio: self, key }
    }

    /// Removes work that nobody does and nobody has touched for so long.
    pub(crate) fn tidy(&self, idle: Duration) -> std::io::Result<()> {
        let now = SystemTime::now();
        // Held, so that nobody takes up what is being removed.
        let busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(|key| busy.contains(key)) {
                continue;
            }
            let path = entry.path();
            let touched = path.metadata()?.modified()?;
            if now.duration_since(touched).is_ok_and(|age| age > idle) {
                std::fs::remove_dir_all(&path)?;
            }
        }
        Ok(())
    }

    /// Whether a video is short and small enough.
    fn check(&self, job: &VideoJob) -> Result<(), Refusal> {
        let (width, height) = job.reel.size;
        if u64::from(width) * u64::from(height) > self.max_pixels {
            let what =
                format!("frames have {width}x{height} pixels; at most {} are allowed", self.max_pixels);
            return Err(Refusal::too_large("max-pixels", self.max_pixels, what));
        }
        let most = self.max_duration.as_secs();
        if job.reel.probe.duration.is_some_and(|seconds| seconds > most as f64) {
            let what = format!("a video lasts at most {most} seconds");
            return Err(Refusal::too_large("max-duration", most, what));
        }
        match job.reel.count() {
            Some(frames) if frames > self.max_frames => Err(self.too_many()),
            _ => Ok(()),
        }
    }

    fn too_many(&self) -> Refusal {
        let what = format!("a video has at most {} frames", self.max_frames);
        Refusal::too_large("max-frames", self.max_frames, what)
    }
}

/// Makes a video larger.
pub(super) fn make(
    shop: &Workshop,
    task: &Task,
    container: &'static Container,
    content: &Content,
    watch: Watch,
) -> Result<Arc<Made>, Refusal> {
    let studio = &shop.studio;
    let upscaler = shop.upscaler(task)?;
    let input = content.file(shop.cache.folder()).map_err(Refusal::internal)?;
    let _alone = studio.alone(&task.key);
    let request = request(shop, task);
    let reel = match task.subject {
        Subject::Slides(_) => Reel::of_pictures(studio.tools()?, slides(shop, content)?, &request),
        _ => Reel::of_file(studio.tools()?, input.as_ref(), &request)?,
    };
    let job = VideoJob::new(&upscaler, reel, container, request)?;
    studio.check(&job)?;
    task.recipe.writing.check(job.to)?;
    let folder = studio.folder.join(&task.key);
    let work = Arc::new(Work::open(&folder, &task.key, false).map_err(amplio::Error::from)?);
    let scratch = folder.join("trial.part");
    if work.segments().is_empty() {
        job.check(&scratch)?;
    }
    let kept = job.kept(&scratch)?;
    let mut remarks = job.remarks();
    remarks.extend(job.lost(&kept));
    remarks.extend(film(shop, task, &job, &work, watch)?);
    let draft = shop.cache.draft().map_err(Refusal::internal)?;
    job.assemble(&work, &kept, draft.path())?;
    let finished = Finished { file: container.into(), size: job.to, remarks };
    let made = shop.cache.keep(&task.key, draft, finished);
    if let Some(work) = Arc::into_inner(work) {
        work.remove().map_err(amplio::Error::from)?;
    }
    made.map_err(Refusal::internal)
}

/// The frames of an animation, with their times.
fn slides(shop: &Workshop, content: &Content) -> Result<Slides, Refusal> {
    let bytes = content.bytes().map_err(Refusal::internal)?.to_vec();
    Slides::of_animation(bytes, &shop.limits)?.ok_or_else(|| Refusal::invalid("it holds only one picture"))
}

/// Makes the segments that are not there yet; what went wrong on the way.
fn film(
    shop: &Workshop,
    task: &Task,
    job: &VideoJob,
    work: &Arc<Work>,
    watch: Watch,
) -> Result<Option<String>, Refusal> {
    let most = shop.studio.max_frames;
    let total = job.reel.count().unwrap_or(most).max(1) as f64;
    let turn = shop.turns.enter(task.weight);
    let watcher = |progress: VideoProgress| {
        turn.pass();
        let fraction = (progress.done as f64 / total).min(1.0);
        match watch(Progress { fraction, frames: progress.made }) {
            ControlFlow::Continue(()) if progress.done <= most => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    };
    let bad = job.run(work, &Wanted::default(), &watcher);
    let made: u64 = work.segments().values().map(|segment| segment.frames).sum();
    if made > most {
        return Err(shop.studio.too_many());
    }
    Ok(amplio::repeats(&bad?))
}

fn request(shop: &Workshop, task: &Task) -> VideoRequest {
    let recipe = &task.recipe;
    VideoRequest {
        request: task.request(shop),
        wish: Wish { codec: recipe.film.codec.clone(), crf: recipe.film.crf, ..Wish::default() },
        part: Part { start: recipe.film.start, end: recipe.film.end, frames: None },
        length: SEGMENT,
        deinterlace: recipe.film.deinterlace,
        on_error: OnError::Repeat,
        // Others use the device, and the watcher waits for its turn.
        alone: false,
        lanes: Some(2),
        ..VideoRequest::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_is_done_is_not_tidied_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let studio = Studio::open(folder.path().to_owned(), &crate::Settings::default()).expect("opens");
        let place = |key: &str| folder.path().join(key);
        for key in ["busy", "idle"] {
            std::fs::create_dir(place(key)).expect("a folder");
            let touched = std::fs::File::open(place(key)).expect("a folder");
            touched.set_modified(SystemTime::UNIX_EPOCH).expect("long ago");
        }
        let alone = studio.alone("busy");
        studio.tidy(Duration::from_secs(1)).expect("tidied");
        assert!(place("busy").exists() && !place("idle").exists());
        drop(alone);
        studio.tidy(Duration::from_secs(1)).expect("tidied");
        assert!(!place("busy").exists());
    }
}
