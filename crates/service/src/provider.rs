//! Who makes pictures larger: this machine, another amplio server, or an endpoint of SageMaker.
//!
//! The engine stands before every provider: what it has in its cache, or is computing already, no provider is asked for.
//! `tests/providers.rs` asks the same of all of them.

mod local;
mod remote;
mod sagemaker;

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amplio::media::images;
use futures::future::BoxFuture;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

use crate::engine::Progress;
use crate::engine::Workshop;
use crate::engine::blocking;
use crate::engine::cache::Finished;
use crate::engine::cache::Made;
use crate::engine::make::Task;
use crate::engine::models::Known;
use crate::engine::subject::Subject;
use crate::jobs::job::Kind;
use crate::refusal::{Code, Refusal};
use crate::settings::Settings;
use crate::spool::Content;
use crate::{Error, Result, SETTINGS};

/// How often it is asked whether anyone still waits for another server's answer.
const LOOK: Duration = Duration::from_millis(200);

/// The most bytes of another server's words about what went wrong.
const LONGEST_WORDS: usize = 16 << 10;

/// Told the fraction that is done; says whether to go on.
pub(crate) type Watch = Arc<dyn Fn(Progress) -> ControlFlow<()> + Send + Sync>;

type Answer<T> = std::result::Result<T, Refusal>;

/// Something that is to be made larger.
pub(crate) struct Work {
    pub(crate) task: Task,
    pub(crate) content: Arc<Content>,
    pub(crate) deadline: Instant,
    pub(crate) watch: Watch,
}

/// Makes pictures larger, and what is made of pictures.
pub(crate) trait Provider: Send + Sync {
    /// What tells its results with a model from all others: equal requests to equal identities have equal results.
    ///
    /// # Errors
    /// If it knows that there is no such model.
    fn identity(&self, model: &str) -> Answer<String>;

    /// Refuses kinds of things that it never makes larger, so that whoever brings one is told at once.
    fn check(&self, _kind: Kind) -> Answer<()> {
        Ok(())
    }

    /// The models that may be named.
    fn models(&self) -> BoxFuture<'_, Answer<Vec<Known>>>;

    /// Makes something larger and keeps it in the cache. [`Code::may_pass`] of the refusal tells whether trying again makes
    /// sense.
    fn enlarge(&self, work: Work) -> BoxFuture<'static, Answer<Arc<Made>>>;
}

/// The provider that the settings choose.
pub(crate) fn open(settings: &Settings, shop: &Arc<Workshop>) -> Result<Arc<dyn Provider>> {
    Ok(match settings.provider.split_once(':') {
        Some(("sagemaker", name)) => Arc::new(sagemaker::SageMaker::new(name, settings, shop.clone())?),
        Some(_) => Arc::new(remote::Remote::new(settings, shop.clone())?),
        None => Arc::new(local::Local::new(shop.clone())),
    })
}

/// A client for one server that the settings name, wherever it is.
fn client(settings: &Settings) -> Result<Client> {
    let builder = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(settings.idle_time)
        .user_agent(concat!("amplio/", env!("CARGO_PKG_VERSION")));
    builder.build().map_err(|e| Error::Tls { what: e.to_string() })
}

/// Waits for another server as long as someone waits for its answer.
async fn while_wanted<T>(watch: Watch, answer: impl Future<Output = Answer<T>>) -> Answer<T> {
    let mut answer = std::pin::pin!(answer);
    loop {
        tokio::select! {
            answer = &mut answer => return answer,
            () = tokio::time::sleep(LOOK) => {
                if watch(Progress::default()).is_break() {
                    return Err(Refusal::new(Code::Cancelled, "nobody waits for this any more"));
                }
            }
        }
    }
}

/// Another server could not be asked, or broke off.
fn broken(who: &str, error: &reqwest::Error) -> Refusal {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Refusal::new(Code::Unreachable, format!("{who}: {cause}"))
}

/// Why another server did not do what it was asked for, from its status and its words.
async fn explained(who: &str, mut response: Response) -> Refusal {
    let status = response.status();
    let after =
        response.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse::<u64>().ok());
    let mut words = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        words.extend_from_slice(&piece[..piece.len().min(LONGEST_WORDS - words.len())]);
        if words.len() == LONGEST_WORDS {
            break;
        }
    }
    let refusal = meant(who, status, &words);
    match after {
        Some(seconds) if refusal.code == Code::Busy => refusal.retry_after(seconds),
        _ => refusal,
    }
}

