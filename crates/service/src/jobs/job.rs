//! Jobs: what is to be done, how far it has come, and how it ended.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Entry;
use crate::engine::wish::Wish;
use crate::refusal::Refusal;

/// Where a job is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It waits for its turn.
    Queued,
    /// It is in work.
    Running,
    /// Its output is there.
    Done,
    /// It ended without output; the reason says why.
    Failed,
    /// Someone has cancelled it.
    Cancelled,
}

impl State {
    pub(crate) const ALL: [Self; 5] =
        [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more happens to it by itself.
    pub(crate) fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// What a job is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spec {
    pub(crate) input: Input,
    /// The name of the uploaded file, if it came with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) kind: Kind,
    /// Where the result goes beside the job's own output: a URL of a place that the server may write to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<String>,
    #[serde(default)]
    pub(crate) parameters: Wish,
    /// Who is told when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) webhook: Option<String>,
    /// Set if it came through another server's API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) foreign: Option<Foreign>,
    /// Where else the result is kept, if it is to be stored small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shelf: Option<Shelved>,
}

impl Spec {
    /// Makes something larger as it is usually done.
    pub(crate) fn of(input: Input) -> Self {
        let (kind, parameters) = (Kind::default(), Wish::default());
        Self { input, name: None, kind, output: None, parameters, webhook: None, foreign: None, shelf: None }
    }
}

/// A place on the shelf, and what was sent for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shelved {
    pub(crate) key: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) bytes: u64,
    pub(crate) format: String,
}

/// What a client of another server's API has said beside the work, to be given back to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Foreign {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<serde_json::Value>,
    /// Headers of the message to the webhook, which is then not signed and has that API's form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) callback_headers: Vec<(String, String)>,
}

/// What a job is about, as far as that could be told when it was handed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A picture, an animation, or several pages.
    #[default]
    Picture,
    Archive,
    Video,
    Batch,
}

impl Kind {
    /// Whether it takes so long that small jobs should not have to wait for it.
    pub(crate) fn is_long(self) -> bool {
        self != Self::Picture
    }
}

/// What a job reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Input {
    /// The picture that came with the request; its SHA-256.
    Upload(String),
    /// One picture, by its URL.
    Url(String),
    /// Something that is stored small; its object on the shelf.
    Shelf(String),
    /// Several pictures, by their URLs. One that ends in `/` means everything below it.
    Batch(Vec<String>),
}

/// A job, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) state: State,
    pub(crate) priority: i64,
    /// Times in milliseconds since 1970.
    pub(crate) created: i64,
    pub(crate) started: Option<i64>,
    pub(crate) finished: Option<i64>,
    /// How often it has been begun.
    pub(crate) attempts: u32,
    pub(crate) spec: Spec,
    pub(crate) reason: Option<Reason>,
    pub(crate) output: Option<Output>,
    pub(crate) cancel_asked: bool,
}

impl Job {
    /// Its place in the queue, from now on.
    pub(crate) fn entry(&self) -> Entry {
        Entry::new(&self.id, &self.owner, self.priority, &self.spec)
    }
}

/// Why a job ended as it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Reason {
    /// The kind of reason, for programs.
    pub(crate) code: String,
    /// What happened, in a sentence.
    pub(crate) detail: String,
}

/// What a job has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Output {
    /// The name of the file in the job's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    pub(crate) bytes: u64,
    /// The MIME type.
    pub(crate) mime: String,
    /// SHA-256 of the bytes.
    pub(crate) sha256: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) height: Option<u32>,
    /// Where it was written to, if somewhere else was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// What people should know about it: streams that were left out, frames that could not be decoded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) remarks: Vec<String>,
    /// What became of the pictures of a batch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) items: Vec<Item>,
}

/// What became of one picture of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Item {
    /// Its URL.
    pub(crate) input: String,
    /// Where its result is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<String>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Reason>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum End {
    Done(Output),
    Failed(Reason),
    Cancelled,
}

impl End {
    pub(crate) fn state(&self) -> State {
        match self {
            Self::Done(_) => State::Done,
            Self::Failed(_) => State::Failed,
            Self::Cancelled => State::Cancelled,
        }
    }
}

impl From<&Refusal> for Reason {
    fn from(refusal: &Refusal) -> Self {
        Self { code: refusal.code.name().into(), detail: refusal.detail.clone() }
    }
}
