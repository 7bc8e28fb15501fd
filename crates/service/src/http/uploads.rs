//! `/v1/uploads`: large files that may break off on the way, by the tus protocol 1.0 (<https://tus.io/protocols/resumable-upload>)
//! with its extensions creation, creation-with-upload, expiration and termination. A job then names the upload.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{options, patch};
use axum::{Extension, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;

use super::auth::Client;
use super::extract::Path;
use super::jobs::file_name;
use super::problem::Problem;
use crate::app::App;
use crate::engine::blocking;
use crate::refusal::{Code, Refusal};
use crate::uploads::LIFE;

const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(crate) const METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const PIECES: &str = "application/offset+octet-stream";

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/uploads", options(capabilities).post(create))
        .route("/v1/uploads/{id}", patch(append).head(offset).delete(remove))
        .layer(from_fn(versioned))
}

/// Every request but OPTIONS says which protocol it speaks, and every answer does.
async fn versioned(request: Request, next: Next) -> Response {
    let asks = request.method() == axum::http::Method::OPTIONS;
    let mut response = match request.headers().get(RESUMABLE) {
        Some(version) if version == VERSION => next.run(request).await,
        _ if asks => next.run(request).await,
        _ => Refusal::new(Code::Precondition, "uploads are by tus 1.0.0 (header Tus-Resumable)")
            .into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(RESUMABLE, VERSION);
    headers.insert("tus-version", VERSION);
    response
}

/// What can be done with uploads in parts.
#[utoipa::path(
    options, path = "/v1/uploads", tag = "uploads",
    responses((status = 204, description = "The version and the extensions of tus", headers(
        ("Tus-Version" = String), ("Tus-Extension" = String), ("Tus-Max-Size" = u64),
    )))
)]
pub(crate) async fn capabilities(State(app): State<Arc<App>>) -> Response {
    let headers = [
        ("tus-extension", "creation,creation-with-upload,expiration,termination".to_owned()),
        ("tus-max-size", app.uploads.most.to_string()),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Begin an upload in parts (tus 1.0), perhaps with its first bytes. A job then names it as its `upload`.
#[utoipa::path(
    post, path = "/v1/uploads", tag = "uploads",
    params(
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Length" = u64, Header, description = "The bytes that it will have"),
        ("Upload-Metadata" = Option<String>, Header, description = "`filename`, and its value in base64"),
    ),
    request_body(content = Option<Vec<u8>>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 201, description = "Begun", headers(
            ("Location" = String), ("Upload-Offset" = u64), ("Upload-Length" = u64), ("Upload-Expires" = String),
        )),
        (status = 412, description = "Another version of tus", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "A limit was exceeded", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    let length = number(&head.headers, &LENGTH)?;
    let name = name(&head.headers);
    let (shared, owner) = (app.clone(), client.owner.clone());
    let id = blocking(move || shared.uploads.create(&owner, length, name)).await?;
    let begins = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == PIECES);
    let offset = match begins {
        true => begin(&app, &client, &id, body).await?,
        false => 0,
    };
    let location = format!("/v1/uploads/{id}");
    let mut response = (StatusCode::CREATED, [(header::LOCATION, location)]).into_response();
    describe(response.headers_mut(), offset, length);
    Ok(response)
}

/// Writes the first bytes of an upload, which is gone if that fails: nobody is told its id.
async fn begin(app: &Arc<App>, client: &Client, id: &str, body: Body) -> Result<u64, Refusal> {
    let received = receive(app, client, id, 0, body).await;
    if received.is_err() {
        let (app, owner, id) = (app.clone(), client.owner.clone(), id.to_owned());
        blocking(move || app.uploads.remove(&owner, &id)).await?;
    }
    received
}

/// How far an upload is.
#[utoipa::path(
    head, path = "/v1/uploads/{id}", tag = "uploads",
    params(("id" = String, Path), ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses(
        (status = 200, description = "The bytes that are there, and those that there will be", headers(
            ("Upload-Offset" = u64), ("Upload-Length" = u64), ("Upload-Expires" = String),
        )),
        (status = 404, description = "There is no such upload"),
        (status = 412, description = "Another version of tus"),
    )
)]
pub(crate) async fn offset(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let (upload, offset) = blocking(move || app.uploads.find(&client.owner, &id)).await?;
    let mut response = StatusCode::OK.into_response();
    describe(response.headers_mut(), offset, upload.length);
    Ok(response)
}

