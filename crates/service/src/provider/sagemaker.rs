//! A real-time endpoint of SageMaker: pictures in JSON, signed with AWS's Signature Version 4.
//!
//! The container behind it takes `{"image": BASE64, …}` and answers `{"generated_images": [BASE64, …], …}`, always as many
//! times larger as its network is. What else was asked for is done here: a larger result is made of several calls, the size
//! by resampling, alpha by a call of its own, format and metadata when the result is written.

mod planes;

use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::aws::{AmazonS3Builder, AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{HttpRequest, HttpRequestBody};
use reqwest::Client;
use serde::{Deserialize, Serialize};
use url::Url;

use self::planes::Planes;
use super::{Answer, Provider, Work, broken, explained, while_wanted};
use crate::engine::cache::Made;
use crate::engine::models::Known;
use crate::engine::{Workshop, blocking};
use crate::jobs::job::Kind;
use crate::refusal::{Code, Refusal};
use crate::settings::Settings;
use crate::{Error, Result};

/// What the container is sent and answers with.
const KIND: &str = "application/json;jpeg";

/// The service's name in signatures.
const SERVICE: &str = "sagemaker";

/// The most calls for one picture; more would mean that its network does not enlarge.
const MOST_CALLS: usize = 8;

#[derive(Clone)]
pub(super) struct SageMaker {
    client: Client,
    name: String,
    url: Url,
    region: String,
    credentials: AwsCredentialProvider,
    /// The model that is meant if none is named.
    usual: String,
    shop: Arc<Workshop>,
}

/// What the container is asked. Those that only enlarge pass the rest over.
#[derive(Serialize)]
struct Asked<'a> {
    image: &'a str,
    prompt: &'a str,
    num_inference_steps: u32,
    guidance_scale: f64,
}

#[derive(Deserialize)]
struct Generated {
    generated_images: Vec<String>,
}

