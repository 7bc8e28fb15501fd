//! The models that need no file. Both are Real-ESRGAN's; `assets/models/README.md` says where they come from and how their
//! files were made.

use crate::catalogue::Key;
use crate::{Error, Model, Result};

/// A model inside the program.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    /// Its name, as its authors have it.
    pub name: &'static str,
    /// Other names that mean it.
    pub aliases: &'static [&'static str],
    /// The pictures that it is for.
    pub kind: Kind,
    /// How many times larger a picture becomes.
    pub scale: usize,
    /// Its licence, as SPDX names it.
    pub licence: &'static str,
    /// Where its authors have published it.
    pub source: &'static str,
    /// What it is, in a line.
    pub description: &'static str,
    bytes: &'static [u8],
}

/// What pictures a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Photographs.
    Photo,
    /// Drawn pictures.
    Drawing,
}

/// All of them, the default first.
pub const BUILTIN: &[Builtin] = &[
    Builtin {
        name: "realesr-general-x4v3",
        aliases: &["photo", "general"],
        kind: Kind::Photo,
        scale: 4,
        licence: "BSD-3-Clause",
        source: "https://github.com/xinntao/Real-ESRGAN/releases/download/v0.2.5.0/realesr-general-x4v3.pth",
        description: "Real-ESRGAN's small model for photographs and everything else",
        bytes: include_bytes!("../../../assets/models/realesr-general-x4v3.safetensors"),
    },
    Builtin {
        name: "realesr-animevideov3",
        aliases: &["anime", "drawing"],
        kind: Kind::Drawing,
        scale: 4,
        licence: "BSD-3-Clause",
        source: "https://github.com/xinntao/Real-ESRGAN/releases/download/v0.2.5.0/realesr-animevideov3.pth",
        description: "Real-ESRGAN's smallest model, for drawn pictures and animated films",
        bytes: include_bytes!("../../../assets/models/realesr-animevideov3.safetensors"),
    },
];

impl Builtin {
    /// The file's contents: safetensors.
    pub fn bytes(&self) -> &'static [u8] {
        self.bytes
    }

    /// The model.
    ///
    /// # Errors
    /// If the file inside the program is not what it was when the program was tested.
    pub fn load(&self) -> Result<Model> {
        Model::from_bytes(self.name, self.bytes)
    }
}

/// The model of this name or alias; case, blanks, `-` and `_` do not matter.
///
/// # Errors
/// If there is none.
pub fn find(name: &str) -> Result<&'static Builtin> {
    let wanted = Key::of_name(name);
    let means = |builtin: &&Builtin| {
        let mut names = std::iter::once(&builtin.name).chain(builtin.aliases);
        wanted.is_some() && names.any(|known| Key::of_name(known) == wanted)
    };
    BUILTIN.iter().find(means).ok_or_else(|| {
        let known: Vec<_> = BUILTIN.iter().map(|builtin| builtin.name).collect();
        Error::not_found(format!("no model called {name} is built in; there are {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_however_they_are_written() {
        let found = |name| find(name).ok().map(|builtin| builtin.name);
        for name in ["realesr-general-x4v3", "Realesr_General_x4v3", "Photo", "general"] {
            assert_eq!(found(name), Some("realesr-general-x4v3"), "{name}");
        }
        assert_eq!((found(""), found("realesr-generalx4v3")), (None, None));
    }
}
