//! The interface as a document for programs, and a page of it for people.

use std::sync::Arc;

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa::openapi::path::PathItem;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Ref, ResponseBuilder};

use super::{events, guard, health, jobs, media, models, output, uploads, upscale};
use crate::app::App;
use crate::refusal::Code;

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
        uploads::capabilities,
        uploads::create,
        uploads::offset,
        uploads::append,
        uploads::remove,
        media::list,
        media::put,
        media::get_media,
        media::head,
        media::delete,
        health::alive,
        health::ready,
        health::metrics
    ),
    components(schemas(upscale::Form)),
    modifiers(&Security, &Guard)
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

/// The refusals of what stands before every route.
struct Guard;

impl utoipa::Modify for Guard {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut document.paths.paths {
            let all = [Code::Malformed, Code::Forbidden, Code::Unauthorized, Code::RateLimited];
            let codes = if guard::PUBLIC.contains(&path.as_str()) { &all[..2] } else { &all[..] };
            let PathItem { get, put, post, delete, options, head, patch, .. } = item;
            for operation in [get, put, post, delete, options, head, patch].into_iter().flatten() {
                for code in codes {
                    let told = operation.responses.responses.entry(code.status().to_string());
                    told.or_insert_with(|| refused(*code).into());
                }
            }
        }
    }
}

/// A refusal as an answer of the document.
fn refused(code: Code) -> utoipa::openapi::Response {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    let answer = ResponseBuilder::new().description(code.title());
    answer.content("application/problem+json", problem).build()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::body::Body;
    use axum::extract::Request;
    use axum::http::{Method, StatusCode};
    use tower::ServiceExt;

    use super::*;
    use crate::log::Log;
    use crate::settings::Settings;

    /// Pages for people, the document itself, and what they need.
    const UNTOLD: [&str; 5] = ["/", "/page/{file}", "/docs", "/docs.js", "/openapi.json"];

    /// The routes of our own interface.
    fn router(data: &std::path::Path) -> Router {
        let compat = Some(Vec::new());
        let settings = Settings { data: data.to_owned(), rate: 0, compat, ..Settings::default() };
        super::super::router(&App::new(settings, Log::new(|_| {})).expect("a server"))
    }

    #[tokio::test]
    async fn the_document_has_every_route() {
        let data = tempfile::tempdir().expect("a folder");
        let router = router(data.path());
        let document = serde_json::to_value(Document::openapi()).expect("JSON");
        let document = document["paths"].as_object().expect("paths");
        // Routers tell what their routes are only to people.
        let shown = format!("{router:?}").replace("{*", "{");
        let paths = shown.split('"').filter(|part| part.starts_with('/') && !part.contains("__private"));
        let routes: BTreeSet<_> = paths.collect();
        let told: BTreeSet<_> = document.keys().map(String::as_str).chain(UNTOLD).collect();
        assert_eq!(routes, told);
        for (path, methods) in document {
            for method in ["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH"] {
                let told = |method: &str| methods.get(method.to_ascii_lowercase()).is_some();
                if method == "HEAD" && told("GET") {
                    continue;
                }
                let asked = Request::builder()
                    .method(Method::from_bytes(method.as_bytes()).expect("a method"))
                    .uri(path.replace(['{', '}'], ""))
                    .header("tus-resumable", "1.0.0");
                let asked = asked.body(Body::empty()).expect("a request");
                let answer = router.clone().oneshot(asked).await.expect("an answer");
                let known = answer.status() != StatusCode::METHOD_NOT_ALLOWED;
                assert_eq!(known, told(method), "{method} {path}: {}", answer.status());
            }
        }
    }

    #[test]
    fn every_route_says_how_it_refuses() {
        let document = serde_json::to_value(Document::openapi()).expect("JSON");
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, facts) in methods.as_object().expect("methods") {
                let answers = facts["responses"].as_object().expect("answers");
                let status = if guard::PUBLIC.contains(&path.as_str()) { "403" } else { "401" };
                assert!(answers.contains_key(status), "{method} {path}");
                let problems = answers.iter().filter(|(status, _)| status.starts_with(['4', '5']));
                for content in problems.filter_map(|(_, answer)| answer["content"].as_object()) {
                    assert!(content.keys().eq(["application/problem+json"]), "{method} {path}: {content:?}");
                }
            }
        }
    }
}
