//! AUTOMATIC1111's extras: `/sdapi/v1/extra-single-image` and what its clients ask around it.
//!
//! Pictures are not made of words here, and there are no networks for faces: who asks for those is told so. Two upscalers give
//! two results, which are mixed.

use std::path::Path;
use std::sync::Arc;

use amplio::media::images;
use amplio::{Fit, Size};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json as Body, Router};
use serde_json::{Value, json};

use super::json::Json;
use super::pictures::{Answer, decode, receive};
use crate::app::App;
use crate::engine::blend::Blend;
use crate::engine::cache::Made;
use crate::engine::wish::Recipe;
use crate::http::extract::Path as Name;
use crate::refusal::{Code, Refusal};
use crate::spool::Content;

/// The upscaler that leaves pictures as they are.
const NONE: &str = "None";

/// Where models on other servers have files; clients want a text or nothing.
const NO_FILE: Option<&str> = None;

/// Routes of its that this server has no work for.
const OTHERS: [&str; 5] = ["txt2img", "img2img", "interrogate", "png-info", "reload-checkpoint"];

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/sdapi/v1/extra-single-image", post(single))
        .route("/sdapi/v1/extra-batch-images", post(batch))
        .route("/sdapi/v1/upscalers", get(upscalers))
        .route("/sdapi/v1/progress", get(progress))
        .route("/sdapi/v1/options", get(options).post(no_options))
        .route("/sdapi/v1/scripts", get(|| async { Body(json!({ "txt2img": [], "img2img": [] })) }))
        .route("/sdapi/v1/cmd-flags", get(|| async { Body(json!({})) }))
        .route("/sdapi/v1/sd-models", get(nothing))
        .route("/sdapi/v1/samplers", get(nothing))
        .route("/sdapi/v1/face-restorers", get(nothing))
        .route("/sdapi/v1/latent-upscale-modes", get(nothing))
        .route("/sdapi/v1/{name}", any(other))
}

async fn nothing() -> Body<[(); 0]> {
    Body([])
}

/// A refusal as its API says it.
struct Said(Refusal);

impl From<Refusal> for Said {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Said {
    fn into_response(self) -> Response {
        let Refusal { code, detail, .. } = &self.0;
        super::refused(
            &self.0,
            json!({ "error": code.name(), "detail": detail, "body": "", "errors": detail }),
        )
    }
}

/// What is to be made of pictures.
#[derive(Debug, PartialEq)]
pub(crate) struct Extras {
    /// A model; pictures stay as they are if `None`.
    upscaler: Option<String>,
    /// Another one, and its share of the result.
    second: Option<(String, f64)>,
    size: Sizing,
}

#[derive(Debug, PartialEq)]
enum Sizing {
    Scale(f64),
    /// Covers this width and height; what is beyond them is cut off if the last is set.
    Sides(u32, u32, bool),
}

/// A picture, and its size.
pub(crate) struct Picture {
    content: Arc<Content>,
    size: (u32, u32),
}

async fn single(State(app): State<Arc<App>>, request: Request) -> Result<Response, Said> {
    let folder = app.spool.clone();
    let (extras, content) = receive(&app, request, move |body| one(body, &folder)).await?;
    let made = make(&app, &extras, content).await?;
    let answer = Answer::default().text("{\"html_info\": \"\", \"image\": \"").picture(&made).await?;
    Ok(answer.text("\"}").respond("application/json"))
}

async fn batch(State(app): State<Arc<App>>, request: Request) -> Result<Response, Said> {
    let folder = app.spool.clone();
    let (extras, contents) = receive(&app, request, move |body| several(body, &folder)).await?;
    let mut answer = Answer::default().text("{\"html_info\": \"\", \"images\": [");
    for (number, content) in contents.into_iter().enumerate() {
        let made = make(&app, &extras, content).await?;
        answer = answer.text(if number == 0 { "\"" } else { ", \"" }).picture(&made).await?.text("\"");
    }
    Ok(answer.text("]}").respond("application/json"))
}

async fn make(app: &App, extras: &Extras, picture: Picture) -> Result<Arc<Made>, Refusal> {
    let mut recipe = super::recipe(app, &[("format", "png")])?;
    let Some(upscaler) = &extras.upscaler else {
        recipe.target.size = Some(Size::Scale(1.0));
        return super::enlarge(app, picture.content, recipe).await;
    };
    recipe.target.size = Some(extras.size.of(picture.size));
    let with = |model: &str| Recipe { model: model.to_owned(), ..recipe.clone() };
    let first = super::enlarge(app, picture.content.clone(), with(upscaler)).await?;
    let Some((second, share)) = &extras.second else { return Ok(first) };
    let second = super::enlarge(app, picture.content, with(second)).await?;
    app.engine.blend(Blend { first, second, share: *share }).await
}

impl Sizing {
    /// The size of the result for a picture of this width and height.
    fn of(&self, (width, height): (u32, u32)) -> Size {
        match *self {
            Self::Scale(scale) => Size::Scale(scale),
            Self::Sides(width, height, true) => Size::Exact { width, height, fit: Fit::Cover },
            Self::Sides(w, h, false) => {
                let (across, down) = (f64::from(w) / f64::from(width), f64::from(h) / f64::from(height));
                Size::Scale(across.max(down))
            }
        }
    }
}

/// What a body with one picture asks for.
pub(crate) fn one(body: &[u8], folder: &Path) -> Result<(Extras, Picture), Refusal> {
    let body = parse(body)?;
    let image = body.given("image").ok_or_else(|| Refusal::invalid("image is missing"))?;
    Ok((extras(&body)?, picture(image, folder)?))
}

/// What a body with a list of pictures asks for.
pub(crate) fn several(body: &[u8], folder: &Path) -> Result<(Extras, Vec<Picture>), Refusal> {
    let body = parse(body)?;
    Ok((extras(&body)?, pictures(&body, folder)?))
}

fn parse(body: &[u8]) -> Result<Json<'_>, Refusal> {
    Json::parse(body).map_err(|e| Refusal::new(Code::Malformed, format!("the body is no JSON: {e}")))
}

