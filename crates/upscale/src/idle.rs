use std::sync::{Mutex, PoisonError};

use amplio_graph::Precision;

use crate::program::Program;

/// Programs that no picture needs just now, for the next picture of the same size.
#[derive(Default)]
pub(crate) struct Idle(Mutex<Vec<Compiled>>);

/// A network, compiled for one size of tile.
pub(crate) struct Compiled {
    pub(crate) size: (usize, usize),
    pub(crate) precision: Precision,
    pub(crate) program: Program,
}

impl Idle {
    /// One for tiles of this size. If there is none, the others are given up: the memory is wanted for a new one.
    pub(crate) fn take(&self, size: (usize, usize), precision: Precision) -> Option<Compiled> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = idle.iter().position(|compiled| compiled.size == size && compiled.precision == precision);
        if found.is_none() {
            idle.clear();
        }
        found.map(|at| idle.swap_remove(at))
    }

    /// Keeps one that is no longer needed.
    pub(crate) fn keep(&self, compiled: Compiled) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(compiled);
    }
}
