//! The HTTP interface: a file for each family of routes, and what stands before all of them.

pub(crate) mod auth;
mod events;
pub(crate) mod extract;
pub(crate) mod file;
pub(crate) mod guard;
mod health;
pub(crate) mod jobs;
mod linger;
mod media;
mod models;
pub(crate) mod negotiate;
mod openapi;
pub(crate) mod output;
mod problem;
pub(crate) mod rates;
pub(crate) mod upload;
pub(crate) mod uploads;
pub(crate) mod upscale;
pub(crate) mod view;

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::compat::{self, fastapi};
use crate::page;
use crate::refusal::{Code, Refusal};

/// All routes. A family of routes is a file with `routes`, and an entry here.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let panicked = |_: Box<dyn Any + Send>| Refusal::internal("this request met a defect").into_response();
    Router::new()
        .merge(health::routes())
        .merge(models::routes())
        .merge(upscale::routes())
        .merge(jobs::routes())
        .merge(uploads::routes())
        .merge(events::routes())
        .merge(output::routes())
        .merge(media::routes())
        .merge(openapi::routes())
        .merge(page::routes())
        .merge(compat::routes(&app.settings))
        .route("/", get(root))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        // Bodies are bounded where they are received, so that the answer says by which limit.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .layer(from_fn(linger::linger))
        .with_state(app.clone())
}

/// The page for those who ask for one; what another server says to programs if this one speaks its API.
async fn root(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let mut response = match app.settings.speaks("fastapi") && !fastapi::wants_page(&headers) {
        true => fastapi::hello(),
        false => page::index(headers).await,
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    response
}

async fn unknown() -> Response {
    Refusal::not_found("there is nothing at this path").into_response()
}

async fn wrong_method() -> Response {
    Refusal::new(Code::NoSuchMethod, "this path does not know this method").into_response()
}
