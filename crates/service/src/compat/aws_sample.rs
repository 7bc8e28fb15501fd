//! The AWS sample that stores pictures small in a bucket and enlarges them when someone wants them.
//!
//! Every answer has status 200 and is a pair: what there is to say, and the status that it means. Unlike it, `/retrieve`
//! works; what fails is never told as a success; and a bucket is a place of the setting `storage`: `s3://BUCKET`, or a place
//! whose path ends in that name.

pub(crate) mod videos;

use std::path::Path;
use std::sync::Arc;

use amplio::media::images;
use amplio::{Fit, Size};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json as Body, Router};
use serde::Deserialize;
use serde_json::json;

use super::json::Json;
use super::pictures::{Answer, decode, receive};
use crate::app::App;
use crate::engine::blocking;
use crate::http::extract::Query;
use crate::refusal::{Code, Refusal};
use crate::spool::Content;

/// Between these lie the sides of what is stored.
const SIDES: (u32, u32) = (100, 200);

/// Who enlarges, by the sample's names; here it is always this server.
const METHODS: [&str; 2] = ["sageMakerRT", "stableDiffusionJT"];

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/health", get(|| async { Body(json!([{ "status": "ok" }, 200])) }))
        .route("/store", post(store))
        .route("/retrieve", get(retrieve))
        .route("/storeVideo", post(videos::store))
        .route("/retrieveVideo", get(videos::retrieve))
        .route("/getVideoStatus", get(videos::status))
}

/// Why something did not go well, with the words that stand before it.
struct Said(&'static str, Refusal);

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        Body(json!([{ "error": format!("{}: {}", self.0, self.1.detail) }, 500])).into_response()
    }
}

/// A picture that is to be stored.
pub(crate) struct Store {
    content: Content,
    bucket: String,
    key: String,
}

async fn store(State(app): State<Arc<App>>, request: Request) -> Result<Response, Said> {
    let said = |refusal| Said("Unable to store image", refusal);
    let folder = app.spool.clone();
    let asked = receive(&app, request, move |body| asked(body, &folder));
    let Store { content, bucket, key } = asked.await.map_err(said)?;
    let url = app.storage.place(&bucket, &key).map_err(said)?;
    put_small(&app, content, &url).await.map_err(said)?;
    Ok(Body(json!([{ "data": "image uploaded to S3" }, 200])).into_response())
}

/// What a body asks for.
pub(crate) fn asked(body: &[u8], folder: &Path) -> Result<Store, Refusal> {
    let body =
        Json::parse(body).map_err(|e| Refusal::new(Code::Malformed, format!("the body is no JSON: {e}")))?;
    let text = |name: &str| {
        let text = body.given(name).and_then(Json::text);
        text.ok_or_else(|| Refusal::invalid(format!("{name} is missing")))
    };
    if !METHODS.contains(&text("upscaleMethod")?) {
        return Err(Refusal::invalid("{'data': 'Upscale Method not yet implemented', 'code': 400}"));
    }
    let (bucket, key) = (text("s3_bucket")?.to_owned(), text("s3_key_name")?.to_owned());
    Ok(Store { content: decode(text("image")?, folder)?, bucket, key })
}

/// Makes a picture small and writes it to a place.
async fn put_small(app: &App, content: Content, url: &str) -> Result<(), Refusal> {
    let (content, header) = blocking(move || {
        let bytes = content.bytes().map_err(Refusal::internal)?;
        let (_, header) = images::read_header(&bytes)?;
        Ok((content, header))
    })
    .await?;
    let mut recipe = super::recipe(app, &[("metadata", "strip")])?;
    let (width, height) = small(header.width, header.height);
    recipe.target.size = Some(Size::Exact { width, height, fit: Fit::Stretch });
    let made = super::enlarge(app, content, recipe).await?;
    app.storage.write_file(url, &made.path).await
}

/// The size in which a picture is stored. The sample makes a square of what no rule fits; here that stays as it is.
fn small(width: u32, height: u32) -> (u32, u32) {
    limited((width, height), f64::from(width) / f64::from(height), SIDES)
}

/// A size between two sides, by one rule, the first that fits.
fn limited(size: (u32, u32), aspect: f64, (least, most): (u32, u32)) -> (u32, u32) {
    let wide = |to: u32| (to, ((f64::from(to) / aspect) as u32).max(1));
    let high = |to: u32| (((f64::from(to) * aspect) as u32).max(1), to);
    match size {
        (width, _) if width > most => wide(most),
        (_, height) if height > most => high(most),
        (width, _) if width < least => wide(least),
        (_, height) if height < least => high(least),
        same => same,
    }
}

#[derive(Debug, Deserialize)]
struct Stored {
    s3_key: Option<String>,
    s3_bucket: Option<String>,
}

impl Stored {
    /// The bucket, and the key in it.
    fn named(Query(stored): Query<Self>) -> Result<(String, String), Refusal> {
        let missing = |name: &str| Refusal::invalid(format!("{name} is missing"));
        let bucket = stored.s3_bucket.ok_or_else(|| missing("s3_bucket"))?;
        Ok((bucket, stored.s3_key.ok_or_else(|| missing("s3_key"))?))
    }
}

async fn retrieve(
    State(app): State<Arc<App>>,
    stored: Result<Query<Stored>, Refusal>,
    headers: HeaderMap,
) -> Result<Response, Said> {
    let said = |refusal| Said("Unable to retrieve image", refusal);
    own_site(&headers).map_err(said)?;
    let (bucket, key) = stored.and_then(Stored::named).map_err(said)?;
    let url = app.storage.place(&bucket, &key).map_err(said)?;
    let content = app.storage.read(&url, &app.spool).await.map_err(said)?;
    let recipe = super::recipe(&app, &[("scale", "4"), ("format", "jpeg")]).map_err(said)?;
    let made = super::enlarge(&app, content, recipe).await.map_err(said)?;
    let answer = Answer::default().text("[{\"data\": \"").picture(&made).await.map_err(said)?;
    Ok(answer.text("\"}, 200]").respond("application/json"))
}

/// `GET` works here, and browsers send that for pages of other sites without saying whose they are.
fn own_site(headers: &HeaderMap) -> Result<(), Refusal> {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    match site {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(Refusal::new(Code::Forbidden, "pages of other sites may not use this server")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_sample() {
        assert_eq!(small(800, 600), (200, 150));
        assert_eq!(small(150, 900), (33, 200));
        assert_eq!(small(250, 5000), (200, 4000), "one rule only");
        assert_eq!(small(50, 80), (100, 160));
        assert_eq!(small(150, 60), (250, 100));
        assert_eq!(small(150, 150), (150, 150));
        assert_eq!(small(10_000, 3), (200, 1));
    }
}
