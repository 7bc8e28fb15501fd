//! Bodies of requests: pictures as they are, or in forms; within limits of size and time.

use std::path::Path;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures::StreamExt;

use crate::app::App;
use crate::engine::blocking;
use crate::refusal::{Code, Refusal};
use crate::spool::{Content, Spool};

/// The most bytes of a form's field that is no file.
const LONGEST_FIELD: usize = 64 << 10;

/// The most fields of a form.
const MOST_FIELDS: usize = 64;

/// What a request has brought.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    /// The picture; in forms, the first file.
    pub(crate) content: Option<Content>,
    /// The file's name, if the form gives one.
    pub(crate) name: Option<String>,
    /// The other fields of a form.
    pub(crate) fields: Vec<(String, String)>,
}

/// How much may come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// The setting that says it, if one does.
    setting: Option<&'static str>,
    most: u64,
}

impl Limit {
    /// So many bytes, whatever the settings say.
    pub(crate) fn of(most: u64) -> Self {
        Self { setting: None, most }
    }

    /// What is read into memory.
    pub(crate) fn body(app: &App) -> Self {
        Self { setting: Some("max-body"), most: app.settings.max_body }
    }

    /// What a job works on.
    pub(crate) fn upload(app: &App) -> Self {
        Self { setting: Some("max-upload"), most: app.settings.max_upload }
    }
}

/// How much may come, and how slowly.
pub(crate) struct Bounds<'a> {
    /// Where large things go.
    pub(crate) folder: &'a Path,
    pub(crate) limit: Limit,
    pub(crate) idle: Duration,
}

/// Receives a request's body: a form if its type says so, else the picture itself.
///
/// # Errors
/// If it is too large, too slow or broken.
pub(crate) async fn receive(app: &App, request: Request, limit: Limit) -> Result<Upload, Refusal> {
    let headers = request.headers();
    let bounds = Bounds { folder: &app.spool, limit, idle: app.settings.idle_time };
    check_encoding(headers)?;
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit.most) {
        return Err(bounds.too_large());
    }
    let kind = kind(headers);
    match kind.as_str() {
        "multipart/form-data" => form(request, &bounds).await,
        // The last is what curl says of every body.
        "" | "application/octet-stream" | "application/x-www-form-urlencoded" => {
            raw(request.into_body(), &bounds).await
        }
        kind if is_media(kind) => raw(request.into_body(), &bounds).await,
        other => {
            let what = format!(
                "the body is {other}; it should be image/…, video/…, application/zip or multipart/form-data"
            );
            Err(Refusal::new(Code::UnsupportedMedia, what))
        }
    }
}

fn is_media(kind: &str) -> bool {
    const ARCHIVES: [&str; 3] = ["application/zip", "application/vnd.comicbook+zip", "application/x-cbz"];
    kind.starts_with("image/") || kind.starts_with("video/") || ARCHIVES.contains(&kind)
}

/// Receives a small text, such as JSON.
pub(crate) async fn text(app: &App, request: Request, most: u64) -> Result<Bytes, Refusal> {
    let bounds = Bounds { folder: &app.spool, limit: Limit::of(most), idle: app.settings.idle_time };
    check_encoding(request.headers())?;
    let content = collect(request.into_body().into_data_stream(), &bounds).await?;
    content.bytes().map_err(Refusal::internal)
}

/// Receives a whole body, whatever its type says.
pub(crate) async fn whole(app: &App, request: Request) -> Result<Content, Refusal> {
    let bounds = Bounds { folder: &app.spool, limit: Limit::body(app), idle: app.settings.idle_time };
    check_encoding(request.headers())?;
    collect(request.into_body().into_data_stream(), &bounds).await
}

/// A field of a form.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// The name of its file, if it is one.
    pub(crate) file_name: Option<String>,
    pub(crate) content: Content,
}

/// Receives a form. All of its files together are within the limit of uploads, and its texts, which are read into memory,
/// within that of bodies.
pub(crate) async fn parts(app: &App, request: Request) -> Result<Vec<Part>, Refusal> {
    check_encoding(request.headers())?;
    let bounds = |limit| Bounds { folder: &app.spool, limit, idle: app.settings.idle_time };
    fields(request, &bounds(Limit::upload(app)), &bounds(Limit::body(app))).await
}

