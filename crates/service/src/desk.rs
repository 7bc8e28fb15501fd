//! Where jobs are handed in and asked after: their rows, their folders, and what is known of those in work.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::{Notify, Semaphore, watch};

use crate::clock;
use crate::engine::Progress;
use crate::jobs::job::{Job, State};
use crate::jobs::sqlite::Sqlite;
use crate::jobs::{Cancel, Entry, Inserted, JobStore, NewJob, Queue};
use crate::log::Log;
use crate::settings::Settings;
use crate::spool::Content;
use crate::{Error, Result};

/// The name of a job's uploaded picture in its folder.
const INPUT: &str = "input";

/// When a job is looked at again whose lease has ended, but not its work.
const AGAIN: Duration = Duration::from_secs(1);

/// The jobs of this server.
pub(crate) struct Desk {
    pub(crate) store: Arc<dyn JobStore>,
    pub(crate) queue: Arc<dyn Queue>,
    folder: PathBuf,
    /// Places for jobs that take long; a part of the workers is left for others.
    pub(crate) long: Arc<Semaphore>,
    /// Rung when there is something to do.
    pub(crate) bell: Notify,
    live: Mutex<HashMap<String, Live>>,
    /// Held as long as this server works in the folder.
    _lock: std::fs::File,
}

/// What is known of a job in work.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) begun: Instant,
    /// How far it is.
    pub(crate) progress: watch::Sender<Progress>,
    /// Becomes true if someone wants it to end.
    pub(crate) cancelled: watch::Sender<bool>,
}

impl Live {
    /// How long it will take yet, if that can be told.
    pub(crate) fn rest(&self) -> Option<Duration> {
        let (fraction, spent) = (self.progress.borrow().fraction, self.begun.elapsed().as_secs_f64());
        (fraction > 0.01).then(|| Duration::from_secs_f64((spent / fraction - spent).clamp(0.0, 1e9)))
    }

    /// The frames of a video that are made in a second; `None` if it is none.
    pub(crate) fn frame_rate(&self) -> Option<f64> {
        let frames = self.progress.borrow().frames;
        (frames > 0.0).then(|| frames / self.begun.elapsed().as_secs_f64().max(1e-3))
    }
}

impl Desk {
    /// Opens the database, takes up what an earlier server has left, and removes what belongs to no job.
    pub(crate) fn open(settings: &Settings, log: &Log) -> Result<Self> {
        let data = &settings.data;
        let folder = data.join("jobs");
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        let lock = lock(data)?;
        let sqlite = Arc::new(Sqlite::open(&data.join("jobs.db"))?);
        for (id, state) in sqlite.recover(settings.attempts, clock::now())? {
            log.event("recovered", json!({ "job": id, "state": state.name() }));
        }
        let desk = Self {
            store: sqlite.clone(),
            queue: sqlite,
            folder,
            long: Arc::new(Semaphore::new(usize::from(settings.workers / 2).max(1))),
            bell: Notify::new(),
            live: Mutex::default(),
            _lock: lock,
        };
        desk.sweep()?;
        Ok(desk)
    }

