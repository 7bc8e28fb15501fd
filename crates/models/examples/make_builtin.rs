//! Makes the files of the built-in models from the NCNN files that `tools/fetch-weights` fetches. Arguments: the NCNN
//! model, the file to write, the source to name in it. `amplio convert` does the same.

use std::error::Error;
use std::path::Path;

use amplio_models::{Conversion, DType, Model, convert};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [from, to, source] = &arguments[..] else { return Err("usage: make_builtin FROM TO SOURCE".into()) };
    let conversion = Conversion {
        dtype: DType::F16,
        licence: Some("BSD-3-Clause".to_owned()),
        source: Some(source.clone()),
    };
    std::fs::write(to, convert(&Model::load(Path::new(from))?, &conversion)?)?;
    Ok(())
}
