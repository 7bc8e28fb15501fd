//! What a file is, found from its content.

use std::path::Path;

use crate::animations::{self, Limits};
use crate::pages::Pages;
use crate::{Result, archives, images, videos};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// One picture. What nothing recognises is taken for one too, whose reader then says what is wrong with it.
    Picture,
    /// Pictures that are shown one after the other, in a picture format.
    Animation,
    /// Several pages in one file.
    Pages,
    /// An archive of pictures and other files.
    Archive,
    /// A video.
    Video,
}

impl Kind {
    /// What the first bytes (64 are enough) say, and the name, if there is one; `None` if all bytes have to be looked at.
    /// The name counts only for videos, which have no signature in common.
    pub fn of_first(first: &[u8], name: Option<&Path>) -> Option<Self> {
        if archives::detect(first) {
            return Some(Self::Archive);
        }
        let is_picture = images::detect(first).is_some_and(|format| format.name != "tga");
        let is_video = !is_picture && (videos::is_video(first) || name.is_some_and(videos::is_video_name));
        is_video.then_some(Self::Video)
    }

    /// What all bytes of a file say that [`Kind::of_first`] could not tell: picture, animation or pages.
    ///
    /// # Errors
    /// [`crate::Error::Malformed`] if the file is broken, [`crate::Error::Limit`] if it is too much.
    pub fn of_bytes(bytes: &[u8], limits: &Limits) -> Result<Self> {
        if images::detect(bytes).is_some() && animations::moves(bytes, limits)? {
            return Ok(Self::Animation);
        }
        Ok(if Pages::are_in(bytes)? { Self::Pages } else { Self::Picture })
    }
}
