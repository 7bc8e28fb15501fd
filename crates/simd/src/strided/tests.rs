use std::thread;

use super::*;
use crate::level::on_every_level;
use crate::{Kernel, dispatch};

fn buffers(lens: &[usize]) -> Vec<AlignedBuf> {
    let counting = |len: &usize| (0..*len).map(|i| i as f32).collect::<Vec<_>>();
    lens.iter().map(|len| AlignedBuf::try_from_slice(&counting(len)).expect("memory")).collect()
}

fn region(offset: usize, pixels: usize, stride: usize, channels: usize) -> Region {
    Region { offset, pixels, stride, channels, half: false }
}

/// The elements of a region, the slow way.
fn elements(r: Region) -> Vec<usize> {
    (0..r.pixels).flat_map(|p| (0..r.channels).map(move |c| r.offset + p * r.stride + c)).collect()
}

#[test]
#[cfg_attr(miri, ignore = "touches no memory, and takes Miri minutes")]
fn disjointness_is_never_claimed_wrongly_and_is_exact_for_equal_strides() {
    let mut regions = Vec::new();
    for stride in 1..=4 {
        for (offset, pixels) in (0..6).flat_map(|offset| (0..4).map(move |pixels| (offset, pixels))) {
            regions.extend((0..=stride).map(|channels| region(offset, pixels, stride, channels)));
        }
    }
    for a in &regions {
        for b in &regions {
            let shared = elements(*a).iter().any(|e| elements(*b).contains(e));
            assert!(!(a.is_disjoint(b) && shared), "{a} and {b}");
            assert_eq!(a.is_disjoint(b), b.is_disjoint(a), "{a} and {b}");
            // With three or more pixels each, in the same place, the arcs tell the whole truth.
            if a.stride == b.stride
                && a.pixels == 3
                && b.pixels == 3
                && a.offset.abs_diff(b.offset) < a.stride
            {
                assert_eq!(a.is_disjoint(b), !shared, "{a} and {b}");
            }
        }
    }
}

#[test]
fn a_dense_block_reads_and_writes_one_buffer() {
    let mut all = buffers(&[40]);
    let (reads, mut writes) =
        borrow(&mut all, &[(0, region(0, 5, 8, 3)), (0, region(1, 5, 8, 2))], &[(0, region(3, 5, 8, 5))])
            .expect("disjoint");
    for i in 0..5 {
        let sum: f32 = reads[0].pixel(i).iter().chain(reads[1].pixel(i)).sum();
        writes[0].pixel(i).fill(-sum);
    }
    assert_eq!(reads[0].pixel(4), [32.0, 33.0, 34.0]);
    assert_eq!(&all[0][32..], [32.0, 33.0, 34.0, -166.0, -166.0, -166.0, -166.0, -166.0]);
}

#[test]
fn halves_lie_beside_floats_and_beside_each_other() {
    let halves = |offset, channels| Region { half: true, ..region(offset, 4, 6, channels) };
    let mut all = buffers(&[12]);
    let (reads, mut writes) = borrow(&mut all, &[(0, halves(0, 2))], &[(0, halves(2, 4))])
        .expect("other channels of the same pixels");
    writes[0].pixel_of::<f16>(3).fill(f16::from_f32(0.5));
    assert_eq!(
        (reads[0].pixel_of::<f16>(3), reads[0].is_half()),
        (&[f16::ZERO, f16::from_f32(2.53125)][..], true)
    );
    assert_eq!(all[0][11].to_bits(), 0x3800_3800);

    let mut all = buffers(&[12]);
    let floats = region(6, 6, 1, 1);
    assert!(borrow(&mut all, &[(0, floats)], &[(0, Region { pixels: 2, ..halves(0, 6) })]).is_ok());
    assert!(borrow(&mut all, &[(0, floats)], &[(0, Region { pixels: 3, ..halves(0, 6) })]).is_err());
    assert!(borrow(&mut all, &[], &[(0, Region { pixels: 5, ..halves(0, 6) })]).is_err());
}

#[test]
#[should_panic(expected = "other kind")]
fn halves_are_not_floats() {
    let mut all = buffers(&[4]);
    let (reads, _) =
        borrow(&mut all, &[(0, Region { half: true, ..region(0, 2, 2, 2) })], &[]).expect("a region");
    reads[0].pixel(0);
}

