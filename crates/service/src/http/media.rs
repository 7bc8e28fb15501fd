//! `/v1/media`: pictures and videos that are stored small, and restored when someone wants them.

mod films;

use std::sync::Arc;

use amplio::media::{Kind, images};
use amplio::{Choice, Encoding, Fit, Size, Writing};
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::Client;
use super::extract::{Path, Query};
use super::negotiate::negotiate;
use super::problem::Problem;
use super::upload::{self, Limit};
use super::upscale;
use super::view::JobView;
use crate::app::App;
use crate::engine::cache::Made;
use crate::engine::wish::{Recipe, Wish};
use crate::engine::{Order, blocking};
use crate::refusal::Refusal;
use crate::shelf::{Facts, Key, Policy};
use crate::spool::Content;

/// The format and the quality of what is stored.
const STORED: (&str, u8) = ("webp", 80);

/// The most pictures of a page.
const MOST_LISTED: usize = 1000;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/media", get(list))
        .route("/v1/media/{*key}", get(get_media).head(head).put(put).delete(delete))
}

/// Which stored pictures are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct MediaQuery {
    /// Those whose keys come after this one.
    after: String,
    /// At most so many, 100 if not given, at most 1000.
    limit: Option<usize>,
}

/// A page of stored pictures, and what storing them small has saved.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MediaList {
    media: Vec<Facts>,
    /// Bytes that were sent, of those of this page.
    bytes: u64,
    /// Bytes that are stored.
    stored_bytes: u64,
    /// What was saved.
    saved_bytes: i64,
    /// What `after` is for the next page; missing on the last.
    next: Option<String>,
}

