use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::{Error, Result};

/// How far the work has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// The share of the network's work that is done, 0 to 1.
    pub fraction: f64,
    /// Pixels that networks have made so far.
    pub pixels: u64,
}

impl Progress {
    /// The same of the whole, if this is of part `number` of `count`, counted from 0.
    pub(crate) fn of_part(self, number: usize, count: usize) -> Self {
        let fraction = (number as f64 + self.fraction) / count.max(1) as f64;
        Self { fraction: fraction.min(1.0), ..self }
    }
}

/// Asked again and again (after each layer of each tile), from several threads where pictures are made side by side: what was reached,
/// and whether to go on.
pub type Watcher<'a> = &'a (dyn Fn(Progress) -> ControlFlow<()> + Sync);

/// Adds up the work of all stages.
pub(crate) struct Meter<'a> {
    watcher: Watcher<'a>,
    /// Pixels of all stages' inputs, weighted by what comes before each stage.
    total: Cell<usize>,
    done: Cell<usize>,
    /// What is done of the tile in work.
    begun: Cell<f64>,
    pixels: Cell<u64>,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(watcher: Watcher<'a>) -> Self {
        Self { watcher, total: Cell::new(0), done: Cell::new(0), begun: Cell::new(0.0), pixels: Cell::new(0) }
    }

    /// Announces work: pixels that a network will read.
    pub(crate) fn expect(&self, pixels: usize) {
        self.total.set(self.total.get() + pixels);
    }

    /// Reports work: pixels that a network has read, and needs no more.
    pub(crate) fn advance(&self, read: usize) {
        self.done.set(self.done.get() + read);
        self.begun.set(0.0);
    }

    /// Reports pixels that a network has made.
    pub(crate) fn made(&self, pixels: usize) {
        self.pixels.set(self.pixels.get() + pixels as u64);
    }

    /// Reports how many of the pixels that a network is reading count as done, and asks the watcher whether to go on.
    pub(crate) fn begin(&self, read: f64) -> ControlFlow<()> {
        self.begun.set(read);
        let fraction = (self.done.get() as f64 + read) / self.total.get().max(1) as f64;
        (self.watcher)(Progress { fraction: fraction.min(1.0), pixels: self.pixels.get() })
    }

    /// Asks the watcher whether to go on.
    pub(crate) fn check(&self) -> Result<()> {
        heard(self.begin(self.begun.get()))
    }
}

/// What a watcher has said, as a result.
pub(crate) fn heard(said: ControlFlow<()>) -> Result<()> {
    match said {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped),
    }
}

/// Adds up what parts that are made side by side report.
pub(crate) struct Parts<'a> {
    watcher: Watcher<'a>,
    /// How far each part is.
    parts: Mutex<Vec<Progress>>,
    halted: AtomicBool,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(count: usize, watcher: Watcher<'a>) -> Self {
        let parts = Mutex::new(vec![Progress { fraction: 0.0, pixels: 0 }; count]);
        Self { watcher, parts, halted: AtomicBool::new(false) }
    }

    /// Reports how far a part is, and asks the watcher whether to go on.
    pub(crate) fn ask(&self, part: usize, progress: Progress) -> ControlFlow<()> {
        if let Some(own) = self.parts.lock().unwrap_or_else(PoisonError::into_inner).get_mut(part) {
            *own = progress;
        }
        match self.halted.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => (self.watcher)(self.sum()),
        }
    }

    /// Reports that a part of so many pixels is there, and asks the watcher whether to go on.
    pub(crate) fn done(&self, part: usize, pixels: u64) -> Result<()> {
        heard(self.ask(part, Progress { fraction: 1.0, pixels }))
    }

    /// Asks the watcher whether to go on.
    pub(crate) fn check(&self) -> Result<()> {
        heard((self.watcher)(self.sum()))
    }

    /// Stops all parts.
    pub(crate) fn halt(&self) {
        self.halted.store(true, Ordering::Relaxed);
    }

    /// How far all of them are.
    fn sum(&self) -> Progress {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let fraction = parts.iter().map(|part| part.fraction).sum::<f64>() / parts.len().max(1) as f64;
        Progress { fraction: fraction.min(1.0), pixels: parts.iter().map(|part| part.pixels).sum() }
    }
}
