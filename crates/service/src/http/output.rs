//! `GET /v1/jobs/{id}/output`: what a job has made.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};

use super::auth::Client;
use super::extract::Path;
use super::file::Served;
use super::jobs;
use super::problem::Problem;
use crate::app::App;
use crate::engine::blocking;
use crate::engine::subject::FileKind;
use crate::jobs::job::{Job, State as JobState};
use crate::refusal::{Code, Refusal};

/// How long clients may keep an output, in seconds: a job that is tried again may make another one.
const KEEP: u32 = 60;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/jobs/{id}/output", get(output))
}

/// What a job has made: the picture, or of a batch the list of what became of its pictures. Ranges and entity tags are
/// understood.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/output", tag = "jobs",
    params(("id" = String, Path), ("Range" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, description = "The output", content_type = "image/*", body = Vec<u8>),
        (status = 206, description = "A part of it", content_type = "image/*", body = Vec<u8>),
        (status = 304, description = "It has not changed"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "There is none, or not yet", body = Problem,
            content_type = "application/problem+json"),
        (status = 416, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn output(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let served = blocking(move || opened(&app, &jobs::find(&app, &client, &id)?));
    Ok(served.await?.respond(&headers))
}

/// The output of a job. Blocks.
pub(crate) fn opened(app: &App, job: &Job) -> Result<Served, Refusal> {
    let missing =
        || Refusal::new(Code::Conflict, format!("the job is {}; it has no output", job.state.name()));
    let output = job.output.as_ref().filter(|_| job.state == JobState::Done).ok_or_else(missing)?;
    let name = output.file.as_deref().ok_or_else(missing)?;
    let path = app.desk.folder(&job.id).join(name);
    let file =
        std::fs::File::open(path).map_err(|_| Refusal::new(Code::Gone, "the output is no longer there"))?;
    let own = name.rsplit_once('.').and_then(|(_, extension)| FileKind::of_extension(extension));
    let mime = own.map_or("application/json", |kind| kind.mime);
    Ok(Served { file, length: output.bytes, etag: output.sha256.clone(), mime, max_age: KEEP })
}
