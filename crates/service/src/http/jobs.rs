//! `/v1/jobs`: work that takes longer than a client wants to wait.

mod request;

use std::sync::Arc;

use axum::extract::{RawQuery, Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::Client;
use super::extract::{Path, Query};
use super::problem::Problem;
use super::view::JobView;
use crate::app::App;
use crate::clock;
use crate::engine::blocking;
use crate::engine::wish::Wish;
use crate::jobs::job::{Job, Spec, State};
use crate::jobs::{Cancel, Filter, Inserted, NewJob};
use crate::refusal::{Code, Refusal};
use crate::spool::Content;

pub(crate) use request::{JobRequest, file_name, kind_of};

/// The most jobs of a page.
const MOST_LISTED: u32 = 200;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/jobs", post(create).get(list))
        .route("/v1/jobs/{id}", get(show).delete(delete))
        .route("/v1/jobs/{id}/cancel", post(cancel))
        .route("/v1/jobs/{id}/retry", post(retry))
}

/// Which jobs are listed.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Those in this state.
    #[param(inline)]
    state: Option<State>,
    /// At most so many, 50 if not given, at most 200.
    limit: Option<u32>,
    /// Those that come after this one in the list.
    after: Option<String>,
}

/// A page of jobs, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobList {
    jobs: Vec<JobView>,
    /// What `after` is for the next page; missing on the last.
    next: Option<String>,
}

