//! `GET /v1/models`: the models that may be named.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::refusal::Refusal;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/models", get(models))
}

/// A model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelFacts {
    /// Its name.
    name: String,
    /// Other names that mean it.
    aliases: Vec<String>,
    /// How many times wider and higher pictures become, if that is known before it is loaded.
    scale: Option<usize>,
    /// What it is for.
    description: String,
    /// Its licence, as SPDX names it.
    licence: Option<String>,
    /// Whether it is used if none is named.
    default: bool,
}

/// The models that may be named.
#[utoipa::path(get, path = "/v1/models", tag = "upscale", responses((status = 200, body = Vec<ModelFacts>)))]
pub(crate) async fn models(State(app): State<Arc<App>>) -> Result<Json<Vec<ModelFacts>>, Refusal> {
    let known = app.engine.models().await?;
    let facts = known.into_iter().map(|model| ModelFacts {
        default: model.means(&app.settings.model),
        name: model.name,
        aliases: model.aliases,
        scale: model.scale,
        description: model.description,
        licence: model.licence,
    });
    Ok(Json(facts.collect()))
}
