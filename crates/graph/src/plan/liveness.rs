//! Which buffers may share memory: those that do not live at the same time.

/// When a buffer is first written and last read, by the index of the step (0 is before the first).
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) elements: usize,
}

/// Gives each buffer a slot of memory, so that buffers in one slot never live at the same time; returns the slot of each
/// and the size of each slot.
pub(super) fn slots(lives: &[Life]) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..lives.len()).collect();
    order.sort_by_key(|&i| (lives[i].from, i));
    let mut sizes: Vec<usize> = Vec::new();
    let mut busy_until: Vec<usize> = Vec::new();
    let mut slot_of = vec![0; lives.len()];
    for i in order {
        let life = lives[i];
        let free = (0..sizes.len()).filter(|&slot| busy_until[slot] < life.from);
        // The tightest slot that is large enough, or else the one that needs to grow least.
        let best = free.min_by_key(|&slot| match sizes[slot].checked_sub(life.elements) {
            Some(spare) => (0, spare),
            None => (1, life.elements - sizes[slot]),
        });
        let slot = best.unwrap_or_else(|| {
            sizes.push(0);
            busy_until.push(0);
            sizes.len() - 1
        });
        sizes[slot] = sizes[slot].max(life.elements);
        busy_until[slot] = life.to;
        slot_of[i] = slot;
    }
    (slot_of, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_needs_two_slots() {
        let lives: Vec<_> = (0..6).map(|i| Life { from: i, to: i + 1, elements: 100 }).collect();
        let (slot_of, sizes) = slots(&lives);
        assert_eq!(sizes, [100, 100]);
        assert!(slot_of.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