#[test]
fn writes_may_not_overlap() {
    let mut all = buffers(&[64, 64]);
    let mut overlaps =
        |reads: &[(usize, Region)], writes: &[(usize, Region)]| match borrow(&mut all, reads, writes) {
            Ok(_) => false,
            Err(Error::Overlap { .. }) => true,
            Err(other) => panic!("{other}"),
        };
    let write = region(8, 4, 8, 4);
    // Other buffer; before; after; other channels; wrapped around the stride; empty.
    assert!(!overlaps(&[(1, write)], &[(0, write)]));
    assert!(!overlaps(&[(0, region(0, 1, 8, 8))], &[(0, write)]));
    assert!(!overlaps(&[(0, region(36, 2, 8, 8))], &[(0, write)]));
    assert!(!overlaps(&[(0, region(4, 6, 8, 4))], &[(0, write)]));
    assert!(!overlaps(&[(0, region(12, 4, 8, 4))], &[(0, write)]));
    assert!(!overlaps(&[(0, region(8, 0, 8, 8)), (0, region(8, 4, 8, 0))], &[(0, write)]));
    assert!(!overlaps(&[], &[(0, write), (0, region(12, 4, 8, 4)), (1, write)]));
    // The same; one channel shared; one shared around the stride; another stride; two writes.
    assert!(overlaps(&[(0, write)], &[(0, write)]));
    assert!(overlaps(&[(0, region(11, 4, 8, 4))], &[(0, write)]));
    assert!(overlaps(&[(0, region(4, 6, 8, 5))], &[(0, write)]));
    assert!(overlaps(&[(0, region(8, 1, 9, 1))], &[(0, write)]));
    assert!(overlaps(&[], &[(0, write), (0, region(15, 3, 8, 2))]));
    // Reads share freely.
    assert!(!overlaps(&[(0, write), (0, write), (0, region(0, 64, 1, 1))], &[]));
}

#[test]
fn regions_must_lie_in_their_buffer() {
    let mut all = buffers(&[32]);
    let mut fits =
        |r: (usize, Region)| match (borrow(&mut all, &[r], &[]).map(drop), borrow(&mut all, &[], &[r])) {
            (Ok(()), Ok(_)) => true,
            (Err(Error::OutOfBounds { .. }), Err(Error::OutOfBounds { .. })) => false,
            other => panic!("{other:?}"),
        };
    assert!(fits((0, region(0, 4, 8, 8))));
    assert!(fits((0, region(5, 4, 8, 3))));
    assert!(fits((0, region(32, 0, 8, 8))));
    assert!(fits((0, region(0, 1, 1000, 32))));
    assert!(fits((0, region(8, 4, 8, 0))));
    assert!(!fits((0, region(9, 4, 8, 0))));
    assert!(!fits((0, region(1, 4, 8, 8))));
    assert!(!fits((0, region(33, 0, 8, 8))));
    assert!(!fits((0, region(0, 2, 4, 5))));
    assert!(!fits((1, region(0, 0, 1, 1))));
    assert!(!fits((0, region(0, usize::MAX, usize::MAX, 1))));
    assert!(!fits((0, region(usize::MAX, 1, 8, 8))));
    assert!(!fits((0, region(0, 3, usize::MAX / 2, 8))));
}

#[test]
fn threads_write_their_rows_of_one_buffer() {
    let mut all = buffers(&[10 * 8]);
    let (reads, mut writes) =
        borrow(&mut all, &[(0, region(0, 10, 8, 6))], &[(0, region(6, 10, 8, 2))]).expect("disjoint");
    let source = reads[0];
    let target = writes.pop().expect("one write");
    thread::scope(|scope| {
        for (row, mut chunk) in target.chunks(4).enumerate() {
            scope.spawn(move || {
                assert_eq!(chunk.pixels(), if row == 2 { 2 } else { 4 });
                for i in 0..chunk.pixels() {
                    let sum = source.pixel(row * 4 + i).iter().sum();
                    chunk.pixel(i).fill(sum);
                }
            });
        }
    });
    for (p, pixel) in all[0].chunks(8).enumerate() {
        let sum = (0..6).map(|c| (p * 8 + c) as f32).sum::<f32>();
        assert_eq!(pixel[6..], [sum, sum]);
    }
}

#[test]
fn dense_regions_are_slices() {
    let mut all = buffers(&[32, 32]);
    let (reads, mut writes) =
        borrow(&mut all, &[(0, region(8, 3, 8, 8)), (0, region(0, 4, 8, 7))], &[(1, Region::dense(4, 8))])
            .expect("disjoint");
    assert_eq!(reads[0].as_slice().map(|s| (s.len(), s[0])), Some((24, 8.0)));
    assert_eq!(reads[0].slice(1..3).as_slice().map(|s| (s.len(), s[0])), Some((16, 16.0)));
    assert_eq!(reads[0].slice(3..3).as_slice(), Some(&[][..]));
    assert_eq!(reads[1].as_slice(), None);
    writes[0].as_mut_slice().expect("dense").fill(0.5);
    writes[0].reborrow().split_at(3).1.pixel(0).fill(1.5);
    assert_eq!(all[1].iter().sum::<f32>(), 24.0 * 0.5 + 8.0 * 1.5);

    let mut plain = [1.0, 2.0, 3.0, 4.0];
    PixelsMut::dense(&mut plain, 2).pixel(1)[0] = 5.0;
    assert_eq!(PixelsRef::dense(&plain, 2).pixel(1), [5.0, 4.0]);
    assert_eq!(PixelsRef::dense(&[], 0).pixels(), 0);

    let (reads, mut writes) =
        borrow(&mut all, &[(0, region(8, 4, 8, 0))], &[(0, region(8, 4, 8, 0))]).expect("empty");
    assert_eq!((reads[0].pixel(3).len(), writes[0].pixel(3).len()), (0, 0));
}

