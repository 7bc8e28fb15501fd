//! Pictures in texts: base64, perhaps as a `data:` URL; piece by piece, so that large ones are never in memory twice.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use futures::stream;
use tokio::sync::Semaphore;

use crate::app::App;
use crate::engine::blocking;
use crate::engine::cache::Made;
use crate::http::upload;
use crate::refusal::{Code, Refusal};
use crate::spool::{Content, Spool};

/// Padding may be left out, as some clients do.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Digits that are decoded at once: whole groups of four.
const DIGITS: usize = 1 << 16;

/// Bytes that are encoded at once: whole groups of three.
const PIECE: usize = 3 << 15;

/// How many bodies are taken apart at a time: each is in memory as a whole meanwhile.
static ROOM: Semaphore = Semaphore::const_new(4);

/// Receives a body within the limits of bodies, and has it read on a thread that may take its time.
pub(crate) async fn receive<T, E>(
    app: &Arc<App>,
    request: Request,
    read: impl FnOnce(&[u8]) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Refusal> + Send + 'static,
{
    let content = upload::whole(app, request).await?;
    in_room(move || {
        let bytes = content.bytes().map_err(Refusal::internal)?;
        Ok(read(&bytes))
    })
    .await?
}

/// Takes a body apart on a thread that may take its time, when there is room for it.
pub(crate) async fn in_room<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let _room = ROOM.acquire().await.map_err(Refusal::internal)?;
    blocking(work).await
}

/// What a text stands for, into `folder` if it is large.
pub(crate) fn decode(text: &str, folder: &Path) -> Result<Content, Refusal> {
    let wrong = |what: &dyn std::fmt::Display| Refusal::invalid(format!("this is no base64: {what}"));
    let digits = match text.trim_start().strip_prefix("data:") {
        Some(url) => match url.split_once(',') {
            Some((head, digits)) if head.ends_with(";base64") => digits,
            _ => return Err(wrong(&"the data: URL has none")),
        },
        None => text,
    };
    let mut spool = Spool::new(folder);
    let (mut group, mut padded) = (Vec::with_capacity(DIGITS), false);
    let mut take = |group: &mut Vec<u8>| {
        if std::mem::replace(&mut padded, group.contains(&b'=')) && !group.is_empty() {
            return Err(wrong(&"something follows its end"));
        }
        let bytes = BASE64.decode(&*group).map_err(|e| wrong(&e))?;
        group.clear();
        spool.push(&bytes).map_err(Refusal::internal)
    };
    for digit in digits.bytes().filter(|digit| !digit.is_ascii_whitespace()) {
        group.push(digit);
        if group.len() == DIGITS {
            take(&mut group)?;
        }
    }
    take(&mut group)?;
    match spool.length() {
        0 => Err(Refusal::new(Code::Invalid, "the picture is empty")),
        _ => Ok(spool.finish()),
    }
}

/// An answer with pictures in its text. They are encoded while they are sent.
#[derive(Default)]
pub(crate) struct Answer {
    parts: VecDeque<Part>,
    length: u64,
}

enum Part {
    Text(String),
    Picture(File, u64),
}

impl Answer {
    /// Adds text.
    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.length += text.len() as u64;
        self.parts.push_back(Part::Text(text));
        self
    }

    /// Adds a picture, without quotation marks.
    pub(crate) async fn picture(self, made: &Arc<Made>) -> Result<Self, Refusal> {
        let opened = made.clone();
        let file = blocking(move || opened.open().map_err(Refusal::internal)).await?;
        Ok(self.file(file, made.bytes))
    }

    /// Adds a file of so many bytes, without quotation marks.
    pub(crate) fn file(mut self, file: File, bytes: u64) -> Self {
        self.length += bytes.div_ceil(3) * 4;
        self.parts.push_back(Part::Picture(file, bytes));
        self
    }

    /// The answer.
    pub(crate) fn respond(self, mime: &str) -> Response {
        let length = self.length;
        let body = Body::from_stream(stream::try_unfold(self.parts, |mut parts| async move {
            let Some(part) = parts.pop_front() else { return Ok::<_, std::io::Error>(None) };
            let piece = match part {
                Part::Text(text) => Bytes::from(text),
                Part::Picture(_, 0) => Bytes::new(),
                Part::Picture(file, left) => {
                    let (piece, file, left) = encoded(file, left).await.map_err(std::io::Error::other)?;
                    parts.push_front(Part::Picture(file, left));
                    piece
                }
            };
            Ok(Some((piece, parts)))
        }));
        let mut response = body.into_response();
        let headers = response.headers_mut();
        let mime = HeaderValue::try_from(mime).unwrap_or(HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, mime);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        response
    }
}

async fn encoded(mut file: File, left: u64) -> Result<(Bytes, File, u64), Refusal> {
    blocking(move || {
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; most];
        file.read_exact(&mut piece).map_err(Refusal::internal)?;
        Ok((BASE64.encode(&piece).into(), file, left - most as u64))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> Result<Bytes, Refusal> {
        let folder = tempfile::tempdir().expect("a folder");
        decode(text, folder.path()).map(|content| content.bytes().expect("there"))
    }

    #[test]
    fn texts_of_all_kinds_are_decoded() {
        for text in ["Zm9vYg==", "Zm9vYg", "data:image/png;base64,Zm9vYg==", " Zm9v\r\nYg==\n"] {
            assert_eq!(decoded(text).expect(text), &b"foob"[..], "{text}");
        }
        for text in ["", "====", "Zm9v!", "Zm=9v", "data:image/png,Zm9v", "Zm9vYh", "Z"] {
            assert!(decoded(text).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn large_pictures_go_in_and_out_in_pieces() {
        for length in [0, 1, PIECE - 1, PIECE, 2 * PIECE + 2] {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 31 % 251) as u8).collect();
            let file = tempfile::NamedTempFile::new().expect("a file");
            std::fs::write(file.path(), &bytes).expect("written");
            let answer =
                Answer::default().text("\"").file(file.reopen().expect("a file"), length as u64).text("\"");
            let response = answer.respond("application/json");
            let told = response.headers()[header::CONTENT_LENGTH].clone();
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("a body");
            assert_eq!(told, HeaderValue::from(body.len()));
            let text: String = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(text, BASE64.encode(&bytes));
            if length > 0 {
                assert_eq!(decoded(&text).expect("base64"), bytes);
            }
        }
        let late = format!("{}=={}", "A".repeat(DIGITS - 2), "AAAA");
        assert!(decoded(&late).is_err(), "padding ends it, wherever the pieces are cut");
    }
}
