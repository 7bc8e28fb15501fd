//! The SageMaker container: `GET /ping`, `POST /invocations`, as real-time endpoints ask their containers.

use std::path::Path;
use std::sync::Arc;

use amplio::media::images::{self, Format};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::json::Json;
use super::pictures::{Answer, decode, receive};
use crate::app::App;
use crate::engine::subject::is_archive;
use crate::http::upload::{self, Limit};
use crate::http::{negotiate, upscale};
use crate::refusal::{Code, Refusal};
use crate::spool::Content;

/// What pictures in JSON are, unless the accepted type says more: `application/json;jpeg`.
const USUAL: &str = "jpeg";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/ping", get(ping)).route("/invocations", post(invocations))
}

/// A refusal as model servers say it.
struct Said(Refusal);

impl From<Refusal> for Said {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        let Refusal { code, detail, .. } = &self.0;
        super::refused(&self.0, json!({ "code": code.status(), "type": code.name(), "message": detail }))
    }
}

async fn ping(State(app): State<Arc<App>>) -> StatusCode {
    if app.is_stopping() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

async fn invocations(State(app): State<Arc<App>>, request: Request) -> Result<Response, Said> {
    let headers = request.headers().clone();
    match upload::kind(&headers).as_str() {
        "application/json" => in_json(&app, &headers, request).await,
        _ => as_picture(&app, &headers, request).await,
    }
}

/// A picture in JSON, and its enlargement in JSON.
async fn in_json(app: &Arc<App>, headers: &HeaderMap, request: Request) -> Result<Response, Said> {
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let accepted = if accepted.starts_with("application/json") { accepted } else { "application/json" };
    let format = format(accepted)?;
    let folder = app.spool.clone();
    let (content, prompt) = receive(app, request, move |body| asked(body, &folder)).await?;
    let recipe = super::recipe(app, &[("format", format.name)])?;
    let made = super::enlarge(app, content, recipe).await?;
    let prompt = serde_json::to_string(&prompt).map_err(Refusal::internal)?;
    let answer = Answer::default().text("{\"generated_images\": [\"").picture(&made).await?;
    Ok(answer.text(format!("\"], \"prompt\": {prompt}}}")).respond(accepted))
}

/// A picture as it is, and its enlargement as it is.
async fn as_picture(app: &Arc<App>, headers: &HeaderMap, mut request: Request) -> Result<Response, Said> {
    // The name that the platform's own algorithms use.
    if upload::kind(headers) == "application/x-image" {
        request.headers_mut().remove(header::CONTENT_TYPE);
    }
    let accepted = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    negotiate::negotiate(accepted, true)?;
    let content = upload::receive(app, request, Limit::body(app)).await?.content;
    let content = content.ok_or_else(|| Refusal::invalid("the form has no file"))?;
    let preferred = negotiate::negotiate(accepted, is_archive(&content)?)?;
    let made = super::make(app, content.into(), super::recipe(app, &[])?, preferred).await?;
    Ok(upscale::respond(made, headers).await?)
}

/// The format that a type such as `application/json;jpeg` asks for.
pub(crate) fn format(accepted: &str) -> Result<&'static Format, Refusal> {
    let mut parameters = accepted.split(',').next().unwrap_or_default().split(';').skip(1).map(str::trim);
    let name = parameters.find(|parameter| !parameter.contains('=')).unwrap_or(USUAL);
    let found = images::by_name(name).or_else(|| images::by_extension(name));
    found.filter(|format| format.write.is_some()).ok_or_else(|| {
        let name: String = name.chars().take(40).collect();
        Refusal::new(Code::NotAcceptable, format!("{name:?} is no format that can be written"))
    })
}

/// The picture and the prompt of a body. A network that only enlarges has no use for the prompt; clients expect it back.
pub(crate) fn asked(body: &[u8], folder: &Path) -> Result<(Content, String), Refusal> {
    let body =
        Json::parse(body).map_err(|e| Refusal::new(Code::Malformed, format!("the body is no JSON: {e}")))?;
    let image = body.given("image").and_then(Json::text);
    let image = image.ok_or_else(|| Refusal::invalid("the body has no image in base64"))?;
    let prompt = body.given("prompt").and_then(Json::text).unwrap_or_default().to_owned();
    Ok((decode(image, folder)?, prompt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accepted_type_names_the_format() {
        let name = |accepted: &str| format(accepted).map(|format| format.name);
        assert_eq!(name("application/json;jpeg"), Ok("jpeg"));
        assert_eq!(name("application/json; charset=utf-8; png"), Ok("png"));
        assert_eq!((name("application/json"), name("*/*")), (Ok("jpeg"), Ok("jpeg")));
        assert!(name("application/json;gif87").is_err_and(|e| e.code == Code::NotAcceptable));
    }

    #[test]
    fn what_diffusion_needs_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let body =
            br#"{"image": "Zm9v", "prompt": "a wolf", "num_inference_steps": 50, "guidance_scale": 7.5}"#;
        let (content, prompt) = asked(body, folder.path()).expect("sound");
        assert_eq!((content.length(), prompt.as_str()), (3, "a wolf"));
        assert_eq!(asked(b"{}", folder.path()).expect_err("no image").code, Code::Invalid);
        assert_eq!(asked(b"{", folder.path()).expect_err("no JSON").code, Code::Malformed);
    }
}
