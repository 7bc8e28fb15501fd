//! Workers: they take jobs from the queue, do them, and publish what they have made, once.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::clock;
use crate::desk::Live;
use crate::engine::cache::Made;
use crate::engine::{Order, Progress, blocking};
use crate::jobs::job::{End, Input, Item, Job, Output, Reason, Shelved};
use crate::refusal::{Code, Refusal};
use crate::shelf::{Facts, Key};
use crate::spool::Content;
use crate::storage::last_part;

/// How long a worker may be silent before its job is someone else's.
const LEASE: Duration = Duration::from_secs(60);

/// How often idle workers look whether a job's time has come.
const LOOK: Duration = Duration::from_secs(1);

/// Told how far a job is.
type Report<'a> = &'a (dyn Fn(Progress) + Sync);

/// How an attempt came to its end.
#[derive(Clone)]
enum Attempt {
    Ended(Result<Output, Refusal>),
    Cancelled,
    /// The server stops; the job waits for the next one.
    HandedBack,
}

/// Works until the server stops.
pub(crate) async fn run(app: Arc<App>) {
    let mut stopping = app.stopping.subscribe();
    while !app.is_stopping() {
        match next(&app).await {
            Ok(Some((job, live, _place))) => work(&app, job, live).await,
            Ok(None) => {
                tokio::select! {
                    () = app.desk.bell.notified() => {}
                    () = tokio::time::sleep(LOOK) => {}
                    _ = stopping.wait_for(|stopping| *stopping) => {}
                }
            }
            Err(refusal) => {
                app.log.event("queue_failed", json!({ "error": refusal.detail }));
                tokio::time::sleep(LOOK).await;
            }
        }
    }
}

/// The next job, and a place for it if it takes long.
async fn next(app: &Arc<App>) -> Result<Option<(Job, Live, Option<OwnedSemaphorePermit>)>, Refusal> {
    let app = app.clone();
    blocking(move || {
        let desk = &app.desk;
        let place = desk.long.clone().try_acquire_owned().ok();
        let claimed = desk.queue.claim(clock::now(), LEASE, place.is_some()).map_err(Refusal::internal)?;
        let Some(id) = claimed else {
            return Ok(None);
        };
        let begun = desk.begin(&id).map_err(Refusal::internal)?;
        // There may be more for others to do.
        desk.bell.notify_one();
        Ok(begun.map(|(job, live)| {
            let place = place.filter(|_| job.spec.kind.is_long());
            (job, live, place)
        }))
    })
    .await
}

async fn work(app: &Arc<App>, job: Job, live: Live) {
    app.metrics.job("running");
    app.log.event("job_running", json!({ "job": job.id, "attempt": job.attempts }));
    let attempt = attempt(app, &job, &live).await;
    let state = settled(app, &job, attempt).await;
    app.desk.leave(&job.id);
    if let Some(state) = state {
        app.metrics.job(state);
        app.log.event(&format!("job_{state}"), json!({ "job": job.id, "attempt": job.attempts }));
    }
}

async fn attempt(app: &Arc<App>, job: &Job, live: &Live) -> Attempt {
    let mut cancelled = live.cancelled.subscribe();
    let mut stopping = app.stopping.subscribe();
    let drained = async {
        // The sender lives as long as the app.
        let _ = stopping.wait_for(|stopping| *stopping).await;
        tokio::time::sleep(app.settings.drain_time).await;
    };
    tokio::select! {
        ended = perform(app, job, live) => Attempt::Ended(ended),
        _ = cancelled.wait_for(|cancelled| *cancelled) => Attempt::Cancelled,
        () = drained => Attempt::HandedBack,
        () = heartbeat(app, &job.id) => Attempt::HandedBack,
    }
}

