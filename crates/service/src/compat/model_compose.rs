//! model-compose: `/api/workflows`, runs and tasks. There is one workflow, which makes a picture larger; a run is a job, and a
//! task is what becomes of it.
//!
//! Unlike its, all three ways to send a file in a form work, tasks outlive the process, and callbacks are tried again.

mod run;
mod task;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json as Body, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::json::Json;
use super::pictures::{in_room, receive};
use crate::app::App;
use crate::engine::blocking;
use crate::http::auth::Client;
use crate::http::extract::{Path, Query};
use crate::jobs::Cancel;
use crate::refusal::{Code, Refusal};

pub(crate) use run::{Fields, Run};
pub(crate) use task::event;

/// The one workflow, and what asks for it without naming it.
const WORKFLOW: &str = "image-upscale";
const USUAL: &str = "__default__";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/health", get(health))
        .route("/api/workflows", get(workflows))
        .route("/api/workflows/{id}/schema", get(schema))
        .route("/api/workflows/runs", post(runs))
        .route("/api/tasks/{id}", get(show))
        .route("/api/tasks/{id}/cancel", post(cancel))
        .route("/api/tasks/{id}/resume", post(resume))
}

/// A refusal as FastAPI says it.
#[derive(Debug)]
pub(crate) struct Said(pub(crate) Refusal);

impl From<Refusal> for Said {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        super::refused(&self.0, json!({ "detail": self.0.detail }))
    }
}

fn said(code: Code, detail: impl Into<String>) -> Said {
    Said(Refusal::new(code, detail))
}

async fn health(State(app): State<Arc<App>>) -> Response {
    match app.is_stopping() {
        true => (StatusCode::SERVICE_UNAVAILABLE, Body(json!({ "status": "shutting_down" }))).into_response(),
        false => Body(json!({ "status": "ok" })).into_response(),
    }
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    include_schema: Option<String>,
}

async fn workflows(
    State(app): State<Arc<App>>,
    query: Result<Query<ListQuery>, Refusal>,
) -> Result<Body<Value>, Said> {
    let Query(query) = query?;
    let whole = query.include_schema.and_then(|flag| Json::Text(flag.into()).flag()).unwrap_or(false);
    Ok(match whole {
        true => Body(json!([described(&app)])),
        false => Body(json!([{ "workflow_id": WORKFLOW, "title": "Upscale Image", "default": true }])),
    })
}

async fn schema(State(app): State<Arc<App>>, id: Result<Path<String>, Refusal>) -> Result<Body<Value>, Said> {
    let Path(id) = id?;
    match id.as_str() {
        WORKFLOW => Ok(Body(described(&app))),
        _ => Err(said(Code::NotFound, "Workflow not found.")),
    }
}

/// The workflow with its variables.
fn described(app: &App) -> Value {
    let variable = |name: &str, kind: &str| json!({ "name": name, "type": kind, "is_list": false });
    let mut model = variable("model", "string");
    model["default"] = app.settings.model.as_str().into();
    let mut format = variable("format", "string");
    format["default"] = run::FORMAT.into();
    json!({
        "workflow_id": WORKFLOW, "title": "Upscale Image", "default": true,
        "description": "Makes a picture larger with a super-resolution network.",
        "input": [variable("image", "image"), model, variable("scale", "number"), format],
        "output": [{ "type": "image", "is_list": false, "format": "base64" }],
    })
}

async fn runs(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    request: Request,
) -> Result<Response, Said> {
    let kind = crate::http::upload::kind(request.headers());
    let folder = app.spool.clone();
    let run = match kind.as_str() {
        "application/json" => receive(&app, request, move |body| Run::of_json(body, &folder)).await?,
        "application/x-www-form-urlencoded" => {
            receive(&app, request, move |body| Fields::of_query(body).and_then(|fields| fields.run(&folder)))
                .await?
        }
        "multipart/form-data" => {
            let parts = crate::http::upload::parts(&app, request).await?;
            in_room(move || Ok(Fields::of_parts(parts).and_then(|fields| fields.run(&folder)))).await??
        }
        "" => return Err(said(Code::Malformed, "Missing or empty Content-Type header.")),
        other => return Err(said(Code::Malformed, format!("Unsupported Content-Type: {other}"))),
    };
    run.check()?;
    if app.is_stopping() {
        return Err(said(Code::Stopping, "Service is shutting down"));
    }
    let (waits, output_only) = (run.wait_for_completion, run.output_only);
    let id = task::hand_in(&app, &client, run).await?;
    let job = match waits {
        true => task::ended(&app, &client, &id).await?,
        false => task::find(&app, &client, &id).await?,
    };
    task::respond(&app, job, output_only).await
}

#[derive(Debug, Deserialize)]
struct TaskQuery {
    output_only: Option<String>,
    wait_for_completion: Option<String>,
}

impl TaskQuery {
    fn flag(value: Option<String>, usual: bool) -> bool {
        value.and_then(|flag| Json::Text(flag.into()).flag()).unwrap_or(usual)
    }
}

async fn show(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    id: Result<Path<String>, Refusal>,
    query: Result<Query<TaskQuery>, Refusal>,
) -> Result<Response, Said> {
    let (Path(id), Query(query)) = (id?, query?);
    let missing = || said(Code::NotFound, "Task not found.");
    let id = task::job_id(&id).ok_or_else(missing)?;
    let job = task::find(&app, &client, &id).await.map_err(|said| match said.0.code {
        Code::NotFound => missing(),
        _ => said,
    })?;
    task::respond(&app, job, TaskQuery::flag(query.output_only, false)).await
}

async fn cancel(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    task_id: Result<Path<String>, Refusal>,
    query: Result<Query<TaskQuery>, Refusal>,
) -> Result<Response, Said> {
    let (Path(task_id), Query(query)) = (task_id?, query?);
    let id = task::job_id(&task_id).ok_or_else(|| unknown(&task_id))?;
    let job = task::find(&app, &client, &id).await?;
    if job.cancel_asked && !job.state.is_end() {
        return Err(said(Code::Conflict, format!("Task '{task_id}' is already being cancelled")));
    }
    let (shared, name) = (app.clone(), id.clone());
    let outcome = blocking(move || shared.desk.cancel(&name).map_err(Refusal::internal)).await?;
    if outcome == Cancel::TooLate {
        let status = task::status(&job);
        return Err(said(Code::Conflict, format!("Task '{task_id}' has already finished: {status}")));
    }
    let job = match TaskQuery::flag(query.wait_for_completion, true) {
        true => task::ended(&app, &client, &id).await?,
        false => task::find(&app, &client, &id).await?,
    };
    task::respond(&app, job, false).await
}

/// Tasks are never interrupted here to ask someone something, so there is none to resume.
async fn resume(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    task_id: Result<Path<String>, Refusal>,
) -> Result<Response, Said> {
    let Path(task_id) = task_id?;
    let id = task::job_id(&task_id).ok_or_else(|| unknown(&task_id))?;
    let job = task::find(&app, &client, &id).await?;
    Err(said(Code::Malformed, format!("Task '{task_id}' is not interrupted: {}", task::status(&job))))
}

fn unknown(task_id: &str) -> Said {
    let task_id: String = task_id.chars().take(40).collect();
    said(Code::NotFound, format!("Task not found: {task_id}"))
}
