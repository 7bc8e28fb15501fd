//! The interface as a document for programs, and a page of it for people.

use std::sync::Arc;

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};

use super::{events, health, jobs, media, models, output, upscale};
use crate::app::App;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/openapi.json", get(document))
        .route("/docs", get(page))
        .route("/docs.js", get(script))
}

#[derive(OpenApi)]
#[openapi(
    info(title = "amplio", description = "Makes pictures larger with super-resolution networks."),
    paths(
        upscale::upscale,
        models::models,
        jobs::create,
        jobs::list,
        jobs::show,
        jobs::cancel,
        jobs::retry,
        jobs::delete,
        events::events,
        output::output,
        media::list,
        media::put,
        media::get_media,
        media::delete,
        health::alive,
        health::ready,
        health::metrics
    ),
    components(schemas(upscale::Form)),
    modifiers(&Security)
)]
struct Document;

struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let header = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
        components.add_security_scheme("bearer", bearer);
        components.add_security_scheme("header", header);
        let requirement = |name: &str| utoipa::openapi::SecurityRequirement::new(name, Vec::<String>::new());
        let none = utoipa::openapi::SecurityRequirement::default();
        document.security = Some(vec![none, requirement("bearer"), requirement("header")]);
    }
}

async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}

async fn page() -> Html<&'static str> {
    Html(include_str!("openapi/page.html"))
}

async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("openapi/page.js"))
        .into_response()
}
