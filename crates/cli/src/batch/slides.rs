//! Pictures that become a video: those of an animation, or numbered ones.

use amplio::Reel;
use amplio::media::Sequence;
use amplio::media::animations::Limits;
use amplio::media::videos::Slides;
use anyhow::{Result, anyhow};

use super::{Batch, End};
use crate::destination::Claims;
use crate::inputs::Input;
use crate::report::Report;
use crate::video::Identity;

impl Batch {
    /// Makes the pictures of an animation larger, as the frames of a video.
    pub(super) fn animation_film(
        &self,
        input: &Input,
        bytes: Vec<u8>,
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        let identity = Identity::of_bytes(&bytes);
        let slides = Slides::of_animation(bytes, &Limits::default())?;
        let slides = slides.ok_or_else(|| anyhow!("it holds only one picture"))?;
        self.slides(input, slides, &identity, claims, report)
    }

    /// Makes numbered pictures larger, as the frames of a video.
    pub(super) fn sequence_film(
        &self,
        first: &Input,
        pictures: Sequence,
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        let identity = Identity::of_files(pictures.paths())?.and(&format!("{:?}", self.delay()));
        self.slides(first, Slides::of_files(pictures, self.delay())?, &identity, claims, report)
    }

    fn slides(
        &self,
        input: &Input,
        slides: Slides,
        identity: &Identity,
        claims: &mut Claims,
        report: &Report,
    ) -> Result<End> {
        let tools = self.video.tools()?;
        let reel = Reel::of_pictures(tools, slides, &self.video.request(self.request));
        self.film(input, reel, identity, claims, report)
    }
}
