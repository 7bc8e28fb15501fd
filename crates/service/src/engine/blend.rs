//! Two results mixed into one: a share of the second, the rest of the first.

use std::io::BufWriter;
use std::sync::Arc;

use amplio::media::images::{self, WriteOptions};
use amplio::media::{Image, Samples, animations};
use sha2::{Digest, Sha256};

use super::Workshop;
use super::cache::{Finished, Made};
use crate::hex;
use crate::refusal::Refusal;

/// What is mixed.
pub(crate) struct Blend {
    pub(crate) first: Arc<Made>,
    /// Of the same size, format and kind of samples.
    pub(crate) second: Arc<Made>,
    /// From 0 (the first alone) to 1 (the second alone).
    pub(crate) share: f64,
}

impl Blend {
    /// The key of the result.
    pub(super) fn key(&self) -> String {
        let Self { first, second, share } = self;
        hex(&Sha256::digest(format!("blend {} {} {share}", first.key, second.key)))
    }

    /// Mixes them, and keeps the result. Blocks.
    ///
    /// # Errors
    /// If they have more pixels than a picture that is sent may have: both are in memory as a whole.
    pub(super) fn make(&self, shop: &Workshop) -> Result<Arc<Made>, Refusal> {
        let read = |made: &Made| -> Result<_, Refusal> {
            let bytes = std::fs::read(&made.path).map_err(Refusal::internal)?;
            if animations::moves(&bytes, &shop.limits)? {
                return Err(Refusal::invalid(
                    "two results are mixed if they are pictures, and this is an animation",
                ));
            }
            Ok((images::read_header(&bytes)?.0, images::read(&bytes, &shop.limits.picture)?))
        };
        let ((format, mut image), (_, other)) = (read(&self.first)?, read(&self.second)?);
        mix(&mut image, &other, self.share)?;
        let draft = shop.cache.draft().map_err(Refusal::internal)?;
        let sink = Box::new(BufWriter::new(draft.reopen().map_err(Refusal::internal)?));
        let options = WriteOptions { metadata: image.metadata.clone(), ..WriteOptions::default() };
        let mut writer = images::writer(format, &image.header(), &options, sink)?;
        writer.write_rows(&image.samples)?;
        writer.finish()?;
        let (size, remarks) = ((image.width, image.height), self.first.remarks.clone());
        let finished = Finished { file: self.first.file, size, remarks };
        shop.cache.keep(&self.key(), draft, finished).map_err(Refusal::internal)
    }
}

/// Mixes a share of `other` into a picture, sample by sample.
fn mix(image: &mut Image, other: &Image, share: f64) -> Result<(), Refusal> {
    if image.header() != other.header() {
        return Err(Refusal::internal("the two results that are to be mixed have different shapes"));
    }
    let mixed = |a: f64, b: f64| a + (b - a) * share;
    match (&mut image.samples, &other.samples) {
        (Samples::U8(a), Samples::U8(b)) => {
            a.iter_mut().zip(b).for_each(|(a, &b)| *a = mixed((*a).into(), b.into()).round() as u8);
        }
        (Samples::U16(a), Samples::U16(b)) => {
            a.iter_mut().zip(b).for_each(|(a, &b)| *a = mixed((*a).into(), b.into()).round() as u16);
        }
        (Samples::F32(a), Samples::F32(b)) => {
            a.iter_mut().zip(b).for_each(|(a, &b)| *a = mixed((*a).into(), b.into()) as f32);
        }
        // Pictures of equal headers have equal kinds of samples.
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use amplio::media::{Channels, Depth, Header};

    use super::*;

    #[test]
    fn a_share_of_one_and_the_rest_of_the_other() {
        let picture = |samples| {
            let header = Header::new(3, 1, Channels::Grey, Depth::U8);
            Image::new(header, Samples::U8(samples)).expect("a picture")
        };
        let other = picture(vec![255, 101, 0]);
        for (share, expected) in
            [(0.0, vec![0, 100, 255]), (1.0, vec![255, 101, 0]), (0.25, vec![64, 100, 191])]
        {
            let mut image = picture(vec![0, 100, 255]);
            mix(&mut image, &other, share).expect("mixed");
            assert_eq!(image.samples, Samples::U8(expected), "{share}");
        }
        let wide = Image::new(Header::new(4, 1, Channels::Grey, Depth::U8), Samples::U8(vec![0; 4]));
        assert!(mix(&mut wide.expect("a picture"), &other, 0.5).is_err());
    }
}
