//! What a job is asked to do: in JSON, or in a query and in fields of a form beside an upload.

use std::path::Path;
use std::sync::Arc;

use amplio::media::{self, animations};
use axum::extract::Request;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::error::Category;
use utoipa::{IntoParams, ToSchema};

use super::super::auth::Client;
use super::super::upload::{self, Limit};
use super::Handed;
use crate::app::App;
use crate::engine::blocking;
use crate::engine::wish::{Recipe, Wish};
use crate::jobs::job::{Input, Kind, Spec};
use crate::refusal::{Code, Refusal};
use crate::spool::Content;
use crate::storage::last_part;

/// The most bytes of a job in JSON: a batch of many URLs is the largest.
const LARGEST_JSON: u64 = 4 << 20;

/// The most characters of a file's name.
const LONGEST_NAME: usize = 200;

/// How many bytes of a file tell what it is.
const FIRST_BYTES: usize = 64;

/// What a job is to do, in JSON. With an upload, the same names are in the query or in fields of the form, beside those of
/// the parameters.
#[derive(Debug, Default, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobRequest {
    /// The URL of one picture: `https:`, or `file:` and `s3:` of a place that the server may use.
    input: Option<String>,
    /// The URLs of several; one that ends in `/` means everything below it.
    inputs: Vec<String>,
    /// The id of an upload (`/v1/uploads`).
    upload: Option<String>,
    /// Where the result goes; its name says the format if the parameters do not. For several pictures, a place that ends in `/`.
    output: Option<String>,
    /// How the pictures are made larger.
    #[param(ignore)]
    pub(crate) parameters: Wish,
    /// From -10 to 10; jobs of higher priority come first.
    priority: i64,
    /// The URL that is told when the job has ended.
    webhook: Option<String>,
    /// The name of the uploaded file.
    #[serde(skip)]
    name: Option<String>,
}

/// Receives a job, with its upload if it has one. As far as that can be told, it can be done.
///
/// # Errors
/// If it cannot be read, makes no sense, or leads to places that the server may not use.
pub(super) async fn receive(
    app: &Arc<App>,
    client: &Client,
    query: &str,
    request: Request,
) -> Result<(Handed, Option<Content>), Refusal> {
    let idempotency_key = idempotency_key(request.headers())?;
    let mut asked = JobRequest::of_query(query.as_bytes())?;
    let content = match upload::kind(request.headers()).as_str() {
        "application/json" if query.is_empty() => {
            asked = JobRequest::of_json(&upload::text(app, request, LARGEST_JSON).await?)?;
            None
        }
        "application/json" => {
            return Err(Refusal::invalid(
                "the parameters of a job in JSON are in its body, not in the query",
            ));
        }
        _ => {
            let upload = upload::receive(app, request, Limit::upload(app)).await?;
            upload.fields.iter().try_for_each(|(name, value)| asked.set(name, value))?;
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
    let (spec, priority) = asked.understood(app, content.as_ref())?;
    Ok((Handed { spec, priority, idempotency_key }, content))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=255).contains(&key.len()));
    let key =
        key.ok_or_else(|| Refusal::invalid("an idempotency key has 1 to 255 visible ASCII characters"))?;
    Ok(Some(key.to_owned()))
}

impl JobRequest {
    /// Reads a job in JSON.
    pub(crate) fn of_json(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|e| match e.classify() {
            Category::Data => Refusal::invalid(format!("the job: {e}")),
            _ => Refusal::new(Code::Malformed, format!("the job is no JSON: {e}")),
        })
    }

    /// Reads the part of a job that is in a query.
    pub(crate) fn of_query(query: &[u8]) -> Result<Self, Refusal> {
        let mut asked = Self::default();
        url::form_urlencoded::parse(query).try_for_each(|(name, value)| asked.set(&name, &value))?;
        Ok(asked)
    }

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

    /// What is to be done, and its priority.
    fn understood(self, app: &App, content: Option<&Content>) -> Result<(Spec, i64), Refusal> {
        let Self { input, inputs, upload: _, output, mut parameters, priority, webhook, name } = self;
        if let Some(output) = &output {
            parameters.default_format(&last_part(output));
        }
        let recipe = parameters.recipe(&app.settings.model)?;
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
        check_places(app, &input, output.as_deref())?;
        if let Some(webhook) = &webhook {
            check_webhook(app, webhook)?;
        }
        let name = name.as_deref().map(file_name);
        let kind = kind_of(&input, content, name.as_deref(), &recipe)?;
        Ok((Spec { name, kind, output, parameters, webhook, ..Spec::of(input) }, priority))
    }
}

