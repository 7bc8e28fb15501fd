//! Pictures side by side: the next ones are decoded and computed while the last ones are still being encoded.

use amplio::Ended;
use anyhow::{Result, anyhow};

use super::{End, Step};
use crate::destination::Claims;
use crate::inputs::Input;
use crate::outcome::Outcome;
use crate::report::Report;

/// The pictures in work; they are told in order.
pub(super) struct Lanes<'scope, 'env> {
    pub(super) report: &'env Report,
    pub(super) claims: Claims,
    working: Working<'scope, 'env>,
}

type Working<'scope, 'env> = amplio::Lanes<'scope, 'env, Input, Result<End>>;

impl<'scope, 'env> Lanes<'scope, 'env> {
    pub(super) fn new(working: Working<'scope, 'env>, report: &'env Report, claims: Claims) -> Self {
        Self { report, claims, working }
    }

    /// Whether nothing is in work.
    pub(super) fn are_idle(&self) -> bool {
        self.working.are_idle()
    }

    /// Begins with what is to be done with an input, and tells what has ended by then.
    pub(super) fn take(&mut self, input: &Input, step: Result<Step<'scope>>) -> Result<()> {
        match step {
            Ok(Step::Make { memory: Some(memory), make }) => {
                while let Some(ended) = self.working.make_room(memory) {
                    self.ended(ended)?;
                }
                let report = self.report;
                self.working.begin(input.clone(), memory, move || make(report));
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
        while let Some(ended) = self.working.end() {
            self.ended(ended)?;
        }
        Ok(())
    }

    fn ended(&mut self, (input, end): Ended<Input, Result<End>>) -> Result<()> {
        self.told(&input, end.unwrap_or_else(|_| Err(anyhow!("a defect of amplio was met"))))
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
