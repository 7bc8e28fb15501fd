//! Another amplio server: pictures by its `/v1/upscale`, videos by its jobs.

mod films;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde::Deserialize;
use url::Url;

use super::{Answer, Provider, Work, broken, explained, keep, while_wanted};
use crate::engine::cache::Made;
use crate::engine::models::Known;
use crate::engine::subject::Subject;
use crate::engine::{Workshop, blocking};
use crate::refusal::{Code, Refusal};
use crate::settings::Settings;
use crate::{Error, Result};

/// The longest that a short question may take.
const ASKING: Duration = Duration::from_secs(10);

pub(super) struct Remote {
    other: Other,
    shop: Arc<Workshop>,
}

/// The other server.
#[derive(Clone)]
struct Other {
    client: Client,
    /// Ends in a slash.
    url: Url,
    key: Option<String>,
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
        let other = Other { client: super::client(settings)?, url, key: settings.provider_key.clone() };
        Ok(Self { other, shop })
    }
}

impl Other {
    fn name(&self) -> &str {
        self.url.as_str()
    }

    /// A request to a place of its interface.
    fn request(&self, method: Method, path: &str) -> Answer<RequestBuilder> {
        let request = self.client.request(method, self.url.join(path).map_err(Refusal::internal)?);
        Ok(match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        })
    }

    /// Its answer, if it does what it is asked for.
    async fn send(&self, request: RequestBuilder) -> Answer<Response> {
        let response = request.send().await.map_err(|e| broken(self.name(), &e))?;
        match response.status().is_success() {
            true => Ok(response),
            false => Err(explained(self.name(), response).await),
        }
    }

    /// Its answer in JSON.
    async fn told<T: for<'de> Deserialize<'de>>(&self, request: RequestBuilder) -> Answer<T> {
        let text = self.send(request).await?.bytes().await.map_err(|e| broken(self.name(), &e))?;
        serde_json::from_slice(&text)
            .map_err(|e| Refusal::new(Code::Unreachable, format!("{} is another server: {e}", self.name())))
    }

    /// Makes a picture, or what is made of pictures, larger.
    async fn enlarge(self, work: Work, shop: Arc<Workshop>) -> Answer<Arc<Made>> {
        let Work { task, content, deadline, .. } = work;
        let format = match &task.subject {
            Subject::Picture(_, format) | Subject::Animation(format) => Some(format.name),
            _ => None,
        };
        let bytes = blocking(move || content.bytes().map_err(Refusal::internal)).await?;
        let request = self
            .request(Method::POST, "v1/upscale")?
            .query(&task.recipe.parameters(format))
            .timeout(deadline.saturating_duration_since(Instant::now()))
            .header("content-type", "application/octet-stream")
            .body(bytes);
        let response = self.send(request).await?;
        keep(self.name(), &shop, task, response).await
    }
}

impl Provider for Remote {
    /// Which models it has is asked when one is needed.
    fn identity(&self, model: &str) -> Answer<String> {
        Ok(format!("{} {model}", self.other.url))
    }

    fn models(&self) -> BoxFuture<'_, Answer<Vec<Known>>> {
        async move {
            let request = self.other.request(Method::GET, "v1/models")?.timeout(ASKING);
            let listed: Vec<Listed> = self.other.told(request).await?;
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
        let (other, shop, watch) = (self.other.clone(), self.shop.clone(), work.watch.clone());
        match work.task.subject {
            Subject::Video(_) | Subject::Slides(_) => films::enlarge(other, work, shop).boxed(),
            _ => while_wanted(watch, other.enlarge(work, shop)).boxed(),
        }
    }
}
