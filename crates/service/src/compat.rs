//! The APIs of other servers that people already call, so that their clients need another address and nothing else.
//!
//! Each is a file: its routes, and its way to say what went wrong. What stands before the native routes stands before these
//! too: keys, rates, limits, places. The setting `compat` chooses.

pub(crate) mod a1111;
pub(crate) mod aws_sample;
pub(crate) mod fastapi;
pub(crate) mod json;
pub(crate) mod model_compose;
pub(crate) mod pictures;
pub(crate) mod sagemaker;

use std::sync::Arc;

use amplio::media::images::Format;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::app::App;
use crate::engine::Order;
use crate::engine::cache::Made;
use crate::engine::subject::is_archive;
use crate::engine::wish::{Recipe, Wish};
use crate::http::auth::Client;
use crate::http::jobs::{self, Handed};
use crate::jobs::job::Spec;
use crate::refusal::{Code, Refusal};
use crate::settings::Settings;
use crate::spool::Content;

/// Name and routes of an API.
type Api = (&'static str, fn() -> Router<Arc<App>>);

/// All of them, in the order of the documentation.
const APIS: [Api; 5] = [
    ("fastapi", fastapi::routes),
    ("aws-sample", aws_sample::routes),
    ("sagemaker", sagemaker::routes),
    ("model-compose", model_compose::routes),
    ("a1111", a1111::routes),
];

/// The names of all APIs.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    APIS.iter().map(|(name, _)| *name)
}

/// The routes of those that the settings choose.
pub(crate) fn routes(settings: &Settings) -> Router<Arc<App>> {
    let spoken = APIS.iter().filter(|(name, _)| settings.speaks(name));
    spoken.fold(Router::new(), |router, (_, routes)| router.merge(routes()))
}

/// A recipe of parameters by their names.
fn recipe(app: &App, parameters: &[(&str, &str)]) -> Result<Recipe, Refusal> {
    let mut wish = Wish::default();
    for (name, value) in parameters {
        wish.set(name, value)?;
    }
    wish.recipe(&app.settings.model)
}

/// Makes a picture larger for someone who waits for it. An archive is none.
async fn enlarge(app: &App, content: impl Into<Arc<Content>>, recipe: Recipe) -> Result<Arc<Made>, Refusal> {
    let content = content.into();
    if is_archive(&content)? {
        let what = "an archive is no picture; POST /v1/upscale takes archives";
        return Err(Refusal::new(Code::UnsupportedMedia, what));
    }
    make(app, content, recipe, None).await
}

/// Makes something larger for someone who waits for it.
async fn make(
    app: &App,
    content: Arc<Content>,
    recipe: Recipe,
    preferred: Option<&'static Format>,
) -> Result<Arc<Made>, Refusal> {
    let time = app.settings.request_time;
    let order = Order { content, name: None, recipe, preferred, weight: 1.0, time, patient: false };
    app.engine.order(order).await?.wait().await
}

/// Hands a job in; its id.
async fn hand_in(
    app: &Arc<App>,
    client: &Client,
    spec: Spec,
    content: Option<Content>,
) -> Result<String, Refusal> {
    let handed = Handed { spec, priority: 0, idempotency_key: None };
    Ok(jobs::hand_in(app, client, handed, content).await?.id)
}

/// A refusal in the words of another API.
fn refused(refusal: &Refusal, body: Value) -> Response {
    let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, axum::Json(body)).into_response();
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
