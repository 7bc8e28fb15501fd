//! What of a picture its result does not have, in words.

use amplio_media::animations::Animation;
use amplio_media::images::Format;
use amplio_media::profile::{self, Colours};
use amplio_media::{Header, Metadata};

/// That a result in this format cannot show what is behind a picture, if so.
pub fn flattening(picture: &Header, result: &Header, format: &Format) -> Option<String> {
    (picture.channels.has_alpha() && !result.channels.has_alpha())
        .then(|| format!("{} has no transparency, so the result is laid on white", format.name))
}

/// What becomes of the colours of a picture in this format, if they do not stay what they are.
pub fn recolouring(picture: &Header, metadata: &Metadata, format: &Format) -> Option<String> {
    match profile::colours(picture, metadata, format) {
        Colours::Kept => None,
        Colours::Converted => {
            Some(format!("{} has no colour profiles, so colours become those of sRGB", format.name))
        }
        Colours::Lost => Some(lost(format)),
    }
}

/// As [`recolouring`], for frames, whose colours are never converted.
pub fn recolouring_of_frames(frame: &Header, metadata: &Metadata, format: &Format) -> Option<String> {
    (profile::colours(frame, metadata, format) != Colours::Kept).then(|| lost(format))
}

fn lost(format: &Format) -> String {
    format!("{} cannot say that these are not the colours of sRGB, so they will look wrong", format.name)
}

/// What a picture loses as this result.
pub fn losses(picture: &Header, metadata: &Metadata, (format, result): (&Format, &Header)) -> Vec<String> {
    let recoloured = recolouring(picture, metadata, format);
    flattening(picture, result, format).into_iter().chain(recoloured).collect()
}

/// What people should know of an animation, and what it loses as this result.
pub fn losses_of_animation(animation: &Animation, (format, result): (&Format, &Header)) -> Vec<String> {
    let flattened = flattening(&animation.header, result, format);
    let recoloured = recolouring_of_frames(&animation.header, &animation.metadata, format);
    animation.remark().map(str::to_owned).into_iter().chain(flattened).chain(recoloured).collect()
}

/// What people should know of the parts of a whole: each thing once, with the first part of which it is true, and how many more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks(Vec<Remark>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Remark {
    what: String,
    first: String,
    others: usize,
}

impl Remarks {
    /// Takes what is true of a part.
    pub fn add(&mut self, part: &str, what: impl IntoIterator<Item = String>) {
        for what in what {
            match self.0.iter_mut().find(|remark| remark.what == what) {
                Some(remark) => remark.others += 1,
                None => self.0.push(Remark { what, first: part.into(), others: 0 }),
            }
        }
    }

    /// In words.
    pub fn told(self) -> Vec<String> {
        let told = |Remark { what, first, others }| match others {
            0 => format!("{first}: {what}"),
            others => format!("{first} and {others} more: {what}"),
        };
        self.0.into_iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Remarks;

    #[test]
    fn what_is_true_of_many_is_told_once() {
        let mut remarks = Remarks::default();
        remarks.add("1.png", ["blurred".into()]);
        remarks.add("2.png", []);
        remarks.add("3.png", ["torn".into(), "blurred".into()]);
        remarks.add("4.png", ["blurred".into()]);
        assert_eq!(remarks.told(), ["1.png and 2 more: blurred", "3.png: torn"]);
    }
}
