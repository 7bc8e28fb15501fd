//! A picture as an endpoint takes it: colours of 8 bits, and alpha as a grey picture of its own.

use std::io::BufWriter;
use std::ops::ControlFlow;
use std::sync::Arc;

use amplio::media::images::{self, Format, Limits, WriteOptions};
use amplio::media::{Channels, Depth, Header, Image, Metadata, Samples, alpha, convert};
use amplio::{Extent, Fit, Progress, Request, Size, Target, Transcoder};

use super::Answer;
use crate::engine::cache::{Finished, Made};
use crate::engine::make::Task;
use crate::engine::subject::Subject;
use crate::engine::{Workshop, blocking};
use crate::refusal::{Code, Refusal};

/// How far colours are carried under what is invisible, in pixels.
const BLEED: u32 = 32;

/// The model that would enlarge if something were left to enlarge; here pictures only become smaller.
const RESAMPLER: &str = "realesr-general-x4v3";

/// The planes of a picture.
pub(super) struct Planes {
    /// RGB.
    colours: Image,
    /// Grey; there is none if everything is opaque.
    alpha: Option<Image>,
    /// The channels that the picture had.
    channels: Channels,
    metadata: Metadata,
}

impl Planes {
    /// Takes a picture file apart.
    ///
    /// # Errors
    /// If it has more bits than an endpoint computes with and they are wanted, or is broken.
    pub(super) fn split(shop: &Workshop, task: &Task, bytes: &[u8]) -> Answer<Self> {
        let (header, _) = picture(task)?;
        if task.recipe.writing.depth.unwrap_or(header.depth) != Depth::U8 {
            let what = "the endpoint computes with 8 bits; a picture that has more is taken with depth=8";
            return Err(Refusal::new(Code::UnsupportedMedia, what));
        }
        let mut image = images::read(bytes, &shop.limits.picture)?;
        let channels = image.channels;
        if channels.has_alpha() {
            alpha::bleed(&mut image, BLEED);
        }
        let plane = |channels: Channels, samples: &Samples, from: &Header| {
            let to = Header::new(from.width, from.height, channels, Depth::U8);
            Image::new(to, convert(samples, from, &to)?)
        };
        let header = image.header();
        let opaque = Header { channels: Channels::of(channels.colours(), false), ..header };
        let colours = plane(Channels::Rgb, &picked(&image, 0..channels.colours()), &opaque)?;
        let grey = Header { channels: Channels::Grey, ..header };
        let alpha = channels.has_alpha().then(|| {
            let samples = picked(&image, channels.colours()..channels.count());
            plane(Channels::Grey, &samples, &grey)
        });
        Ok(Self { colours, alpha: alpha.transpose()?, channels, metadata: image.metadata })
    }

    pub(super) fn size(&self) -> (u32, u32) {
        (self.colours.width, self.colours.height)
    }

    /// Each plane as a file.
    pub(super) async fn encoded(&self, shop: &Arc<Workshop>) -> Answer<Vec<Vec<u8>>> {
        let planes: Vec<Image> = std::iter::once(&self.colours).chain(&self.alpha).cloned().collect();
        let shop = shop.clone();
        blocking(move || planes.iter().map(|plane| encoded(&shop, plane)).collect()).await
    }

    /// The same picture, of larger planes in files.
    pub(super) fn enlarged(self, files: Vec<Vec<u8>>, limits: &Limits) -> Answer<Self> {
        let mut planes = files.iter().map(|file| images::read(file, limits));
        let mut next = |channels: Channels| {
            let image = planes.next().ok_or_else(|| Refusal::internal("a plane is missing"))??;
            let to = Header::new(image.width, image.height, channels, Depth::U8);
            Ok::<_, Refusal>(Image::new(to, convert(&image.samples, &image.header(), &to)?)?)
        };
        let colours = next(Channels::Rgb)?;
        let alpha = self.alpha.is_some().then(|| next(Channels::Grey)).transpose()?;
        if alpha.as_ref().is_some_and(|alpha| (alpha.width, alpha.height) != (colours.width, colours.height))
        {
            return Err(Refusal::internal("alpha became another size than the colours"));
        }
        Ok(Self { colours, alpha, ..self })
    }

