//! The engine that all requests share: warm models, one computation for identical requests, results that are kept, and
//! a fair share of the machine for everyone.

pub(crate) mod blend;
pub(crate) mod cache;
mod film;
pub(crate) mod make;
pub(crate) mod models;
pub(crate) mod subject;
mod turns;
pub(crate) mod wish;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use amplio::cpu::Cpu;
use amplio::media::images::{Format, Limits as PictureLimits};
use amplio::media::{animations, archives};
use amplio::{Upscaler, Writing};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::jobs::job::Kind;
use crate::provider::{self, Provider, Work};
use crate::refusal::{Code, Exceeded, Refusal};
use crate::settings::Settings;
use crate::spool::Content;
use crate::{Error, Result, hex};
use blend::Blend;
use cache::{Cache, Made};
use film::Studio;
use make::Task;
use models::{Known, Models};
use subject::Look;
use turns::Turns;
use wish::Recipe;

/// Pictures of more multiply-accumulates than this are large: they may take only some of the places.
const LARGE: f64 = 3e11;

/// How many multiply-accumulates a pixel takes if the model does not say.
const USUAL_WORK: f64 = 2e6;

/// What blocking work needs.
pub(crate) struct Workshop {
    pub(crate) models: Models,
    pub(crate) cache: Cache,
    turns: Turns,
    /// What may be sent.
    pub(crate) limits: animations::Limits,
    archives: archives::Limits,
    most_bytes: u64,
    pub(crate) most_result: u64,
    tile_memory: usize,
    pub(crate) studio: Studio,
}

/// How far a computation is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    /// The share that is done.
    pub(crate) fraction: f64,
    /// The frames of a video that were made since it was begun, or taken up again.
    pub(crate) frames: f64,
}

impl Workshop {
    /// A refusal that names the setting which holds the limit that was exceeded. Those who read files know its value alone; if no
    /// setting holds it, only the words say what was too much.
    fn named(&self, refusal: Refusal) -> Refusal {
        let Some(Exceeded { setting: "max-pixels", value }) = refusal.limit else { return refusal };
        let held = [
            ("max-pixels", self.limits.picture.max_pixels),
            ("max-frames", self.limits.max_frames.into()),
            ("max-entries", self.archives.max_entries as u64),
            ("max-body", self.archives.max_entry),
        ];
        let limit = held.into_iter().find(|(_, held)| *held == value);
        Refusal { limit: limit.map(|(setting, value)| Exceeded { setting, value }), ..refusal }
    }

    /// The model of a task on this machine, ready.
    pub(crate) fn upscaler(&self, task: &Task) -> std::result::Result<Upscaler, Refusal> {
        self.models.get(&self.models.find(&task.recipe.model)?)
    }
}

/// The engine.
pub(crate) struct Engine {
    pub(crate) shop: Arc<Workshop>,
    provider: Arc<dyn Provider>,
    places: Arc<Semaphore>,
    /// Large pictures need one of these too, so that places for small ones remain.
    large: Arc<Semaphore>,
    waiting: Arc<AtomicU64>,
    most_waiting: u64,
    flights: Mutex<HashMap<String, Flight>>,
    pub(crate) computed: AtomicU64,
    pub(crate) shared: AtomicU64,
    pub(crate) cached: AtomicU64,
}

/// What someone wants.
pub(crate) struct Order {
    pub(crate) content: Arc<Content>,
    /// The name of its file, if it has one.
    pub(crate) name: Option<String>,
    pub(crate) recipe: Recipe,
    /// The format where the recipe leaves it open; the picture's own if `None`.
    pub(crate) preferred: Option<&'static Format>,
    /// How many times the usual share of the machine it is to have.
    pub(crate) weight: f64,
    /// How long it may take, its time in the queue included.
    pub(crate) time: Duration,
    /// Whether it waits in turn even if many are waiting, and for what takes long.
    pub(crate) patient: bool,
}

type Outcome = std::result::Result<Arc<Made>, Refusal>;

/// A computation that is under way. It is given up when nobody waits for it any more.
#[derive(Clone)]
struct Flight {
    outcome: Shared<BoxFuture<'static, Outcome>>,
    interest: Weak<()>,
    progress: watch::Receiver<Progress>,
}

/// Someone's share in a computation.
pub(crate) struct Ticket {
    outcome: Shared<BoxFuture<'static, Outcome>>,
    /// How far it is.
    pub(crate) progress: watch::Receiver<Progress>,
    _interest: Option<Arc<()>>,
}

impl Ticket {
    /// Waits for the result. Whoever drops the ticket is no longer interested.
    pub(crate) async fn wait(self) -> Outcome {
        self.outcome.clone().await
    }
}

