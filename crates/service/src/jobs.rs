//! Jobs that outlive the process: accepted means written down.
//!
//! [`JobStore`] says what became of jobs, [`Queue`] whose turn it is. Both are seams: the embedded database implements them
//! here; others pass the same conformance suite. Nothing rests on the two changing together: at its start a server pushes
//! every queued job that the queue does not know.

#[cfg(test)]
mod conformance;
pub(crate) mod job;
pub(crate) mod sqlite;

use std::time::Duration;

use crate::Result;
use job::{End, Item, Job, Spec, State};

/// A job that is to be written down.
#[derive(Clone, Debug)]
pub(crate) struct NewJob {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) priority: i64,
    pub(crate) created: i64,
    pub(crate) spec: Spec,
    /// The client's name for this request, so that it can send it again without making a second job.
    pub(crate) idempotency_key: Option<String>,
}

/// What became of a job that was to be written down.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Inserted {
    New,
    /// The same request came before.
    Same(Box<Job>),
    /// Another request came before under the same idempotency key.
    Conflict,
}

/// What became of the wish to cancel a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancel {
    /// It waited, and is cancelled.
    Now,
    /// It is in work, and ends soon.
    Asked,
    /// It had ended already.
    TooLate,
}

/// Which jobs are listed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Those of this owner; everybody's if `None`.
    pub(crate) owner: Option<String>,
    pub(crate) state: Option<State>,
    /// Those created before this one.
    pub(crate) after: Option<String>,
    pub(crate) limit: u32,
}

/// Keeps jobs. Every change is durable when the call returns, and each happens whole or not at all.
pub(crate) trait JobStore: Send + Sync {
    /// What came before under a job's idempotency key: the same request, or another one.
    fn earlier(&self, job: &NewJob) -> Result<Option<Inserted>>;

    /// Writes a job down, queued.
    fn insert(&self, job: &NewJob) -> Result<Inserted>;

    /// A job.
    fn get(&self, id: &str) -> Result<Option<Job>>;

    /// Jobs, the newest first.
    fn list(&self, filter: &Filter) -> Result<Vec<Job>>;

    /// How many wait, of one owner or of all.
    fn waiting(&self, owner: Option<&str>) -> Result<u64>;

    /// A queued job becomes running, and has one attempt more; `None` if it is not queued. The wish to cancel an earlier attempt
    /// lasts.
    fn begin(&self, id: &str, now: i64) -> Result<Option<Job>>;

    /// An attempt ends. Whether it was this attempt's to say; if not, nothing happens. A message to the webhook is written
    /// down with it.
    fn finish(&self, id: &str, attempt: u32, end: &End, now: i64) -> Result<bool>;

    /// A running job becomes queued again; `refund` if the attempt is not to count.
    fn requeue(&self, id: &str, attempt: u32, refund: bool) -> Result<bool>;

    /// Someone wants a job to end.
    fn cancel(&self, id: &str, now: i64) -> Result<Cancel>;

    /// A failed or cancelled job becomes queued, as if it were new; whether it was one.
    fn retry(&self, id: &str) -> Result<bool>;

    /// Forgets a job that has ended; whether it had.
    fn delete(&self, id: &str) -> Result<bool>;

    /// Jobs that ended before this time.
    fn ended_before(&self, time: i64) -> Result<Vec<String>>;

    /// Writes down what became of one picture of a batch.
    fn add_item(&self, id: &str, item: &Item) -> Result<()>;

    /// What became of the pictures of a batch so far.
    fn items(&self, id: &str) -> Result<Vec<Item>>;

    /// Messages to webhooks that are due.
    fn due(&self, now: i64) -> Result<Vec<Delivery>>;

    /// A message was delivered or given up (`next` is `None`), or is to be tried again.
    fn delivered(&self, delivery: i64, next: Option<i64>) -> Result<()>;
}

/// A message to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) number: i64,
    pub(crate) job: String,
    pub(crate) url: String,
    /// How often it has been tried.
    pub(crate) tries: u32,
}

/// Whose turn it is: the highest priority first; of equal ones, the owner who has the fewest in work, then the one who has
/// waited longest for a turn, then the oldest.
pub(crate) trait Queue: Send + Sync {
    /// Puts a job in, not to be taken before this time. One that is there already stays as it is.
    fn push(&self, entry: &Entry) -> Result<()>;

    /// Takes the next one for so long; another may take it when that time is over. Jobs that take long only `with_long`.
    fn claim(&self, now: i64, lease: Duration, with_long: bool) -> Result<Option<String>>;

    /// Takes one for longer; whether it is still there.
    fn extend(&self, id: &str, until: i64) -> Result<bool>;

    /// Takes one out.
    fn remove(&self, id: &str) -> Result<()>;
}

/// A place in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) priority: i64,
    /// Whether it takes so long that it may not be in everyone's way.
    pub(crate) long: bool,
    pub(crate) not_before: i64,
}

impl Entry {
    /// The place of a job that may be taken at once.
    pub(crate) fn new(id: &str, owner: &str, priority: i64, spec: &Spec) -> Self {
        Self { id: id.into(), owner: owner.into(), priority, long: spec.kind.is_long(), not_before: 0 }
    }
}
