use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use amplio_graph::plan::FusedPlan;
use amplio_graph::{Device, Error, Executable, Precision, Result};
use amplio_simd::Level;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::compiler::{Cache, form};
use crate::program::{self, Program};
use crate::tiles::Tiles;

/// The CPU as a device: an instruction set, the tiles of convolutions, and a number of threads.
#[derive(Clone, Debug)]
pub struct Cpu {
    pub(crate) level: Level,
    pub(crate) tiles: Tiles,
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) packed: Arc<Cache>,
    /// How many works are done [`Device::within`] it, or wait for a thread.
    works: Arc<AtomicUsize>,
}

impl Cpu {
    /// This CPU with as many threads, or with one for each core if `threads` is 0, and all that makes it fast.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn best(threads: usize) -> Result<Self> {
        Ok(Self::new(threads, Level::best())?.with_tiles(Tiles::best()))
    }

    /// As [`Cpu::best`], with the most capable instruction set up to `level`, and as all CPUs that have it compute: in tiles of 6x6
    /// results.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn new(threads: usize, level: Level) -> Result<Self> {
        let pool =
            ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("amplio-cpu-{i}")).build();
        let pool =
            pool.map_err(|e| Error::Unsupported { what: format!("starting {threads} threads: {e}") })?;
        Ok(Self {
            level: level.or_lower(),
            tiles: Tiles::Six,
            pool: Arc::new(pool),
            packed: Arc::default(),
            works: Arc::default(),
        })
    }

    /// The same with these tiles.
    #[must_use]
    pub fn with_tiles(self, tiles: Tiles) -> Self {
        Self { tiles, ..self }
    }

    /// The tiles in use.
    pub fn tiles(&self) -> Tiles {
        self.tiles
    }

    /// The instruction set in use.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Whether this is one of the device's threads, and each of them has a work of its own. If one of them helped another, both would meet
    /// at the end of each layer; and who waits there may begin a third work meanwhile, and leave its own until that one is done.
    pub(crate) fn is_busy(&self) -> bool {
        self.pool.current_thread_index().is_some() && self.works.load(Ordering::Relaxed) >= self.threads()
    }
}

/// A work that is counted as long as this lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(works: &'a AtomicUsize) -> Self {
        works.fetch_add(1, Ordering::Relaxed);
        Self(works)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Device for Cpu {
    fn name(&self) -> String {
        let threads = self.threads();
        format!("cpu ({}, {threads} thread{})", self.level, if threads == 1 { "" } else { "s" })
    }

    fn alignment(&self, precision: Precision) -> usize {
        form(self, precision).side()
    }

    fn threads(&self) -> usize {
        Self::threads(self)
    }

    fn within(&self, work: &mut (dyn FnMut() + Send)) {
        let _counted = Counted::new(&self.works);
        self.pool.install(work);
    }

    fn compile(&self, plan: &FusedPlan, precision: Precision) -> Result<Box<dyn Executable>> {
        Ok(Box::new(Program::new(plan, self, precision)?))
    }

    fn bytes(&self, plan: &FusedPlan, precision: Precision) -> usize {
        program::bytes(plan, self, precision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_takes_no_level_that_this_cpu_lacks() {
        for level in Level::ALL {
            assert!(Cpu::new(1, level).expect("threads").level().is_available(), "{level}");
        }
    }

    #[test]
    fn a_device_is_busy_where_each_thread_has_a_work() {
        let device = Cpu::new(2, Level::Scalar).expect("threads");
        assert!(!device.is_busy());
        device.within(&mut || {
            assert!(!device.is_busy());
            device.within(&mut || assert!(device.is_busy()));
            assert!(!device.is_busy());
        });
        let _counted = [Counted::new(&device.works), Counted::new(&device.works)];
        assert!(!device.is_busy(), "this is none of its threads");
    }
}