/// The picture of a text; the API calls it an image in base64.
fn picture(image: &Json<'_>, folder: &Path) -> Result<Picture, Refusal> {
    let content =
        decode(image.text().ok_or_else(|| Refusal::invalid("an image is a text in base64"))?, folder)?;
    let header = images::read_header(&content.bytes().map_err(Refusal::internal)?)?.1;
    Ok(Picture { content: content.into(), size: (header.width, header.height) })
}

/// The pictures of a batch.
fn pictures(body: &Json<'_>, folder: &Path) -> Result<Vec<Picture>, Refusal> {
    let Some(Json::List(images)) = body.given("imageList") else {
        return Err(Refusal::invalid("imageList is missing"));
    };
    let data = |image: &Json<'_>| match image.given("data") {
        Some(data) => picture(data, folder),
        None => Err(Refusal::invalid("an entry of imageList has no data")),
    };
    images.iter().map(data).collect()
}

/// The fields of a request beside its pictures, with its API's defaults.
fn extras(body: &Json<'_>) -> Result<Extras, Refusal> {
    let number = |name: &str, usual: f64| match body.given(name) {
        None => Ok(usual),
        Some(value) => value.number().ok_or_else(|| Refusal::invalid(format!("{name} is a number"))),
    };
    let side = |name: &str| match number(name, 512.0)? {
        side if side >= 1.0 && side <= f64::from(u32::MAX) => Ok(side as u32),
        _ => Err(Refusal::invalid(format!("{name} is a number of pixels above 0"))),
    };
    let text = |name: &str| body.given(name).and_then(Json::text).unwrap_or(NONE);
    for name in ["gfpgan_visibility", "codeformer_visibility"] {
        if number(name, 0.0)? > 0.0 {
            return Err(Refusal::new(
                Code::NotBuilt,
                format!("{name}: this server has no networks for faces"),
            ));
        }
    }
    let upscaler = |name: &str| {
        let upscaler = text(name);
        (!upscaler.eq_ignore_ascii_case(NONE)).then(|| upscaler.to_owned())
    };
    let share = number("extras_upscaler_2_visibility", 0.0)?;
    if !(0.0..=1.0).contains(&share) {
        return Err(Refusal::invalid("extras_upscaler_2_visibility is a share from 0 to 1"));
    }
    let second = upscaler("upscaler_2").filter(|_| share > 0.0).map(|upscaler| (upscaler, share));
    let size = match number("resize_mode", 0.0)? {
        0.0 => match number("upscaling_resize", 2.0)? {
            scale if scale > 0.0 => Sizing::Scale(scale),
            _ => return Err(Refusal::invalid("upscaling_resize is a number above 0")),
        },
        1.0 => {
            let crop = body.given("upscaling_crop").and_then(Json::flag).unwrap_or(true);
            Sizing::Sides(side("upscaling_resize_w")?, side("upscaling_resize_h")?, crop)
        }
        _ => return Err(Refusal::invalid("resize_mode is 0 (by a factor) or 1 (to a size)")),
    };
    Ok(Extras { upscaler: upscaler("upscaler_1"), second, size })
}