/// Writes down how an attempt ended, again and again until that succeeds; the job's state after that. `None` if the server stops
/// first: the next one takes the job up.
async fn settled(app: &Arc<App>, job: &Job, attempt: Attempt) -> Option<&'static str> {
    loop {
        match settle(app, job, attempt.clone()).await {
            Ok(state) => return Some(state),
            Err(refusal) => app.log.event("job_unsettled", json!({ "job": job.id, "error": refusal.detail })),
        }
        if app.is_stopping() {
            return None;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Writes down how an attempt ended; the job's state after that. Can be repeated wherever it broke off.
async fn settle(app: &Arc<App>, job: &Job, attempt: Attempt) -> Result<&'static str, Refusal> {
    let (app, job) = (app.clone(), job.clone());
    blocking(move || {
        let (desk, id) = (&app.desk, job.id.as_str());
        let again = |refund: bool, later: Duration| -> crate::Result<&'static str> {
            desk.queue.remove(id)?;
            desk.enqueue(job.entry(), later)?;
            desk.store.requeue(id, job.attempts, refund)?;
            Ok("queued")
        };
        let end = |end: End| -> crate::Result<&'static str> {
            let state = end.state().name();
            if !desk.store.finish(id, job.attempts, &end, clock::now())? {
                // Another attempt has it now, and its place in the queue.
                return Ok("superseded");
            }
            // Whoever claims it finds that it has ended.
            let _ = desk.queue.remove(id);
            if matches!(end, End::Done(_)) {
                let _ = std::fs::remove_file(desk.input(id));
            }
            app.post.notify_one();
            Ok(state)
        };
        let settled: crate::Result<_> = match attempt {
            Attempt::Ended(Ok(output)) => end(End::Done(output)),
            Attempt::Cancelled => end(End::Cancelled),
            Attempt::HandedBack => again(true, Duration::ZERO),
            Attempt::Ended(Err(refusal))
                if refusal.code.may_pass() && job.attempts < app.settings.attempts =>
            {
                again(false, Duration::from_secs(1 << job.attempts.min(8)))
            }
            Attempt::Ended(Err(refusal)) => end(End::Failed(Reason::from(&refusal))),
        };
        settled.map_err(Refusal::internal)
    })
    .await
}

/// Says again and again that the job is being worked on. Ends if that can no longer be said.
async fn heartbeat(app: &Arc<App>, id: &str) {
    loop {
        tokio::time::sleep(LEASE / 3).await;
        let (app, id) = (app.clone(), id.to_owned());
        let until = clock::now() + clock::milliseconds(LEASE);
        let extended = blocking(move || app.desk.queue.extend(&id, until).map_err(Refusal::internal)).await;
        // An error may pass before the lease is over.
        if matches!(extended, Ok(false)) {
            return;
        }
    }
}

async fn perform(app: &Arc<App>, job: &Job, live: &Live) -> Result<Output, Refusal> {
    let report = |progress: Progress| {
        live.progress.send_replace(progress);
    };
    match &job.spec.input {
        Input::Upload(_) => {
            let path = app.desk.input(&job.id);
            let content = blocking(move || Content::of_file(&path).map_err(Refusal::internal)).await?;
            let thing = Thing { content, name: job.spec.name.clone() };
            deliver(app, job, enlarge(app, job, thing, &report).await?).await
        }
        Input::Url(url) => {
            let thing = Thing::at(app, url).await?;
            deliver(app, job, enlarge(app, job, thing, &report).await?).await
        }
        Input::Shelf(object) => {
            let content = app.shelf.content(object, &app.spool).await?;
            let thing = Thing { content, name: job.spec.name.clone() };
            deliver(app, job, enlarge(app, job, thing, &report).await?).await
        }
        Input::Batch(urls) => batch(app, job, urls, &report).await,
    }
}

/// Something that is to be made larger.
struct Thing {
    content: Content,
    /// The name of its file.
    name: Option<String>,
}

impl Thing {
    /// What is at a URL.
    async fn at(app: &App, url: &str) -> Result<Self, Refusal> {
        Ok(Self { content: app.storage.read(url, &app.spool).await?, name: Some(last_part(url)) })
    }
}

