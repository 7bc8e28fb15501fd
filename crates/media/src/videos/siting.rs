//! Chroma between the resolutions of luma and its own.
//!
//! Upwards it is interpolated linearly at the places of luma. Downwards a filter follows that undoes this: where chroma lies
//! on luma samples, (-1, 2, 6, 2, -1) / 8, the dual of linear interpolation (the low-pass of Le Gall's 5/3 wavelet), so that
//! chroma that goes up and down again is what it was; where it lies between them, (-1, 5, 5, -1) / 8, which keeps all
//! but the finest detail and overshoots no more than the other, while the exact dual would ring twice as much. Beyond the
//! border the last sample goes on.

use super::Location;

/// Chroma along one axis: how many luma samples there are to each of its own, and where between them it lies.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    /// The logarithm of the ratio.
    pub(super) shift: u32,
    /// For each of the luma samples of a chroma sample, the weights of the chroma sample before, that one, and the next.
    phases: Vec<[f32; 3]>,
    /// What a chroma sample takes of the luma samples from `first` on, relative to the first of its own.
    taps: Vec<f32>,
    first: isize,
}

/// Where a chroma sample lies among its luma samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    First,
    Middle,
    Last,
}

/// The axes of a location: across and down.
pub(super) fn axes(location: Location, shifts: [u32; 2]) -> [Axis; 2] {
    let (across, down) = match location {
        Location::Left => (Place::First, Place::Middle),
        Location::Center => (Place::Middle, Place::Middle),
        Location::TopLeft => (Place::First, Place::First),
        Location::Top => (Place::Middle, Place::First),
        Location::BottomLeft => (Place::First, Place::Last),
        Location::Bottom => (Place::Middle, Place::Last),
    };
    [Axis::new(shifts[0], across), Axis::new(shifts[1], down)]
}

impl Axis {
    fn new(shift: u32, place: Place) -> Self {
        let ratio = 1_usize << shift;
        let lies = match place {
            Place::First => 0.0,
            Place::Middle => (ratio - 1) as f32 / 2.0,
            Place::Last => (ratio - 1) as f32,
        };
        let phase = |i| {
            let from = (i as f32 - lies) / ratio as f32;
            [(-from).max(0.0), 1.0 - from.abs(), from.max(0.0)]
        };
        let (mut taps, mut first) = (vec![1.0], 0);
        for octave in 0..shift {
            let (halving, start) = halving(place);
            taps = spread(&taps, halving, 1 << octave);
            first += start << octave;
        }
        Axis { shift, phases: (0..ratio).map(phase).collect(), taps, first }
    }

    /// The chroma samples around luma sample `i` and their weights, those of `size` samples in all.
    pub(super) fn around(&self, i: usize, size: usize) -> [(usize, f32); 3] {
        let (at, phase) = (i >> self.shift, i & ((1 << self.shift) - 1));
        let places = [at.saturating_sub(1), at, at + 1].map(|place| place.min(size - 1));
        std::array::from_fn(|k| (places[k], self.phases[phase][k]))
    }

    /// The luma samples from which chroma sample `i` is made and their weights, those of `size` samples in all.
    pub(super) fn under(&self, i: usize, size: usize) -> impl Iterator<Item = (usize, f32)> {
        let first = ((i << self.shift) as isize) + self.first;
        let place = move |k: usize| (first + k as isize).clamp(0, size as isize - 1) as usize;
        self.taps.iter().enumerate().map(move |(k, &weight)| (place(k), weight))
    }

    /// The most luma samples between the first and the last that a chroma sample is made from.
    pub(super) fn span(&self) -> usize {
        self.taps.len()
    }

    /// A row of chroma at the places of luma. `padded` is scratch.
    pub(super) fn enlarge(&self, chroma: &[f32], luma: &mut [f32], padded: &mut Vec<f32>) {
        if self.shift == 0 {
            luma.copy_from_slice(chroma);
            return;
        }
        pad(chroma, 1, 2, padded);
        let around = padded.windows(3);
        match &self.phases[..] {
            [a, b] => {
                let mut pairs = luma.chunks_exact_mut(2);
                for (pair, around) in pairs.by_ref().zip(around) {
                    pair[0] = mixed(around, a);
                    pair[1] = mixed(around, b);
                }
                if let [last] = pairs.into_remainder() {
                    *last = mixed(&padded[chroma.len() - 1..], a);
                }
            }
            phases => {
                for (group, around) in luma.chunks_mut(phases.len()).zip(around) {
                    group.iter_mut().zip(phases).for_each(|(v, phase)| *v = mixed(around, phase));
                }
            }
        }
    }

    /// A row of chroma at the places of luma, as its own samples. `padded` is scratch.
    pub(super) fn reduce(&self, luma: &[f32], chroma: &mut [f32], padded: &mut Vec<f32>) {
        if self.shift == 0 {
            chroma.copy_from_slice(luma);
            return;
        }
        let before = self.first.unsigned_abs();
        pad(luma, before, self.taps.len() + (1 << self.shift), padded);
        let step = 1 << self.shift;
        match (&self.taps[..], step) {
            (&[a, b, c, d, e], 2) => {
                for (v, x) in chroma.iter_mut().zip(padded.windows(5).step_by(2)) {
                    *v = (a * x[0] + e * x[4]) + (b * x[1] + d * x[3]) + c * x[2];
                }
            }
            (&[a, b, c, d], 2) => {
                for (v, x) in chroma.iter_mut().zip(padded.windows(4).step_by(2)) {
                    *v = (a * x[0] + d * x[3]) + (b * x[1] + c * x[2]);
                }
            }
            (taps, step) => {
                for (v, x) in chroma.iter_mut().zip(padded.windows(taps.len()).step_by(step)) {
                    *v = x.iter().zip(taps).map(|(x, tap)| x * tap).sum();
                }
            }
        }
    }
}