    /// Writes the result: the size asked for, and the channels that the picture had.
    pub(super) fn join(self, shop: &Workshop, task: &Task, extent: &Extent) -> Answer<Arc<Made>> {
        let (_, format) = picture(task)?;
        let (width, height) = extent.size();
        let fit = if extent.size() == extent.scaled { Fit::Stretch } else { Fit::Cover };
        let size = Some(Size::Exact { width, height, fit });
        let request = Request { target: Target { size, max_pixels: None }, ..Request::default() };
        let upscaler = shop.models.get(&shop.models.find(RESAMPLER)?)?;
        let writing = &task.recipe.writing;
        let transcoder = Transcoder { upscaler: &upscaler, request: &request, writing };
        let image = self.whole()?;
        let header = transcoder.header(&image.header(), format)?;
        let draft = shop.cache.draft().map_err(Refusal::internal)?;
        let sink = BufWriter::with_capacity(1 << 16, draft.reopen().map_err(Refusal::internal)?);
        let watcher = |_: Progress| ControlFlow::Continue(());
        transcoder.picture(image, (format, &header), Box::new(sink), &watcher)?;
        let finished = Finished { file: format.into(), size: (width, height), remarks: Vec::new() };
        shop.cache.keep(&task.key, draft, finished).map_err(Refusal::internal)
    }

    /// The picture, put together.
    fn whole(self) -> Answer<Image> {
        let from = self.colours.header();
        let to = Header { channels: Channels::of(self.channels.colours(), false), ..from };
        let Samples::U8(colours) = convert(&self.colours.samples, &from, &to)? else {
            return Err(Refusal::internal("planes have 8 bits"));
        };
        let samples = match self.alpha.map(|alpha| alpha.samples) {
            Some(Samples::U8(alpha)) => {
                let pixels = colours.chunks_exact(to.channels.count()).zip(alpha);
                pixels.flat_map(|(colour, alpha)| colour.iter().copied().chain([alpha])).collect()
            }
            _ => colours,
        };
        let mut image = Image::new(Header { channels: self.channels, ..to }, Samples::U8(samples))?;
        image.metadata = self.metadata;
        Ok(image)
    }
}

/// The picture of a task, and the format of its result.
fn picture(task: &Task) -> Answer<(&Header, &'static Format)> {
    match &task.subject {
        Subject::Picture(header, format) => Ok((header, format)),
        _ => Err(only_pictures()),
    }
}

pub(super) fn only_pictures() -> Refusal {
    Refusal::new(Code::UnsupportedMedia, "the endpoint that enlarges for this server takes only pictures")
}

/// Some channels of a picture.
fn picked(image: &Image, which: std::ops::Range<usize>) -> Samples {
    fn of<T: Copy>(samples: &[T], count: usize, which: std::ops::Range<usize>) -> Vec<T> {
        samples.chunks_exact(count).flat_map(|pixel| pixel[which.clone()].iter().copied()).collect()
    }
    let count = image.channels.count();
    match &image.samples {
        Samples::U8(samples) => Samples::U8(of(samples, count, which)),
        Samples::U16(samples) => Samples::U16(of(samples, count, which)),
        Samples::F32(samples) => Samples::F32(of(samples, count, which)),
    }
}

/// A plane as a PNG file.
fn encoded(shop: &Workshop, plane: &Image) -> Answer<Vec<u8>> {
    let png = images::by_name("png").ok_or_else(|| Refusal::internal("there is no PNG"))?;
    let draft = shop.cache.draft().map_err(Refusal::internal)?;
    let sink = Box::new(BufWriter::new(draft.reopen().map_err(Refusal::internal)?));
    let mut writer = images::writer(png, &plane.header(), &WriteOptions::default(), sink)?;
    writer.write_rows(&plane.samples)?;
    writer.finish()?;
    std::fs::read(draft.path()).map_err(Refusal::internal)
}
