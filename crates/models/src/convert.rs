use amplio_graph::Tensor;
use half::f16;

use crate::formats::safetensors;
use crate::{DType, Model, Result, Weights};

/// How a model is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// How numbers are stored: [`DType::F16`] or [`DType::F32`].
    pub dtype: DType,
    /// The licence to name in the file; the model's own if `None`.
    pub licence: Option<String>,
    /// Where the model comes from, to be named in the file; the model's own if `None`.
    pub source: Option<String>,
}

/// The model as a safetensors file, with the paths of its architecture.
///
/// With [`DType::F16`], numbers that are not exactly a half are rounded to one, but not vectors (biases, slopes): they are
/// small, and each of their errors touches every pixel. Nor are tensors with numbers that no half can hold.
///
/// # Errors
/// If the model has no weights under paths (see [`Model::weights`]), or the type cannot be written.
pub fn convert(model: &Model, conversion: &Conversion) -> Result<Vec<u8>> {
    let (architecture, weights) = model.recognise()?;
    let mut written = Weights::new();
    for (path, weight) in weights.iter() {
        let dtype = if conversion.dtype == DType::F16 { narrowest(&weight.tensor) } else { conversion.dtype };
        written.insert(path, weight.tensor.clone(), dtype);
    }
    let info = model.info();
    let said = [
        ("architecture", Some(architecture.name.to_owned())),
        ("license", conversion.licence.clone().or_else(|| info.licence.clone())),
        ("source", conversion.source.clone().or_else(|| info.source.clone())),
    ];
    *written.metadata_mut() = weights.metadata().clone();
    written.metadata_mut().remove("licence");
    written.metadata_mut().extend(said.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    safetensors::write(&written)
}

fn narrowest(tensor: &Tensor) -> DType {
    let exact = |v: &f32| f16::from_f32(*v).to_f32().to_bits() == v.to_bits();
    let holds = |v: &f32| f16::from_f32(*v).is_finite();
    let matrix = tensor.shape().rank() > 1;
    let narrow = tensor.data().iter().all(|v| if matrix { holds(v) } else { exact(v) });
    if narrow { DType::F16 } else { DType::F32 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use amplio_graph::Shape;

    #[test]
    fn vectors_keep_their_bits() {
        let matrix = |v| Tensor::new(Shape::new([1, 1]), vec![v]).expect("one number");
        assert_eq!(narrowest(&Tensor::vector(vec![0.5, -3.0])), DType::F16);
        assert_eq!(narrowest(&Tensor::vector(vec![0.1])), DType::F32);
        assert_eq!(narrowest(&matrix(0.1)), DType::F16);
        assert_eq!(narrowest(&matrix(1e6)), DType::F32);
    }
}
