//! Videos that are stored small. Both ways take long, so both are jobs.

use std::sync::Arc;

use amplio::media::videos::Container;
use axum::http::HeaderMap;
use axum::response::Response;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::engine::blocking;
use crate::engine::wish::Wish;
use crate::hex;
use crate::http::auth::Client;
use crate::http::jobs::{Handed, accepted, hand_in};
use crate::http::output;
use crate::jobs::job::{Input, Kind, Shelved, Spec, State};
use crate::refusal::{Code, Refusal};
use crate::shelf::{Facts, Policy};
use crate::spool::Content;

/// The kind of file and the quality of what is stored.
const STORED: (&str, &str) = ("mp4", "26");

/// Makes a video small and stores it under a key; the answer is the job that does it.
pub(super) async fn store(
    app: &Arc<App>,
    client: &Client,
    (key, name): (String, Option<String>),
    content: Content,
) -> Result<Response, Refusal> {
    app.engine.check(Kind::Video)?;
    let shared = app.clone();
    let (content, probe, format) = blocking(move || {
        let shop = &shared.engine.shop;
        let file = content.file(shop.cache.folder()).map_err(Refusal::internal)?;
        let probe = shop.studio.probe(file.as_ref())?;
        drop(file);
        let own = name.as_deref().and_then(|name| Container::of(name.as_ref()));
        let own = own.or(Container::of_first(&content.first(64).map_err(Refusal::internal)?));
        Ok((content, probe, own.map_or(STORED.0, |container| container.extensions[0])))
    })
    .await?;
    let (mut width, mut height) = (probe.video.width, probe.video.height);
    if probe.video.turns % 2 == 1 {
        (width, height) = (height, width);
    }
    let even = |side: u32| side + side % 2;
    let (small_width, small_height) = Policy::new(&app.settings).size((width, height));
    let parameters = Wish {
        size: Some(format!("{}x{}", even(small_width), even(small_height))),
        fit: Some("stretch".into()),
        format: Some(STORED.0.into()),
        crf: Some(STORED.1.into()),
        ..Wish::default()
    };
    let shelved = Shelved { key, width, height, bytes: content.length(), format: format.into() };
    let input = Input::Upload(content.hash().into());
    let spec = Spec { kind: Kind::Video, parameters, shelf: Some(shelved), ..Spec::of(input) };
    let handed = Handed { spec, priority: 0, idempotency_key: None };
    Ok(accepted(app, &hand_in(app, client, handed, Some(content)).await?))
}

/// A stored video, restored: the job that does it, or, when that is done, its output.
pub(super) async fn restore(
    app: &Arc<App>,
    client: &Client,
    facts: &Facts,
    mut wish: Wish,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    if !wish.has_size() {
        wish.size = Some(format!("{}x{}", facts.width, facts.height));
        wish.fit = Some("stretch".into());
    }
    wish.format.get_or_insert_with(|| facts.format.clone());
    wish.recipe(&app.settings.model)?;
    // Whoever asks for the same again means the same job.
    let asked = serde_json::to_string(&wish).map_err(Refusal::internal)?;
    let idempotency_key =
        Some(format!("media {}", hex(&Sha256::digest(format!("{} {asked}", facts.object())))));
    let name = Some(format!("video.{}", STORED.0));
    let input = Input::Shelf(facts.object().into());
    let spec = Spec { kind: Kind::Video, name, parameters: wish, ..Spec::of(input) };
    let job = hand_in(app, client, Handed { spec, priority: 0, idempotency_key }, None).await?;
    match job.state {
        State::Queued | State::Running => Ok(accepted(app, &job)),
        State::Done => {
            let shared = app.clone();
            Ok(blocking(move || output::opened(&shared, &job)).await?.respond(headers))
        }
        State::Failed | State::Cancelled => {
            let why = job.reason.map_or_else(|| "it was cancelled".into(), |reason| reason.detail);
            Err(Refusal::new(Code::Conflict, format!("the job {} has failed: {why}", job.id)))
        }
    }
}
