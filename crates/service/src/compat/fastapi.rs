//! The FastAPI server around Real-ESRGAN: `GET /`, `POST /inference`.
//!
//! Unlike it, every request has its own result, colours are right, and a `data:` URL is taken. The answer is always four
//! times as large, as its was.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json as Body, Router};
use serde_json::{Value, json};

use super::json::Json;
use super::pictures::{Answer, decode, receive};
use crate::app::App;
use crate::refusal::Refusal;
use crate::spool::Content;

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/inference", post(inference))
}

/// What its root says to programs.
pub(crate) fn hello() -> Response {
    Body(json!({ "Hello": "World" })).into_response()
}

/// Whether a client asks for a page, as browsers do.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|accept| accept.to_str().ok());
    accepted.flat_map(|accept| accept.split(',')).any(|range| range.trim().starts_with("text/html"))
}

/// What is wrong with a request.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// Its body, as pydantic says it.
    Body(Vec<Value>),
    Refused(Refusal),
}

impl From<Refusal> for Wrong {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        match self {
            Self::Body(errors) => {
                (StatusCode::UNPROCESSABLE_ENTITY, Body(json!({ "detail": errors }))).into_response()
            }
            Self::Refused(refusal) => super::refused(&refusal, json!({ "detail": refusal.detail })),
        }
    }
}

async fn inference(State(app): State<Arc<App>>, request: Request) -> Result<Response, Wrong> {
    let folder = app.spool.clone();
    let content = receive(&app, request, move |body| picture(body, &folder)).await?;
    let recipe = super::recipe(&app, &[("scale", "4"), ("format", "png")])?;
    let made = super::enlarge(&app, content, recipe).await?;
    Ok(Answer::default().text("\"").picture(&made).await?.text("\"").respond("application/json"))
}

/// The picture of a body that is right in every field.
pub(crate) fn picture(body: &[u8], folder: &std::path::Path) -> Result<Content, Wrong> {
    let body = parse(body)?;
    let mut errors = Vec::new();
    let image = body.get("img_str");
    match image {
        None => errors.push(error("missing", "img_str", "Field required", &body)),
        Some(Json::Text(_)) => {}
        Some(other) => errors.push(error("string_type", "img_str", "Input should be a valid string", other)),
    }
    if let Some(tile) = body.get("tile") {
        errors.extend(whole("tile", tile));
    }
    if let Some(half) = body.get("half").filter(|half| half.flag().is_none()) {
        let message = "Input should be a valid boolean, unable to interpret input";
        errors.push(error("bool_parsing", "half", message, half));
    }
    if let Some(folder) = body.get("output_dir").filter(|folder| folder.text().is_none()) {
        errors.push(error("string_type", "output_dir", "Input should be a valid string", folder));
    }
    match image.and_then(Json::text) {
        Some(text) if errors.is_empty() => decode(text, folder).map_err(|e| {
            Wrong::Body(vec![error("value_error", "img_str", &format!("Value error, {e}"), &body)])
        }),
        _ => Err(Wrong::Body(errors)),
    }
}

/// A body that is an object.
fn parse(body: &[u8]) -> Result<Json<'_>, Wrong> {
    let value = Json::parse(body).map_err(|e| {
        let place = json!(["body", e.column()]);
        Wrong::Body(vec![json!({
            "type": "json_invalid", "loc": place, "msg": "JSON decode error", "input": {},
            "ctx": { "error": e.to_string() },
        })])
    })?;
    match value {
        Json::Object(_) => Ok(value),
        other => Err(Wrong::Body(vec![json!({
            "type": "model_attributes_type", "loc": ["body"],
            "msg": "Input should be a valid dictionary or object to extract fields from", "input": other.shown(),
        })])),
    }
}

fn whole(name: &str, value: &Json<'_>) -> Option<Value> {
    match value.number() {
        Some(number) if number.fract() == 0.0 => None,
        Some(_) => {
            let message = "Input should be a valid integer, got a number with a fractional part";
            Some(error("int_from_float", name, message, value))
        }
        None => {
            let message = "Input should be a valid integer, unable to parse string as an integer";
            Some(error("int_parsing", name, message, value))
        }
    }
}

fn error(kind: &str, name: &str, message: &str, input: &Json<'_>) -> Value {
    json!({ "type": kind, "loc": ["body", name], "msg": message, "input": input.shown() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(body: &str) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        match picture(body.as_bytes(), folder.path()) {
            Ok(_) => Vec::new(),
            Err(Wrong::Body(errors)) => errors
                .iter()
                .map(|error| format!("{} {}", error["type"].as_str().expect("a type"), error["loc"][1]))
                .collect(),
            Err(Wrong::Refused(refusal)) => panic!("{refusal}"),
        }
    }

    #[test]
    fn bodies_are_judged_as_pydantic_does() {
        assert_eq!(kinds(r#"{"img_str": "Zm9v"}"#), [""; 0]);
        assert_eq!(
            kinds(r#"{"img_str": "Zm9v", "tile": "512", "half": "no", "output_dir": "x", "more": 1}"#),
            [""; 0]
        );
        assert_eq!(kinds("{}"), ["missing \"img_str\""]);
        assert_eq!(
            kinds(r#"{"img_str": 5, "tile": 1.5, "half": "maybe", "output_dir": null}"#),
            [
                "string_type \"img_str\"",
                "int_from_float \"tile\"",
                "bool_parsing \"half\"",
                "string_type \"output_dir\""
            ]
        );
        assert_eq!(kinds(r#"{"img_str": "no base64!"}"#), ["value_error \"img_str\""]);
        assert_eq!(kinds("[]"), ["model_attributes_type null"]);
        assert_eq!(kinds("{"), ["json_invalid 1"]);
    }

    #[test]
    fn only_browsers_get_the_page() {
        let wants = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().expect("a value"));
            wants_page(&headers)
        };
        assert!(wants("text/html,application/xhtml+xml;q=0.9") && wants("image/png, text/html;q=0.1"));
        assert!(!wants("*/*") && !wants("application/json") && !wants_page(&HeaderMap::new()));
    }
}
