use amplio_graph::Shape;
use amplio_graph::ops::{Coordinates, Filter, Resize, Target};

use super::{Item, Operator, Task, axes};
use crate::formats::onnx::malformed;
use crate::formats::onnx::probes::{Each, PROBES};
use crate::{Error, Result};

/// A picture sampled on another grid of pixels.
pub(super) const RESIZE: Operator = Operator::new("Resize", lower);

fn lower(task: &mut Task<'_, '_>) -> Result<Vec<Item>> {
    let x = task.item(0)?.clone();
    let from = task.net.dims(&x);
    if from[0].len() != 4 {
        return Err(Error::unsupported(format!("another grid for {} dimensions; 4 are", from[0].len())));
    }
    let size = size(task, &from)?;
    let word = |name: &'static str, default: &'static str| task.node.word(name, default);
    if word("keep_aspect_ratio_policy", "stretch")? != "stretch" {
        return Err(Error::unsupported("sizes that keep the aspect ratio"));
    }
    let (coordinates, nearest) = (
        coordinates(word("coordinate_transformation_mode", "half_pixel")?)?,
        word("nearest_mode", "round_prefer_floor")?,
    );
    let filter = match word("mode", "nearest")? {
        "nearest" => Filter::Nearest,
        "linear" => Filter::Bilinear,
        "cubic" => Filter::Bicubic(task.node.float("cubic_coeff_a", -0.75)?),
        other => return Err(malformed(format!("the mode {other:?}"))),
    };
    let smaller = (0..PROBES).any(|p| size[p][0] < from[p][2] || size[p][1] < from[p][3]);
    let antialias = task.node.int("antialias", 0)? != 0 && smaller && filter != Filter::Nearest;
    let excludes = task.node.int("exclude_outside", 0)? != 0;
    // Antialiasing filters end at the picture's edges; of the others, pixels continue there.
    if excludes != antialias && (antialias || matches!(filter, Filter::Bicubic(_))) {
        return Err(Error::unsupported(format!("exclude_outside of {excludes} for this filter")));
    }
    if filter == Filter::Nearest && !exact(nearest, coordinates, &from, &size) {
        return Err(Error::unsupported(format!(
            "the nearest pixel by {nearest} with {coordinates:?} and this factor"
        )));
    }
    let make = |target| Resize { filter, target, coordinates, antialias };
    if size == from.clone().map(|d| [d[2], d[3]]) {
        return Ok(vec![x]);
    }
    let resized = match (factors(&from, &size), like(task, &size)) {
        (Some(factors), _) => task.apply(make(Target::Scale(factors)), &[x])?,
        (None, _) if size.iter().all(|s| *s == size[0]) => task.apply(make(Target::Size(size[0])), &[x])?,
        (None, Some(other)) => task.apply(make(Target::LikeSecond), &[x, other])?,
        (None, None) => {
            return Err(Error::unsupported(format!(
                "sizes that are no multiple of the input's, and no other value's: {:?} becomes {:?}, and {:?} becomes {:?}",
                from[0], size[0], from[1], size[1]
            )));
        }
    };
    Ok(vec![resized])
}

/// The result's height and width for each probe.
fn size(task: &Task<'_, '_>, from: &Each<Vec<usize>>) -> Result<Each<[usize; 2]>> {
    let scales = task.optional(2).is_some() && !task.numbers(2)?.at(0).data.is_empty();
    let list = if scales { task.numbers(2)? } else { task.numbers(3)? };
    let axes = task.node.ints("axes")?.map_or(Ok(vec![0, 1, 2, 3]), |list| axes(list, 4))?;
    // Only sizes that the file itself says, and does not compute.
    let made_for = task.made_for.filter(|_| !scales && list.fixed().is_ok());
    let made_for = made_for.filter(|_| axes.contains(&2) && axes.contains(&3));
    let mut sizes = [[0; 2]; PROBES];
    for (probe, size) in sizes.iter_mut().enumerate() {
        let said = &list.at(probe).data;
        if said.len() != axes.len() {
            return Err(malformed(format!("{} sizes for {} axes", said.len(), axes.len())));
        }
        let mut all = from[probe].clone();
        for (&axis, &said) in axes.iter().zip(said) {
            // A factor was rounded to an `f32`; a product that just misses a whole number is meant to be it.
            let wide = if scales { all[axis] as f64 * said * (1.0 + f64::from(f32::EPSILON)) } else { said };
            all[axis] = if wide >= 0.0 && wide < f64::from(1 << 24) { wide as usize } else { 0 };
        }
        if let Some(made_for) = made_for {
            let picture = &task.net.shapes(task.net.input())[probe];
            let meant = meant([all[2], all[3]], made_for, [picture[2], picture[3]]);
            [all[2], all[3]] = meant.unwrap_or([all[2], all[3]]);
        }
        if all[..2] != from[probe][..2] || all.contains(&0) {
            return Err(Error::unsupported(format!(
                "{} as another grid of {}",
                Shape::new(all),
                Shape::new(from[probe].clone())
            )));
        }
        *size = [all[2], all[3]];
    }
    Ok(sizes)
}

