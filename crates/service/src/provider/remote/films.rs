//! A video on another server: a job there. It has a name of its own, so that whoever asks for the same again, after whatever has
//! happened here, finds the same job and not a second one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use amplio::media::images;
use bytes::Bytes;
use futures::{StreamExt, stream};
use reqwest::{Body, Method};
use serde::Deserialize;

use super::{ASKING, Other};
use crate::engine::cache::{Finished, Made};
use crate::engine::make::Task;
use crate::engine::{Progress, Workshop, blocking};
use crate::http::file::pieces;
use crate::jobs::job::{Reason, State};
use crate::provider::{Answer, Watch, Work, received, while_wanted};
use crate::refusal::{Code, Refusal};
use crate::spool::Content;

/// How long the other server may not answer while it works.
const SILENCE: Duration = Duration::from_secs(60);

/// The time between two questions after a job.
const PAUSE: Duration = Duration::from_millis(500);

/// Between these lies the file in a form.
const EDGE: &str = "amplio-film";

/// What the file is called in the form: containers without a signature are known by their name.
const NAME: &str = "film.mkv";

/// A job as the other server tells of it.
#[derive(Deserialize)]
struct Job {
    id: String,
    state: State,
    fraction: f64,
    frames_per_second: Option<f64>,
    reason: Option<Reason>,
    output: Option<Output>,
}

#[derive(Deserialize)]
struct Output {
    bytes: u64,
    width: u32,
    height: u32,
    #[serde(default)]
    remarks: Vec<String>,
}

/// Makes a video larger.
pub(super) async fn enlarge(other: Other, work: Work, shop: Arc<Workshop>) -> Answer<Arc<Made>> {
    let Work { task, content, deadline, watch } = work;
    let begun = async {
        let rest = deadline.saturating_duration_since(Instant::now());
        let mut job = hand_in(&other, &task, content, rest).await?;
        // What an earlier attempt has given up goes on.
        if matches!(job.state, State::Failed | State::Cancelled) {
            job = ask(&other, Method::POST, &format!("v1/jobs/{}/retry", job.id)).await?;
        }
        Ok(job)
    };
    let job = while_wanted(watch.clone(), begun).await?;
    let path = format!("v1/jobs/{}", job.id);
    let ended = follow(&other, &path, &watch).await;
    if ended.as_ref().is_err_and(|refusal| refusal.code == Code::Cancelled) {
        let _ = ask(&other, Method::POST, &format!("{path}/cancel")).await;
    }
    let output = ended?;
    while_wanted(watch, fetch(&other, &path, output, task, shop)).await
}

async fn ask(other: &Other, method: Method, path: &str) -> Answer<Job> {
    let job: Job = other.told(other.request(method, path)?.timeout(ASKING)).await?;
    let sound = !job.id.is_empty() && job.id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let odd = || Refusal::new(Code::Unreachable, format!("{} names its jobs oddly", other.name()));
    sound.then_some(job).ok_or_else(odd)
}

/// Hands a job in, or finds the one that is there.
async fn hand_in(other: &Other, task: &Task, content: Arc<Content>, rest: Duration) -> Answer<Job> {
    // A kind of file that is one of pictures has no name among those of videos; it is what such a video becomes by itself.
    let format = Some(task.subject.file().extension).filter(|name| images::by_extension(name).is_none());
    let head = format!(
        "--{EDGE}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{NAME}\"\r\n\
         content-type: application/octet-stream\r\n\r\n"
    );
    let tail = format!("\r\n--{EDGE}--\r\n");
    let length = content.length();
    let whole = head.len() as u64 + length + tail.len() as u64;
    let file = blocking(move || content.open().map_err(Refusal::internal)).await?;
    let words = |text: String| stream::iter([Ok(Bytes::from(text))]);
    let body = words(head).chain(pieces(file, 0..length)).chain(words(tail));
    let request = other
        .request(Method::POST, "v1/jobs")?
        .query(&task.recipe.parameters(format))
        .header("idempotency-key", &task.key)
        .header("content-type", format!("multipart/form-data; boundary={EDGE}"))
        .header("content-length", whole)
        .timeout(rest)
        .body(Body::wrap_stream(body));
    other.told(request).await
}

/// Waits for the end of a job, and tells how far it is. A while without answers may pass.
async fn follow(other: &Other, path: &str, watch: &Watch) -> Answer<Output> {
    let (begun, mut heard, mut progress) = (Instant::now(), Instant::now(), Progress::default());
    loop {
        match ask(other, Method::GET, path).await {
            Ok(Job { state: State::Done, output: Some(output), .. }) => return Ok(output),
            Ok(job) if job.state.is_end() => return Err(failed(other, job)),
            Ok(job) => {
                heard = Instant::now();
                let frames = job.frames_per_second.unwrap_or(0.0) * begun.elapsed().as_secs_f64();
                progress = Progress { fraction: job.fraction, frames };
            }
            Err(refusal) if refusal.code.may_pass() && heard.elapsed() < SILENCE => {}
            Err(refusal) => return Err(refusal),
        }
        if watch(progress).is_break() {
            return Err(Refusal::new(Code::Cancelled, "nobody waits for this any more"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Why a job has come to nothing.
fn failed(other: &Other, job: Job) -> Refusal {
    let Some(Reason { code, detail }) = job.reason else {
        let what = format!("{}: the job {} was cancelled there", other.name(), job.id);
        return Refusal::new(Code::Unreachable, what);
    };
    let lasting = [Code::Invalid, Code::TooLarge, Code::UnsupportedMedia, Code::TooSlow];
    match lasting.into_iter().find(|known| known.name() == code) {
        Some(code) => Refusal::new(code, detail),
        None => Refusal::new(Code::Unreachable, format!("{}: {detail}", other.name())),
    }
}

/// Puts what a job has made into the cache.
async fn fetch(
    other: &Other,
    path: &str,
    output: Output,
    task: Task,
    shop: Arc<Workshop>,
) -> Answer<Arc<Made>> {
    let Output { bytes, width, height, remarks } = output;
    task.recipe.writing.check((width, height))?;
    let response = other.send(other.request(Method::GET, &format!("{path}/output"))?).await?;
    let draft = received(other.name(), &shop, bytes, response).await?;
    blocking(move || {
        let finished = Finished { file: task.subject.file(), size: (width, height), remarks };
        shop.cache.keep(&task.key, draft, finished).map_err(Refusal::internal)
    })
    .await
}