#[test]
#[should_panic(expected = "pixel 2 of 2")]
fn pixels_are_checked() {
    PixelsRef::dense(&[0.0; 4], 2).pixel(2);
}

#[test]
#[should_panic(expected = "pixel 1 of 1")]
fn pixels_of_a_chunk_are_checked() {
    let mut elements = [0.0; 4];
    let (mut head, _) = PixelsMut::dense(&mut elements, 2).split_at(1);
    head.pixel(1);
}

/// Adds one to a vector of the channels from 3 on of the four pixels of a grid.
struct AddOne<'a, 'p, E>(&'a mut PixelsMut<'p>, PixelsRef<'a>, Grid, PhantomData<E>);

impl<E: Element> Kernel for AddOne<'_, '_, E> {
    type Output = usize;

    #[inline(always)]
    fn run<I: Isa>(self, isa: I) -> usize {
        let values: [[I::F32; 2]; 2] = self.1.load_square::<I, E, 2>(isa, self.2, 3);
        let more = values.map(|row| row.map(|x| isa.add(x, isa.splat(1.0))));
        self.0.store_square::<I, E, 2>(isa, self.2, 3, &more);
        I::LANES
    }
}

fn squares<E: Element>(grid: Grid, pixels: [usize; 4]) {
    on_every_level(|level| {
        let wide = Region { half: E::HALF, ..region(2, 10, 30, 20) };
        let mut all = buffers(&[320, 320]);
        all[1].fill(0.0);
        let (reads, mut writes) = borrow(&mut all, &[(0, wide)], &[(1, wide)]).expect("two buffers");
        let lanes = dispatch(level, AddOne::<E>(&mut writes[0], reads[0], grid, PhantomData));
        let (reads, _) = borrow(&mut all, &[(0, wide), (1, wide)], &[]).expect("two buffers");
        let value = |i: usize, p: usize, c: usize| {
            if E::HALF { reads[i].pixel_of::<f16>(p)[c].to_f32() } else { reads[i].pixel(p)[c] }
        };
        for (p, c) in (0..10).flat_map(|p| (0..20).map(move |c| (p, c))) {
            let inside = pixels.contains(&p) && (3..3 + lanes).contains(&c);
            let sum = value(0, p, c) + 1.0;
            let sum = if E::HALF { f16::from_f32(sum).to_f32() } else { sum };
            assert_eq!(value(1, p, c), if inside { sum } else { 0.0 }, "channel {c} of pixel {p} on {level}");
        }
    });
}

#[test]
fn squares_of_vectors_are_read_and_written() {
    let (neighbours, apart) = (Grid { first: 1, row: 3, column: 1 }, Grid { first: 2, row: 5, column: 2 });
    for (grid, pixels) in [(neighbours, [1, 2, 4, 5]), (apart, [2, 4, 7, 9])] {
        squares::<f32>(grid, pixels);
        squares::<f16>(grid, pixels);
    }
}

fn lines<E: Element>() {
    let all = Region { half: E::HALF, ..region(2, 6, 30, 20) };
    let buffers = &mut buffers(&[200]);
    let (reads, _) = borrow(buffers, &[(0, all)], &[]).expect("one buffer");
    let outside = [E::ZERO; 20];
    let lines = reads[0].lines([Some(3), None, Some(0)], 3, &outside);
    assert_eq!(lines.channels(), 20);
    for x in 0..3 {
        lines.prefetch(x..3);
        let expected = [reads[0].pixel_of::<E>(3 + x), &outside, reads[0].pixel_of::<E>(x)];
        let got = lines.column(x);
        assert_eq!(got.map(<[E]>::as_ptr_range), expected.map(<[E]>::as_ptr_range), "column {x}");
    }
}

#[test]
fn lines_are_read_by_columns() {
    lines::<f32>();
    lines::<f16>();
}

#[test]
#[should_panic(expected = "3 pixels from 2 of 4")]
fn lines_end_with_the_region() {
    PixelsRef::dense(&[0.0; 8], 2).lines([Some(2)], 3, &[0.0; 2]);
}

#[test]
#[should_panic(expected = "pixel 2 of 2")]
fn columns_end_with_the_lines() {
    PixelsRef::dense(&[0.0; 8], 2).lines([Some(2)], 2, &[0.0; 2]).column(2);
}

#[test]
#[should_panic(expected = "a pixel of 1 channels, not 2")]
fn what_is_outside_has_as_many_channels() {
    PixelsRef::dense(&[0.0; 8], 2).lines([None], 2, &[0.0; 1]);
}
