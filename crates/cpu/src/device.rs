use std::sync::Arc;

use amplio_graph::plan::FusedPlan;
use amplio_graph::{Device, Error, Executable, Result};
use amplio_simd::Level;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::compiler::Cache;
use crate::program::Program;

/// The CPU as a device: an instruction set, a number of threads, and a precision.
#[derive(Clone, Debug)]
pub struct Cpu {
    pub(crate) level: Level,
    pub(crate) precision: Precision,
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) packed: Arc<Cache>,
}

/// How convolutions with 3x3 taps, which are nearly all of the work, are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Tap by tap in floats of 32 bits: a result has the same bits wherever a picture is cut.
    Strict,
    /// By Winograd's minimal filtering in floats of 32 bits: as exact, but blocks of results are rounded together, so that the
    /// last bits depend on where a picture is cut.
    #[default]
    Exact,
    /// The same with products of 16-bit integers, where the CPU has an instruction for their sums: within a few 8-bit levels.
    /// What integers cannot carry is found when it occurs, and the run is made again in floats.
    Fast,
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
        Ok(Self {
            level: level.min(Level::best()),
            precision: Precision::default(),
            pool: Arc::new(pool),
            packed: Arc::default(),
        })
    }

    /// The same device with another precision.
    pub fn with(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The instruction set in use.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The precision in use.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }
}

impl Device for Cpu {
    fn name(&self) -> String {
        let threads = self.threads();
        format!(
            "cpu ({}, {threads} thread{}, {})",
            self.level,
            if threads == 1 { "" } else { "s" },
            self.precision
        )
    }

    fn alignment(&self) -> usize {
        // Of all blocks that may be used, whatever the size of a picture: their common multiple.
        match self.precision {
            Precision::Strict => 1,
            Precision::Exact => 12,
            Precision::Fast => 4,
        }
    }

    fn compile(&self, plan: &FusedPlan) -> Result<Box<dyn Executable>> {
        Ok(Box::new(Program::new(plan, self)?))
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Strict => "strict",
            Self::Exact => "exact",
            Self::Fast => "fast",
        })
    }
}
