//! Another amplio server, by its `/v1/upscale`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use amplio::media::images::Format;
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;
use url::Url;

use super::{Answer, Provider, Work, broken, explained, keep, while_wanted};
use crate::engine::Workshop;
use crate::engine::cache::Made;
use crate::engine::models::Known;
use crate::engine::subject::Subject;
use crate::refusal::{Code, Refusal};
use crate::settings::Settings;
use crate::{Error, Result};

/// The longest that the list of models may take.
const LISTING: Duration = Duration::from_secs(10);

pub(super) struct Remote {
    client: Client,
    /// Ends in a slash.
    url: Url,
    key: Option<String>,
    shop: Arc<Workshop>,
}

/// A model as `/v1/models` tells of it.
#[derive(Deserialize)]
struct Listed {
    name: String,
    aliases: Vec<String>,
    scale: Option<usize>,
    description: String,
    licence: Option<String>,
}

impl Remote {
    pub(super) fn new(settings: &Settings, shop: Arc<Workshop>) -> Result<Self> {
        let mut url = Url::parse(&settings.provider)
            .map_err(|e| Error::setting("provider", format!("{}: {e}", settings.provider)))?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self { client: super::client(settings)?, url, key: settings.provider_key.clone(), shop })
    }

    /// A place of its interface.
    fn at(&self, path: &str) -> Answer<Url> {
        self.url.join(path).map_err(Refusal::internal)
    }

    fn keyed(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }
}

/// The format that a result is to have; `None` if it has that of its input in any case.
fn format(subject: &Subject) -> Option<&'static Format> {
    match subject {
        Subject::Picture(_, format) | Subject::Animation(format) => Some(format),
        Subject::Pages | Subject::Archive(_) | Subject::Video(_) => None,
    }
}

impl Provider for Remote {
    /// Which models it has is asked when one is needed.
    fn identity(&self, model: &str) -> Answer<String> {
        Ok(format!("{} {model}", self.url))
    }

    fn models(&self) -> BoxFuture<'_, Answer<Vec<Known>>> {
        async move {
            let (who, url) = (self.url.as_str(), self.at("v1/models")?);
            let response = self.keyed(self.client.get(url).timeout(LISTING)).send().await;
            let response = response.map_err(|e| broken(who, &e))?;
            if !response.status().is_success() {
                return Err(explained(who, response).await);
            }
            let text = response.bytes().await.map_err(|e| broken(who, &e))?;
            let listed: Vec<Listed> = serde_json::from_slice(&text)
                .map_err(|e| Refusal::new(Code::Unreachable, format!("{who} has no list of models: {e}")))?;
            let known = |Listed { name, aliases, scale, description, licence }| Known {
                name,
                aliases,
                scale,
                description,
                licence,
                path: None,
            };
            Ok(listed.into_iter().map(known).collect())
        }
        .boxed()
    }

    fn enlarge(&self, work: Work) -> BoxFuture<'static, Answer<Arc<Made>>> {
        let Work { task, content, deadline, watch } = work;
        let (who, shop, url) = (self.url.to_string(), self.shop.clone(), self.at("v1/upscale"));
        let (client, key) = (self.client.clone(), self.key.clone());
        let asked = async move {
            if let Subject::Video(_) = task.subject {
                let what =
                    "videos are made larger by this machine alone; this server lets another one enlarge";
                return Err(Refusal::new(Code::UnsupportedMedia, what));
            }
            let mut url = url?;
            url.query_pairs_mut().extend_pairs(task.recipe.parameters(format(&task.subject)));
            let bytes = crate::engine::blocking(move || content.bytes().map_err(Refusal::internal)).await?;
            let request = client
                .post(url)
                .timeout(deadline.saturating_duration_since(Instant::now()))
                .header("content-type", "application/octet-stream")
                .body(bytes);
            let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
            let response = request.send().await.map_err(|e| broken(&who, &e))?;
            match response.status().is_success() {
                true => keep(&who, &shop, task, response).await,
                false => Err(explained(&who, response).await),
            }
        };
        while_wanted(watch, asked).boxed()
    }
}
