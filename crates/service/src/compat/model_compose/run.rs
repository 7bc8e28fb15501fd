//! What a run asks for: in JSON, or in a form whose fields nest as in `input[image]`.

use std::path::Path;

use axum::http::{HeaderName, HeaderValue};
use serde_json::Value;

use super::super::json::Json;
use super::super::pictures::decode;
use super::{Said, USUAL, WORKFLOW, said};
use crate::engine::wish::Wish;
use crate::http::upload::Part;
use crate::refusal::{Code, Refusal};
use crate::spool::Content;

/// The format of results if none is asked for.
pub(super) const FORMAT: &str = "png";

/// How deep the names of a form's fields nest.
const DEEPEST: usize = 8;

/// The most bytes of what is given back with a task as it came.
const LONGEST_METADATA: usize = 16 << 10;

/// The most headers of a callback.
const MOST_HEADERS: usize = 16;

/// Headers that belong to the connection and not to the message.
const OURS: [&str; 8] =
    ["connection", "content-length", "expect", "host", "te", "trailer", "transfer-encoding", "upgrade"];

/// A run, understood.
#[derive(Debug)]
pub(crate) struct Run {
    pub(super) image: Image,
    pub(super) wish: Wish,
    pub(super) session_id: Option<String>,
    pub(super) metadata: Option<Value>,
    pub(super) wait_for_completion: bool,
    pub(super) output_only: bool,
    subscribe_task: bool,
    pub(super) callback_url: Option<String>,
    pub(super) callback_headers: Vec<(String, String)>,
}

/// The picture of a run.
#[derive(Debug)]
pub(super) enum Image {
    /// It itself, and the name of its file.
    Sent(Content, Option<String>),
    Url(String),
}

/// The fields of a form: those that are text as a tree, and files.
#[derive(Debug)]
pub(crate) struct Fields {
    tree: Json<'static>,
    files: Vec<File>,
}

/// A file of a form.
#[derive(Debug)]
struct File {
    field: String,
    name: String,
    content: Content,
}

impl Run {
    /// Reads a body in JSON.
    ///
    /// # Errors
    /// In the words of the API.
    pub(crate) fn of_json(body: &[u8], folder: &Path) -> Result<Self, Said> {
        let body = Json::parse(body).map_err(|e| invalid(&e))?;
        Self::read(&body, Vec::new(), folder)
    }

    fn read(body: &Json<'_>, files: Vec<File>, folder: &Path) -> Result<Self, Said> {
        if !matches!(body, Json::Object(_)) {
            return Err(invalid(&"it is no object"));
        }
        let workflow = text(body, "workflow_id")?.or(text(body, "workflow")?).unwrap_or_else(|| USUAL.into());
        if ![USUAL, WORKFLOW].contains(&workflow.as_str()) {
            let workflow: String = workflow.chars().take(80).collect();
            return Err(said(Code::NotFound, format!("Workflow '{workflow}' not found.")));
        }
        // In forms, the input may itself be JSON.
        let parsed = match body.given("input") {
            Some(Json::Text(text)) if text.trim_start().starts_with('{') => {
                Some(Json::parse(text.as_bytes()).map_err(|e| invalid(&e))?)
            }
            _ => None,
        };
        let input = parsed.as_ref().or(body.given("input"));
        let metadata = body.given("metadata").map(metadata).transpose()?;
        Ok(Self {
            wish: input.map_or_else(|| Ok(Wish::default()), wish)?,
            image: image(input, files, folder)?,
            session_id: text(body, "session_id")?,
            metadata,
            wait_for_completion: flag(body, "wait_for_completion", true)?,
            output_only: flag(body, "output_only", false)?,
            subscribe_task: flag(body, "subscribe_task", false)?,
            callback_url: text(body, "callback_url")?,
            callback_headers: body.given("callback_headers").map_or_else(|| Ok(Vec::new()), headers)?,
        })
    }

    /// Whether what is asked for fits together.
    pub(super) fn check(&self) -> Result<(), Said> {
        let wrong = |what: &str| Err(said(Code::Malformed, what));
        let (waits, called) = (self.wait_for_completion, self.callback_url.is_some());
        match self.subscribe_task {
            true if waits => wrong("subscribe_task=true requires wait_for_completion=false"),
            _ if self.output_only && !waits => wrong("output_only=true requires wait_for_completion=true."),
            _ if called && waits => wrong("callback_url requires wait_for_completion=false"),
            true if called => wrong("callback_url and subscribe_task are mutually exclusive"),
            true if self.session_id.is_none() => {
                wrong("session_id query parameter required when subscribe_task=true")
            }
            true => wrong("No active WebSocket connection for session"),
            false => Ok(()),
        }
    }
}

impl Fields {
    /// The fields of `application/x-www-form-urlencoded`.
    pub(crate) fn of_query(body: &[u8]) -> Result<Self, Said> {
        let mut fields = Self { tree: Json::Object(Vec::new()), files: Vec::new() };
        for (name, value) in url::form_urlencoded::parse(body).take(super::super::json::MOST) {
            fields.insert(&name, value.into_owned())?;
        }
        Ok(fields)
    }

