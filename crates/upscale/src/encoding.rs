//! Which format results have, and how they are written in it.

use std::ffi::OsStr;
use std::path::Path;
use std::str::FromStr;

use amplio_media::animations::Dither;
use amplio_media::images::{self, FORMATS, Format, WriteOptions};
use amplio_media::{Depth, Metadata};

use crate::Error;

/// The format that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// That of the input if it can hold the result, else PNG, or TIFF for floats.
    #[default]
    Same,
    /// This one.
    This(Encoding),
}

/// A format that can be written, and the extension for its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// The format.
    pub format: &'static Format,
    /// The extension, without the dot.
    pub extension: String,
}

/// How results are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writing {
    /// In which format.
    pub format: Choice,
    /// The bits of a sample; those of the input if `None`.
    pub depth: Option<Depth>,
    /// The fidelity of lossy formats, 1 to 100; the usual one if `None`.
    pub quality: Option<u8>,
    /// Whether results go without EXIF, XMP and the like.
    pub strip: bool,
    /// How GIF makes the colours between those of its palette.
    pub dither: Dither,
    /// A picture of more pixels is refused; any number if `None`.
    pub most_pixels: Option<u64>,
}

/// Whether a format keeps the colours of a picture, at least at the highest quality; GIF does not.
pub fn holds_pictures(format: &Format) -> bool {
    format.write.as_ref().is_some_and(|writer| writer.lossy || writer.lossless)
}

/// The names of the formats that can be written, for people.
pub fn writable() -> String {
    let names: Vec<_> = FORMATS.iter().filter(|f| f.write.is_some()).map(|f| f.name).collect();
    names.join(", ")
}

impl Encoding {
    /// A format with its usual extension.
    pub fn of(format: &'static Format) -> Self {
        Self { format, extension: format.extensions[0].into() }
    }
}

impl FromStr for Choice {
    type Err = String;

    /// Understands a format's name, one of its extensions, or `same`.
    fn from_str(name: &str) -> Result<Self, String> {
        if name.eq_ignore_ascii_case("same") {
            return Ok(Self::Same);
        }
        let lower = name.to_ascii_lowercase();
        let found = images::by_name(name).map(Encoding::of).or_else(|| {
            images::by_extension(&lower).map(|format| Encoding { format, extension: lower.clone() })
        });
        match found {
            Some(encoding) if encoding.format.write.is_some() => Ok(Self::This(encoding)),
            Some(Encoding { format, .. }) => {
                Err(format!("{} cannot be written; there are {}", format.name, writable()))
            }
            None => Err(format!("unknown format; there are {}", writable())),
        }
    }
}

impl Choice {
    /// The format of the result for an input of this format, depth and name; that of the input only if it `holds` the result.
    pub fn resolve(
        &self,
        (input, depth): (&'static Format, Depth),
        name: Option<&Path>,
        holds: impl Fn(&Format) -> bool,
    ) -> Encoding {
        match self {
            Self::This(encoding) => encoding.clone(),
            Self::Same if holds(input) => {
                // `photo.JPG` becomes `photo_4x.JPG`, but a PNG that is called `photo.jpg` does not.
                let own = name.and_then(Path::extension).and_then(OsStr::to_str);
                let own = own.filter(|own| images::by_extension(own) == Some(input));
                Encoding { format: input, extension: own.unwrap_or(input.extensions[0]).into() }
            }
            Self::Same => {
                // PNG would clip light that is brighter than white.
                let fallback = if depth == Depth::F32 { "tiff" } else { "png" };
                Encoding::of(images::by_name(fallback).unwrap_or(FORMATS[0]))
            }
        }
    }
}

impl Writing {
    /// Whether a result of this width and height may be made.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if not.
    pub fn check(&self, (width, height): (u32, u32)) -> crate::Result<()> {
        match self.most_pixels {
            Some(most) if u64::from(width) * u64::from(height) > most => {
                Err(Error::TooLarge { width, height, most })
            }
            _ => Ok(()),
        }
    }

    /// How pictures with this metadata are written.
    pub fn options(&self, metadata: &Metadata) -> WriteOptions {
        let mut metadata = metadata.clone();
        if self.strip {
            metadata.strip();
        }
        let defaults = WriteOptions::default();
        WriteOptions { quality: self.quality.unwrap_or(defaults.quality), metadata, ..defaults }
    }
}

#[cfg(test)]
mod tests {
    use amplio_media::animations;

    use super::*;

    #[test]
    fn formats_go_by_name_and_extension() {
        let extension = |name: &str| match name.parse() {
            Ok(Choice::This(encoding)) => encoding.extension,
            other => panic!("{other:?}"),
        };
        assert_eq!(["jpeg", "JPG", "ppm"].map(extension), ["jpg", "jpg", "ppm"]);
        assert_eq!("same".parse(), Ok(Choice::Same));
        assert!("jxl".parse::<Choice>().is_err_and(|e| e.contains("cannot be written")));
        assert!("doc".parse::<Choice>().is_err_and(|e| e.contains("unknown")));
    }

    #[test]
    fn the_same_format_keeps_the_extension_if_it_is_its_own() {
        let format = |name| images::by_name(name).expect("a format");
        let resolved = |name, depth, path| {
            Choice::Same.resolve((format(name), depth), Some(Path::new(path)), holds_pictures).extension
        };
        let extension = |name, path| resolved(name, Depth::U8, path);
        assert_eq!(extension("jpeg", "photo.JPEG"), "JPEG");
        assert_eq!(extension("png", "photo.jpg"), "png");
        assert_eq!(extension("gif", "photo.gif"), "png");
        assert_eq!(extension("tiff", "photo"), "tif");
        let moving = Choice::Same.resolve((format("gif"), Depth::U8), None, animations::can_write);
        assert_eq!(moving.extension, "gif");
        let floats = ["exr", "hdr", "jxl"].map(|name| resolved(name, Depth::F32, "light"));
        assert_eq!(floats, ["tif"; 3], "light that is brighter than white stays");
        assert_eq!(resolved("jxl", Depth::U16, "photo.jxl"), "png");
    }
}
