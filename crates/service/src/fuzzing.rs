//! Doors for fuzzing: the parsers of bodies, heads, settings and answers, without a server around them. No part of the interface.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use tokio::runtime::{Builder, Runtime};

use crate::compat::json::Json;
use crate::compat::model_compose::{Fields, Run};
use crate::compat::{a1111, aws_sample, fastapi, pictures, sagemaker};
use crate::engine::wish::Wish;
use crate::http::file::{self, Wanted};
use crate::http::jobs::JobRequest;
use crate::http::upload::{self, Bounds, Limit};
use crate::http::{auth, negotiate, uploads};
use crate::shelf::Key;
use crate::{SETTINGS, Settings, provider};

/// The most bytes of a body.
const MOST: u64 = 1 << 20;

/// Numbers that are written with more digits than this may be longer than a parameter.
const SHORT: usize = 64;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().unwrap_or_else(|e| panic!("{e}")));

/// A form, whose first line is the boundary: as an upload, and as a run of model-compose.
pub fn form(data: &[u8], folder: &Path) {
    let (boundary, body) = split(data);
    let request = || {
        let kind = format!("multipart/form-data; boundary={}", String::from_utf8_lossy(boundary));
        Request::post("/").header("content-type", kind).body(Body::from(body.to_vec())).ok()
    };
    let (Some(first), Some(second)) = (request(), request()) else { return };
    let bounds = Bounds { folder, limit: Limit::of(MOST), idle: Duration::from_secs(60) };
    let _ = RUNTIME.block_on(upload::form(first, &bounds));
    if let Ok(parts) = RUNTIME.block_on(upload::fields(second, &bounds, &bounds)) {
        let _ = Fields::of_parts(parts).and_then(|fields| fields.run(folder));
    }
}

/// A job: in JSON, and in a query.
pub fn job(data: &[u8]) {
    for asked in [JobRequest::of_json(data), JobRequest::of_query(data)].into_iter().flatten() {
        let Ok(recipe) = asked.parameters.recipe("usual") else { continue };
        let written = recipe.parameters(None);
        if written.iter().any(|(_, value)| value.len() > SHORT) {
            continue;
        }
        let mut again = Wish::default();
        let set = written.iter().try_for_each(|(name, value)| again.set(name, value));
        let again = set.and_then(|()| again.recipe("usual")).unwrap_or_else(|e| panic!("{written:?}: {e}"));
        assert_eq!((again.target, again.film), (recipe.target, recipe.film), "{written:?}");
    }
}

/// A run of model-compose: in JSON, and as fields of a URL.
pub fn run(data: &[u8], folder: &Path) {
    let _ = Run::of_json(data, folder);
    let _ = Fields::of_query(data).and_then(|fields| fields.run(folder));
}

/// Bodies in JSON that carry pictures in base64, and base64 itself.
pub fn pictures(data: &[u8], folder: &Path) {
    let _ = fastapi::picture(data, folder);
    let _ = sagemaker::asked(data, folder);
    let _ = (aws_sample::asked(data, folder), aws_sample::videos::asked(data));
    let _ = (a1111::one(data, folder), a1111::several(data, folder));
    if let Ok(value) = Json::parse(data) {
        assert!(serde_json::to_string(&value).is_ok(), "what was read can be written");
        let _ = (value.shown(), value.number(), value.flag());
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(content) = pictures::decode(text, folder)
    {
        assert!(content.length() <= data.len() as u64, "base64 has fewer bytes than digits");
    }
}

/// What stands in heads and URLs: ranges, accepted formats, the metadata of uploads, keys of what is stored, numbers.
pub fn head(data: &[u8]) {
    const LENGTH: u64 = 1000;
    let text = String::from_utf8_lossy(data);
    if let Wanted::Part(range) = file::range(&text, LENGTH) {
        assert!(range.start < range.end && range.end <= LENGTH, "{text:?}: {range:?}");
    }
    let _ = [true, false].map(|archive| negotiate::negotiate(Some(&text), archive));
    let _ = sagemaker::format(&text);
    if let Ok(value) = HeaderValue::from_bytes(data) {
        let name = uploads::name(&HeaderMap::from_iter([(uploads::METADATA, value)]));
        assert!(name.is_none_or(|name| !name.contains(['/', '\\', '\0'])), "a name leads nowhere");
    }
    if Key::parse("owner", &text).is_ok() {
        assert!(text.split('/').all(|name| !name.is_empty() && !name.starts_with('.')), "{text:?}");
    }
}

/// What an operator writes: settings, a line each, and lines of a file of keys.
pub fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut settings = Settings::default();
    for line in text.lines() {
        let _ = auth::parse(line);
        let Some((name, value)) = line.split_once('=') else { continue };
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name.trim()) else { continue };
        if settings.set(setting.name, value).is_err() {
            continue;
        }
        let shown = (setting.show)(&settings);
        if !shown.is_empty() {
            settings.set(setting.name, &shown).unwrap_or_else(|e| panic!("{line:?}: {shown:?}: {e}"));
            assert_eq!((setting.show)(&settings), shown, "{line:?}");
        }
    }
}

/// What another server says of what went wrong. The first two bytes are its status.
pub fn answer(data: &[u8]) {
    let Some((status, words)) = data.split_first_chunk() else { return };
    let Ok(status) = StatusCode::from_u16(u16::from_be_bytes(*status)) else { return };
    let refusal = provider::meant("it", status, words);
    assert!((400..600).contains(&refusal.code.status()));
}

fn split(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (b"edge", data),
    }
}