/// Whether a job may read its inputs and write its output, and whether they belong together.
fn check_places(app: &App, input: &Input, output: Option<&str>) -> Result<(), Refusal> {
    let urls = match input {
        Input::Upload(_) | Input::Shelf(_) => &[][..],
        Input::Url(url) => std::slice::from_ref(url),
        Input::Batch(urls) => urls,
    };
    let most = app.settings.max_batch;
    if urls.len() as u64 > most {
        return Err(Refusal::too_large("max-batch", most, format!("a batch has at most {most} URLs")));
    }
    urls.iter().try_for_each(|url| app.storage.check(url, false))?;
    if let Some(output) = output {
        app.storage.check(output, true)?;
        if urls.iter().any(|url| url == output) {
            return Err(Refusal::invalid("the output is another place than the input"));
        }
    }
    match (input, output.map(|output| output.ends_with('/'))) {
        (Input::Batch(_), Some(true)) => Ok(()),
        (Input::Batch(_), _) => Err(Refusal::invalid("a batch needs an output that ends in /")),
        (_, None | Some(false)) => Ok(()),
        _ => Err(Refusal::invalid("the output of one picture is a file; it does not end in /")),
    }
}

fn check_webhook(app: &App, webhook: &str) -> Result<(), Refusal> {
    if app.settings.webhook_secret.is_none() {
        return Err(Refusal::invalid("this server has no webhooks (its setting webhook-secret)"));
    }
    let url = url::Url::parse(webhook).map_err(|e| Refusal::invalid(format!("webhook: {e}")))?;
    app.storage.fetcher.check(&url)
}

/// What a job is about, as far as that can be told before anything is fetched.
pub(crate) fn kind_of(
    input: &Input,
    content: Option<&Content>,
    name: Option<&str>,
    recipe: &Recipe,
) -> Result<Kind, Refusal> {
    let first = content.map_or(Ok(Vec::new()), |content| content.first(FIRST_BYTES));
    let first = first.map_err(Refusal::internal)?;
    let name = match input {
        Input::Upload(_) | Input::Shelf(_) => name.map(str::to_owned),
        Input::Url(url) => Some(last_part(url)),
        Input::Batch(_) => return Ok(Kind::Batch),
    };
    Ok(match media::Kind::of_first(&first, name.as_deref().map(Path::new)) {
        Some(media::Kind::Video) => Kind::Video,
        Some(media::Kind::Archive) => Kind::Archive,
        // Only ffmpeg reads its frames.
        _ if animations::is_beyond_reading(&first) => Kind::Video,
        // What moves in a picture format becomes a video.
        _ if recipe.container.is_some() => Kind::Video,
        _ => Kind::Picture,
    })
}

/// The last part of the name that a client gives a file, and not too long.
pub(crate) fn file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let skipped = last.chars().count().saturating_sub(LONGEST_NAME);
    last.chars().skip(skipped).filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_url_tells_what_it_leads_to() {
        let recipe = Wish::default().recipe("usual").expect("sound");
        let kind = |url: &str| kind_of(&Input::Url(url.into()), None, None, &recipe).expect("a kind");
        assert_eq!(kind("https://example.org/a.mp4?signature=abc"), Kind::Video);
        assert_eq!(kind("https://example.org/a.png?next=b.mp4"), Kind::Picture);
    }
}