async fn upscalers(State(app): State<Arc<App>>) -> Result<Body<Vec<Value>>, Said> {
    let entry = |name: &str, scale: usize| json!({ "name": name, "model_name": NO_FILE, "model_path": NO_FILE, "model_url": NO_FILE, "scale": scale });
    let known = app.engine.models().await?;
    let models = known.iter().map(|model| entry(&model.name, model.scale.unwrap_or(4)));
    Ok(Body(std::iter::once(entry(NONE, 4)).chain(models).collect()))
}

/// How far the server's pictures are: all clients' together, as its API has one for all.
async fn progress(State(app): State<Arc<App>>) -> Body<Value> {
    let (count, fraction) = app.engine.under_way();
    Body(json!({
        "progress": fraction, "eta_relative": 0.0,
        "state": {
            "skipped": false, "interrupted": false, "stopping_generation": false,
            "job": if count > 0 { "extras" } else { "" }, "job_count": count, "job_timestamp": "0", "job_no": 0,
            "sampling_step": 0, "sampling_steps": 0,
        },
        "current_image": null, "textinfo": null,
    }))
}

async fn options(State(app): State<Arc<App>>) -> Body<Value> {
    Body(
        json!({ "samples_format": "png", "upscaler_for_img2img": app.settings.model, "sd_model_checkpoint": null }),
    )
}

async fn no_options() -> Said {
    Said(Refusal::new(Code::NotBuilt, "options are set where the server is started"))
}

async fn other(name: Result<Name<String>, Refusal>) -> Result<Response, Said> {
    let Name(name) = name?;
    if OTHERS.contains(&name.as_str()) {
        return Err(Said(Refusal::new(Code::NotBuilt, "this server only makes pictures larger")));
    }
    Ok((StatusCode::NOT_FOUND, Body(json!({ "detail": "Not Found" }))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value) -> Result<Extras, Refusal> {
        extras(&parse(body.to_string().as_bytes())?)
    }

    #[test]
    fn fields_have_the_defaults_of_its_api() {
        assert_eq!(read(json!({})), Ok(Extras { upscaler: None, second: None, size: Sizing::Scale(2.0) }));
        let sized = read(json!({ "resize_mode": 1, "upscaler_1": "anime", "upscaling_resize_w": 64 }))
            .expect("sound");
        let sides = Sizing::Sides(64, 512, true);
        assert_eq!(sized, Extras { upscaler: Some("anime".into()), second: None, size: sides });
        let mixed =
            json!({ "upscaler_1": "anime", "upscaler_2": "photo", "extras_upscaler_2_visibility": 0.3 });
        assert_eq!(read(mixed).expect("sound").second, Some(("photo".into(), 0.3)));
        let unseen = json!({ "upscaler_1": "anime", "upscaler_2": "photo" });
        assert_eq!(read(unseen).expect("sound").second, None);
        for wrong in [
            json!({ "resize_mode": 2 }),
            json!({ "upscaling_resize": 0 }),
            json!({ "resize_mode": 1, "upscaling_resize_h": 0 }),
            json!({ "upscaling_resize": "large" }),
            json!({ "gfpgan_visibility": 1 }),
            json!({ "upscaler_2": "anime", "extras_upscaler_2_visibility": 1.5 }),
        ] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
