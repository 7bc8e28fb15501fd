//! Small pictures side by side: the next one is decoded and computed while the last one is still being encoded.

use std::collections::VecDeque;
use std::thread::{Scope, ScopedJoinHandle};

use anyhow::{Result, anyhow};

use super::{End, Step};
use crate::destination::Claims;
use crate::inputs::Input;
use crate::outcome::Outcome;
use crate::report::Report;

/// How many pictures are made at a time.
const LANES: usize = 2;

/// The pictures in work, the oldest first; they are told in order.
pub(super) struct Lanes<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    pub(super) report: &'env Report,
    pub(super) claims: Claims,
    working: VecDeque<(Input, ScopedJoinHandle<'scope, Result<End>>)>,
}

impl<'scope, 'env> Lanes<'scope, 'env> {
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>, report: &'env Report, claims: Claims) -> Self {
        Self { scope, report, claims, working: VecDeque::new() }
    }

    /// Whether nothing is in work.
    pub(super) fn are_idle(&self) -> bool {
        self.working.is_empty()
    }

    /// Begins with what is to be done with an input, and tells what has ended by then.
    pub(super) fn take(&mut self, input: &Input, step: Result<Step<'scope>>) -> Result<()> {
        match step {
            Ok(Step::Make { is_small: true, make }) => {
                while self.working.len() >= LANES {
                    self.wait()?;
                }
                let report = self.report;
                self.working.push_back((input.clone(), self.scope.spawn(move || make(report))));
                Ok(())
            }
            step => {
                self.finish()?;
                let ended = step.and_then(|step| step.end(self.report));
                self.told(input, ended)
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
        let Some((input, work)) = self.working.pop_front() else { return Ok(()) };
        let ended = work.join().unwrap_or_else(|_| Err(anyhow!("a defect of amplio was met")));
        self.told(&input, ended)
    }

    /// Tells how it ended with an input.
    pub(super) fn told(&mut self, input: &Input, ended: Result<End>) -> Result<()> {
        match ended {
            Ok(End::Done(job, seconds)) => self.report.done(&job, seconds),
            Ok(End::Planned(job)) => self.report.planned(&job)?,
            Ok(End::Skipped(path)) => self.report.skipped(&input.name(), &path.display().to_string()),
            Err(error) if Outcome::of(&error) == Outcome::Interrupted => {}
            Err(error) => {
                self.claims.release(input);
                self.report.failed(&input.name(), &error);
            }
        }
        Ok(())
    }
}
