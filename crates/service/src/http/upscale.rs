//! `POST /v1/upscale`: a picture in, a larger picture out.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::post;

use super::file::Served;
use super::negotiate::negotiate;
use super::problem::Problem;
use super::upload::{self, Limit, Upload};
use crate::app::App;
use crate::engine::cache::Made;
use crate::engine::subject::is_archive;
use crate::engine::wish::Wish;
use crate::engine::{Order, blocking};
use crate::refusal::Refusal;

/// How long clients may keep a result, in seconds: it never changes.
const KEEP: u32 = 86_400;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/upscale", post(upscale))
}

/// Enlarge a picture and wait for it.
///
/// The picture is the body, or the file of a form; parameters are in the query, or fields of the form. Without `format`, the
/// `Accept` header decides, and if it leaves it open, the result has the picture's own format (PNG where that cannot be
/// written, TIFF for floats). Identical requests are computed once.
#[utoipa::path(
    post,
    path = "/v1/upscale",
    tag = "upscale",
    params(Wish),
    request_body(content(
        (Vec<u8> = "image/*"),
        (Vec<u8> = "application/octet-stream"),
        (Form = "multipart/form-data"),
    )),
    responses(
        (status = 200, description = "The result", content_type = "image/*", body = Vec<u8>),
        (status = 400, description = "The body is broken", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "No accepted format can be written", body = Problem,
            content_type = "application/problem+json"),
        (status = 413, description = "A limit was exceeded", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "This is no picture that can be read", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The parameters make no sense", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "Too many requests", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many pictures are waiting", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "It took too long; a job may take longer", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn upscale(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Refusal> {
    let headers = request.headers().clone();
    // Nonsense is refused before the picture is received.
    let mut wish = wish_of_query(query.as_deref())?;
    accepted(&headers, &wish, true)?;
    wish.recipe(&app.settings.model)?;
    let Upload { content, fields, name } = upload::receive(&app, request, Limit::body(&app)).await?;
    for (name, value) in &fields {
        wish.set(name, value)?;
    }
    let content = content.ok_or_else(|| Refusal::invalid("the form has no file"))?;
    let preferred = accepted(&headers, &wish, is_archive(&content)?)?;
    let ticket = app
        .engine
        .order(Order {
            content: content.into(),
            name,
            recipe: wish.recipe(&app.settings.model)?,
            preferred,
            weight: 1.0,
            time: app.settings.request_time,
            patient: false,
        })
        .await?;
    respond(ticket.wait().await?, &headers).await
}

/// The fields of a form.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "only the document of the interface is made of it")]
pub(crate) struct Form {
    /// The picture.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    image: String,
}

/// A result as an answer.
pub(crate) async fn respond(made: Arc<Made>, request: &HeaderMap) -> Result<Response, Refusal> {
    let opened = made.clone();
    let file = blocking(move || opened.open().map_err(Refusal::internal)).await?;
    let served =
        Served { file, length: made.bytes, etag: made.key.clone(), mime: made.file.mime, max_age: KEEP };
    let mut response = served.respond(request);
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Ok(size) = HeaderValue::try_from(format!("{}x{}", made.width, made.height)) {
        headers.insert("amplio-size", size);
    }
    Ok(response)
}

/// The parameters of a query.
pub(crate) fn wish_of_query(query: Option<&str>) -> Result<Wish, Refusal> {
    let mut wish = Wish::default();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        wish.set(&name, &value)?;
    }
    Ok(wish)
}

/// The format that the client accepts; a format in the parameters counts more.
fn accepted(
    headers: &HeaderMap,
    wish: &Wish,
    may_be_archive: bool,
) -> Result<Option<&'static amplio::media::images::Format>, Refusal> {
    if wish.format.is_some() {
        return Ok(None);
    }
    negotiate(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()), may_be_archive)
}
