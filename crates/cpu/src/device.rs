use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use amplio_graph::plan::{Content, FusedPlan, View};
use amplio_graph::{Device, Error, Executable, Result, Tensor};
use amplio_simd::Level;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::kernels::{Filters, Packed, TILE, vectors};
use crate::program::Program;

/// The CPU as a device: an instruction set and a number of threads.
#[derive(Debug)]
pub struct Cpu {
    level: Level,
    method: Method,
    pool: Arc<ThreadPool>,
    packed: Mutex<Cache>,
}

/// How convolutions with 3x3 taps are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// Tap by tap: a result has the same bits wherever a picture is cut.
    #[default]
    Direct,
    /// By Winograd's minimal filtering: faster, and as exact, but blocks of results are rounded together, so that the last bits
    /// depend on where a picture is cut.
    Winograd,
}

/// The weights that have been packed. An entry is good as long as the tensors live that it was made from.
type Cache = HashMap<Key, Entry>;

/// The addresses of weights and biases, and what else says how they are packed.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    weight: usize,
    bias: Option<usize>,
    groups: usize,
    transposed: bool,
    winograd: bool,
}

#[derive(Debug)]
struct Entry {
    weight: Weak<Tensor>,
    bias: Option<Weak<Tensor>>,
    packed: Arc<Packed>,
}

impl Entry {
    fn is_alive(&self) -> bool {
        [Some(&self.weight), self.bias.as_ref()].into_iter().flatten().all(|tensor| tensor.strong_count() > 0)
    }
}

/// What kernels need to compile.
pub(crate) struct Compiler<'a> {
    device: &'a Cpu,
    plan: &'a FusedPlan,
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
        let (level, method) = (level.min(Level::best()), Method::default());
        Ok(Self { level, method, pool: Arc::new(pool), packed: Mutex::default() })
    }

    /// The same device with another method for convolutions.
    pub fn with(self, method: Method) -> Self {
        Self { method, ..self }
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
        let method = if self.method == Method::Winograd { ", winograd" } else { "" };
        format!("cpu ({}, {threads} thread{}{method})", self.level, if threads == 1 { "" } else { "s" })
    }

    fn alignment(&self) -> usize {
        if self.method == Method::Winograd { TILE } else { 1 }
    }

    fn compile(&self, plan: &FusedPlan) -> Result<Box<dyn Executable>> {
        let compiler = Compiler { device: self, plan };
        Ok(Box::new(Program::new(plan, &compiler, self.level, self.pool.clone())?))
    }
}

impl Compiler<'_> {
    pub(crate) fn level(&self) -> Level {
        self.device.level
    }

    pub(crate) fn method(&self) -> Method {
        self.device.method
    }

    /// The constant that a view shows, if it is one.
    pub(crate) fn constant(&self, view: &View) -> Option<&Arc<Tensor>> {
        match &self.plan.buffers[view.buffer].content {
            Content::Constant(tensor) if *tensor.shape() == view.shape => Some(tensor),
            _ => None,
        }
    }

    /// Lanes of a vector.
    pub(crate) fn lanes(&self) -> usize {
        vectors(self.level()).0
    }

    /// The packed weights of a convolution, made once for as long as its weights live.
    pub(crate) fn packed(&self, filters: Filters) -> Result<Arc<Packed>> {
        let Filters { weight, bias, groups, transposed, winograd } = filters;
        let address = |tensor: &Arc<Tensor>| Arc::as_ptr(tensor).addr();
        let key = Key { weight: address(weight), bias: bias.map(address), groups, transposed, winograd };
        let mut cache = self.device.packed.lock().unwrap_or_else(PoisonError::into_inner);
        // Another tensor may have come to live at the address of one that is gone: only what lives counts.
        cache.retain(|_, entry| entry.is_alive());
        if let Some(entry) = cache.get(&key) {
            return Ok(entry.packed.clone());
        }
        let packed = Arc::new(Packed::new(filters, self.level())?);
        let (weight, bias) = (Arc::downgrade(weight), bias.map(Arc::downgrade));
        cache.insert(key, Entry { weight, bias, packed: packed.clone() });
        Ok(packed)
    }
}
