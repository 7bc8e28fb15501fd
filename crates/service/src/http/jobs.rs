//! `/v1/jobs`: work that takes longer than a client wants to wait.

use std::sync::Arc;

use amplio::media;
use axum::extract::{Path, Query, RawQuery, Request, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::Client;
use super::problem::Problem;
use super::upload::{self, Limit};
use super::view::JobView;
use crate::app::App;
use crate::clock;
use crate::engine::blocking;
use crate::engine::wish::Wish;
use crate::jobs::job::{Input, Job, Kind, Spec, State};
use crate::jobs::{Cancel, Filter, Inserted, NewJob};
use crate::refusal::{Code, Refusal};
use crate::spool::Content;

/// The most bytes of a job in JSON: a batch of many URLs is the largest.
const LARGEST_JSON: u64 = 4 << 20;

/// The most characters of a file's name.
const LONGEST_NAME: usize = 200;

/// The most jobs of a page.
const MOST_LISTED: u32 = 200;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/jobs", post(create).get(list))
        .route("/v1/jobs/{id}", get(show).delete(delete))
        .route("/v1/jobs/{id}/cancel", post(cancel))
        .route("/v1/jobs/{id}/retry", post(retry))
}

/// What a job is to do, in JSON. With an upload, the same names are in the query or in fields of the form, beside those of
/// the parameters.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct JobRequest {
    /// The URL of one picture: `https:`, or `file:` and `s3:` of a place that the server may use.
    input: Option<String>,
    /// The URLs of several; one that ends in `/` means everything below it.
    inputs: Vec<String>,
    /// The id of an upload (`/v1/uploads`).
    upload: Option<String>,
    /// Where the result goes; for several pictures, a place that ends in `/`.
    output: Option<String>,
    /// How the pictures are made larger.
    parameters: Wish,
    /// From -10 to 10; jobs of higher priority come first.
    priority: i64,
    /// The URL that is told when the job has ended.
    webhook: Option<String>,
    /// The name of the uploaded file.
    #[serde(skip)]
    name: Option<String>,
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
    post, path = "/v1/jobs", tag = "jobs", params(Wish, ("Idempotency-Key" = Option<String>, Header)),
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
    let idempotency_key = idempotency_key(request.headers())?;
    let mut asked = JobRequest::default();
    let query = query.unwrap_or_default();
    let has_query = !query.is_empty();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        asked.set(&name, &value)?;
    }
    let content = match upload::kind(request.headers()).as_str() {
        "application/json" => {
            if has_query {
                return Err(Refusal::invalid(
                    "the parameters of a job in JSON are in its body, not in the query",
                ));
            }
            let text = upload::text(&app, request, LARGEST_JSON).await?;
            asked = serde_json::from_slice(&text).map_err(|e| Refusal::invalid(format!("the job: {e}")))?;
            None
        }
        _ => {
            let upload = upload::receive(&app, request, Limit::upload(&app)).await?;
            for (name, value) in &upload.fields {
                asked.set(name, value)?;
            }
            asked.name = upload.name;
            upload.content
        }
    };
    let content = match (content, asked.upload.take()) {
        (content, None) => content,
        (Some(_), Some(_)) => return Err(Refusal::invalid("a job has one upload")),
        (None, Some(id)) => {
            let (shared, owner) = (app.clone(), client.owner.clone());
            let (content, name) = blocking(move || shared.uploads.content(&owner, &id)).await?;
            asked.name = name;
            Some(content)
        }
    };
    let (spec, priority) = asked.understood(&app, content.as_ref())?;
    let job = hand_in(&app, &client, Handed { spec, priority, idempotency_key }, content).await?;
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
        room(&app, &client)?;
        let id = job.id.clone();
        let existing = match app.desk.accept(&job, content.as_ref()).map_err(Refusal::internal)? {
            Inserted::New => {
                app.metrics.job("queued");
                None
            }
            Inserted::Same(job) => Some(job.id),
            Inserted::Conflict => {
                let what = "another request came before under this idempotency key";
                return Err(Refusal::new(Code::Conflict, what));
            }
        };
        let id = existing.unwrap_or(id);
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
    query: std::result::Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<JobList>, Refusal> {
    let Query(query) = query.map_err(|e| Refusal::new(Code::Malformed, e.body_text()))?;
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

/// Forget a job that has ended, and its output.
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
pub(crate) fn room(app: &App, client: &Client) -> Result<(), Refusal> {
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

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
    let key =
        key.ok_or_else(|| Refusal::invalid("an idempotency key has 1 to 255 visible ASCII characters"))?;
    Ok(Some(key.to_owned()))
}

impl JobRequest {
    fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "input" => self.input = Some(value.into()),
            "upload" => self.upload = Some(value.into()),
            "inputs" => self.inputs.push(value.into()),
            "output" => self.output = Some(value.into()),
            "webhook" => self.webhook = Some(value.into()),
            "priority" => {
                self.priority = value.parse().map_err(|_| Refusal::invalid("priority is a whole number"))?;
            }
            _ => self.parameters.set(name, value)?,
        }
        Ok(())
    }

    /// What is to be done, and its priority; as far as that can be told, it can be done.
    fn understood(self, app: &App, content: Option<&Content>) -> Result<(Spec, i64), Refusal> {
        let Self { input, inputs, upload: _, output, parameters, priority, webhook, name } = self;
        parameters.recipe(&app.settings.model)?;
        if !(-10..=10).contains(&priority) {
            return Err(Refusal::invalid("priority is from -10 to 10"));
        }
        let input = match (content, input, inputs) {
            (Some(content), None, inputs) if inputs.is_empty() => Input::Upload(content.hash().into()),
            (None, Some(url), inputs) if inputs.is_empty() && !url.ends_with('/') => Input::Url(url),
            (None, Some(url), inputs) if inputs.is_empty() => Input::Batch(vec![url]),
            (None, None, inputs) if !inputs.is_empty() => Input::Batch(inputs),
            _ => return Err(Refusal::invalid("a job has one of an upload, an input and inputs")),
        };
        let urls = match &input {
            Input::Upload(_) | Input::Shelf(_) => &[][..],
            Input::Url(url) => std::slice::from_ref(url),
            Input::Batch(urls) => urls,
        };
        if urls.len() as u64 > app.settings.max_batch {
            let most = app.settings.max_batch;
            return Err(Refusal::too_large("max-batch", most, format!("a batch has at most {most} URLs")));
        }
        urls.iter().try_for_each(|url| app.storage.check(url, false))?;
        if let Some(output) = &output {
            app.storage.check(output, true)?;
        }
        let is_place = output.as_deref().map(|output| output.ends_with('/'));
        match (&input, is_place) {
            (Input::Batch(_), Some(true)) => {}
            (Input::Batch(_), _) => return Err(Refusal::invalid("a batch needs an output that ends in /")),
            (_, None | Some(false)) => {}
            _ => return Err(Refusal::invalid("the output of one picture is a file; it does not end in /")),
        }
        if let Some(webhook) = &webhook {
            if app.settings.webhook_secret.is_none() {
                return Err(Refusal::invalid("this server has no webhooks (its setting webhook-secret)"));
            }
            let url = url::Url::parse(webhook).map_err(|e| Refusal::invalid(format!("webhook: {e}")))?;
            app.storage.fetcher.check(&url)?;
        }
        let name = name.as_deref().map(file_name);
        let kind = kind_of(&input, content, name.as_deref())?;
        Ok((Spec { name, kind, output, parameters, webhook, ..Spec::of(input) }, priority))
    }
}

/// What a job is about, as far as that can be told before anything is fetched.
pub(crate) fn kind_of(input: &Input, content: Option<&Content>, name: Option<&str>) -> Result<Kind, Refusal> {
    let first = content.map_or(Ok(Vec::new()), |content| content.first(64)).map_err(Refusal::internal)?;
    let name = match input {
        Input::Upload(_) | Input::Shelf(_) => name,
        Input::Url(url) => Some(url.as_str()),
        Input::Batch(_) => return Ok(Kind::Batch),
    };
    Ok(match media::Kind::of_first(&first, name.map(std::path::Path::new)) {
        Some(media::Kind::Video) => Kind::Video,
        Some(media::Kind::Archive) => Kind::Archive,
        _ => Kind::Picture,
    })
}

/// The last part of the name that a client gives a file, and not too long.
pub(crate) fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let skipped = last.chars().count().saturating_sub(LONGEST_NAME);
    last.chars().skip(skipped).filter(|c| !c.is_control()).collect()
}