async fn enlarge(
    app: &Arc<App>,
    job: &Job,
    Thing { content, name }: Thing,
    report: Report<'_>,
) -> Result<Arc<Made>, Refusal> {
    let order = Order {
        content: content.into(),
        name,
        recipe: job.spec.parameters.recipe(&app.settings.model)?,
        preferred: None,
        weight: 2_f64.powi(job.priority.clamp(-3, 3) as i32),
        time: app.settings.job_time,
        patient: true,
    };
    let ticket = app.engine.order(order).await?;
    let mut progress = ticket.progress.clone();
    let mut made = std::pin::pin!(ticket.wait());
    loop {
        tokio::select! {
            made = &mut made => return made,
            Ok(()) = progress.changed() => report(*progress.borrow_and_update()),
        }
    }
}

/// Puts a result where it belongs: into the job's folder, and where the client wants it.
async fn deliver(app: &Arc<App>, job: &Job, made: Arc<Made>) -> Result<Output, Refusal> {
    if let Some(url) = &job.spec.output {
        app.storage.write_file(url, &made.path).await?;
    }
    if let Some(Shelved { key, width, height, bytes, format }) = &job.spec.shelf {
        let stored = (made.width, made.height, made.bytes);
        let facts = Facts::new(key, (*width, *height, *bytes, format), stored);
        app.shelf.put(&Key::parse(&job.owner, key)?, facts, &made.path).await?;
    }
    let file = format!("output-{}.{}", job.attempts, made.file.extension);
    let path = app.desk.folder(&job.id).join(&file);
    let url = job.spec.output.clone();
    blocking(move || {
        let content = Content::of_file(&made.path).map_err(Refusal::internal)?;
        content.persist(&path).map_err(Refusal::internal)?;
        Ok(Output {
            file: Some(file),
            bytes: content.length(),
            mime: made.file.mime.into(),
            sha256: content.hash().into(),
            width: Some(made.width),
            height: Some(made.height),
            url,
            remarks: made.remarks.clone(),
            items: Vec::new(),
        })
    })
    .await
}

/// Does the pictures of a batch, one after the other; each result is there as soon as it is made. One that fails stops no
/// other. What an earlier attempt has done is not done again.
async fn batch(app: &Arc<App>, job: &Job, urls: &[String], report: Report<'_>) -> Result<Output, Refusal> {
    let place = job.spec.output.as_deref().unwrap_or_default();
    let inputs = inputs(app, urls, place).await?;
    if inputs.is_empty() {
        let place = match urls {
            [url] => url.clone(),
            urls => format!("any of {} places", urls.len()),
        };
        return Err(Refusal::not_found(format!("there is nothing to make larger below {place}")));
    }
    let mut items = stored(app, &job.id).await?;
    let total = inputs.len() as f64;
    for (number, (input, name)) in inputs.iter().enumerate() {
        if items.iter().any(|item| &item.input == input) {
            continue;
        }
        let part = |progress: Progress| {
            let fraction = (number as f64 + progress.fraction) / total;
            report(Progress { fraction, ..progress });
        };
        part(Progress::default());
        let made = one(app, job, input, &format!("{place}{name}"), &part).await;
        let item = match made {
            Ok(url) => Item { input: input.clone(), output: Some(url), reason: None },
            // The whole attempt may go better later.
            Err(refusal) if refusal.code.may_pass() && job.attempts < app.settings.attempts => {
                return Err(refusal);
            }
            Err(refusal) => Item { input: input.clone(), output: None, reason: Some(Reason::from(&refusal)) },
        };
        let (store, id, kept) = (app.desk.store.clone(), job.id.clone(), item.clone());
        blocking(move || store.add_item(&id, &kept).map_err(Refusal::internal)).await?;
        items.push(item);
    }
    if items.iter().all(|item| item.output.is_none()) {
        return Err(Refusal::new(Code::Invalid, "none of the pictures could be made larger"));
    }
    summary(app, job, items).await
}

