//! What kernels need to compile: the device's choices, the constants of the plan, and the weights that have been packed.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use amplio_graph::plan::{Content, FusedPlan, View};
use amplio_graph::{Precision, Result, Tensor};
use amplio_simd::Level;

use crate::device::Cpu;
use crate::kernels::{Filters, Form, Packed, Phase, vectors};
use crate::tiles::Tiles;

/// What kernels need to compile.
pub(crate) struct Compiler<'a> {
    pub(crate) plan: &'a FusedPlan,
    pub(crate) device: &'a Cpu,
    pub(crate) precision: Precision,
    /// To be set by a kernel that meets a number which it cannot carry.
    pub(crate) overflow: Arc<AtomicBool>,
}

/// The weights that have been packed, for as long as the tensors live that they were made from.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<Key, Entry>>);

/// The addresses of weights and biases, and what else says how they are packed.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    weight: usize,
    bias: Option<usize>,
    groups: usize,
    transposed: bool,
    form: Form,
    phase: Option<Phase>,
}

#[derive(Debug)]
struct Entry {
    weight: Weak<Tensor>,
    bias: Option<Weak<Tensor>>,
    packed: Arc<Packed>,
}

/// How the weights of convolutions with 3x3 taps are packed.
pub(crate) fn form(device: &Cpu, precision: Precision) -> Form {
    match precision {
        Precision::Strict => Form::Taps,
        Precision::Fast if device.level.favours_integers() => Form::Integers,
        Precision::Fast | Precision::Exact
            if device.tiles == Tiles::Six && keeps_halves(device.level, precision) =>
        {
            Form::Large
        }
        Precision::Fast | Precision::Exact | Precision::Full => Form::Floats,
    }
}

/// Whether layers may hand floats of 16 bits to each other: not where these are made bit by bit.
pub(crate) fn keeps_halves(level: Level, precision: Precision) -> bool {
    level != Level::Scalar && matches!(precision, Precision::Exact | Precision::Fast)
}

impl Compiler<'_> {
    /// How the weights of convolutions with 3x3 taps are packed.
    pub(crate) fn form(&self) -> Form {
        form(self.device, self.precision)
    }

    /// The constant that a view shows, if it is one.
    pub(crate) fn constant(&self, view: &View) -> Option<&Arc<Tensor>> {
        self.content(view).filter(|tensor| *tensor.shape() == view.shape)
    }

    /// The numbers of the constant that a view shows whole, whatever its shape.
    pub(crate) fn numbers(&self, view: &View) -> Option<&[f32]> {
        self.content(view).map(|tensor| tensor.data()).filter(|data| data.len() == view.shape.elements())
    }

    /// The constant of which a view shows a part or all.
    fn content(&self, view: &View) -> Option<&Arc<Tensor>> {
        match &self.plan.buffers[view.buffer].content {
            Content::Constant(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// The instruction set.
    pub(crate) fn level(&self) -> Level {
        self.device.level
    }

    /// Lanes of a vector.
    pub(crate) fn lanes(&self) -> usize {
        vectors(self.level()).0
    }

    /// The packed weights of a convolution, made once for as long as its weights live.
    pub(crate) fn packed(&self, filters: Filters) -> Result<Arc<Packed>> {
        if let Some(packed) = self.device.packed.find(&filters) {
            return Ok(packed);
        }
        let packed = Arc::new(Packed::new(filters, self.level())?);
        self.device.packed.keep(&filters, packed.clone());
        Ok(packed)
    }
}

impl Cache {
    fn find(&self, filters: &Filters) -> Option<Arc<Packed>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Another tensor may have come to live at the address of one that is gone: only what lives counts.
        entries.retain(|_, entry| entry.is_alive());
        entries.get(&Key::of(filters)).map(|entry| entry.packed.clone())
    }

    fn keep(&self, filters: &Filters, packed: Arc<Packed>) {
        let (weight, bias) = (Arc::downgrade(filters.weight), filters.bias.map(Arc::downgrade));
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert(Key::of(filters), Entry { weight, bias, packed });
    }
}

impl Key {
    fn of(filters: &Filters) -> Self {
        let Filters { weight, bias, groups, transposed, form, phase } = *filters;
        let address = |tensor: &Arc<Tensor>| Arc::as_ptr(tensor).addr();
        Self { weight: address(weight), bias: bias.map(address), groups, transposed, form, phase }
    }
}

impl Entry {
    fn is_alive(&self) -> bool {
        [Some(&self.weight), self.bias.as_ref()].into_iter().flatten().all(|tensor| tensor.strong_count() > 0)
    }
}
