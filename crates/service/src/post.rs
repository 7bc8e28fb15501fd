//! Webhooks: messages about jobs that have ended, signed, and sent again until they are taken.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use url::Url;

use crate::app::App;
use crate::compat::model_compose;
use crate::engine::blocking;
use crate::http::view::JobView;
use crate::jobs::Delivery;
use crate::jobs::job::Job;
use crate::refusal::{Code, Refusal};
use crate::{clock, hex};

/// How often it looks for messages that are due.
const LOOK: Duration = Duration::from_secs(1);

/// How often a message is sent before it is given up.
const MOST_TRIES: u32 = 10;

/// The pause after the first try; it doubles with each.
const PAUSE: Duration = Duration::from_secs(2);

/// The most messages that are under way.
const MOST_SENT: usize = 64;

/// The most of them to one server, so that one that does not answer holds up no other.
const MOST_TO_ONE: usize = 8;

/// The header of the signature: `t=SECONDS,v1=HEX`, where HEX is the HMAC-SHA-256 of `SECONDS.BODY`.
const SIGNATURE: &str = "amplio-signature";

/// Messages under way.
#[derive(Default)]
struct UnderWay {
    /// Each ends with its number.
    ends: FuturesUnordered<BoxFuture<'static, i64>>,
    /// The server that each goes to, by its number.
    servers: HashMap<i64, String>,
}

impl UnderWay {
    /// Sends a message, if it is not under way already and there is room.
    fn send(&mut self, app: &Arc<App>, delivery: Delivery) {
        let server = Url::parse(&delivery.url).map(|url| url.origin().ascii_serialization());
        let server = server.unwrap_or_default();
        let to_one = self.servers.values().filter(|other| **other == server).count();
        let has_room = self.servers.len() < MOST_SENT && to_one < MOST_TO_ONE;
        if has_room && !self.servers.contains_key(&delivery.number) {
            self.servers.insert(delivery.number, server);
            self.ends.push(deliver(app.clone(), delivery).boxed());
        }
    }
}

/// Sends messages until the server stops.
pub(crate) async fn run(app: Arc<App>) {
    let mut under_way = UnderWay::default();
    while !app.is_stopping() {
        match due(&app).await {
            Ok(due) => due.into_iter().for_each(|delivery| under_way.send(&app, delivery)),
            Err(refusal) => failed(&app, &refusal).await,
        }
        tokio::select! {
            Some(number) = under_way.ends.next() => drop(under_way.servers.remove(&number)),
            () = app.post.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn due(app: &App) -> Result<Vec<Delivery>, Refusal> {
    let store = app.desk.store.clone();
    blocking(move || store.due(clock::now()).map_err(Refusal::internal)).await
}

/// Waits, so that what cannot be read or written down is not tried again at once.
async fn failed(app: &App, refusal: &Refusal) {
    app.log.event("webhooks_failed", json!({ "error": refusal.detail }));
    tokio::time::sleep(LOOK).await;
}

/// Sends a message and writes down what became of it; its number.
async fn deliver(app: Arc<App>, delivery: Delivery) -> i64 {
    let sent = send(&app, &delivery).await;
    let next = match &sent {
        Ok(()) => None,
        Err(_) if delivery.tries + 1 >= MOST_TRIES => None,
        Err(_) => Some(clock::now() + clock::milliseconds(PAUSE * 2_u32.pow(delivery.tries.min(10)))),
    };
    let error = sent.err().map(|refusal| refusal.detail);
    app.log.event("webhook", json!({ "job": delivery.job, "try": delivery.tries + 1, "error": error }));
    let store = app.desk.store.clone();
    let written = blocking(move || store.delivered(delivery.number, next).map_err(Refusal::internal)).await;
    if let Err(refusal) = written {
        failed(&app, &refusal).await;
    }
    delivery.number
}

async fn send(app: &Arc<App>, delivery: &Delivery) -> Result<(), Refusal> {
    let (store, id) = (app.desk.store.clone(), delivery.job.clone());
    let Some(job) = blocking(move || store.get(&id).map_err(Refusal::internal)).await? else { return Ok(()) };
    let url = Url::parse(&delivery.url).map_err(|e| Refusal::new(Code::Invalid, e.to_string()))?;
    if job.spec.foreign.is_some() {
        return call_back(app, &url, job).await;
    }
    let secret = app.settings.webhook_secret.as_deref();
    let secret = secret.ok_or_else(|| Refusal::internal("there is no webhook-secret any more"))?;
    let body = serde_json::to_string(&JobView::of(&job, None)).map_err(Refusal::internal)?;
    let headers = [
        ("content-type", "application/json".to_owned()),
        (SIGNATURE, signature(secret, clock::now() / 1000, &body)),
        ("amplio-delivery", delivery.number.to_string()),
    ];
    app.storage.fetcher.post(&url, &headers, body).await
}

/// Tells a client of another server's API, in its words.
async fn call_back(app: &Arc<App>, url: &Url, job: Job) -> Result<(), Refusal> {
    let shared = app.clone();
    let (foreign, body) = blocking(move || {
        let body = model_compose::event(&shared, &job)?;
        Ok((job.spec.foreign.unwrap_or_default(), body))
    })
    .await?;
    let said = foreign.callback_headers.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let typed = foreign.callback_headers.iter().any(|(name, _)| name == "content-type");
    let usual = (!typed).then(|| ("content-type", "application/json".to_owned()));
    let headers: Vec<_> = said.chain(usual).collect();
    app.storage.fetcher.post(url, &headers, body).await
}

fn signature(secret: &str, seconds: i64, body: &str) -> String {
    // Keys of any length are taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{seconds}.{body}").as_bytes());
    format!("t={seconds},v1={}", hex(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_other_libraries() {
        // Python: hmac.new(b"Jefe", b"1.a", hashlib.sha256).hexdigest()
        assert_eq!(
            signature("Jefe", 1, "a"),
            "t=1,v1=7f9a0343ddf96c6a421c28f0fbf3eaaf20cb49de9e44d951cdd583bf1450126f"
        );
    }
}
