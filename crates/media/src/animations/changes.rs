//! What changes from one canvas to the next.

use super::canvas::Rect;

/// The smallest part outside which two canvases of this width and so many samples in a pixel are equal; `None` if they
/// are equal everywhere.
pub(super) fn changed<T: PartialEq>(before: &[T], after: &[T], width: u32, count: usize) -> Option<Rect> {
    let row = width as usize * count;
    let differs = |y: &usize| before[y * row..][..row] != after[y * row..][..row];
    let height = before.len() / row;
    let top = (0..height).find(differs)?;
    let bottom = (top..height).rev().find(differs)? + 1;
    let (mut left, mut right) = (width as usize, 0);
    for y in top..bottom {
        let (a, b) = (&before[y * row..][..row], &after[y * row..][..row]);
        let differs = |x: &usize| a[x * count..][..count] != b[x * count..][..count];
        left = (0..left).find(differs).unwrap_or(left);
        right = (right..width as usize).rev().find(differs).map_or(right, |x| x + 1);
    }
    Some(Rect { x: left as u32, y: top as u32, width: (right - left) as u32, height: (bottom - top) as u32 })
}

/// The samples of a part of a canvas.
pub(super) fn cut<T: Copy>(canvas: &[T], width: u32, count: usize, part: Rect) -> Vec<T> {
    let row = width as usize * count;
    let columns = part.x as usize * count..(part.x + part.width) as usize * count;
    let rows = canvas.chunks_exact(row).skip(part.y as usize).take(part.height as usize);
    rows.flat_map(|row| &row[columns.clone()]).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::{Rect, changed, cut};

    #[test]
    fn the_part_holds_every_change() {
        let before = vec![0u8; 5 * 4 * 2];
        assert_eq!(changed(&before, &before, 5, 2), None);
        let mut after = before.clone();
        after[(5 + 3) * 2 + 1] = 1;
        assert_eq!(changed(&before, &after, 5, 2), Some(Rect { x: 3, y: 1, width: 1, height: 1 }));
        after[(3 * 5 + 1) * 2] = 2;
        let part = Rect { x: 1, y: 1, width: 3, height: 3 };
        assert_eq!(changed(&before, &after, 5, 2), Some(part));
        assert_eq!(cut(&after, 5, 2, part), [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0]);
    }
}
