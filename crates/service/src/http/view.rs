//! Jobs as clients see them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock;
use crate::desk::Live;
use crate::jobs::job::{Job, Kind, Output, Reason, State};

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct JobView {
    pub(crate) id: String,
    pub(crate) state: State,
    kind: Kind,
    /// The name of the uploaded file, if it came with one.
    name: Option<String>,
    priority: i64,
    /// When it was handed in, began and ended, as RFC 3339 has it.
    created: String,
    started: Option<String>,
    finished: Option<String>,
    /// How often it has been begun.
    attempts: u32,
    /// The share that is done, 0 to 1.
    fraction: f64,
    /// The frames that are made in a second, if it is a video in work.
    frames_per_second: Option<f64>,
    /// The seconds that it will take yet, if that can be told.
    eta: Option<f64>,
    /// Why it failed.
    reason: Option<Reason>,
    output: Option<Output>,
    /// Where more is to be found.
    links: Links,
}

/// Where more about a job is to be found.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Links {
    #[serde(rename = "self")]
    this: String,
    events: String,
    /// If there is an output.
    output: Option<String>,
}

impl JobView {
    /// A job, and what is known of it while it is in work.
    pub(crate) fn of(job: &Job, live: Option<&Live>) -> Self {
        let this = format!("/v1/jobs/{}", job.id);
        let live = live.filter(|_| job.state == State::Running);
        let fraction = match (job.state, live) {
            (State::Done, _) => 1.0,
            (_, Some(live)) => live.progress.borrow().fraction,
            _ => 0.0,
        };
        Self {
            id: job.id.clone(),
            state: job.state,
            kind: job.spec.kind,
            name: job.spec.name.clone(),
            priority: job.priority,
            created: clock::shown(job.created),
            started: job.started.map(clock::shown),
            finished: job.finished.map(clock::shown),
            attempts: job.attempts,
            fraction: (fraction * 1000.0).round() / 1000.0,
            frames_per_second: live.and_then(Live::frame_rate).map(|rate| (rate * 100.0).round() / 100.0),
            eta: live.and_then(Live::rest).map(|rest| (rest.as_secs_f64() * 10.0).round() / 10.0),
            reason: job.reason.clone(),
            output: job.output.clone().map(|output| Output { file: None, ..output }),
            links: Links {
                events: format!("{this}/events"),
                output: (job.state == State::Done).then(|| format!("{this}/output")),
                this,
            },
        }
    }
}
