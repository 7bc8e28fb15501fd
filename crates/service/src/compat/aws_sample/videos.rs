//! The sample's videos: jobs that read one place and write another.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json as Body};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::json::Json;
use super::super::pictures::receive;
use super::{Said, Stored, limited, own_site};
use crate::app::App;
use crate::engine::blocking;
use crate::engine::wish::Wish;
use crate::http::auth::Client;
use crate::http::extract::Query;
use crate::http::jobs;
use crate::jobs::job::{Foreign, Input, Job, Kind, Spec, State as JobState};
use crate::refusal::{Code, Refusal};

/// What its videos are put into.
const FORMAT: &str = "mp4";

/// A video in a bucket.
#[derive(Debug)]
struct Place {
    bucket: String,
    key: String,
}

/// A video that is to be made small, and the sides between which it then lies.
#[derive(Debug)]
pub(crate) struct Store {
    place: Place,
    sides: (u32, u32),
}

pub(super) async fn store(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    request: Request,
) -> Result<Response, Said> {
    let said = |refusal| Said("Unable to store video", refusal);
    let Store { place, sides } = receive(&app, request, asked).await.map_err(said)?;
    let (width, height) = place.size(&app).await.map_err(said)?;
    let (width, height) = smaller((width, height), sides);
    let wish = Wish {
        size: Some(format!("{width}x{height}")),
        fit: Some("stretch".into()),
        format: Some(FORMAT.into()),
        ..Wish::default()
    };
    hand_in(&app, &client, place, "downscaled", wish).await.map_err(said)
}

pub(super) async fn retrieve(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    stored: Result<Query<Stored>, Refusal>,
    headers: HeaderMap,
) -> Result<Response, Said> {
    let said = |refusal| Said("Unable to retrieve video", refusal);
    own_site(&headers).map_err(said)?;
    let (bucket, key) = stored.and_then(Stored::named).map_err(said)?;
    let wish = Wish { scale: Some("4".into()), format: Some(FORMAT.into()), ..Wish::default() };
    hand_in(&app, &client, Place { bucket, key }, "upscaled", wish).await.map_err(said)
}

#[derive(Debug, Deserialize)]
pub(super) struct StatusQuery {
    id: Option<String>,
}

pub(super) async fn status(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    query: Result<Query<StatusQuery>, Refusal>,
) -> Result<Response, Said> {
    let said = |refusal| Said("Unable to retrieve video status", refusal);
    let Query(query) = query.map_err(said)?;
    let id = query.id.ok_or_else(|| said(Refusal::invalid("id is missing")))?;
    let job = blocking(move || jobs::find(&app, &client, &id)).await.map_err(said)?;
    Ok(Body(json!([{ "data": told(&job).to_string() }, 200])).into_response())
}

/// What the sample tells of a video, and why there is none.
fn told(job: &Job) -> Value {
    let (status, error) = match job.state {
        JobState::Queued => ("Submitted", None),
        JobState::Running => ("Processing", None),
        JobState::Done => ("Completed", None),
        JobState::Cancelled => ("Failed", Some("it was cancelled")),
        JobState::Failed => ("Failed", job.reason.as_ref().map(|reason| reason.detail.as_str())),
    };
    let output = job.spec.foreign.as_ref().and_then(|foreign| foreign.metadata.clone());
    let mut told = json!({ "output": output.filter(|_| job.state == JobState::Done), "status": status });
    if let Some(error) = error {
        told["error"] = error.into();
    }
    told
}

/// What a body asks for.
pub(crate) fn asked(body: &[u8]) -> Result<Store, Refusal> {
    let body =
        Json::parse(body).map_err(|e| Refusal::new(Code::Malformed, format!("the body is no JSON: {e}")))?;
    let text = |name: &str| {
        let text = body.given(name).and_then(Json::text);
        text.map(str::to_owned).ok_or_else(|| Refusal::invalid(format!("{name} is missing")))
    };
    let side = |name: &str| match body.given(name).and_then(Json::number) {
        Some(side) if (1.0..=65536.0).contains(&side) => Ok(side as u32),
        _ => Err(Refusal::invalid(format!("{name} is a number of pixels"))),
    };
    let place = Place { bucket: text("s3_bucket")?, key: text("s3_key_name")? };
    Ok(Store { place, sides: (side("min_size")?, side("max_size")?) })
}

impl Place {
    /// Width and height of the video, upright.
    async fn size(&self, app: &Arc<App>) -> Result<(u32, u32), Refusal> {
        let url = app.storage.place(&self.bucket, &self.key)?;
        let content = app.storage.read(&url, &app.spool).await?;
        let app = app.clone();
        blocking(move || {
            let file = content.file(&app.spool).map_err(Refusal::internal)?;
            let video = app.engine.shop.studio.probe(file.as_ref())?.video;
            Ok(if video.turns % 2 == 0 { (video.width, video.height) } else { (video.height, video.width) })
        })
        .await
    }
}

/// Hands a video in as a job; its result lies beside it.
async fn hand_in(
    app: &Arc<App>,
    client: &Client,
    Place { bucket, key }: Place,
    made: &str,
    parameters: Wish,
) -> Result<Response, Refusal> {
    let stem = key.rsplit_once('.').map_or(key.as_str(), |(stem, _)| stem);
    let result = format!("{stem}-{made}.{FORMAT}");
    parameters.recipe(&app.settings.model)?;
    let spec = Spec {
        input: Input::Url(app.storage.place(&bucket, &key)?),
        name: None,
        kind: Kind::Video,
        output: Some(app.storage.place(&bucket, &result)?),
        parameters,
        webhook: None,
        foreign: Some(Foreign {
            metadata: Some(format!("s3://{bucket}/{result}").into()),
            ..Foreign::default()
        }),
        shelf: None,
    };
    let id = super::super::hand_in(app, client, spec, None).await?;
    Ok(Body(json!([{ "data": id }, 200])).into_response())
}

/// The size of a small video: a quarter, and then the first rule that fits. Sides are even, as most codecs want them.
fn smaller((width, height): (u32, u32), sides: (u32, u32)) -> (u32, u32) {
    let aspect = f64::from(width) / f64::from(height.max(1));
    let quarter = width / 4;
    let (width, height) = limited((quarter, (f64::from(quarter) / aspect) as u32), aspect, sides);
    let even = |side: u32| (side & !1).max(2);
    (even(width), even(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_videos_have_the_sizes_of_the_sample() {
        assert_eq!(smaller((1920, 1080), (100, 640)), (480, 270));
        assert_eq!(smaller((1920, 1080), (100, 200)), (200, 112));
        assert_eq!(smaller((400, 3000), (100, 200)), (26, 200));
        assert_eq!(smaller((200, 100), (100, 200)), (100, 50));
        assert_eq!(smaller((1, 1), (1, 1)), (2, 2));
    }
}