/// The filter that halves, and its first sample relative to the first of a pair.
fn halving(place: Place) -> (&'static [f32], isize) {
    const ON: &[f32] = &[-0.125, 0.25, 0.75, 0.25, -0.125];
    const BETWEEN: &[f32] = &[-0.125, 0.625, 0.625, -0.125];
    match place {
        Place::First => (ON, -2),
        Place::Middle => (BETWEEN, -1),
        Place::Last => (ON, -1),
    }
}

/// A filter after another, whose result has one sample for `every` of the first.
fn spread(taps: &[f32], next: &[f32], every: usize) -> Vec<f32> {
    let mut both = vec![0.0; taps.len() + (next.len() - 1) * every];
    for (i, weight) in next.iter().enumerate() {
        for (j, tap) in taps.iter().enumerate() {
            both[i * every + j] += weight * tap;
        }
    }
    both
}

/// Samples with the first and the last repeated before and after them.
fn pad(samples: &[f32], before: usize, after: usize, padded: &mut Vec<f32>) {
    let [first, last] = [samples.first(), samples.last()].map(|v| v.copied().unwrap_or_default());
    padded.clear();
    padded.resize(before, first);
    padded.extend_from_slice(samples);
    padded.resize(padded.len() + after, last);
}

fn mixed(around: &[f32], weights: &[f32; 3]) -> f32 {
    around[0] * weights[0] + around[1] * weights[1] + around[2] * weights[2]
}

#[cfg(test)]
mod tests {
    use super::{Axis, Place};

    const PLACES: [Place; 3] = [Place::First, Place::Middle, Place::Last];

    fn up(axis: &Axis, chroma: &[f32], size: usize) -> Vec<f32> {
        let mut luma = vec![0.0; size];
        axis.enlarge(chroma, &mut luma, &mut Vec::new());
        luma
    }

    fn down(axis: &Axis, luma: &[f32]) -> Vec<f32> {
        let mut chroma = vec![0.0; luma.len().div_ceil(1 << axis.shift)];
        axis.reduce(luma, &mut chroma, &mut Vec::new());
        chroma
    }

    fn noise(count: usize) -> Vec<f32> {
        (0..count).map(|i| (i * 2_654_435_761 % 1021) as f32).collect()
    }

    #[test]
    fn chroma_on_luma_samples_survives_up_and_down() {
        for shift in [1, 2] {
            let axis = Axis::new(shift, Place::First);
            for size in [1, 2, 3, 8, 9, 50, 51] {
                let chroma = noise(size);
                for luma in ((size - 1) << shift) + 1..=size << shift {
                    let back = down(&axis, &up(&axis, &chroma, luma));
                    assert!(back.iter().zip(&chroma).all(|(a, b)| (a - b).abs() < 1e-3), "{size} {luma}");
                }
            }
        }
    }

    #[test]
    fn chroma_between_luma_samples_loses_an_eighth_of_its_finest_detail() {
        let axis = Axis::new(1, Place::Middle);
        let chroma: Vec<f32> = (0..32).map(|i| if i % 2 == 0 { 80.0 } else { 120.0 }).collect();
        let back = down(&axis, &up(&axis, &chroma, 64));
        // (1, 14, 1) / 16.
        assert!(back[1..31].iter().zip(&chroma[1..]).all(|(a, b)| (a - b).abs() == 5.0), "{back:?}");
    }

    #[test]
    fn slopes_are_kept_in_their_place() {
        for place in PLACES {
            for shift in [1, 2] {
                let axis = Axis::new(shift, place);
                let ratio = (1 << shift) as f32;
                let lies = match place {
                    Place::First => 0.0,
                    Place::Middle => (ratio - 1.0) / 2.0,
                    Place::Last => ratio - 1.0,
                };
                let luma: Vec<f32> = (0..96).map(|i| i as f32).collect();
                let chroma = down(&axis, &luma);
                for (i, v) in chroma.iter().enumerate().skip(4).take(12) {
                    assert_eq!(*v, i as f32 * ratio + lies, "{place:?} {shift}");
                }
                for (i, v) in up(&axis, &chroma, 96).iter().enumerate().skip(32).take(20) {
                    assert_eq!(*v, i as f32, "{place:?} {shift}");
                }
            }
        }
    }

    #[test]
    fn single_samples_agree_with_rows() {
        for place in PLACES {
            for shift in [0, 1, 2] {
                let axis = Axis::new(shift, place);
                let luma = noise(13);
                let chroma = down(&axis, &luma);
                let wide = up(&axis, &chroma, 13);
                for (i, v) in chroma.iter().enumerate() {
                    let one: f32 = axis.under(i, 13).map(|(k, weight)| luma[k] * weight).sum();
                    assert!((one - v).abs() < 1e-3);
                }
                for (i, v) in wide.iter().enumerate() {
                    let one: f32 =
                        axis.around(i, chroma.len()).map(|(k, weight)| chroma[k] * weight).iter().sum();
                    assert!((one - v).abs() < 1e-3);
                }
            }
        }
    }
}
