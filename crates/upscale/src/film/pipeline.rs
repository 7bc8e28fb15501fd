//! Work on items in several lanes, with results in the order of the items.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crate::{Error, Result};

/// Items that may wait, before the lanes and after them, beside one for each lane.
const WAITING: usize = 2;

/// An item, and where its result goes.
type Job<I, O> = (I, Sender<Result<O>>);

/// Takes items from `source` on a thread of its own, works on them in `lanes` threads (each is told its number), and gives the
/// results to `sink` on this thread, in order. At most `lanes` + 2 items are between source and sink.
///
/// `halted` becomes true when the rest is no longer wanted.
///
/// # Errors
/// The first in the order of items, of source, work or sink; the sink has had all results before it.
pub(super) fn ordered<I: Send, O: Send>(
    lanes: usize,
    source: impl Iterator<Item = Result<I>> + Send,
    work: &(dyn Fn(usize, I) -> Result<O> + Sync),
    sink: &mut dyn FnMut(O) -> Result<()>,
    halted: &AtomicBool,
) -> Result<()> {
    let (jobs, waiting) = channel();
    let waiting = Mutex::new(waiting);
    // What is promised comes in order; that there is little room for promises bounds everything.
    let (promises, promised) = sync_channel(lanes + WAITING - 1);
    thread::scope(|scope| {
        scope.spawn(move || feed(source, &jobs, &promises));
        for lane in 0..lanes {
            let waiting = &waiting;
            scope.spawn(move || serve(waiting, &|item| work(lane, item), halted));
        }
        let result = drain(promised, sink);
        halted.store(result.is_err(), Ordering::Relaxed);
        result
    })
}

/// Makes a job and a promise of every item, until one is broken or nobody wants more.
fn feed<I, O>(
    source: impl Iterator<Item = Result<I>>,
    jobs: &Sender<Job<I, O>>,
    promises: &SyncSender<Receiver<Result<O>>>,
) {
    for item in source {
        let (reply, promise) = channel();
        let broken = match item {
            // The promise first: it waits until there is room.
            Ok(item) => promises.send(promise).is_err() || jobs.send((item, reply)).is_err(),
            Err(e) => {
                // Nobody may want it any more.
                let _ = (reply.send(Err(e)), promises.send(promise));
                true
            }
        };
        if broken {
            return;
        }
    }
}

/// Does the jobs, until there are no more.
fn serve<I, O>(waiting: &Mutex<Receiver<Job<I, O>>>, work: &dyn Fn(I) -> Result<O>, halted: &AtomicBool) {
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok((item, reply)) = next() {
        if !halted.load(Ordering::Relaxed) {
            // Nobody may want it any more.
            let _ = reply.send(work(item));
        }
    }
}

/// Gives what was promised to the sink.
fn drain<O>(promised: Receiver<Receiver<Result<O>>>, sink: &mut dyn FnMut(O) -> Result<()>) -> Result<()> {
    for promise in promised {
        // A promise without a result is that of a thread that panicked.
        sink(promise.recv().map_err(|_| Error::Stopped)??)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
    use std::time::Duration;

    use super::{WAITING, ordered};
    use crate::{Error, Result};

    /// A short pause, of a different length at each call.
    fn pause(seed: &AtomicU64) {
        let next = |v: u64| v.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let old = seed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |v| Some(next(v)));
        std::thread::sleep(Duration::from_micros((old.unwrap_or(0) >> 33) % 700));
    }

    /// What the sink was given, and how it ended.
    fn run(
        lanes: usize,
        source: Vec<Result<u32>>,
        work: fn(u32) -> Result<u32>,
        sink_fails: u32,
    ) -> (Vec<u32>, Result<()>) {
        let (seed, mut had) = (AtomicU64::new(lanes as u64), Vec::new());
        let source = source.into_iter().inspect(|_| pause(&seed));
        let result = ordered(
            lanes,
            source,
            &|_, item| {
                pause(&seed);
                work(item)
            },
            &mut |item| {
                pause(&seed);
                if item == sink_fails {
                    return Err(Error::request("the sink is full"));
                }
                had.push(item);
                Ok(())
            },
            &AtomicBool::new(false),
        );
        (had, result)
    }

    fn items(count: u32) -> Vec<Result<u32>> {
        (0..count).map(Ok).collect()
    }

    #[test]
    fn order_is_kept_by_any_number_of_lanes() {
        for lanes in [1, 2, 3, 7] {
            let (had, result) = run(lanes, items(100), |item| Ok(item * 3), u32::MAX);
            assert!(result.is_ok());
            assert_eq!(had, (0..100).map(|item| item * 3).collect::<Vec<_>>());
        }
    }

    #[test]
    fn whatever_fails_everything_before_it_arrives() {
        for lanes in [1, 2, 5] {
            for at in [0, 1, 17, 49] {
                let before: Vec<u32> = (0..at).collect();
                let mut source = items(50);
                source[at as usize] = Err(Error::request("the source is dry"));
                let (had, result) = run(lanes, source, Ok, u32::MAX);
                assert_eq!(
                    (had, result.expect_err("an error").to_string()),
                    (before.clone(), "the source is dry".into())
                );

                let (had, result) = run(lanes, items(50), Ok, at);
                assert_eq!(
                    (had, result.expect_err("an error").to_string()),
                    (before, "the sink is full".into())
                );
            }
            let (had, result) =
                run(lanes, items(50), |i| if i == 17 { Err(Error::Black) } else { Ok(i) }, u32::MAX);
            assert_eq!(had, (0..17).collect::<Vec<_>>());
            assert!(matches!(result, Err(Error::Black)));
        }
    }

    #[test]
    fn few_items_are_under_way() {
        let (lanes, taken, had) = (3, AtomicUsize::new(0), AtomicUsize::new(0));
        let source = (0..200).map(Ok).inspect(|_| {
            // The one that is just being taken, and those for which there is room.
            let ahead = taken.fetch_add(1, Ordering::SeqCst) + 1 - had.load(Ordering::SeqCst);
            assert!(ahead <= lanes + WAITING + 1, "{ahead}");
        });
        let seed = AtomicU64::new(1);
        let mut sink = |_| {
            pause(&seed);
            had.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        ordered(lanes, source, &|_, item: u32| Ok(item), &mut sink, &AtomicBool::new(false))
            .expect("all items");
        assert_eq!(had.into_inner(), 200);
    }

    #[test]
    fn lanes_are_told_that_nothing_more_is_wanted() {
        let halted = AtomicBool::new(false);
        let work = |_: usize, item: u32| {
            while item > 0 && !halted.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            Ok(item)
        };
        let result = ordered(2, (0..).map(Ok), &work, &mut |_| Err(Error::Stopped), &halted);
        assert!(matches!(result, Err(Error::Stopped)));
    }
}
