//! Which format results have.

use std::ffi::OsStr;
use std::path::Path;

use amplio::media::archives;
use amplio::media::images::{self, FORMATS, Format};

/// The format that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// That of the input if it can hold the result, else PNG.
    Same,
    /// This one.
    This(Encoding),
}

/// A format that can be written, and the extension for its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) format: &'static Format,
    /// Without the dot.
    pub(crate) extension: String,
}

/// What results can be put into, beside files of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    /// A ZIP file, with everything else that the input holds.
    Archive,
}

/// The container that a file's name asks for.
pub(crate) fn container(path: &Path) -> Option<Container> {
    let extension = extension(path)?;
    archives::EXTENSIONS.contains(&extension.as_str()).then_some(Container::Archive)
}

/// Whether a format keeps the colours of a picture, at least at the highest quality; GIF does not.
pub(crate) fn holds_pictures(format: &Format) -> bool {
    format.write.as_ref().is_some_and(|writer| writer.lossy || writer.lossless)
}

/// What a name on the command line means: a format's name, one of its extensions, or `same`.
pub(crate) fn parse(name: &str) -> Result<Choice, String> {
    if name.eq_ignore_ascii_case("same") {
        return Ok(Choice::Same);
    }
    let found = images::by_name(name).map(|format| (format, format.extensions[0]));
    let lower = name.to_ascii_lowercase();
    let found = found.or_else(|| images::by_extension(&lower).map(|format| (format, lower.as_str())));
    match found {
        Some((format, extension)) if format.write.is_some() => {
            Ok(Choice::This(Encoding { format, extension: extension.into() }))
        }
        Some((format, _)) => Err(format!("{} cannot be written; there are {}", format.name, writable())),
        None => Err(format!("unknown format; there are {}", writable())),
    }
}

/// The format that a file's name asks for, if its extension is known.
pub(crate) fn of_name(path: &Path) -> Option<Result<Encoding, String>> {
    let extension = extension(path)?;
    let format = images::by_extension(&extension)?;
    Some(match format.write {
        Some(_) => Ok(Encoding { format, extension }),
        None => Err(format!("{} cannot be written; there are {}", format.name, writable())),
    })
}

/// The names of the formats that can be written.
pub(crate) fn writable() -> String {
    let names: Vec<_> = FORMATS.iter().filter(|f| f.write.is_some()).map(|f| f.name).collect();
    names.join(", ")
}

impl Choice {
    /// The format of the result for an input of this format and name; that of the input only if it can hold the result.
    pub(crate) fn resolve(
        &self,
        input: &'static Format,
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
            Self::Same => png(),
        }
    }
}

fn png() -> Encoding {
    let format = FORMATS.iter().find(|format| format.name == "png").unwrap_or(&FORMATS[0]);
    Encoding { format, extension: format.extensions[0].into() }
}

fn extension(path: &Path) -> Option<String> {
    path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use amplio::media::animations;

    use super::*;

    #[test]
    fn formats_go_by_name_and_extension() {
        let extension = |name| match parse(name) {
            Ok(Choice::This(encoding)) => encoding.extension,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            (extension("jpeg"), extension("JPG"), extension("ppm")),
            ("jpg".into(), "jpg".into(), "ppm".into())
        );
        assert_eq!(parse("same"), Ok(Choice::Same));
        assert!(parse("jxl").is_err_and(|e| e.contains("cannot be written")));
        assert!(parse("doc").is_err_and(|e| e.contains("unknown")));
    }

    #[test]
    fn the_same_format_keeps_the_extension_if_it_is_its_own() {
        let format = |name| images::by_name(name).expect("a format");
        let extension =
            |name, path| Choice::Same.resolve(format(name), Some(Path::new(path)), holds_pictures).extension;
        assert_eq!(extension("jpeg", "photo.JPEG"), "JPEG");
        assert_eq!(extension("png", "photo.jpg"), "png");
        assert_eq!(extension("gif", "photo.gif"), "png");
        assert_eq!(Choice::Same.resolve(format("tiff"), None, holds_pictures).extension, "tif");
        assert_eq!(Choice::Same.resolve(format("gif"), None, animations::can_write).extension, "gif");
    }
}
