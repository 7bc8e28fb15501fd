use std::fmt;
use std::ops::{ControlFlow, Range};
use std::time::Duration;

use crate::plan::FusedPlan;
use crate::{Error, Pixels, Result, Tensor};

/// How exactly a device computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// In floats of 32 bits, summed in an order that does not depend on where a picture is cut.
    Strict,
    /// In floats of 32 bits, in whatever way is fastest: the last bits may depend on where a picture is cut.
    #[default]
    Full,
    /// As full, but what layers hand to each other may be rounded to floats of 16 bits where that is harmless: within a level of 8
    /// bits. What these cannot carry is found when it occurs, and computed in full.
    Exact,
    /// With fewer bits wherever that is faster, within a few levels of 8 bits. What these bits cannot carry is found when it
    /// occurs, and computed in full.
    Fast,
}

/// Something that runs networks: the CPU, a GPU.
///
/// A device compiles a whole plan or refuses it; it never falls back in the middle of a network. For every primitive it
/// gives the reference's answer within the tolerance that stands beside the primitive.
pub trait Device: Send + Sync {
    /// What it is, for people: for example `cpu (avx512, 2 threads)`.
    fn name(&self) -> String;

    /// The side of the blocks of pixels that are rounded together, on each grid of a network.
    ///
    /// A part of a picture gives the same bits as the whole where it begins at a multiple of this (in pixels of the coarsest
    /// grid, so times [`Footprint::multiple`]) and reaches this many times the receptive field beyond what is looked at; with
    /// the receptive field alone, it gives the same numbers but for their rounding.
    ///
    /// [`Footprint::multiple`]: crate::receptive::Footprint::multiple
    fn alignment(&self, _precision: Precision) -> usize {
        1
    }

    /// The threads that it computes with: so many works ([`Device::within`]) keep it busy.
    fn threads(&self) -> usize {
        1
    }

    /// Does work on one of the device's threads, if it has any. What the work lets the device compute is then done on that thread;
    /// others help while there are fewer works than threads. The work must not wait for anything but the device.
    fn within(&self, work: &mut (dyn FnMut() + Send)) {
        work();
    }

    /// Makes a plan ready to run: lays out buffers, packs weights. What does not depend on the picture's size is kept
    /// from one call to the next.
    ///
    /// # Errors
    /// If the plan holds something that the device cannot do, or memory runs short.
    fn compile(&self, plan: &FusedPlan, precision: Precision) -> Result<Box<dyn Executable>>;

    /// Bytes of the working memory that a plan takes, weights left out.
    fn bytes(&self, plan: &FusedPlan, _precision: Precision) -> usize {
        plan.bytes()
    }
}

/// Told of each step that is done: its index and how long it took; says whether to go on.
pub type StepWatcher<'a> = &'a mut dyn FnMut(usize, Duration) -> ControlFlow<()>;

/// A plan, compiled by a device for one size of input.
pub trait Executable: Send {
    /// The network's output for `input`, which has the shape that the plan was made for.
    ///
    /// # Errors
    /// If the input has another shape.
    fn run(&mut self, input: &Tensor) -> Result<Tensor> {
        self.run_watched(input, &mut |_, _| ControlFlow::Continue(()))
    }

    /// As [`Executable::run`], and tells after each step of the plan its index and how long it took.
    ///
    /// # Errors
    /// As [`Executable::run`], and [`Error::Stopped`](crate::Error::Stopped) if the watcher breaks off.
    fn run_watched(&mut self, input: &Tensor, watcher: StepWatcher) -> Result<Tensor>;

    /// As [`Executable::run_watched`], for a network that makes a picture of a picture. The result may be the device's own memory.
    ///
    /// # Errors
    /// As [`Executable::run_watched`], and if the output is no single picture.
    fn run_pixels(&mut self, input: &Pixels, watcher: StepWatcher) -> Result<Pixels<'_>> {
        Pixels::from_tensor(&self.run_watched(&input.to_tensor(), watcher)?)
    }

    /// As [`Executable::run_pixels`], for a result of which these rows are taken one after the other, and which the device may make as
    /// they are taken: see [`Executable::rows`]. A result that is not in the device's memory is given at once.
    ///
    /// # Errors
    /// As [`Executable::run_pixels`].
    fn begin(
        &mut self,
        input: &Pixels,
        _rows: Range<usize>,
        watcher: StepWatcher,
    ) -> Result<Option<Pixels<'static>>> {
        Ok(self.run_pixels(input, watcher)?.own())
    }

    /// The first of these rows, which are some of those that [`Executable::begin`] was told and has not given: at least one, and as
    /// many as the device makes at once.
    ///
    /// # Errors
    /// If nothing has been begun, there are no such rows, or memory runs short.
    fn rows(&mut self, rows: Range<usize>) -> Result<Pixels<'_>> {
        Err(Error::Unsupported { what: format!("rows {rows:?} of a result that was given at once") })
    }

    /// Gives up memory that is not needed for the rows of what was begun last; what runs next takes it again.
    fn trim(&mut self) {}
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strict => "strict",
            Self::Full => "full",
            Self::Exact => "exact",
            Self::Fast => "fast",
        })
    }
}