/// What a size that a file says is for a picture of another size than the one that the file was made for: as large a part of
/// it, or so many times as large.
fn meant(size: [usize; 2], made_for: [usize; 2], picture: [usize; 2]) -> Option<[usize; 2]> {
    let same = size[0] as u64 * made_for[1] as u64 == size[1] as u64 * made_for[0] as u64;
    let side = |side: usize| {
        let product = picture[side].checked_mul(size[side])?;
        product.is_multiple_of(made_for[side]).then(|| product / made_for[side])
    };
    Some([side(0)?, side(1)?]).filter(|_| same)
}

/// The factors, if they are the same for every size.
fn factors(from: &Each<Vec<usize>>, to: &Each<[usize; 2]>) -> Option<[f64; 2]> {
    let same =
        |side: usize| (0..PROBES).all(|p| to[p][side] * from[0][2 + side] == to[0][side] * from[p][2 + side]);
    let exact = same(0) && same(1);
    exact.then(|| [0, 1].map(|side| to[0][side] as f64 / from[0][2 + side] as f64))
}

/// A picture of this size.
fn like(task: &Task<'_, '_>, size: &Each<[usize; 2]>) -> Option<Item> {
    task.net.picture(size).map(Item::Value)
}

fn coordinates(word: &str) -> Result<Coordinates> {
    match word {
        "half_pixel" | "pytorch_half_pixel" | "half_pixel_symmetric" => Ok(Coordinates::HalfPixel),
        "align_corners" => Ok(Coordinates::AlignCorners),
        "asymmetric" => Ok(Coordinates::Asymmetric),
        other => Err(Error::unsupported(format!("the coordinates {other:?}"))),
    }
}

/// Whether the primitive's way of rounding takes the same pixels.
fn exact(nearest: &str, coordinates: Coordinates, from: &Each<Vec<usize>>, to: &Each<[usize; 2]>) -> bool {
    let factors = factors(from, to);
    // Where half pixels are enlarged by whole numbers or reduced by odd ones, no place lies in the middle of two pixels.
    let no_ties = factors.is_some_and(|all| {
        all.iter().all(|f| f.fract() == 0.0 || ((1.0 / f).fract() == 0.0 && (1.0 / f) % 2.0 == 1.0))
    });
    match coordinates {
        Coordinates::Asymmetric => {
            nearest == "floor" || factors.is_some_and(|all| all.iter().all(|f| (1.0 / f).fract() == 0.0))
        }
        Coordinates::HalfPixel => {
            nearest == "round_prefer_ceil" || (nearest == "round_prefer_floor" && no_ties)
        }
        Coordinates::AlignCorners => nearest == "round_prefer_ceil",
    }
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn sizes_are_parts_of_the_picture() {
        assert_eq!(meant([32, 48], [16, 24], [40, 8]), Some([80, 16]));
        assert_eq!(meant([4, 6], [16, 24], [40, 8]), Some([10, 2]));
        assert_eq!(meant([4, 6], [16, 24], [41, 8]), None, "it would be no whole number of rows");
        assert_eq!(meant([7, 7], [16, 24], [40, 8]), None, "it is no part of the picture");
    }
}