    /// A job's folder.
    pub(crate) fn folder(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    /// A job's uploaded picture.
    pub(crate) fn input(&self, id: &str) -> PathBuf {
        self.folder(id).join(INPUT)
    }

    /// Writes a job down, and its picture before it. Blocks.
    pub(crate) fn accept(&self, job: &NewJob, upload: Option<&Content>) -> Result<Inserted> {
        let folder = self.folder(&job.id);
        std::fs::create_dir(&folder).map_err(Error::io(&folder))?;
        let written = upload.map_or(Ok(()), |content| content.persist(&self.input(&job.id)));
        let written = written.and_then(|()| std::fs::File::open(&self.folder)?.sync_all());
        let inserted = written.map_err(Error::io(&folder)).and_then(|()| self.store.insert(job));
        if !matches!(inserted, Ok(Inserted::New)) {
            let _ = std::fs::remove_dir_all(&folder);
            return inserted;
        }
        self.enqueue(Entry::new(&job.id, &job.owner, job.priority, &job.spec), Duration::ZERO)?;
        inserted
    }

    /// Puts a queued job into the queue, for some time later.
    pub(crate) fn enqueue(&self, entry: Entry, later: Duration) -> Result<()> {
        let not_before = clock::now() + clock::milliseconds(later);
        self.queue.push(&Entry { not_before, ..entry })?;
        self.bell.notify_one();
        Ok(())
    }

    /// Someone wants a job to end. Blocks.
    pub(crate) fn cancel(&self, id: &str) -> Result<Cancel> {
        let outcome = self.store.cancel(id, clock::now())?;
        match outcome {
            Cancel::Now => self.queue.remove(id)?,
            Cancel::Asked => {
                if let Some(live) = self.live(id) {
                    live.cancelled.send_replace(true);
                }
            }
            Cancel::TooLate => {}
        }
        Ok(outcome)
    }

    /// Tries a failed or cancelled job again. Whether it was one. Blocks.
    pub(crate) fn retry(&self, job: &Job) -> Result<bool> {
        let retried = self.store.retry(&job.id)?;
        if retried {
            self.enqueue(job.entry(), Duration::ZERO)?;
        }
        Ok(retried)
    }

    /// Forgets a job that has ended, and its files. Whether it had. Blocks.
    pub(crate) fn delete(&self, id: &str) -> Result<bool> {
        let deleted = self.store.delete(id)?;
        if deleted {
            let _ = std::fs::remove_dir_all(self.folder(id));
        }
        Ok(deleted)
    }

    /// A job that was claimed begins; `None` if it has ended meanwhile, or is in work still. Blocks.
    pub(crate) fn begin(&self, id: &str) -> Result<Option<(Job, Live)>> {
        // Before its row says that it is in work, so that whoever reads that reaches it.
        let Some(live) = self.enter(id) else {
            self.queue.extend(id, clock::now() + clock::milliseconds(AGAIN))?;
            return Ok(None);
        };
        match self.store.begin(id, clock::now()) {
            Ok(Some(job)) => {
                if job.cancel_asked {
                    live.cancelled.send_replace(true);
                }
                Ok(Some((job, live)))
            }
            nothing => {
                self.leave(id);
                nothing?;
                self.queue.remove(id)?;
                Ok(None)
            }
        }
    }

    /// A job is in work from now on, unless it is already.
    fn enter(&self, id: &str) -> Option<Live> {
        let mut all = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if all.contains_key(id) {
            return None;
        }
        let live = Live {
            begun: Instant::now(),
            progress: watch::Sender::new(Progress::default()),
            cancelled: watch::Sender::new(false),
        };
        all.insert(id.to_owned(), live.clone());
        Some(live)
    }

    /// A job has ended.
    pub(crate) fn leave(&self, id: &str) {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// What is known of a job in work.
    pub(crate) fn live(&self, id: &str) -> Option<Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Removes jobs that ended long ago; how many. Blocks.
    pub(crate) fn expire(&self, retention: Duration) -> Result<usize> {
        let old = self.store.ended_before(clock::now() - clock::milliseconds(retention))?;
        let deleted = old.iter().map(|id| self.delete(id));
        Ok(deleted.collect::<Result<Vec<_>>>()?.len())
    }

    /// Removes folders that belong to no job, and outputs that were never published.
    fn sweep(&self) -> Result<()> {
        for entry in std::fs::read_dir(&self.folder).map_err(Error::io(&self.folder))? {
            let path = entry.map_err(Error::io(&self.folder))?.path();
            let id = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match self.store.get(id)? {
                None => drop(std::fs::remove_dir_all(&path)),
                Some(job) => sweep_folder(&path, &job),
            }
        }
        Ok(())
    }
}

/// Removes from a job's folder what its row does not name.
fn sweep_folder(folder: &Path, job: &Job) {
    let output = job.output.as_ref().and_then(|output| output.file.as_deref());
    let wanted = |name: &str| Some(name) == output || (name == INPUT && job.state != State::Done);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if !entry.file_name().to_str().is_some_and(wanted) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Makes sure that this is the only server in the folder.
fn lock(data: &Path) -> Result<std::fs::File> {
    let path = data.join("lock");
    let file = std::fs::File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::InUse { folder: data.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(Error::io(&path)(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::job::{Input, Spec};

    fn desk(folder: &Path) -> Desk {
        let settings = Settings { data: folder.to_owned(), ..Settings::default() };
        Desk::open(&settings, &Log::new(|_| {})).expect("opens")
    }

    #[test]
    fn whoever_has_begun_hears_of_every_cancel() {
        let folder = tempfile::tempdir().expect("a folder");
        let desk = desk(folder.path());
        let spec = Spec::of(Input::Url("https://example.org/a.png".into()));
        let (id, owner) = ("a".to_owned(), "ann".to_owned());
        let new = NewJob { id, owner, priority: 0, created: 1, spec, idempotency_key: None };
        desk.accept(&new, None).expect("kept");
        let (job, live) = desk.begin("a").expect("readable").expect("queued");
        assert_eq!(desk.cancel("a").expect("kept"), Cancel::Asked);
        assert!(*live.cancelled.borrow());
        assert!(desk.begin("a").expect("readable").is_none(), "it is in work");
        assert!(desk.queue.extend("a", 0).expect("kept"), "it keeps its place in the queue");
        desk.store.requeue("a", job.attempts, true).expect("kept");
        desk.leave("a");
        let (_, live) = desk.begin("a").expect("readable").expect("queued");
        assert!(*live.cancelled.borrow(), "what was asked of the last attempt is asked of this one");
    }

    #[test]
    fn one_server_works_in_a_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Settings { data: folder.path().to_owned(), ..Settings::default() };
        let log = Log::new(|_| {});
        let first = Desk::open(&settings, &log).expect("opens");
        assert!(matches!(Desk::open(&settings, &log), Err(Error::InUse { .. })));
        drop(first);
        std::fs::create_dir(folder.path().join("jobs/nobody's")).expect("a folder");
        Desk::open(&settings, &log).expect("opens again");
        assert!(!folder.path().join("jobs/nobody's").exists());
    }
}