impl Engine {
    /// An engine as it was set.
    pub(crate) fn new(settings: &Settings) -> Result<Self> {
        let device = Cpu::best(settings.threads.into()).map_err(amplio::Error::from)?;
        let limits = models::Limits {
            memory: settings.model_memory,
            programs: settings.tile_memory,
            idle: settings.model_idle,
        };
        // One that is not there yet may come: other commands make it when they fetch a model.
        if let Some(folder) = settings.models.as_deref().filter(|folder| folder.exists()) {
            let unreadable = |error| Error::setting("models", format!("{}: {error}", folder.display()));
            std::fs::read_dir(folder).map_err(unreadable)?;
        }
        let models = Models::new(Arc::new(device), settings.models.as_deref(), &limits);
        let parallel = usize::from(settings.parallel);
        let shop = Workshop {
            models,
            cache: Cache::open(&settings.data.join("cache"), settings.cache_size)?,
            turns: Turns::default(),
            limits: animations::Limits {
                picture: PictureLimits { max_pixels: settings.max_pixels, ..PictureLimits::default() },
                max_frames: u32::try_from(settings.max_frames).unwrap_or(u32::MAX),
                ..animations::Limits::default()
            },
            archives: archives::Limits {
                max_entries: usize::try_from(settings.max_entries).unwrap_or(usize::MAX),
                max_entry: settings.max_body,
                ..archives::Limits::default()
            },
            most_bytes: settings.max_body,
            most_result: settings.max_result_pixels,
            tile_memory: usize::try_from(settings.tile_memory).unwrap_or(usize::MAX),
            studio: Studio::open(settings.data.join("films"), settings)?,
        };
        let shop = Arc::new(shop);
        let provider = provider::open(settings, &shop)?;
        provider.identity(&settings.model).map_err(|e| Error::setting("model", e.detail))?;
        Ok(Self {
            shop,
            provider,
            places: Arc::new(Semaphore::new(parallel)),
            large: Arc::new(Semaphore::new((parallel / 2).max(1))),
            waiting: Arc::default(),
            most_waiting: settings.max_waiting,
            flights: Mutex::default(),
            computed: AtomicU64::new(0),
            shared: AtomicU64::new(0),
            cached: AtomicU64::new(0),
        })
    }

    /// Computations that wait for a place.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Refuses kinds of things that are never made larger here.
    pub(crate) fn check(&self, kind: Kind) -> std::result::Result<(), Refusal> {
        self.provider.check(kind)
    }

    /// The models that may be named.
    pub(crate) async fn models(&self) -> std::result::Result<Vec<Known>, Refusal> {
        self.provider.models().await
    }

    /// How much is under way, and the fraction of it that is done.
    pub(crate) fn under_way(&self) -> (usize, f64) {
        let flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let open = flights.values().filter(|flight| flight.outcome.peek().is_none());
        let fractions: Vec<f64> = open.map(|flight| flight.progress.borrow().fraction).collect();
        // The sum of none is -0.0.
        let done = fractions.iter().fold(0.0, |done, fraction| done + fraction);
        (fractions.len(), done / fractions.len().max(1) as f64)
    }

