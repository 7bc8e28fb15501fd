//! What content is, and what kind of file its result will be.

use std::ffi::OsStr;
use std::path::Path;

use amplio::media::animations::{self, Limits};
use amplio::media::images::{self, FORMATS, Format};
use amplio::media::pages;
use amplio::media::videos::{CONTAINERS, Container};
use amplio::media::{Header, Kind};
use amplio::{Choice, Encoding, holds_pictures};

use super::wish::Recipe;
use crate::refusal::{Code, Refusal};
use crate::spool::Content;

/// How many bytes of a file tell what it is.
const FIRST_BYTES: usize = 64;

/// The name by which ffmpeg's kinds of files know pictures that only it reads.
const MOVING: &str = "moving.avif";

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileKind {
    /// Without the dot.
    pub(crate) extension: &'static str,
    pub(crate) mime: &'static str,
}

/// Archives.
pub(crate) const ARCHIVES: [FileKind; 2] = [
    FileKind { extension: "zip", mime: "application/zip" },
    FileKind { extension: "cbz", mime: "application/vnd.comicbook+zip" },
];

impl FileKind {
    /// The kind of file of this extension.
    pub(crate) fn of_extension(extension: &str) -> Option<Self> {
        let pictures = FORMATS.iter().map(|format| Self::from(*format));
        let videos = CONTAINERS.iter().map(Self::from);
        pictures.chain(videos).chain(ARCHIVES).find(|kind| kind.extension == extension)
    }
}

impl From<&'static Format> for FileKind {
    fn from(format: &'static Format) -> Self {
        Self { extension: format.extensions[0], mime: format.mime }
    }
}

impl From<&'static Container> for FileKind {
    fn from(container: &'static Container) -> Self {
        Self { extension: container.extensions[0], mime: container.mime }
    }
}

/// Whether content is an archive.
pub(crate) fn is_archive(content: &Content) -> Result<bool, Refusal> {
    let first = content.first(FIRST_BYTES).map_err(Refusal::internal)?;
    Ok(Kind::of_first(&first, None) == Some(Kind::Archive))
}

