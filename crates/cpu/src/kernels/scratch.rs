//! The memory of a thread in which blocks of pixels pass from one form to the next.

use std::cell::Cell;

thread_local! {
    static OWN: Cell<Scratch> = const { Cell::new(Scratch(Vec::new())) };
}

/// Elements of a cache line.
pub(super) const LINE: usize = 16;

/// Memory that a thread keeps from one call to the next: fresh memory costs more than what is computed in it.
#[derive(Default)]
pub(super) struct Scratch(Vec<f32>);

impl Scratch {
    /// Takes the thread's, which is to be given back by [`Scratch::keep`].
    pub(super) fn take() -> Self {
        OWN.take()
    }

    pub(super) fn keep(self) {
        OWN.set(self);
    }

    /// Parts of these lengths, each at the start of a cache line; what is in them is left from before.
    pub(super) fn parts<const N: usize>(&mut self, lengths: [usize; N]) -> [&mut [f32]; N] {
        let length = lengths.iter().map(|length| length.next_multiple_of(LINE)).sum::<usize>() + LINE;
        if self.0.len() < length {
            self.0.resize(length, 0.0);
        }
        let start = self.0.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        let mut rest = &mut self.0[start..];
        lengths.map(|length| {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(length.next_multiple_of(LINE));
            rest = after;
            &mut part[..length]
        })
    }
}