async fn one(
    app: &Arc<App>,
    job: &Job,
    input: &str,
    stem: &str,
    report: Report<'_>,
) -> Result<String, Refusal> {
    let made = enlarge(app, job, Thing::at(app, input).await?, report).await?;
    let url = format!("{stem}.{}", made.file.extension);
    app.storage.write_file(&url, &made.path).await?;
    Ok(url)
}

/// The pictures of a batch: their URLs, and the names of their results below the output, without extensions. What lies below
/// the output is none of them.
async fn inputs(app: &Arc<App>, urls: &[String], output: &str) -> Result<Vec<(String, String)>, Refusal> {
    let most = app.settings.max_batch;
    let mut inputs = Vec::new();
    for url in urls {
        if url.ends_with('/') {
            let found = app.storage.list(url, most).await?;
            for found in found.into_iter().filter(|found| !found.starts_with(output)) {
                let name = found.strip_prefix(url.as_str()).unwrap_or(&found).to_owned();
                inputs.push((found, name));
            }
        } else {
            inputs.push((url.clone(), last_part(url)));
        }
    }
    if inputs.len() as u64 > most {
        return Err(Refusal::too_large("max-batch", most, format!("there are {} pictures", inputs.len())));
    }
    let (urls, names): (Vec<_>, Vec<_>) = inputs.into_iter().unzip();
    Ok(urls.into_iter().zip(apart(&names)).collect())
}

/// Names without extensions. Where two would be the same they keep them, and where that does not help they have a number.
fn apart(names: &[String]) -> Vec<String> {
    let stem = |name: &str| match name.rsplit_once('.') {
        Some((stem, extension)) if !extension.contains('/') => stem.to_owned(),
        _ => name.to_owned(),
    };
    let mut often: HashMap<String, usize> = HashMap::new();
    for name in names {
        *often.entry(stem(name)).or_default() += 1;
    }
    let mut taken = HashSet::new();
    let named = names.iter().map(|name| {
        let wished = Some(stem(name)).filter(|stem| often[stem] == 1).unwrap_or_else(|| name.clone());
        let numbered = (2..).map(|number| format!("{wished}-{number}"));
        let free = std::iter::once(wished.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
        free.unwrap_or(wished)
    });
    named.collect()
}

async fn stored(app: &Arc<App>, id: &str) -> Result<Vec<Item>, Refusal> {
    let (store, id) = (app.desk.store.clone(), id.to_owned());
    blocking(move || store.items(&id).map_err(Refusal::internal)).await
}

/// The output of a batch: a list of what became of its pictures.
async fn summary(app: &Arc<App>, job: &Job, items: Vec<Item>) -> Result<Output, Refusal> {
    let file = format!("output-{}.json", job.attempts);
    let folder = app.desk.folder(&job.id);
    let url = job.spec.output.clone();
    blocking(move || {
        let text = serde_json::to_vec_pretty(&items).map_err(Refusal::internal)?;
        let content = written(&folder, &file, &text).map_err(Refusal::internal)?;
        Ok(Output {
            file: Some(file),
            bytes: content.length(),
            mime: "application/json".into(),
            sha256: content.hash().into(),
            width: None,
            height: None,
            url,
            remarks: Vec::new(),
            items,
        })
    })
    .await
}

fn written(folder: &Path, name: &str, text: &[u8]) -> std::io::Result<Content> {
    let mut spool = crate::spool::Spool::new(folder);
    spool.push(text)?;
    let content = spool.finish();
    content.persist(&folder.join(name))?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_a_batch_have_names_of_their_own() {
        let names = ["a.png", "b.c/a", "c.png", "c.jpg", "d.png", "d.png", "e"].map(str::to_owned);
        assert_eq!(apart(&names), ["a", "b.c/a", "c.png", "c.jpg", "d.png", "d.png-2", "e"]);
    }
}
