//! Works side by side.

use std::collections::VecDeque;
use std::thread::{self, Scope, ScopedJoinHandle};

use amplio_media::Header;

use crate::{Request, Upscaler};

/// So many at a time are wanted however few threads there are: one comes or goes while the network has the other.
const FEWEST: usize = 2;

/// Works that are done side by side, each on a thread of its own, and end in the order in which they began.
///
/// A picture is decoded on one thread, and encoded on another: one at a time would leave most of a device idle meanwhile. And where
/// several are in the network, its threads need not wait for each other at the end of each layer, as there is other work.
pub struct Lanes<'scope, 'env, K, T> {
    scope: &'scope Scope<'scope, 'env>,
    /// How many works are done at a time, and the bytes that they may take together.
    most: usize,
    memory: usize,
    /// The oldest first.
    working: VecDeque<Work<'scope, K, T>>,
}

struct Work<'scope, K, T> {
    key: K,
    bytes: usize,
    thread: ScopedJoinHandle<'scope, T>,
}

/// What a work is known by, and its result; an error if it panicked.
pub type Ended<K, T> = (K, thread::Result<T>);

impl<'scope, 'env, K, T: Send + 'scope> Lanes<'scope, 'env, K, T> {
    /// Lanes for `most` works that take at most `memory` bytes together, or one that takes more.
    pub(crate) fn new(scope: &'scope Scope<'scope, 'env>, most: usize, memory: usize) -> Self {
        Self { scope, most, memory, working: VecDeque::new() }
    }

    /// Whether nothing is in work.
    pub fn are_idle(&self) -> bool {
        self.working.is_empty()
    }

    /// Waits until a work of so many bytes may begin: ends the oldest one, as long as there is not enough room.
    pub fn make_room(&mut self, bytes: usize) -> Option<Ended<K, T>> {
        let taken = self.working.iter().fold(bytes, |sum, work| sum.saturating_add(work.bytes));
        if self.working.len() < self.most && taken <= self.memory { None } else { self.end() }
    }

    /// Begins a work that takes so many bytes.
    pub fn begin(&mut self, key: K, bytes: usize, work: impl FnOnce() -> T + Send + 'scope) {
        self.working.push_back(Work { key, bytes, thread: self.scope.spawn(work) });
    }

    /// Waits until the oldest work has ended.
    pub fn end(&mut self) -> Option<Ended<K, T>> {
        self.working.pop_front().map(|work| (work.key, work.thread.join()))
    }
}

impl Upscaler {
    /// Lanes for pictures side by side: as many as the device has threads, while they have room ([`Upscaler::memory`]).
    pub fn lanes<'scope, 'env, K, T: Send + 'scope>(
        &self,
        scope: &'scope Scope<'scope, 'env>,
        request: &Request,
    ) -> Lanes<'scope, 'env, K, T> {
        Lanes::new(scope, self.threads().max(FEWEST), request.room())
    }

    /// How many frames of a film are best made at a time, as far as there is memory: one for each of the device's threads, where each stays
    /// on one ([`Upscaler::within`]), and one that comes or goes meanwhile.
    pub fn frames_at_a_time(&self, frame: &Header, request: &Request) -> usize {
        let room = |bytes: usize| request.room() / bytes.max(1);
        self.memory(frame, request).map_or(0, room).clamp(FEWEST, self.threads() + 1)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use amplio_cpu::Cpu;
    use amplio_media::{Channels, Depth};
    use amplio_models::Model;

    use super::*;

    /// The most works, and the most bytes, that were taken at a time by works of these bytes.
    fn most_at_a_time(most: usize, memory: usize, works: &[usize]) -> (usize, usize) {
        let (now, ended) = (Mutex::new((0, 0)), AtomicUsize::new(0));
        let found = Mutex::new((0, 0));
        thread::scope(|scope| {
            let mut lanes = Lanes::new(scope, most, memory);
            let order = |(number, result): Ended<usize, usize>| {
                assert_eq!(result.expect("no panic"), number * 2);
                assert_eq!(ended.fetch_add(1, Ordering::Relaxed), number, "the oldest first");
                let mut now = now.lock().expect("sound");
                *now = (now.0 - 1, now.1 - works[number]);
            };
            for (number, &bytes) in works.iter().enumerate() {
                while let Some(work) = lanes.make_room(bytes) {
                    order(work);
                }
                {
                    let (mut now, mut found) = (now.lock().expect("sound"), found.lock().expect("sound"));
                    *now = (now.0 + 1, now.1 + bytes);
                    *found = (found.0.max(now.0), found.1.max(now.1));
                }
                lanes.begin(number, bytes, move || number * 2);
            }
            while let Some(work) = lanes.end() {
                order(work);
            }
            assert!(lanes.are_idle());
        });
        assert_eq!(ended.into_inner(), works.len());
        found.into_inner().expect("sound")
    }

    #[test]
    fn works_are_as_many_as_there_is_room_for() {
        assert_eq!(most_at_a_time(3, 100, &[10; 8]), (3, 30));
        assert_eq!(most_at_a_time(9, 100, &[40; 8]), (2, 80));
        assert_eq!(most_at_a_time(9, 100, &[10, 300, 10, 10]), (2, 300), "a large one is alone");
        assert_eq!(most_at_a_time(2, 0, &[1; 3]), (1, 1), "one at a time where there is room for none");
        assert_eq!(most_at_a_time(2, 0, &[0; 3]), (2, 0));
    }

    #[test]
    fn a_panic_is_that_of_its_work_alone() {
        thread::scope(|scope| {
            let mut lanes = Lanes::new(scope, 2, 0);
            lanes.begin("bad", 0, || if true { panic!("on purpose") } else { 1 });
            lanes.begin("good", 0, || 2);
            let (name, bad) = lanes.end().expect("a work");
            assert!(name == "bad" && bad.is_err());
            let (name, good) = lanes.end().expect("a work");
            assert_eq!((name, good.expect("no panic")), ("good", 2));
        });
    }

    #[test]
    fn frames_are_as_many_as_there_are_threads_and_memory_for() {
        let model = Arc::new(Model::builtin("realesr-animevideov3").expect("a model"));
        let (small, large) = [(64, 48), (4096, 4096)]
            .map(|(width, height)| Header::new(width, height, Channels::Rgb, Depth::U8))
            .into();
        let mut request = Request::default();
        for threads in [1, 2, 7] {
            let upscaler = Upscaler::new(model.clone(), Arc::new(Cpu::best(threads).expect("threads")));
            let at_a_time = |frame: &Header, request: &Request| upscaler.frames_at_a_time(frame, request);
            assert_eq!(at_a_time(&small, &request), threads + 1);
            assert_eq!(at_a_time(&large, &request), 2);
            request.tiling.memory = upscaler.memory(&small, &request).expect("bytes");
            assert_eq!(at_a_time(&small, &request), (threads + 1).min(4));
            request = Request::default();
        }
    }
}
