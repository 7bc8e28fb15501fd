//! Whether the server lives, whether it takes work, and what it counts.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::problem::Problem;
use crate::app::App;
use crate::refusal::{Code, Refusal};

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).route("/metrics", get(metrics))
}

/// Whether the server lives.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, body = String)))]
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Whether the server takes work: not while it stops, nor while too much waits.
#[utoipa::path(
    get, path = "/readyz", tag = "operation",
    responses((status = 200, body = String), (status = 503, description = "Not now", body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Refusal> {
    if app.is_stopping() {
        return Err(Refusal::new(Code::Stopping, "the server is stopping"));
    }
    if app.engine.waiting() >= app.settings.max_waiting {
        return Err(Refusal::new(Code::QueueFull, "too many pictures are waiting").retry_after(2));
    }
    Ok("ok\n")
}

/// What the server counts, as Prometheus reads it.
#[utoipa::path(
    get, path = "/metrics", tag = "operation",
    responses((status = 200, content_type = "application/openmetrics-text", body = String))
)]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.metrics.text(&app.engine)).into_response()
}
