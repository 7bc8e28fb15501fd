use std::sync::Arc;

use amplio_graph::plan::FusedPlan;
use amplio_graph::{Device, Error, Executable, Precision, Result};
use amplio_simd::Level;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::compiler::{Cache, form};
use crate::program::{self, Program};

/// The CPU as a device: an instruction set and a number of threads.
#[derive(Clone, Debug)]
pub struct Cpu {
    pub(crate) level: Level,
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) packed: Arc<Cache>,
}

impl Cpu {
    /// The CPU with as many threads, or with one for each core if `threads` is 0, and the most capable instruction set up to
    /// `level`.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn new(threads: usize, level: Level) -> Result<Self> {
        let pool =
            ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("amplio-cpu-{i}")).build();
        let pool =
            pool.map_err(|e| Error::Unsupported { what: format!("starting {threads} threads: {e}") })?;
        Ok(Self { level: level.min(Level::best()), pool: Arc::new(pool), packed: Arc::default() })
    }

    /// The instruction set in use.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }
}

impl Device for Cpu {
    fn name(&self) -> String {
        let threads = self.threads();
        format!("cpu ({}, {threads} thread{})", self.level, if threads == 1 { "" } else { "s" })
    }

    fn alignment(&self, precision: Precision) -> usize {
        form(self.level, precision).side()
    }

    fn within(&self, work: &mut (dyn FnMut() + Send)) {
        self.pool.install(work);
    }

    fn compile(&self, plan: &FusedPlan, precision: Precision) -> Result<Box<dyn Executable>> {
        Ok(Box::new(Program::new(plan, self, precision)?))
    }

    fn bytes(&self, plan: &FusedPlan, precision: Precision) -> usize {
        program::bytes(plan, self.level, precision)
    }
}
