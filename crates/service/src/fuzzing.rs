//! Doors for fuzzing: the parsers of bodies, without a server around them. No part of the interface.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use tokio::runtime::{Builder, Runtime};

use crate::compat::json::Json;
use crate::compat::model_compose::{Fields, Run};
use crate::compat::{fastapi, pictures};
use crate::http::jobs::JobRequest;
use crate::http::upload::{self, Bounds, Limit};

/// The most bytes of a body.
const MOST: u64 = 1 << 20;

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
    if let Ok(parts) = RUNTIME.block_on(upload::fields(second, &bounds)) {
        let _ = Fields::of_parts(parts).and_then(|fields| fields.run(folder));
    }
}

/// A job in JSON.
pub fn job(data: &[u8]) {
    let _ = serde_json::from_slice::<JobRequest>(data);
}

/// A run of model-compose: in JSON, and as fields of a URL.
pub fn run(data: &[u8], folder: &Path) {
    let _ = Run::of_json(data, folder);
    let _ = Fields::of_query(data).and_then(|fields| fields.run(folder));
}

/// Bodies in JSON that carry pictures in base64, and base64 itself.
pub fn pictures(data: &[u8], folder: &Path) {
    let _ = fastapi::picture(data, folder);
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

fn split(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => (b"edge", data),
    }
}
