//! One computation, from content to a result in the cache. Blocks until it is done.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::ops::ControlFlow;
use std::sync::Arc;

use amplio::media::archives::Archive;
use amplio::media::images::{self, Format, Sink};
use amplio::media::pages::{self, Pages};
use amplio::media::{Header, animations};
use amplio::{
    ArchiveJob, Progress as Share, Request, TileSize, Tiling, Transcoder, Watcher, losses,
    losses_of_animation,
};
use bytes::Bytes;

use super::cache::{Finished, Made};
use super::subject::Subject;
use super::wish::Recipe;
use super::{Progress, Workshop, film};
use crate::refusal::Refusal;
use crate::spool::Content;

/// What is to be made.
pub(crate) struct Task {
    pub(crate) recipe: Recipe,
    pub(crate) subject: Subject,
    /// The key of the result in the cache.
    pub(crate) key: String,
    /// How many times the usual share of the machine it is to have.
    pub(crate) weight: f64,
}

/// Told how far it is; says whether to go on.
pub(crate) type Watch<'a> = &'a (dyn Fn(Progress) -> ControlFlow<()> + Sync);

impl Task {
    /// What is asked of the network.
    pub(super) fn request(&self, shop: &Workshop) -> Request {
        Request {
            target: self.recipe.target,
            tiling: Tiling { size: TileSize::Auto, overlap: None, memory: shop.tile_memory },
            precision: self.recipe.precision,
            bits: None,
            // What is made side by side shares what one picture may take: others use the machine as well.
            side_by_side: Some(shop.tile_memory),
        }
    }
}

/// Makes the result.
pub(crate) fn make(
    shop: &Workshop,
    task: &Task,
    content: &Content,
    watch: Watch,
) -> Result<Arc<Made>, Refusal> {
    let maker = Maker { shop, task, content };
    match &task.subject {
        Subject::Picture(from, format) => maker.keep(watch, |out| maker.picture(from, format, out)),
        Subject::Animation(format) => maker.keep(watch, |out| maker.animation(format, out)),
        Subject::Pages => maker.keep(watch, |out| maker.pages(out)),
        Subject::Archive(_) => maker.keep(watch, |out| maker.archive(out)),
        Subject::Video(container) | Subject::Slides(container) => {
            film::make(shop, task, container, content, watch)
        }
    }
}

/// Makes what is no video.
struct Maker<'a> {
    shop: &'a Workshop,
    task: &'a Task,
    content: &'a Content,
}

/// The shape of the first picture that was written, and what people should know of the result.
type Written = (Header, Vec<String>);

/// By what a result is made, where it goes, and who is told.
struct Out<'a> {
    transcoder: Transcoder<'a>,
    sink: Sink,
    watcher: Watcher<'a>,
}

impl Maker<'_> {
    /// Keeps what is written; `write` says the shape of its first picture, and what people should know.
    fn keep(
        &self,
        watch: Watch,
        write: impl FnOnce(Out) -> Result<Written, Refusal>,
    ) -> Result<Arc<Made>, Refusal> {
        let Self { shop, task, .. } = self;
        let (upscaler, request) = (shop.upscaler(task)?, task.request(shop));
        let transcoder = Transcoder { upscaler: &upscaler, request: &request, writing: &task.recipe.writing };
        let draft = shop.cache.draft().map_err(Refusal::internal)?;
        let file = draft.reopen().map_err(Refusal::internal)?;
        let sink = Box::new(BufWriter::with_capacity(1 << 16, file));
        let turn = shop.turns.enter(task.weight);
        let watcher = |share: Share| {
            turn.pass();
            watch(Progress { fraction: share.fraction, frames: 0.0 })
        };
        let (first, remarks) = write(Out { transcoder, sink, watcher: &watcher })?;
        drop(turn);
        let size = (first.width, first.height);
        let finished = Finished { file: task.subject.file(), size, remarks };
        shop.cache.keep(&task.key, draft, finished).map_err(Refusal::internal)
    }

    fn bytes(&self) -> Result<Bytes, Refusal> {
        self.content.bytes().map_err(Refusal::internal)
    }

    fn picture(&self, from: &Header, format: &Format, out: Out) -> Result<Written, Refusal> {
        let header = out.transcoder.header(from, format)?;
        let image = images::read(&self.bytes()?, &self.shop.limits.picture)?;
        let remarks = losses(from, &image.metadata, (format, &header));
        out.transcoder.picture(image, (format, &header), out.sink, out.watcher)?;
        Ok((header, remarks))
    }

    fn animation(&self, format: &Format, out: Out) -> Result<Written, Refusal> {
        let bytes = self.bytes()?;
        let animation = animations::open(&bytes, &self.shop.limits)?;
        let mut animation = animation.ok_or_else(|| Refusal::invalid("it holds only one picture"))?;
        let header = out.transcoder.header(&animation.header, format)?;
        let remarks = losses_of_animation(&animation, (format, &header));
        out.transcoder.animation(&mut animation, (format, &header), out.sink, out.watcher)?;
        Ok((header, remarks))
    }

    fn pages(&self, out: Out) -> Result<Written, Refusal> {
        let pages = Pages::open(self.bytes()?.to_vec())?;
        let mut pages = pages.map_err(|_| Refusal::invalid("it has only one page"))?;
        let headers = (0..pages.count())
            .map(|page| Ok(out.transcoder.header(&pages.header(page)?, pages::FORMAT)?))
            .collect::<Result<Vec<_>, Refusal>>()?;
        let limits = &self.shop.limits.picture;
        out.transcoder.pages(&mut pages, &headers, limits, out.sink, out.watcher)?;
        Ok((headers[0], Vec::new()))
    }

    fn archive(&self, out: Out) -> Result<Written, Refusal> {
        let file = self.content.file(self.shop.cache.folder()).map_err(Refusal::internal)?;
        let file = File::open(&file).map_err(Refusal::internal)?;
        let archive = Archive::open(BufReader::new(file), &self.shop.archives)?;
        let mut job = ArchiveJob::new(out.transcoder, archive, self.shop.limits)?;
        let bound = job.run(out.sink, out.watcher)?;
        Ok((job.to, bound.remarks))
    }
}
