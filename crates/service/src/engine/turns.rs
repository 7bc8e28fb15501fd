//! Whose turn it is: pictures share the machine, so that a large one does not starve small ones.
//!
//! Each picture in work counts the share of the machine that it has had. After each layer of each tile, one that is ahead of
//! the others waits until they have caught up. A newcomer begins where the one furthest behind is. So a small picture among
//! large ones takes about as many times longer than alone as there are pictures in work, however large they are.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How far ahead one may be, in seconds of the machine.
const AHEAD: f64 = 0.02;

/// The longest wait after one layer: another one may be busy with something that is not counted.
const LONGEST: Duration = Duration::from_millis(100);

/// The pictures in work.
#[derive(Default)]
pub(crate) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    next: u64,
    /// What each has had, in seconds divided by its weight.
    had: HashMap<u64, f64>,
}

/// One picture's place.
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
    id: u64,
    weight: f64,
    last: Mutex<Instant>,
}

impl Turns {
    /// A place for a picture that is to have `weight` times the usual share.
    pub(crate) fn enter(&self, weight: f64) -> Turn<'_> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let id = state.next;
        state.next += 1;
        let begin = state.least(id).unwrap_or(0.0);
        state.had.insert(id, begin);
        Turn { turns: self, id, weight, last: Mutex::new(Instant::now()) }
    }
}

impl State {
    /// What the one furthest behind, of all but this one, has had.
    fn least(&self, but: u64) -> Option<f64> {
        self.had.iter().filter(|(id, _)| **id != but).map(|(_, had)| *had).min_by(f64::total_cmp)
    }
}

impl Turn<'_> {
    /// Counts the time since the last call, of whichever thread, and waits if it is the turn of others.
    pub(crate) fn pass(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let spent = now.duration_since(*last).as_secs_f64() / self.weight;
        let mut state = self.turns.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Those in work at the same time share the machine, so each has had its part of it.
        let sharing = state.had.len().max(1) as f64;
        if let Some(had) = state.had.get_mut(&self.id) {
            *had += spent / sharing;
        }
        self.turns.changed.notify_all();
        let until = now + LONGEST;
        while state.least(self.id).is_some_and(|least| state.had[&self.id] > least + AHEAD) {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                break;
            }
            let waited = self.turns.changed.wait_timeout(state, rest);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *last = Instant::now();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.state.lock().unwrap_or_else(PoisonError::into_inner).had.remove(&self.id);
        self.turns.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newcomer_begins_where_the_last_one_is() {
        let turns = Turns::default();
        let first = turns.enter(1.0);
        turns.state.lock().expect("sound").had.insert(first.id, 7.0);
        let second = turns.enter(1.0);
        assert_eq!(turns.state.lock().expect("sound").had[&second.id], 7.0);
        drop(first);
        drop(second);
        assert!(turns.state.lock().expect("sound").had.is_empty());
    }

    #[test]
    fn one_that_is_ahead_waits_until_the_other_is_done() {
        let turns = Turns::default();
        let (large, small) = (turns.enter(1.0), turns.enter(1.0));
        turns.state.lock().expect("sound").had.insert(large.id, 5.0);
        let shared = &turns;
        std::thread::scope(|scope| {
            let order = scope.spawn(move || {
                let mut layers = 0;
                while shared.state.lock().expect("sound").had.len() > 1 {
                    large.pass();
                    layers += 1;
                }
                large.pass();
                layers
            });
            for _ in 0..100 {
                small.pass();
            }
            drop(small);
            // It went on although the small one never caught up, but not often.
            assert!(order.join().expect("ended") < 100);
        });
    }
}
