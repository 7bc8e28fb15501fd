use amplio_graph::ops::{MatMul, Reduce, ReduceKind, Transpose};

use super::{Item, Operator, Task};
use crate::formats::onnx::malformed;
use crate::formats::onnx::probes::Each;
use crate::{Error, Result};

/// A sum of products, in which letters name the axes: a product of matrices, between axes in another order.
pub(super) const EINSUM: Operator = Operator::new("Einsum", lower);

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let equation: String =
        task.node.word("equation", "")?.to_owned().chars().filter(|c| !c.is_whitespace()).collect();
    let unknown = || Error::unsupported(format!("the sum of products {equation:?}; those of two values are"));
    let (inputs, output) = equation.split_once("->").ok_or_else(unknown)?;
    let (a, b) = inputs.split_once(',').ok_or_else(unknown)?;
    let letters = |word: &str| word.chars().collect::<Vec<char>>();
    let (a, b, output) = (letters(a), letters(b), letters(output));
    let once = |word: &[char]| {
        word.iter().all(|c| c.is_ascii_alphabetic() && word.iter().filter(|o| *o == c).count() == 1)
    };
    if ![&a, &b, &output].into_iter().all(|word| once(word))
        || !output.iter().all(|c| a.contains(c) || b.contains(c))
    {
        return Err(unknown());
    }
    let only = |word: &[char], f: &dyn Fn(&char) -> bool| {
        word.iter().copied().filter(|c| f(c)).collect::<Vec<char>>()
    };
    let batch = only(&output, &|c| a.contains(c) && b.contains(c));
    let summed = only(&a, &|c| b.contains(c) && !output.contains(c));
    let (left, right) = (only(&output, &|c| !b.contains(c)), only(&output, &|c| !a.contains(c)));

    let first = arranged(task, 0, &a, [&batch, &left, &summed])?;
    let second = arranged(task, 1, &b, [&batch, &summed, &right])?;
    let product = task.apply(MatMul, &[first.item, second.item])?;
    // The axes that were joined for the product come apart again.
    let dims = std::array::from_fn(|p| {
        let [leading, left] = [0, 1].map(|group| first.sizes[p][group].clone());
        [leading, left, second.sizes[p][2].clone()].concat()
    });
    let product = task.net.reshape(&product, &dims)?;
    let made = [&batch[..], &left, &right].concat();
    Ok(vec![ordered(task, product, &made, &output)?])
}

/// An operand whose axes are joined into groups: the first stays apart, the others become one axis each.
struct Arranged {
    item: Item,
    /// For each probe, the sizes of the axes of each group.
    sizes: Each<[Vec<usize>; 3]>,
}

fn arranged(
    task: &mut Task<'_, '_>,
    index: usize,
    letters: &[char],
    groups: [&Vec<char>; 3],
) -> Result<Arranged> {
    let mut x = task.item(index)?.clone();
    if task.net.rank(&x) != letters.len() {
        return Err(malformed(format!("{} letters for {} axes", letters.len(), task.net.rank(&x))));
    }
    let wanted = groups.map(|group| &group[..]).concat();
    let gone: Vec<usize> = (0..letters.len()).filter(|&axis| !wanted.contains(&letters[axis])).collect();
    let mut kept = letters.to_vec();
    if !gone.is_empty() {
        kept.retain(|c| wanted.contains(c));
        x = task.apply(Reduce { kind: ReduceKind::Sum, axes: gone, keep: false }, &[x])?;
    }
    let x = ordered(task, x, &kept, &wanted)?;
    let dims = task.net.dims(&x);
    let sizes: Each<[Vec<usize>; 3]> = dims.each_ref().map(|dims| {
        let (first, rest) = dims.split_at(groups[0].len());
        let (second, third) = rest.split_at(groups[1].len());
        [first.to_vec(), second.to_vec(), third.to_vec()]
    });
    let joined = sizes.each_ref().map(|[first, second, third]| {
        let product = |sizes: &[usize]| sizes.iter().fold(1, |n: usize, d| n.saturating_mul(*d));
        [&first[..], &[product(second), product(third)]].concat()
    });
    Ok(Arranged { item: task.net.reshape(&x, &joined)?, sizes })
}

/// The axes of a value in another order.
fn ordered(task: &mut Task<'_, '_>, x: Item, from: &[char], to: &[char]) -> Result<Item> {
    let axes: Vec<usize> = to.iter().filter_map(|c| from.iter().position(|other| other == c)).collect();
    if axes.iter().copied().eq(0..from.len()) { Ok(x) } else { task.apply(Transpose { axes }, &[x]) }
}
