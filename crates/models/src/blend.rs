use amplio_graph::Tensor;

use crate::formats::Contents;
use crate::{DType, Error, Model, Result, Weights};

/// The network whose numbers lie between those of two, at `ratio` of the way from the first to the second (Wang et al. 2019,
/// arXiv 1811.10515). Networks of which one was trained further from the other have everything between them in common; of
/// others, the result is noise.
///
/// # Errors
/// If the ratio does not lie from 0 to 1, if one of the networks has no known architecture (see [`Model::recognise`]), or if
/// they differ in the architecture, in a path or in a shape.
pub fn blend(first: &Model, second: &Model, ratio: f64) -> Result<Model> {
    if !(0.0..=1.0).contains(&ratio) {
        return Err(Error::unsupported(format!("a blend at {ratio}; the ratio lies from 0 to 1")));
    }
    let names = [first, second].map(|model| model.info().name.as_str());
    let ((family, ours), (other, theirs)) = (first.recognise()?, second.recognise()?);
    if family.name != other.name {
        return Err(misfit(names, format!("one is {}, the other {}", family.name, other.name)));
    }
    if let Some(path) = theirs.paths().find(|path| !ours.has(path)) {
        return Err(misfit(names, format!("only the second has a tensor {path}")));
    }
    let mut blended = Weights::new();
    for (path, weight) in ours.iter() {
        let Some(partner) = theirs.get(path) else {
            return Err(misfit(names, format!("only the first has a tensor {path}")));
        };
        let shapes = [weight.tensor.shape(), partner.tensor.shape()];
        if shapes[0] != shapes[1] {
            return Err(misfit(names, format!("{path} has the shapes {} and {}", shapes[0], shapes[1])));
        }
        blended.insert(path, between(&weight.tensor, &partner.tensor, ratio)?, DType::F32);
    }
    let said = |key: &&str| ours.metadata().get(*key) == theirs.metadata().get(*key);
    let kept = ours.metadata().iter().filter(|(key, _)| said(&key.as_str()));
    blended.metadata_mut().extend(kept.map(|(key, note)| (key.clone(), note.clone())));
    Model::new(names[0], first.info().format, Contents::Weights(blended))
}

fn between(a: &Tensor, b: &Tensor, ratio: f64) -> Result<Tensor> {
    let mix = |(a, b): (&f32, &f32)| (f64::from(*a) * (1.0 - ratio) + f64::from(*b) * ratio) as f32;
    Ok(Tensor::new(a.shape().clone(), a.data().iter().zip(b.data()).map(mix).collect())?)
}

fn misfit(names: [&str; 2], what: String) -> Error {
    Error::unsupported(format!("a blend of {} and {}: {what}", names[0], names[1]))
}