    /// Takes an order: from the cache, by joining an identical one that is under way, or by computing it.
    ///
    /// # Errors
    /// If it is nothing that can be made larger, or a limit is exceeded, or too many are waiting.
    pub(crate) async fn order(&self, order: Order) -> std::result::Result<Ticket, Refusal> {
        let Order { content, name, mut recipe, preferred, weight, time, patient } = order;
        let (shop, provider) = (self.shop.clone(), self.provider.clone());
        let inspected = content.clone();
        let task = blocking(move || {
            let look = Look {
                name: name.as_deref(),
                recipe: &recipe,
                preferred,
                limits: &shop.limits,
                most: shop.most_bytes,
            };
            let subject = look.at(&inspected).map_err(|refusal| shop.named(refusal))?;
            if !patient {
                subject.check_quick()?;
            }
            let identity = provider.identity(&recipe.model)?;
            let key = key(inspected.hash(), &recipe, subject.file().extension, &identity);
            recipe.writing.most_pixels = Some(shop.most_result);
            Ok(Task { recipe, subject, key, weight })
        })
        .await?;
        if let Some(made) = self.shop.cache.get(&task.key) {
            self.cached.fetch_add(1, Ordering::Relaxed);
            return Ok(Ticket::done(made));
        }
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, flight| flight.interest.strong_count() > 0 && flight.outcome.peek().is_none());
        if let Some(flight) = flights.get(&task.key)
            && let Some(interest) = flight.interest.upgrade()
        {
            self.shared.fetch_add(1, Ordering::Relaxed);
            let Flight { outcome, progress, .. } = flight.clone();
            return Ok(Ticket { outcome, progress, _interest: Some(interest) });
        }
        if !patient && self.waiting() >= self.most_waiting {
            let what = format!("{} pictures are waiting already", self.most_waiting);
            return Err(Refusal::new(Code::QueueFull, what)
                .limited("max-waiting", self.most_waiting)
                .retry_after(2));
        }
        let interest = Arc::new(());
        let (sender, progress) = watch::channel(Progress::default());
        let key = task.key.clone();
        let computing = self.compute(Computation {
            task,
            content,
            interest: Arc::downgrade(&interest),
            progress: sender,
            deadline: Instant::now() + time,
            late: too_slow(time, patient),
        });
        // A task of its own, so that it goes on if the one who asked first goes away.
        let spawned =
            tokio::spawn(computing).map(|joined| joined.unwrap_or_else(|e| Err(Refusal::internal(e))));
        let outcome = spawned.boxed().shared();
        let flight = Flight {
            outcome: outcome.clone(),
            interest: Arc::downgrade(&interest),
            progress: progress.clone(),
        };
        flights.insert(key, flight);
        self.computed.fetch_add(1, Ordering::Relaxed);
        Ok(Ticket { outcome, progress, _interest: Some(interest) })
    }

    /// Two results mixed, when it is their turn.
    pub(crate) async fn blend(&self, blend: Blend) -> Outcome {
        if let Some(made) = self.shop.cache.get(&blend.key()) {
            self.cached.fetch_add(1, Ordering::Relaxed);
            return Ok(made);
        }
        let _place = place(self.places.clone()).await?;
        let shop = self.shop.clone();
        blocking(move || blend.make(&shop)).await
    }

    fn compute(&self, computation: Computation) -> impl Future<Output = Outcome> + Send + use<> {
        let (provider, shop, waiting) = (self.provider.clone(), self.shop.clone(), self.waiting.clone());
        let (places, large) = (self.places.clone(), self.large.clone());
        // Counted from here on, so that a crowd that arrives at once is counted too.
        waiting.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(waiting);
        async move {
            let rest = computation.deadline.saturating_duration_since(Instant::now());
            let is_large = work(&computation.task) > LARGE;
            let places = tokio::time::timeout(rest, async move {
                let second = if is_large { Some(place(large).await?) } else { None };
                Ok::<_, Refusal>((place(places).await?, second))
            });
            let Ok(places) = places.await else { return Err(computation.late) };
            let _places = places?;
            drop(counted);
            let Computation { task, content, interest, progress, deadline, late } = computation;
            if interest.strong_count() == 0 {
                return Err(Refusal::new(Code::Cancelled, "nobody waits for this any more"));
            }
            let watch = move |now: Progress| {
                progress.send_replace(now);
                let unwanted = interest.strong_count() == 0;
                if unwanted || Instant::now() > deadline {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            let made = provider.enlarge(Work { task, content, deadline, watch: Arc::new(watch) }).await;
            made.map_err(|refusal| match refusal.code {
                Code::Cancelled | Code::Unreachable if Instant::now() > deadline => late,
                _ => shop.named(refusal),
            })
        }
    }
}

/// One computation, on its way.
struct Computation {
    task: Task,
    content: Arc<Content>,
    interest: Weak<()>,
    progress: watch::Sender<Progress>,
    deadline: Instant,
    /// What is said if it is not done by then.
    late: Refusal,
}

/// One that waits; counted until it is dropped.
struct Counted(Arc<AtomicU64>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ticket {
    fn done(made: Arc<Made>) -> Self {
        let outcome = futures::future::ready(Ok(made)).boxed().shared();
        let progress = Progress { fraction: 1.0, frames: 0.0 };
        Self { outcome, progress: watch::channel(progress).1, _interest: None }
    }
}

async fn place(places: Arc<Semaphore>) -> std::result::Result<OwnedSemaphorePermit, Refusal> {
    places.acquire_owned().await.map_err(Refusal::internal)
}

/// Runs blocking work on a thread for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, Refusal> + Send + 'static,
) -> std::result::Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(Refusal::internal(error)))
}

/// What took longer than it may: a job if it is patient, else a picture that was waited for.
fn too_slow(time: Duration, patient: bool) -> Refusal {
    let seconds = time.as_secs();
    let (setting, what) = match patient {
        true => ("job-time", format!("the job was not done within {seconds} seconds (the setting job-time)")),
        false => {
            let what = format!("the picture was not done within {seconds} seconds; a job may take longer");
            ("request-time", what)
        }
    };
    Refusal::new(Code::TooSlow, what).limited(setting, seconds)
}

/// Multiply-accumulates of a task, roughly: what the model needs is only known when it is loaded.
fn work(task: &Task) -> f64 {
    task.subject.pixels() as f64 * USUAL_WORK
}

/// The content hash of a request: equal requests have equal results.
fn key(content: &str, recipe: &Recipe, extension: &str, model: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let Recipe { model: _, target, writing, precision, container: _, film } = recipe;
    let Writing { format: _, depth, quality, strip, dither: _, most_pixels: _ } = writing;
    let rest = (version, model, target, extension, (depth, quality, strip), precision, film);
    hex(&Sha256::digest(format!("{content} {rest:?}")))
}