/// Hand in a job: an upload, a URL, or several URLs. It is never lost once it is accepted. With an `Idempotency-Key`, the
/// same request sent again is the same job.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs", params(JobRequest, Wish, ("Idempotency-Key" = Option<String>, Header)),
    request_body(content(
        (JobRequest = "application/json"), (Vec<u8> = "image/*"), (super::upscale::Form = "multipart/form-data"),
    )),
    responses(
        (status = 202, description = "Accepted", body = JobView, headers(("Location" = String))),
        (status = 400, description = "The body is broken", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A URL leads to a place that the server may not use", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "There is no such upload", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Another request came under this idempotency key", body = Problem,
            content_type = "application/problem+json"),
        (status = 413, description = "A limit was exceeded", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "This is no picture", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "This makes no sense", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many jobs are waiting", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn create(
    Shared(app): Shared<Arc<App>>,
    Extension(client): Extension<Client>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Refusal> {
    if app.is_stopping() {
        return Err(Refusal::new(Code::Stopping, "the server is stopping").retry_after(10));
    }
    let query = query.unwrap_or_default();
    let (handed, content) = request::receive(&app, &client, &query, request).await?;
    let job = hand_in(&app, &client, handed, content).await?;
    Ok(accepted(&app, &job))
}

/// The answer to a job that was handed in.
pub(crate) fn accepted(app: &App, job: &Job) -> Response {
    let view = JobView::of(job, app.desk.live(&job.id).as_ref());
    let mut response = (StatusCode::ACCEPTED, Json(&view)).into_response();
    if let Ok(location) = HeaderValue::try_from(format!("/v1/jobs/{}", view.id)) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// A job as it is handed in.
pub(crate) struct Handed {
    pub(crate) spec: Spec,
    pub(crate) priority: i64,
    pub(crate) idempotency_key: Option<String>,
}

/// Hands a job in, with its upload if it has one; the job, or the one that the same request was before.
pub(crate) async fn hand_in(
    app: &Arc<App>,
    client: &Client,
    handed: Handed,
    content: Option<Content>,
) -> Result<Job, Refusal> {
    let Handed { spec, priority, idempotency_key } = handed;
    app.engine.check(spec.kind)?;
    let job = NewJob {
        id: uuid::Uuid::now_v7().to_string(),
        owner: client.owner.clone(),
        priority,
        created: clock::now(),
        spec,
        idempotency_key,
    };
    let (app, client) = (app.clone(), client.clone());
    blocking(move || {
        let inserted = match app.desk.store.earlier(&job).map_err(Refusal::internal)? {
            Some(earlier) => earlier,
            None => {
                room(&app, &client)?;
                app.desk.accept(&job, content.as_ref()).map_err(Refusal::internal)?
            }
        };
        let id = match inserted {
            Inserted::New => {
                app.metrics.job("queued");
                job.id
            }
            Inserted::Same(job) => job.id,
            Inserted::Conflict => {
                let what = "another request came before under this idempotency key";
                return Err(Refusal::new(Code::Conflict, what));
            }
        };
        find(&app, &client, &id)
    })
    .await
}

/// The client's jobs, the newest first.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs", params(ListQuery),
    responses((status = 200, body = JobList), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn list(
    Shared(app): Shared<Arc<App>>,
    Extension(client): Extension<Client>,
    Query(query): Query<ListQuery>,
) -> Result<Json<JobList>, Refusal> {
    let limit = query.limit.unwrap_or(50).clamp(1, MOST_LISTED);
    let owner = (!client.may("admin")).then(|| client.owner.clone());
    let filter = Filter { owner, state: query.state, after: query.after, limit: limit + 1 };
    blocking(move || {
        let mut jobs = app.desk.store.list(&filter).map_err(Refusal::internal)?;
        let more = jobs.len() > limit as usize;
        jobs.truncate(limit as usize);
        let next = jobs.last().filter(|_| more).map(|job| job.id.clone());
        let jobs = jobs.iter().map(|job| JobView::of(job, app.desk.live(&job.id).as_ref())).collect();
        Ok(Json(JobList { jobs, next }))
    })
    .await
}

/// A job.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)),
    responses((status = 200, body = JobView), (status = 404, body = Problem, content_type = "application/problem+json"))
)]
pub(crate) async fn show(
    Shared(app): Shared<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Refusal> {
    view(&app, &client, &id).await.map(Json)
}

/// Cancel a job. It is cancelled at once if it waits, and soon if it is in work.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = String, Path)),
    responses(
        (status = 200, description = "It is cancelled, or will be", body = JobView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has ended", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn cancel(
    Shared(app): Shared<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Refusal> {
    change(&app, &client, &id, |app, job| match app.desk.cancel(&job.id).map_err(Refusal::internal)? {
        Cancel::Now | Cancel::Asked => Ok(()),
        Cancel::TooLate => {
            Err(Refusal::new(Code::Conflict, format!("the job is {} already", job.state.name())))
        }
    })
    .await
}

/// Try a failed or cancelled job again.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/retry", tag = "jobs", params(("id" = String, Path)),
    responses(
        (status = 200, description = "It waits again", body = JobView),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has neither failed nor been cancelled", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn retry(
    Shared(app): Shared<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
) -> Result<Json<JobView>, Refusal> {
    change(&app, &client, &id, |app, job| match app.desk.retry(job).map_err(Refusal::internal)? {
        true => Ok(()),
        false => Err(Refusal::new(Code::Conflict, format!("the job is {}", job.state.name()))),
    })
    .await
}

/// Forget a job that has ended, and its output. A result that the server keeps for requests that come again stays until room is
/// needed, or `retention` is over.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)),
    responses(
        (status = 204, description = "It is forgotten"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has not ended; cancel it first", body = Problem,
            content_type = "application/problem+json"),
    )
)]
pub(crate) async fn delete(
    Shared(app): Shared<Arc<App>>,
    Extension(client): Extension<Client>,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    blocking(move || {
        let job = find(&app, &client, &id)?;
        match app.desk.delete(&id).map_err(Refusal::internal)? {
            true => Ok(StatusCode::NO_CONTENT),
            false => {
                Err(Refusal::new(Code::Conflict, format!("the job is {}; cancel it first", job.state.name())))
            }
        }
    })
    .await
}

/// A job of this client. Blocks.
pub(crate) fn find(app: &App, client: &Client, id: &str) -> Result<Job, Refusal> {
    let job = app.desk.store.get(id).map_err(Refusal::internal)?;
    let mine = job.filter(|job| job.owner == client.owner || client.may("admin"));
    mine.ok_or_else(|| Refusal::not_found("there is no such job"))
}

/// A job of this client, as it sees it.
pub(crate) async fn view(app: &Arc<App>, client: &Client, id: &str) -> Result<JobView, Refusal> {
    let (app, client, id) = (app.clone(), client.clone(), id.to_owned());
    blocking(move || find(&app, &client, &id).map(|job| JobView::of(&job, app.desk.live(&id).as_ref()))).await
}

async fn change(
    app: &Arc<App>,
    client: &Client,
    id: &str,
    change: impl FnOnce(&App, &Job) -> Result<(), Refusal> + Send + 'static,
) -> Result<Json<JobView>, Refusal> {
    let (shared, asker, name) = (app.clone(), client.clone(), id.to_owned());
    blocking(move || change(&shared, &find(&shared, &asker, &name)?)).await?;
    view(app, client, id).await.map(Json)
}

/// Whether another job may wait. Blocks.
fn room(app: &App, client: &Client) -> Result<(), Refusal> {
    let waiting = |owner| app.desk.store.waiting(owner).map_err(Refusal::internal);
    let most = app.settings.max_queue;
    if waiting(None)? >= most {
        let what = format!("{most} jobs are waiting already");
        return Err(Refusal::new(Code::QueueFull, what).limited("max-queue", most).retry_after(30));
    }
    match client.jobs {
        Some(most) if waiting(Some(&client.owner))? >= most => {
            let what = format!("{most} jobs of this API key are waiting already");
            Err(Refusal::new(Code::RateLimited, what).limited("jobs", most).retry_after(30))
        }
        _ => Ok(()),
    }
}