/// Add bytes to an upload. What has come stays, also if the connection breaks off.
#[utoipa::path(
    patch, path = "/v1/uploads/{id}", tag = "uploads",
    params(
        ("id" = String, Path),
        ("Tus-Resumable" = String, Header, description = "1.0.0"),
        ("Upload-Offset" = u64, Header, description = "The bytes that are there"),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream"),
    responses(
        (status = 204, description = "Added", headers(
            ("Upload-Offset" = u64), ("Upload-Length" = u64), ("Upload-Expires" = String),
        )),
        (status = 404, description = "There is no such upload", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Another number of bytes is there", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Another version of tus", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "More came than was announced", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The type of the body is another", body = Problem, content_type = "application/problem+json"),
        (status = 423, description = "It is being written already", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn append(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (head, body) = request.into_parts();
    if head.headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != PIECES) {
        return Err(Refusal::new(Code::UnsupportedMedia, format!("the content type is {PIECES}")));
    }
    let from = number(&head.headers, &OFFSET)?;
    let offset = receive(&app, &client, &id, from, body).await?;
    let (upload, _) = blocking(move || app.uploads.find(&client.owner, &id)).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    describe(response.headers_mut(), offset, upload.length);
    Ok(response)
}

/// Forget an upload.
#[utoipa::path(
    delete, path = "/v1/uploads/{id}", tag = "uploads",
    params(("id" = String, Path), ("Tus-Resumable" = String, Header, description = "1.0.0")),
    responses(
        (status = 204, description = "It is forgotten"),
        (status = 404, description = "There is no such upload", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Another version of tus", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    blocking(move || app.uploads.remove(&client.owner, &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes what comes, as far as it comes; the bytes that are there then.
async fn receive(app: &Arc<App>, client: &Client, id: &str, from: u64, body: Body) -> Result<u64, Refusal> {
    let (shared, owner, id) = (app.clone(), client.owner.clone(), id.to_owned());
    let mut writing = blocking(move || shared.uploads.write(&owner, &id, from)).await?;
    let mut pieces = body.into_data_stream();
    // A client that breaks off goes on later; what has come by then stays.
    while let Ok(Some(Ok(piece))) = tokio::time::timeout(app.settings.idle_time, pieces.next()).await {
        writing = blocking(move || {
            writing.push(&piece)?;
            Ok(writing)
        })
        .await?;
    }
    Ok(writing.offset)
}

fn describe(headers: &mut HeaderMap, offset: u64, length: u64) {
    headers.insert(OFFSET, offset.into());
    headers.insert(LENGTH, length.into());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(expires) = HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now() + LIFE)) {
        headers.insert("upload-expires", expires);
    }
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Refusal> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok());
    value.ok_or_else(|| Refusal::new(Code::Malformed, format!("the header {name} is missing or no number")))
}

/// The name of the file, from `Upload-Metadata`: pairs of a key and a value in base64, with commas between them.
pub(crate) fn name(headers: &HeaderMap) -> Option<String> {
    let metadata = headers.get(METADATA)?.to_str().ok()?;
    let mut pairs = metadata.split(',').filter_map(|pair| pair.trim().split_once(' '));
    let (_, value) = pairs.find(|(key, _)| matches!(*key, "filename" | "name"))?;
    let name = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
    Some(file_name(&name)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_metadata() {
        let read = |text: &'static str| {
            let headers = HeaderMap::from_iter([(METADATA, HeaderValue::from_static(text))]);
            name(&headers)
        };
        assert_eq!(read("filetype dmlkZW8=, filename Li4vYS5ta3Y=").as_deref(), Some("a.mkv"));
        assert_eq!((read("filename"), read("filename !"), read("")), (None, None, None));
    }
}