impl SageMaker {
    /// Credentials come as they do for buckets: keys, a role of the machine, of the container, of a web identity.
    pub(super) fn new(name: &str, settings: &Settings, shop: Arc<Workshop>) -> Result<Self> {
        let wrong = |what: String| Error::setting("provider", what);
        let option = |name: &str| {
            settings.storage_options.iter().find(|(known, _)| known == name).map(|(_, v)| v.as_str())
        };
        if name.is_empty() || name.len() > 63 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return Err(wrong(format!("{name:?} is no name of an endpoint")));
        }
        let region = option("aws_region").or(option("aws_default_region"));
        let region = region.ok_or_else(|| wrong("the endpoint's region is not known (AWS_REGION)".into()))?;
        let usual = format!("https://runtime.sagemaker.{region}.amazonaws.com");
        let base = option("aws_endpoint_url_sagemaker_runtime").unwrap_or(&usual).trim_end_matches('/');
        let url = format!("{base}/endpoints/{name}/invocations");
        let url = Url::parse(&url).map_err(|e| wrong(format!("{url}: {e}")))?;
        // The chain of credentials is the store's; no bucket is ever asked.
        let builder = settings.storage_options.iter().fold(
            AmazonS3Builder::new().with_bucket_name("none"),
            |builder, (name, value)| match name.parse() {
                Ok(key) => builder.with_config(key, value),
                Err(_) => builder,
            },
        );
        let store = builder.build().map_err(|e| wrong(e.to_string()))?;
        Ok(Self {
            client: super::client(settings)?,
            name: name.to_owned(),
            url,
            region: region.to_owned(),
            credentials: store.credentials().clone(),
            usual: settings.model.clone(),
            shop,
        })
    }

    /// Enlarges as often as the size asked for needs, and writes the result.
    async fn make(self, work: Work) -> Answer<Arc<Made>> {
        let Work { task, content, deadline, .. } = work;
        let task = Arc::new(task);
        let (shop, inspected) = (self.shop.clone(), task.clone());
        let mut planes = blocking(move || {
            let bytes = content.bytes().map_err(Refusal::internal)?;
            Planes::split(&shop, &inspected, &bytes)
        })
        .await?;
        let from = planes.size();
        planes = self.call(planes, deadline).await?;
        let natural = f64::from(planes.size().0) / f64::from(from.0);
        let extent = task.recipe.target.extent(from.0, from.1, natural)?;
        task.recipe.writing.check(extent.size())?;
        for _ in 1..MOST_CALLS {
            let (width, height) = planes.size();
            if width >= extent.scaled.0 && height >= extent.scaled.1 {
                break;
            }
            planes = self.call(planes, deadline).await?;
        }
        let shop = self.shop.clone();
        blocking(move || planes.join(&shop, &task, &extent)).await
    }

    /// One call for each plane.
    async fn call(&self, planes: Planes, deadline: Instant) -> Answer<Planes> {
        let before = planes.size();
        let mut larger = Vec::new();
        for png in planes.encoded(&self.shop).await? {
            larger.push(self.invoke(png, deadline).await?);
        }
        let (name, limits) = (self.name.clone(), self.shop.limits.picture);
        blocking(move || {
            let after = planes.enlarged(larger, &limits).map_err(|e| odd(&name, &e.detail))?;
            let (width, height) = after.size();
            if width <= before.0 || height <= before.1 {
                return Err(odd(&name, &format!("a picture of {width}x{height} is not larger than it was")));
            }
            Ok(after)
        })
        .await
    }

    /// Sends a picture, and receives one.
    async fn invoke(&self, png: Vec<u8>, deadline: Instant) -> Answer<Vec<u8>> {
        let image = STANDARD.encode(png);
        let asked = Asked { image: &image, prompt: "", num_inference_steps: 50, guidance_scale: 7.5 };
        let body = serde_json::to_vec(&asked).map_err(Refusal::internal)?;
        let request = self.signed(body.into()).await?;
        let (head, body) = request.into_parts();
        let body = body.as_bytes().cloned().unwrap_or_default();
        let rest = deadline.saturating_duration_since(Instant::now());
        let sent =
            self.client.post(self.url.clone()).timeout(rest).headers(head.headers).body(body).send().await;
        let response = sent.map_err(|e| broken(&self.name, &e))?;
        if !response.status().is_success() {
            return Err(explained(&self.name, response).await);
        }
        let text = response.bytes().await.map_err(|e| broken(&self.name, &e))?;
        let name = self.name.clone();
        blocking(move || {
            let Generated { generated_images } =
                serde_json::from_slice(&text).map_err(|e| odd(&name, &e.to_string()))?;
            let first = generated_images.first().ok_or_else(|| odd(&name, "no picture"))?;
            STANDARD.decode(first).map_err(|e| odd(&name, &e.to_string()))
        })
        .await
    }

    /// A request with its signature.
    async fn signed(&self, body: bytes::Bytes) -> Answer<HttpRequest> {
        let unreachable =
            |e: object_store::Error| Refusal::new(Code::Unreachable, format!("{}: {e}", self.name));
        let credential = self.credentials.get_credential().await.map_err(unreachable)?;
        let request =
            axum::http::Request::post(self.url.as_str()).header("content-type", KIND).header("accept", KIND);
        let mut request = request.body(HttpRequestBody::from(body)).map_err(Refusal::internal)?;
        AwsAuthorizer::new(&credential, SERVICE, &self.region).authorize(&mut request, None);
        Ok(request)
    }
}

fn odd(name: &str, what: &str) -> Refusal {
    Refusal::new(Code::Unreachable, format!("{name} did not answer with a larger picture: {what}"))
}

impl Provider for SageMaker {
    /// An endpoint has one network, which its name stands for.
    fn identity(&self, model: &str) -> Answer<String> {
        match [&self.name, &self.usual].iter().any(|known| known.eq_ignore_ascii_case(model)) {
            true => Ok(format!("{} {}", self.url, self.name)),
            false => {
                let model: String = model.chars().take(80).collect();
                Err(Refusal::invalid(format!("there is no model {model:?}; there is {}", self.name)))
            }
        }
    }

    fn check(&self, kind: Kind) -> Answer<()> {
        match kind {
            Kind::Picture | Kind::Batch => Ok(()),
            Kind::Archive | Kind::Video => Err(planes::only_pictures()),
        }
    }

    fn models(&self) -> BoxFuture<'_, Answer<Vec<Known>>> {
        let endpoint = Known {
            name: self.name.clone(),
            aliases: vec![self.usual.clone()],
            scale: None,
            description: "An endpoint of SageMaker".into(),
            licence: None,
            path: None,
        };
        std::future::ready(Ok(vec![endpoint])).boxed()
    }

    fn enlarge(&self, work: Work) -> BoxFuture<'static, Answer<Arc<Made>>> {
        let watch = work.watch.clone();
        while_wanted(watch, self.clone().make(work)).boxed()
    }
}
