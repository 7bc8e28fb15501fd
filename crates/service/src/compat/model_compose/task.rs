//! Tasks: jobs under other names.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::super::pictures::Answer;
use super::run::{Image, Run};
use super::{Said, WORKFLOW, said, unknown};
use crate::app::App;
use crate::engine::blocking;
use crate::http::auth::Client;
use crate::http::jobs;
use crate::http::output::opened;
use crate::jobs::job::{Foreign, Input, Job, Spec, State};
use crate::refusal::{Code, Refusal};

/// The digits of task ids (Crockford's base 32).
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The first and the longest pause before a job is looked at again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(250));

/// The most bytes of a result that a callback carries; larger ones are fetched by those who want them.
const LARGEST_CALLED: u64 = 32 << 20;

/// Hands a run in as a job; the job's id.
pub(super) async fn hand_in(app: &Arc<App>, client: &Client, run: Run) -> Result<String, Said> {
    let recipe = run.wish.recipe(&app.settings.model)?;
    let (input, content, name) = match run.image {
        Image::Sent(content, name) => (Input::Upload(content.hash().into()), Some(content), name),
        Image::Url(url) => {
            app.storage.check(&url, false)?;
            (Input::Url(url), None, None)
        }
    };
    if let Some(url) = &run.callback_url {
        let url = url::Url::parse(url)
            .map_err(|e| said(Code::Malformed, format!("Invalid request body: callback_url: {e}")))?;
        app.storage.fetcher.check(&url)?;
    }
    let foreign = Foreign {
        session_id: run.session_id,
        metadata: run.metadata,
        callback_headers: run.callback_headers,
    };
    let name = name.as_deref().map(jobs::file_name);
    let kind = jobs::kind_of(&input, content.as_ref(), name.as_deref(), &recipe)?;
    let spec = Spec {
        input,
        name,
        kind,
        output: None,
        parameters: run.wish,
        webhook: run.callback_url,
        foreign: Some(foreign),
        shelf: None,
    };
    Ok(super::super::hand_in(app, client, spec, content).await?)
}

/// A job of this client.
pub(super) async fn find(app: &Arc<App>, client: &Client, id: &str) -> Result<Job, Said> {
    let (app, client, name) = (app.clone(), client.clone(), id.to_owned());
    let job = blocking(move || jobs::find(&app, &client, &name)).await;
    job.map_err(|refusal| match refusal.code {
        Code::NotFound => unknown(&task_id(id)),
        _ => Said(refusal),
    })
}

/// A job of this client, once it has ended.
pub(super) async fn ended(app: &Arc<App>, client: &Client, id: &str) -> Result<Job, Said> {
    let mut stopping = app.stopping.subscribe();
    let mut pause = PAUSES.0;
    loop {
        let job = find(app, client, id).await?;
        if job.state.is_end() {
            return Ok(job);
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSES.1),
            _ = stopping.wait_for(|stopping| *stopping) => {
                return Err(said(Code::Stopping, "Service is shutting down"));
            }
        }
    }
}

/// A task as an answer: what is known about it, or what it has made.
pub(super) async fn respond(app: &Arc<App>, job: Job, output_only: bool) -> Result<Response, Said> {
    let facts = facts(&job);
    if output_only {
        match job.state {
            State::Queued | State::Running => return Ok(answer(StatusCode::ACCEPTED, facts)),
            State::Cancelled => return Ok(answer(StatusCode::CONFLICT, facts)),
            State::Failed => return Err(said(Code::Internal, reason(&job))),
            State::Done => {}
        }
    }
    if job.state != State::Done {
        return Ok(answer(StatusCode::OK, facts));
    }
    let shared = app.clone();
    let served = blocking(move || opened(&shared, &job)).await?;
    if output_only {
        let mut response = served.respond(&HeaderMap::new());
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        return Ok(response);
    }
    let mut text = Value::Object(facts).to_string();
    // Its last brace comes after the output.
    text.pop();
    let body = Answer::default().text(text + ",\"output\":\"").file(served.file, served.length).text("\"}");
    Ok(body.respond("application/json"))
}

fn answer(status: StatusCode, facts: Map<String, Value>) -> Response {
    (status, axum::Json(facts)).into_response()
}

/// What is known about a task, without what it has made.
fn facts(job: &Job) -> Map<String, Value> {
    let foreign = job.spec.foreign.clone().unwrap_or_default();
    let error = (job.state == State::Failed).then(|| reason(job));
    let all = [
        ("task_id", Some(task_id(&job.id).into())),
        ("status", Some(status(job).into())),
        ("workflow_id", Some(WORKFLOW.into())),
        ("error", error.map(Value::from)),
        ("session_id", foreign.session_id.map(Value::from)),
        ("metadata", foreign.metadata),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// The message of a callback. Blocks.
pub(crate) fn event(app: &App, job: &Job) -> Result<String, Refusal> {
    let mut facts = facts(job);
    facts.insert("event".into(), status(job).into());
    if let (Some(started), Some(finished)) = (job.started, job.finished) {
        facts.insert("elapsed".into(), json!((finished - started) as f64 / 1000.0));
    }
    let small = job.output.as_ref().is_some_and(|output| output.bytes <= LARGEST_CALLED);
    if job.state == State::Done && small {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut opened(app, job)?.file, &mut bytes).map_err(Refusal::internal)?;
        facts.insert("output".into(), STANDARD.encode(bytes).into());
    }
    Ok(Value::Object(facts).to_string())
}

/// The state in its words.
pub(super) fn status(job: &Job) -> &'static str {
    match job.state {
        State::Queued => "pending",
        State::Running if job.cancel_asked => "cancelling",
        State::Running => "processing",
        State::Done => "completed",
        State::Failed => "failed",
        State::Cancelled => "cancelled",
    }
}

fn reason(job: &Job) -> String {
    job.reason.as_ref().map_or_else(String::new, |reason| reason.detail.clone())
}

/// A job's id as ULIDs are written: the same 128 bits.
pub(super) fn task_id(job: &str) -> String {
    let bits = Uuid::parse_str(job).unwrap_or_default().as_u128();
    (0..26).rev().map(|digit| char::from(DIGITS[(bits >> (5 * digit) & 31) as usize])).collect()
}

/// The id of a task's job, if it is the id of a task.
pub(super) fn job_id(task: &str) -> Option<String> {
    let sound = task.len() == 26 && task.as_bytes()[0] <= b'7';
    let value = |digit: u8| DIGITS.iter().position(|d| *d == digit.to_ascii_uppercase());
    let digits = task.bytes().map(value).collect::<Option<Vec<_>>>().filter(|_| sound)?;
    let bits = digits.into_iter().fold(0_u128, |bits, digit| bits << 5 | digit as u128);
    Some(Uuid::from_u128(bits).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_ids_are_job_ids() {
        let job = Uuid::now_v7().to_string();
        let task = task_id(&job);
        assert_eq!((task.len(), job_id(&task)), (26, Some(job.clone())));
        assert_eq!(job_id(&task.to_lowercase()), Some(job));
        let highest = Uuid::from_u128(u128::MAX).to_string();
        assert_eq!(task_id(&highest), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        for wrong in ["", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "7ZZZZZZZZZZZZZZZZZZZZZZZZU", "none", "é"] {
            assert_eq!(job_id(wrong), None, "{wrong}");
        }
    }
}
