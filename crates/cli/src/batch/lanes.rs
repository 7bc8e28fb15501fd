//! Small pictures side by side: the next one is decoded and computed while the last one is still being encoded.

use std::collections::VecDeque;
use std::thread::{Scope, ScopedJoinHandle};

use anyhow::{Result, anyhow};

use super::{End, Step};
use crate::outcome::Outcome;
use crate::report::Report;

/// How many pictures are made at a time.
const LANES: usize = 2;

/// The pictures in work, the oldest first; they are told in order.
pub(super) struct Lanes<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    pub(super) report: &'env Report,
    working: VecDeque<(String, ScopedJoinHandle<'scope, Result<End>>)>,
}

impl<'scope, 'env> Lanes<'scope, 'env> {
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>, report: &'env Report) -> Self {
        Self { scope, report, working: VecDeque::new() }
    }

    /// Begins with what is to be done with an input, and tells what has ended by then.
    pub(super) fn take(&mut self, name: String, step: Result<Step<'scope>>) -> Result<()> {
        match step {
            Ok(Step::Make { is_small: true, make }) => {
                while self.working.len() >= LANES {
                    self.wait()?;
                }
                let report = self.report;
                self.working.push_back((name, self.scope.spawn(move || make(report))));
                Ok(())
            }
            step => {
                self.finish()?;
                self.told(&name, step.and_then(|step| step.end(self.report)))
            }
        }
    }

    /// Waits until everything has ended.
    pub(super) fn finish(&mut self) -> Result<()> {
        while !self.working.is_empty() {
            self.wait()?;
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<()> {
        let Some((name, work)) = self.working.pop_front() else { return Ok(()) };
        let ended = work.join().unwrap_or_else(|_| Err(anyhow!("a defect of amplio was met")));
        self.told(&name, ended)
    }

    /// Tells how it ended with an input.
    pub(super) fn told(&self, name: &str, ended: Result<End>) -> Result<()> {
        match ended {
            Ok(End::Done(job, seconds)) => self.report.done(&job, seconds),
            Ok(End::Planned(job)) => self.report.planned(&job)?,
            Ok(End::Skipped(path)) => self.report.skipped(name, &path.display().to_string()),
            Err(error) if Outcome::of(&error) == Outcome::Interrupted => {}
            Err(error) => self.report.failed(name, &error),
        }
        Ok(())
    }
}
