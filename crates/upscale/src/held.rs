use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use amplio_graph::Pixels;

/// What the tiles of earlier pictures showed and what became of them, for later pictures that show the same there.
///
/// The same numbers through the same network give the same result, bit for bit: nothing but time is saved.
#[derive(Clone, Default)]
pub(crate) struct Held {
    /// `None` if nothing is to be held.
    tiles: Option<Arc<Mutex<Tiles>>>,
    /// Which network of a chain the tiles are of.
    stage: usize,
}

/// Which tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The first row and column that it reads.
    pub(crate) first: [usize; 2],
    /// The pass over the picture's channels.
    pub(crate) pass: usize,
}

/// A tile, and what became of it.
pub(crate) struct Tile {
    input: Pixels<'static>,
    output: Pixels<'static>,
}

struct Tiles {
    /// Bytes that may still be taken.
    room: usize,
    tiles: HashMap<(usize, Place), Arc<Tile>>,
}

impl Held {
    /// Tiles of at most so many bytes, with their results.
    pub(crate) fn new(room: usize) -> Self {
        let tiles = Tiles { room, tiles: HashMap::new() };
        Self { tiles: Some(Arc::new(Mutex::new(tiles))), stage: 0 }
    }

    /// The tiles of a network of the chain.
    pub(crate) fn stage(&self, stage: usize) -> Self {
        Self { stage, ..self.clone() }
    }

    /// Whether anything is held.
    pub(crate) fn holds(&self) -> bool {
        self.tiles.is_some()
    }

    /// The tile that was held for this place, if it shows the same.
    pub(crate) fn find(&self, place: Place, input: &Pixels) -> Option<Arc<Tile>> {
        let tiles = self.tiles.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let tile = tiles.tiles.get(&(self.stage, place)).cloned();
        drop(tiles);
        tile.filter(|tile| tile.input == *input)
    }

    /// Holds a tile instead of the one that was held for this place, if there is room.
    pub(crate) fn hold(&self, place: Place, input: Pixels<'static>, output: Pixels<'static>) {
        let Some(tiles) = &self.tiles else { return };
        let mut tiles = tiles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = tiles.tiles.remove(&(self.stage, place)) {
            tiles.room += bytes(&old.input, &old.output);
        }
        let bytes = bytes(&input, &output);
        if bytes <= tiles.room {
            tiles.room -= bytes;
            tiles.tiles.insert((self.stage, place), Arc::new(Tile { input, output }));
        }
    }
}

impl Tile {
    /// What became of it.
    pub(crate) fn output(&self) -> &Pixels<'static> {
        &self.output
    }
}

fn bytes(input: &Pixels, output: &Pixels) -> usize {
    size_of_val(input.data()) + size_of_val(output.data())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(value: f32) -> Pixels<'static> {
        Pixels::new(1, 2, 1, vec![value; 2]).expect("pixels")
    }

    #[test]
    fn a_tile_is_found_where_it_shows_the_same() {
        let held = Held::new(1 << 10);
        let (here, there) = (Place { first: [0, 4], pass: 0 }, Place { first: [4, 0], pass: 0 });
        held.hold(here, pixels(1.0), pixels(2.0));
        let found =
            |held: &Held, place, value| held.find(place, &pixels(value)).map(|t| t.output().data()[0]);
        assert_eq!(found(&held, here, 1.0), Some(2.0));
        assert_eq!((found(&held, here, 1.5), found(&held, there, 1.0)), (None, None));
        assert_eq!(found(&held.stage(1), here, 1.0), None);
        held.hold(here, pixels(5.0), pixels(6.0));
        assert_eq!((found(&held, here, 1.0), found(&held, here, 5.0)), (None, Some(6.0)));
    }

    #[test]
    fn what_has_no_room_is_not_held_and_what_is_held_stays() {
        let held = Held::new(16);
        let place = |column| Place { first: [0, column], pass: 0 };
        for round in 0..3 {
            for column in 0..2 {
                held.hold(place(column), pixels(round as f32), pixels(7.0));
            }
            assert!(held.find(place(0), &pixels(round as f32)).is_some());
            assert!(held.find(place(1), &pixels(round as f32)).is_none());
        }
        let none = Held::default();
        none.hold(place(0), pixels(1.0), pixels(1.0));
        assert!(none.find(place(0), &pixels(1.0)).is_none());
    }
}
