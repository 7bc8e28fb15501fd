//! `GET /v1/jobs/{id}/events`: what happens to a job, as it happens (server-sent events).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use axum::routing::get;
use axum::{Extension, Router};
use futures::{Stream, stream};

use super::auth::Client;
use super::extract::Path;
use super::jobs;
use super::problem::Problem;
use super::view::JobView;
use crate::app::App;
use crate::refusal::Refusal;

/// How often a job is looked at.
const LOOK: Duration = Duration::from_millis(250);

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/jobs/{id}/events", get(events))
}

/// What happened to a job.
#[derive(utoipa::ToSchema)]
#[allow(dead_code, reason = "only the document of the interface is made of it")]
pub(crate) struct JobEvent {
    /// The name of the job's state.
    event: String,
    /// The job, as JSON.
    data: String,
}

/// What happens to a job, as server-sent events. Each has the name of the job's state and the job as its data; the stream
/// ends with the job, or when the server stops.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", tag = "jobs", params(("id" = String, Path)),
    responses(
        (status = 200, description = "Events", content_type = "text/event-stream", body = JobEvent),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let first = jobs::view(&app, &client, &id).await?;
    let watch = Watch { app, client, id, next: Some(first), told: None };
    let events = stream::unfold(watch, |mut watch| async move {
        let view = watch.next().await?;
        let data = serde_json::to_string(&view).unwrap_or_default();
        let event = Event::default().event(view.state.name()).data(data);
        watch.told = Some(view);
        Some((Ok(event), watch))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

struct Watch {
    app: Arc<App>,
    client: Client,
    id: String,
    next: Option<JobView>,
    told: Option<JobView>,
}

impl Watch {
    /// The job when it has changed; `None` when there is nothing more to tell.
    async fn next(&mut self) -> Option<JobView> {
        if let Some(first) = self.next.take() {
            return Some(first);
        }
        if self.told.as_ref().is_some_and(|view| view.state.is_end()) {
            return None;
        }
        let mut stopping = self.app.stopping.subscribe();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                _ = stopping.wait_for(|stopping| *stopping) => return None,
            }
            // A job that was deleted has nothing more to tell.
            let view = jobs::view(&self.app, &self.client, &self.id).await.ok()?;
            if Some(&view) != self.told.as_ref() {
                return Some(view);
            }
        }
    }
}