/// What a status and a body in JSON, if it is one, mean for whoever asked this server.
pub(crate) fn meant(who: &str, status: StatusCode, words: &[u8]) -> Refusal {
    let words: serde_json::Value = serde_json::from_slice(words).unwrap_or_default();
    let named = ["detail", "message", "Message", "OriginalMessage"];
    let detail = named.iter().find_map(|name| words[name].as_str()).unwrap_or("it gives no reason");
    let detail: String = detail.chars().take(500).collect();
    // What an endpoint's container has said, where the endpoint only passes it on.
    let original = words["OriginalStatusCode"].as_u64().and_then(|code| u16::try_from(code).ok());
    let code = match original.unwrap_or(status.as_u16()) {
        429 | 503 => Code::Busy,
        504 if words["code"] == Code::TooSlow.name() => Code::TooSlow,
        413 => Code::TooLarge,
        415 => Code::UnsupportedMedia,
        400 | 406 | 422 => Code::Invalid,
        _ => Code::Unreachable,
    };
    let told = match code {
        Code::Busy | Code::Unreachable => format!("{who} answered {status}: {detail}"),
        _ => detail,
    };
    let limit = SETTINGS.iter().find(|setting| words["limit"]["name"] == setting.name);
    let refusal = Refusal::new(code, told);
    match (limit, words["limit"]["value"].as_u64()) {
        (Some(setting), Some(value)) => refusal.limited(setting.name, value),
        _ => refusal,
    }
}

/// Puts an answer into a file.
async fn received(
    who: &str,
    shop: &Workshop,
    most: u64,
    mut response: Response,
) -> Answer<tempfile::NamedTempFile> {
    let draft = shop.cache.draft().map_err(Refusal::internal)?;
    let mut file = draft.reopen().map_err(Refusal::internal)?;
    let mut length = 0;
    while let Some(piece) = response.chunk().await.map_err(|e| broken(who, &e))? {
        length += piece.len() as u64;
        if length > most {
            let what = format!("{who} answered with more than {most} bytes");
            return Err(Refusal::new(Code::Unreachable, what));
        }
        file.write_all(&piece).map_err(Refusal::internal)?;
    }
    Ok(draft)
}

/// Puts an answer, if it is what was asked for, into the cache.
async fn keep(who: &str, shop: &Arc<Workshop>, task: Task, response: Response) -> Answer<Arc<Made>> {
    let told = response.headers().get("amplio-size").and_then(|size| size.to_str().ok()?.split_once('x'));
    let told = told.and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    let mut size: (u32, u32) = told.unwrap_or_default();
    let draft = received(who, shop, shop.most_result.saturating_mul(8), response).await?;
    let (who, shop) = (who.to_owned(), shop.clone());
    blocking(move || {
        let odd = |what: String| Refusal::new(Code::Unreachable, format!("{who} answered with {what}"));
        let file = task.subject.file();
        if !matches!(task.subject, Subject::Archive(_)) {
            let bytes = std::fs::read(draft.path()).map_err(Refusal::internal)?;
            let (format, header) = images::read_header(&bytes).map_err(|e| odd(e.to_string()))?;
            if format.mime != file.mime {
                return Err(odd(format!("{} instead of {}", format.mime, file.mime)));
            }
            size = (header.width, header.height);
        }
        task.recipe.writing.check(size)?;
        let finished = Finished { file, size, remarks: Vec::new() };
        shop.cache.keep(&task.key, draft, finished).map_err(Refusal::internal)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_answer_is_told_in_our_codes() {
        let code = |status: u16, words: &str| {
            let refusal = meant("it", StatusCode::from_u16(status).expect("a status"), words.as_bytes());
            (refusal.code, refusal.code.may_pass())
        };
        for (status, words) in [(429, ""), (500, "{}"), (502, "<html>"), (503, ""), (504, "")] {
            assert!(code(status, words).1, "{status}");
        }
        assert_eq!(code(504, r#"{"code": "time_limit_exceeded"}"#), (Code::TooSlow, false));
        assert_eq!(code(422, r#"{"detail": "no"}"#), (Code::Invalid, false));
        assert_eq!(code(415, ""), (Code::UnsupportedMedia, false));
        assert_eq!(
            code(424, r#"{"OriginalStatusCode": 400, "OriginalMessage": "no"}"#),
            (Code::Invalid, false)
        );
        assert_eq!(code(424, r#"{"OriginalStatusCode": 500}"#), (Code::Unreachable, true));
        assert_eq!(code(403, ""), (Code::Unreachable, true));
        let words = br#"{"detail": "too much", "limit": {"name": "max-pixels", "value": 7}}"#;
        let refusal = meant("it", StatusCode::PAYLOAD_TOO_LARGE, words);
        let limit = refusal.limit.map(|limit| (limit.setting, limit.value));
        assert_eq!(
            (refusal.code, refusal.detail.as_str(), limit),
            (Code::TooLarge, "too much", Some(("max-pixels", 7)))
        );
    }
}