pub(crate) async fn fields(
    request: Request,
    files: &Bounds<'_>,
    texts: &Bounds<'_>,
) -> Result<Vec<Part>, Refusal> {
    let broken =
        |e: &dyn std::fmt::Display| Refusal::new(Code::Malformed, format!("the form is broken: {e}"));
    let mut form = Multipart::from_request(request, &()).await.map_err(|e| broken(&e))?;
    let (mut parts, mut in_files, mut in_texts) = (Vec::new(), 0, 0);
    while let Some(mut field) = files.in_time(form.next_field()).await?.map_err(|e| broken(&e))? {
        if parts.len() >= MOST_FIELDS {
            return Err(broken(&format!("it has more than {MOST_FIELDS} fields")));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        let (bounds, total) = match file_name {
            Some(_) => (files, &mut in_files),
            None => (texts, &mut in_texts),
        };
        let mut spool = Spool::new(bounds.folder);
        while let Some(piece) = bounds.in_time(field.chunk()).await?.map_err(|e| broken(&e))? {
            *total += piece.len() as u64;
            if *total > bounds.limit.most {
                return Err(bounds.too_large());
            }
            spool = take(spool, piece, bounds).await?;
        }
        parts.push(Part { name, file_name, content: spool.finish() });
    }
    Ok(parts)
}

/// The kind of a body, without its parameters.
pub(crate) fn kind(headers: &HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

async fn raw(body: Body, bounds: &Bounds<'_>) -> Result<Upload, Refusal> {
    let content = collect(body.into_data_stream(), bounds).await?;
    if content.length() == 0 {
        return Err(Refusal::invalid("the body is empty; it should be a picture"));
    }
    Ok(Upload { content: Some(content), ..Upload::default() })
}

async fn collect(mut body: BodyDataStream, bounds: &Bounds<'_>) -> Result<Content, Refusal> {
    let mut spool = Spool::new(bounds.folder);
    while let Some(piece) = bounds.in_time(body.next()).await? {
        let piece = piece.map_err(|e| Refusal::new(Code::Malformed, format!("the body broke off: {e}")))?;
        spool = take(spool, piece, bounds).await?;
    }
    Ok(spool.finish())
}

pub(crate) async fn form(request: Request, bounds: &Bounds<'_>) -> Result<Upload, Refusal> {
    let broken =
        |e: &dyn std::fmt::Display| Refusal::new(Code::Malformed, format!("the form is broken: {e}"));
    let mut form = Multipart::from_request(request, &()).await.map_err(|e| broken(&e))?;
    let mut upload = Upload::default();
    while let Some(mut field) = bounds.in_time(form.next_field()).await?.map_err(|e| broken(&e))? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_file = field.file_name().is_some() || matches!(name.as_str(), "image" | "file" | "picture");
        if upload.fields.len() >= MOST_FIELDS {
            return Err(Refusal::new(
                Code::Malformed,
                format!("the form has more than {MOST_FIELDS} fields"),
            ));
        }
        let mut spool = Spool::new(bounds.folder);
        let file_name = field.file_name().map(str::to_owned);
        while let Some(piece) = bounds.in_time(field.chunk()).await?.map_err(|e| broken(&e))? {
            if !is_file && spool.length() as usize + piece.len() > LONGEST_FIELD {
                return Err(Refusal::new(Code::Malformed, format!("the field {name:?} is too long")));
            }
            spool = take(spool, piece, bounds).await?;
        }
        let content = spool.finish();
        match is_file {
            true if upload.content.is_some() => {
                return Err(Refusal::invalid(
                    "the form has more than one file; a request is for one picture",
                ));
            }
            true => (upload.content, upload.name) = (Some(content), file_name),
            false => {
                let bytes = content.bytes().map_err(Refusal::internal)?;
                let value = String::from_utf8(bytes.to_vec());
                upload.fields.push((name, value.map_err(|e| broken(&e))?));
            }
        }
    }
    Ok(upload)
}

/// Adds a piece; large content goes to a file, on a thread that may wait for the disk.
async fn take(mut spool: Spool, piece: Bytes, bounds: &Bounds<'_>) -> Result<Spool, Refusal> {
    if spool.length() + piece.len() as u64 > bounds.limit.most {
        return Err(bounds.too_large());
    }
    if spool.stays_in_memory(piece.len()) {
        spool.push(&piece).map_err(Refusal::internal)?;
        return Ok(spool);
    }
    blocking(move || {
        spool.push(&piece).map_err(Refusal::internal)?;
        Ok(spool)
    })
    .await
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => Err(Refusal::new(
            Code::UnsupportedMedia,
            "bodies are read as they are; there is no Content-Encoding",
        )),
        _ => Ok(()),
    }
}

impl Bounds<'_> {
    fn too_large(&self) -> Refusal {
        let Limit { setting, most } = self.limit;
        let what = format!("a body has at most {most} bytes");
        match setting {
            Some(setting) => Refusal::too_large(setting, most, what),
            None => Refusal::new(Code::TooLarge, what),
        }
    }

    async fn in_time<T>(&self, next: impl Future<Output = T>) -> Result<T, Refusal> {
        tokio::time::timeout(self.idle, next).await.map_err(|_| {
            let seconds = self.idle.as_secs();
            let what = format!("nothing came for {seconds} seconds");
            Refusal::new(Code::RequestTimeout, what).limited("idle-time", seconds)
        })
    }
}