    /// The fields of `multipart/form-data`.
    pub(crate) fn of_parts(parts: Vec<Part>) -> Result<Self, Said> {
        let mut fields = Self { tree: Json::Object(Vec::new()), files: Vec::new() };
        for Part { name, file_name, content } in parts {
            if let Some(file) = file_name {
                // A file stands where its name says, as a text that means it.
                fields.insert(&name, format!("@{name}"))?;
                fields.files.push(File { field: name, name: file, content });
                continue;
            }
            let bytes = content.bytes().map_err(Refusal::internal)?;
            let text = String::from_utf8(bytes.into()).map_err(|e| invalid(&e))?;
            fields.insert(&name, text)?;
        }
        Ok(fields)
    }

    /// What they ask for.
    pub(crate) fn run(self, folder: &Path) -> Result<Run, Said> {
        Run::read(&self.tree, self.files, folder)
    }

    /// Puts a value where its name says: `a[b][c]` is in `a`, in `b`, as `c`.
    fn insert(&mut self, name: &str, value: String) -> Result<(), Said> {
        let mut place = &mut self.tree;
        let keys: Vec<&str> = name.split(['[', ']']).filter(|key| !key.is_empty()).collect();
        if keys.is_empty() || keys.len() > DEEPEST {
            return Err(invalid(&"a field's name makes no sense"));
        }
        for key in keys {
            if !matches!(place, Json::Object(_)) {
                *place = Json::Object(Vec::new());
            }
            let Json::Object(members) = place else { return Ok(()) };
            let at = members.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
                members.push((key.to_owned().into(), Json::Null));
                members.len() - 1
            });
            place = &mut members[at].1;
        }
        *place = Json::Text(value.into());
        Ok(())
    }
}

/// The picture: a file of the form, a URL, or base64.
fn image(input: Option<&Json<'_>>, files: Vec<File>, folder: &Path) -> Result<Image, Said> {
    let named = match input {
        Some(Json::Text(text)) => Some(text.as_ref()),
        Some(input) => input.given("image").and_then(Json::text),
        None => None,
    };
    let (wanted, only) = (named.and_then(|name| name.strip_prefix('@')), files.len() == 1);
    let mut files = files.into_iter();
    match (named, wanted) {
        (_, Some(wanted)) => match files.find(|file| file.field == wanted) {
            Some(file) => Ok(Image::Sent(file.content, Some(file.name))),
            None => Err(said(Code::Invalid, format!("the form has no file {wanted:?}"))),
        },
        (Some(text), None) if is_url(text) => Ok(Image::Url(text.to_owned())),
        (Some(text), None) => Ok(Image::Sent(decode(text, folder)?, None)),
        (None, None) => match files.next().filter(|_| only) {
            Some(file) => Ok(Image::Sent(file.content, Some(file.name))),
            None => Err(said(Code::Invalid, "the run has no input image")),
        },
    }
}

fn is_url(text: &str) -> bool {
    ["http://", "https://", "s3://", "file:/"].iter().any(|scheme| text.starts_with(scheme))
}

/// The members of the input that are parameters of an enlargement.
fn wish(input: &Json<'_>) -> Result<Wish, Said> {
    let mut wish = Wish::default();
    for name in Wish::NAMES {
        let value = match input.given(name) {
            Some(Json::Text(text)) => text.to_string(),
            Some(Json::Number(number)) => number.to_string(),
            Some(_) => return Err(said(Code::Invalid, format!("{name} is a text or a number"))),
            None => continue,
        };
        wish.set(name, &value)?;
    }
    wish.format.get_or_insert_with(|| FORMAT.to_owned());
    Ok(wish)
}

fn text(body: &Json<'_>, name: &str) -> Result<Option<String>, Said> {
    let value = body.given(name);
    let text = value.map(|value| value.text().ok_or_else(|| invalid(&format!("{name} is a text"))));
    Ok(text.transpose()?.map(str::to_owned))
}

fn flag(body: &Json<'_>, name: &str, usual: bool) -> Result<bool, Said> {
    let value = body.given(name);
    let flag = value.map(|value| value.flag().ok_or_else(|| invalid(&format!("{name} is true or false"))));
    Ok(flag.transpose()?.unwrap_or(usual))
}

fn metadata(value: &Json<'_>) -> Result<Value, Said> {
    let text = serde_json::to_string(value).map_err(Refusal::internal)?;
    if text.len() > LONGEST_METADATA {
        return Err(invalid(&format!("metadata has at most {LONGEST_METADATA} bytes")));
    }
    Ok(serde_json::from_str(&text).map_err(Refusal::internal)?)
}