/// What content is, with what was found out about it.
pub(crate) enum Subject {
    /// A picture of this shape, and the format of its result.
    Picture(Header, &'static Format),
    /// An animation, and the format of its result.
    Animation(&'static Format),
    /// A file of several pages.
    Pages,
    /// An archive; its result is one of the same kind.
    Archive(FileKind),
    /// A video, and what its result is put into.
    Video(&'static Container),
    /// An animation that becomes a video, and what that is put into.
    Slides(&'static Container),
}

/// How content is looked at.
pub(crate) struct Look<'a> {
    /// The name of its file, if there is one.
    pub(crate) name: Option<&'a str>,
    pub(crate) recipe: &'a Recipe,
    /// The format of the result where the recipe leaves it open; the content's own if `None`.
    pub(crate) preferred: Option<&'static Format>,
    pub(crate) limits: &'a Limits,
    /// The most bytes of what is read into memory.
    pub(crate) most: u64,
}

impl Look<'_> {
    /// Finds out what content is, whether it is within the limits, and whether what is asked for can be made of it.
    pub(crate) fn at(&self, content: &Content) -> Result<Subject, Refusal> {
        let first = content.first(FIRST_BYTES).map_err(Refusal::internal)?;
        let name = self.name.map(Path::new);
        let kind = match Kind::of_first(&first, name) {
            Some(Kind::Video) => return self.video(&first, name),
            Some(kind) => kind,
            None if content.length() > self.most => {
                let what = format!("a picture has at most {} bytes", self.most);
                return Err(Refusal::too_large("max-body", self.most, what));
            }
            None => {
                let bytes = content.bytes().map_err(Refusal::internal)?;
                let kind = Kind::of_bytes(&bytes, self.limits)?;
                if kind != Kind::Pages {
                    return self.picture(&bytes, kind == Kind::Animation);
                }
                kind
            }
        };
        self.check_still()?;
        if kind == Kind::Archive {
            let own = name.and_then(Path::extension).and_then(OsStr::to_str).map(str::to_ascii_lowercase);
            let kind = ARCHIVES.into_iter().find(|kind| Some(kind.extension) == own.as_deref());
            return Ok(Subject::Archive(kind.unwrap_or(ARCHIVES[0])));
        }
        match &self.recipe.writing.format {
            Choice::This(encoding) if encoding.format != pages::FORMAT => Err(Refusal::invalid(format!(
                "the file has several pages, and {} holds one",
                encoding.format.name
            ))),
            _ => Ok(Subject::Pages),
        }
    }

    fn picture(&self, bytes: &[u8], moves: bool) -> Result<Subject, Refusal> {
        if animations::is_beyond_reading(bytes) {
            return self.video(bytes, Some(Path::new(MOVING)));
        }
        let (own, header) = images::read_header(bytes)?;
        self.limits.picture.check(&header)?;
        match self.recipe.container {
            Some(container) if moves => return Ok(Subject::Slides(container)),
            _ => self.check_still()?,
        }
        let holds = if moves { animations::can_write } else { holds_pictures };
        let choice = match (&self.recipe.writing.format, self.preferred) {
            (Choice::Same, Some(format)) if !moves || holds(format) => Choice::This(Encoding::of(format)),
            (choice, _) => choice.clone(),
        };
        let format = choice.resolve((own, header.depth), None, holds).format;
        match moves {
            false => Ok(Subject::Picture(header, format)),
            true if holds(format) => Ok(Subject::Animation(format)),
            true => {
                let names: Vec<_> = animations::writable().collect();
                let what =
                    format!("it is an animation, and {} does not move; {} do", format.name, names.join(", "));
                Err(Refusal::invalid(what))
            }
        }
    }

    fn video(&self, first: &[u8], name: Option<&Path>) -> Result<Subject, Refusal> {
        let own = name.and_then(Container::of_moving).or_else(|| Container::of_first(first));
        let is_own = |format: &Format| own.is_some_and(|own| own.extensions == format.extensions);
        match &self.recipe.writing.format {
            Choice::This(encoding) if !is_own(encoding.format) => {
                let names: Vec<_> = CONTAINERS.iter().map(|container| container.extensions[0]).collect();
                let format = encoding.format.name;
                let what = format!("it is a video; format is one of {}, not {format}", names.join(", "));
                return Err(Refusal::invalid(what));
            }
            _ => {}
        }
        Ok(Subject::Video(self.recipe.container.or(own).unwrap_or(&CONTAINERS[0])))
    }

    /// Refuses to make a video of what does not move.
    fn check_still(&self) -> Result<(), Refusal> {
        match self.recipe.container {
            None => Ok(()),
            Some(_) => Err(Refusal::invalid("only videos and animations become videos")),
        }
    }
}

impl Subject {
    /// The kind of the result's file.
    pub(crate) fn file(&self) -> FileKind {
        match self {
            Self::Picture(_, format) | Self::Animation(format) => (*format).into(),
            Self::Pages => pages::FORMAT.into(),
            Self::Archive(kind) => *kind,
            Self::Video(container) | Self::Slides(container) => (*container).into(),
        }
    }

    /// The pixels of a picture; as many as there can be of all else.
    pub(crate) fn pixels(&self) -> u64 {
        match self {
            Self::Picture(header, _) => header.pixels(),
            _ => u64::MAX,
        }
    }

    /// Refuses what is not waited for.
    pub(crate) fn check_quick(&self) -> Result<(), Refusal> {
        match self {
            Self::Video(_) | Self::Slides(_) => Err(Refusal::new(
                Code::UnsupportedMedia,
                "a video takes too long to be waited for; hand it in as a job: POST /v1/jobs",
            )),
            _ => Ok(()),
        }
    }
}