/// The client's stored pictures, and what storing them small has saved.
#[utoipa::path(
    get, path = "/v1/media", tag = "media", params(MediaQuery),
    responses(
        (status = 200, body = MediaList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Query(query): Query<MediaQuery>,
) -> Result<Json<MediaList>, Refusal> {
    if !query.after.is_empty() {
        Key::parse(&client.owner, &query.after)?;
    }
    let limit = query.limit.unwrap_or(100).clamp(1, MOST_LISTED);
    let mut media = app.shelf.list(&client.owner, &query.after, limit + 1).await?;
    let more = media.len() > limit;
    media.truncate(limit);
    let sum = |of: fn(&Facts) -> u64| media.iter().map(of).sum::<u64>();
    let (bytes, stored_bytes) = (sum(|facts| facts.bytes), sum(|facts| facts.stored_bytes));
    let next = media.last().filter(|_| more).map(|facts| facts.key.clone());
    Ok(Json(MediaList {
        bytes,
        stored_bytes,
        saved_bytes: bytes.cast_signed() - stored_bytes.cast_signed(),
        media,
        next,
    }))
}

/// Store a picture, small: it becomes as small as the server's settings say, and its size is remembered. One that is small
/// already is not made smaller. A video is stored by a job, which is the answer.
#[utoipa::path(
    put, path = "/v1/media/{key}", tag = "media", params(("key" = String, Path)),
    request_body(content(
        (Vec<u8> = "image/*"), (Vec<u8> = "video/*"), (Vec<u8> = "application/octet-stream")
    )),
    responses(
        (status = 201, description = "Stored", body = Facts),
        (status = 202, description = "A video will be stored by this job", body = JobView),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 415, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let key = Key::parse(&client.owner, &name)?;
    let upload = upload::receive(&app, request, Limit::upload(&app)).await?;
    let content = upload.content.ok_or_else(|| Refusal::invalid("the form has no file"))?;
    let first = content.first(64).map_err(Refusal::internal)?;
    if Kind::of_first(&first, upload.name.as_deref().map(std::path::Path::new)) == Some(Kind::Video) {
        return films::store(&app, &client, (name, upload.name), content).await;
    }
    let (facts, made) = small(&app, &name, content).await?;
    let facts = app.shelf.put(&key, facts, &made.path).await?;
    Ok((StatusCode::CREATED, Json(facts)).into_response())
}

/// A picture made as small as the server's settings say.
async fn small(app: &App, name: &str, content: Content) -> Result<(Facts, Arc<Made>), Refusal> {
    let (length, most, limits) = (content.length(), app.settings.max_body, app.engine.shop.limits);
    if length > most {
        return Err(Refusal::too_large("max-body", most, format!("a picture has at most {most} bytes")));
    }
    let (content, format, sent) = blocking(move || {
        let bytes = content.bytes().map_err(Refusal::internal)?;
        let (format, header) = images::read_header(&bytes)?;
        limits.picture.check(&header)?;
        Ok((Arc::new(content), format, (header.width, header.height)))
    })
    .await?;
    let mut recipe = Wish::default().recipe(&app.settings.model)?;
    let stored = images::by_name(STORED.0).ok_or_else(|| Refusal::internal("there is no WebP"))?;
    let stored = Choice::This(Encoding::of(stored));
    recipe.writing = Writing { format: stored, quality: Some(STORED.1), strip: true, ..Writing::default() };
    let policy = Policy::new(&app.settings);
    let mut size = policy.size(sent);
    loop {
        let (width, height) = size;
        recipe.target.size = Some(Size::Exact { width, height, fit: Fit::Stretch });
        let made = app.engine.order(order(app, content.clone(), recipe.clone(), None)).await?.wait().await?;
        match policy.smaller(sent, size, made.bytes) {
            Some(smaller) => size = smaller,
            None => {
                let facts =
                    Facts::new(name, (sent.0, sent.1, length, format.name), (width, height, made.bytes));
                return Ok((facts, made));
            }
        }
    }
}

/// A stored picture, restored: as large as it was, unless a size is given. It has the format that the `Accept` header or
/// `format` says, or that it had.
#[utoipa::path(
    get, path = "/v1/media/{key}", tag = "media",
    params(("key" = String, Path), ("width" = Option<u32>, Query, description = "The width in pixels; `size` in short."), Wish),
    responses(
        (status = 200, description = "The picture, or the video", content_type = "image/*", body = Vec<u8>),
        (status = 202, description = "A video is restored by this job; ask again when it is done", body = JobView),
        (status = 304, description = "It has not changed"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job that was to restore a video has failed", body = Problem,
            content_type = "application/problem+json"),
        (status = 406, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn get_media(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let facts = app.shelf.facts(&Key::parse(&client.owner, &name)?).await?;
    let mut wish = Wish::default();
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "width" => wish.set("size", &format!("{value}x"))?,
            name => wish.set(name, &value)?,
        }
    }
    if facts.is_video() {
        return films::restore(&app, &client, &facts, wish, &headers).await;
    }
    let accepted = match wish.format {
        Some(_) => None,
        None => negotiate(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()), false)?,
    };
    let mut recipe = wish.recipe(&app.settings.model)?;
    if recipe.target.size.is_none() {
        let Facts { width, height, .. } = facts;
        recipe.target.size = Some(Size::Exact { width, height, fit: Fit::Stretch });
    }
    let had = images::by_name(&facts.format).filter(|format| format.write.is_some());
    let content = Arc::new(app.shelf.content(facts.object(), &app.spool).await?);
    let order = order(&app, content, recipe, accepted.or(had));
    upscale::respond(app.engine.order(order).await?.wait().await?, &headers).await
}

/// What is known about a stored picture, in headers.
#[utoipa::path(
    head, path = "/v1/media/{key}", tag = "media", params(("key" = String, Path)),
    responses(
        (status = 200, description = "Sizes in pixels and in bytes", headers(
            ("Amplio-Size" = String), ("Amplio-Stored-Size" = String), ("Amplio-Bytes" = u64), ("Amplio-Stored-Bytes" = u64),
        )),
        (status = 404, description = "There is no such picture"),
        (status = 422, description = "This is no key"),
    )
)]
pub(crate) async fn head(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let facts = app.shelf.facts(&Key::parse(&client.owner, &name)?).await?;
    let mut response = StatusCode::OK.into_response();
    let values = [
        ("amplio-size", format!("{}x{}", facts.width, facts.height)),
        ("amplio-stored-size", format!("{}x{}", facts.stored_width, facts.stored_height)),
        ("amplio-bytes", facts.bytes.to_string()),
        ("amplio-stored-bytes", facts.stored_bytes.to_string()),
    ];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// Forget a stored picture.
#[utoipa::path(
    delete, path = "/v1/media/{key}", tag = "media", params(("key" = String, Path)),
    responses(
        (status = 204, description = "It is forgotten"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.shelf.delete(&Key::parse(&client.owner, &name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn order(
    app: &App,
    content: Arc<Content>,
    recipe: Recipe,
    preferred: Option<&'static images::Format>,
) -> Order {
    Order {
        content,
        name: None,
        recipe,
        preferred,
        weight: 1.0,
        time: app.settings.request_time,
        patient: false,
    }
}
