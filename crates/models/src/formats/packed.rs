//! Model files inside zip archives, to which lists of models often link. An archive is looked into whenever its model is loaded;
//! nothing of it is unpacked to files, so that no name in it can do harm.

use std::borrow::Cow;
use std::path::Path;

use super::pth::archive::{self, Archive};
use crate::{Error, Limits, Result};

/// An archive with one model.
#[derive(Debug)]
pub(crate) struct Packed<'a> {
    archive: Archive<'a>,
    model: &'a str,
    /// The numbers of a network in NCNN's format, whose layers `model` has.
    numbers: Option<&'a str>,
}

/// What PyTorch's own archives have, which are model files themselves.
const PICKLE: &str = "data.pkl";

/// Endings of model files, and of the two files of a network in NCNN's format.
const MODELS: [&str; 6] = ["pth", "pt", "ckpt", "safetensors", "onnx", LAYERS];
const LAYERS: &str = "param";
const NUMBERS: &str = "bin";

/// How many models of an archive a message lists.
const LISTED: usize = 4;

impl<'a> Packed<'a> {
    /// The archive that these bytes are, if it holds model files and is none itself.
    ///
    /// # Errors
    /// If it holds several, of which nobody can know the one that is meant.
    pub(crate) fn of(bytes: &'a [u8], limits: &Limits) -> Result<Option<Self>> {
        let archive = archive::probe(bytes).then(|| Archive::new(bytes, limits).ok()).flatten();
        let Some(archive) = archive.filter(|archive| !archive.names().any(|name| name.ends_with(PICKLE)))
        else {
            return Ok(None);
        };
        let with = |wanted: &dyn Fn(&str) -> bool| -> Vec<&'a str> {
            archive.names().filter(|name| !is_shadow(name) && wanted(&ending(name))).collect()
        };
        let models = with(&|end| MODELS.contains(&end));
        let numbers = with(&|end| end == NUMBERS);
        match (&models[..], &numbers[..]) {
            ([], _) => Ok(None),
            (&[model], &[numbers]) if ending(model) == LAYERS => {
                Ok(Some(Self { archive, model, numbers: Some(numbers) }))
            }
            (&[model], _) if ending(model) != LAYERS => Ok(Some(Self { archive, model, numbers: None })),
            _ => {
                let more = if models.len() > LISTED { ", …" } else { "" };
                let names =
                    models.iter().take(LISTED).map(|name| printable(name)).collect::<Vec<_>>().join(", ");
                let what = format!("a zip archive that holds {names}{more}; unpack it and name one of them");
                Err(Error::unsupported(what))
            }
        }
    }

    /// The model's name in it, which says what it is.
    pub(crate) fn name(&self) -> &'a Path {
        Path::new(self.model)
    }

    /// Where the model lies, for messages.
    pub(crate) fn place(&self) -> String {
        place(self.model)
    }

    /// The model's bytes.
    ///
    /// # Errors
    /// If they are damaged, encrypted, too many, or packed in an unusual way.
    pub(crate) fn model(&self, limits: &Limits) -> Result<Cow<'a, [u8]>> {
        self.entry(self.model, limits)
    }

    /// The numbers that belong to the model's layers, if these lie in a file of their own.
    ///
    /// # Errors
    /// As [`Packed::model`].
    pub(crate) fn numbers(&self, limits: &Limits) -> Result<Option<Cow<'a, [u8]>>> {
        self.numbers.map(|name| self.entry(name, limits)).transpose()
    }

    fn entry(&self, name: &str, limits: &Limits) -> Result<Cow<'a, [u8]>> {
        self.archive.unpacked(name, limits).map_err(|error| error.within(place(name)))
    }
}

fn place(name: &str) -> String {
    format!("entry {}", printable(name))
}

/// The ending of a name, without the dot, in small letters.
fn ending(name: &str) -> String {
    Path::new(name).extension().and_then(|end| end.to_str()).unwrap_or_default().to_ascii_lowercase()
}

/// Whether a file only says something of another one, as macOS adds them.
fn is_shadow(name: &str) -> bool {
    name.starts_with("__MACOSX/") || name.rsplit('/').next().is_some_and(|file| file.starts_with('.'))
}

/// A name of which nobody knows who has chosen it, safe to be said.
fn printable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}