fn headers(value: &Json<'_>) -> Result<Vec<(String, String)>, Said> {
    let wrong = || invalid(&"callback_headers are names and values of headers");
    let Json::Object(members) = value else { return Err(wrong()) };
    if members.len() > MOST_HEADERS {
        return Err(invalid(&format!("a callback has at most {MOST_HEADERS} headers")));
    }
    let header = |(name, value): &(std::borrow::Cow<'_, str>, Json<'_>)| {
        let sound = HeaderName::try_from(name.as_ref()).ok().filter(|name| !OURS.contains(&name.as_str()));
        let text = value
            .text()
            .filter(|text| text.len() <= LONGEST_METADATA && HeaderValue::try_from(*text).is_ok());
        Ok((sound.ok_or_else(wrong)?.to_string(), text.ok_or_else(wrong)?.to_owned()))
    };
    members.iter().map(header).collect()
}

fn invalid(what: &dyn std::fmt::Display) -> Said {
    said(Code::Malformed, format!("Invalid request body: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::Spool;

    fn content(bytes: &[u8]) -> Content {
        let mut spool = Spool::new(Path::new("."));
        spool.push(bytes).expect("small");
        spool.finish()
    }

    fn sent(run: Run) -> Vec<u8> {
        match run.image {
            Image::Sent(content, _) => content.bytes().expect("there").to_vec(),
            Image::Url(url) => url.into_bytes(),
        }
    }

    fn form(fields: &[(&str, Option<&str>)]) -> Result<Run, Said> {
        let part = |(name, text): &(&str, Option<&str>)| Part {
            name: (*name).into(),
            file_name: text.is_none().then(|| "a.png".to_owned()),
            content: content(text.unwrap_or("file").as_bytes()),
        };
        Fields::of_parts(fields.iter().map(part).collect())?.run(Path::new("."))
    }

    #[test]
    fn files_come_in_three_styles() {
        for fields in [
            &[("image", None)][..],
            &[("image", None), ("input", Some("{\"image\": \"@image\", \"scale\": 2}"))],
            &[("input[image]", None), ("input[scale]", Some("2"))],
            &[("picture", None), ("workflow", Some("image-upscale"))],
            &[("input", None)],
        ] {
            assert_eq!(sent(form(fields).expect("a run")), b"file", "{fields:?}");
        }
        let two = form(&[("a", None), ("b", None), ("input", Some("{\"image\": \"@b\"}"))]).expect("a run");
        assert_eq!(sent(two), b"file");
        assert!(
            form(&[("a", None), ("b", None)]).is_err() && form(&[("input[image]", Some("@none"))]).is_err()
        );
        let scaled = form(&[("input[image]", None), ("input[scale]", Some("2"))]).expect("a run");
        assert_eq!((scaled.wish.scale.as_deref(), scaled.wish.format.as_deref()), (Some("2"), Some("png")));
    }

    #[test]
    fn json_and_urlencoded_say_the_same() {
        let json = Run::of_json(
            br#"{"input": {"image": "Zm9v", "scale": 2}, "wait_for_completion": false}"#,
            Path::new("."),
        );
        let query = b"input[image]=Zm9v&input[scale]=2&wait_for_completion=false";
        let query = Fields::of_query(query).and_then(|fields| fields.run(Path::new(".")));
        for run in [json, query] {
            let run = run.expect("a run");
            assert!(!run.wait_for_completion && run.wish.scale.as_deref() == Some("2"));
            assert_eq!(sent(run), b"foo");
        }
        let url = Run::of_json(br#"{"input": {"image": "https://example.org/a.png"}}"#, Path::new("."))
            .expect("a run");
        assert_eq!(sent(url), b"https://example.org/a.png");
    }

    #[test]
    fn what_does_not_fit_together_is_refused_in_its_words() {
        let check = |more: &str| {
            let body = format!("{{\"input\": {{\"image\": \"Zm9v\"}}, {more}}}");
            Run::of_json(body.as_bytes(), Path::new("."))
                .and_then(|run| run.check())
                .expect_err(more)
                .0
                .detail
        };
        assert_eq!(
            check("\"subscribe_task\": true"),
            "subscribe_task=true requires wait_for_completion=false"
        );
        let later = "\"subscribe_task\": true, \"wait_for_completion\": false";
        assert_eq!(check(later), "session_id query parameter required when subscribe_task=true");
        let known = format!("{later}, \"session_id\": \"s\"");
        assert_eq!(check(&known), "No active WebSocket connection for session");
        let both = "\"output_only\": true, \"wait_for_completion\": false";
        assert_eq!(check(both), "output_only=true requires wait_for_completion=true.");
        assert_eq!(check("\"callback_url\": \"x\""), "callback_url requires wait_for_completion=false");
        assert_eq!(check("\"workflow_id\": \"x\""), "Workflow 'x' not found.");
        for more in [
            "\"output_only\": \"maybe\"",
            "\"callback_headers\": {\"Host\": \"x\"}",
            "\"callback_headers\": {\"a\": \"b\\nc\"}",
            "\"metadata\": 1, \"session_id\": 1",
        ] {
            assert!(check(more).starts_with("Invalid request body: "), "{more}");
        }
    }
}
