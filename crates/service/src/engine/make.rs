//! One computation, from content to a result in the cache. Blocks until it is done.

use std::io::BufWriter;
use std::ops::ControlFlow;
use std::sync::Arc;

use amplio::media::archives::Archive;
use amplio::media::images::{self, Sink};
use amplio::media::pages::Pages;
use amplio::media::{Header, animations};
use amplio::{ArchiveJob, Progress as Share, Request, TileSize, Tiling, Transcoder, Watcher};

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
    if let Subject::Video(container) = task.subject {
        return film::make(shop, task, container, content, watch);
    }
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
    let size = write(shop, task, &transcoder, content, sink, &watcher)?;
    drop(turn);
    let finished = Finished { file: task.subject.file(), size, remarks: Vec::new() };
    shop.cache.keep(&task.key, draft, finished).map_err(Refusal::internal)
}

/// Writes the result of anything but a video; the size of its first picture.
fn write(
    shop: &Workshop,
    task: &Task,
    transcoder: &Transcoder,
    content: &Content,
    sink: Sink,
    watcher: Watcher,
) -> Result<(u32, u32), Refusal> {
    let bytes = || content.bytes().map_err(Refusal::internal);
    let limits = &shop.limits;
    let first: Header = match &task.subject {
        Subject::Picture(from, format) => {
            let header = transcoder.header(from, format)?;
            let image = images::read(&bytes()?, &limits.picture)?;
            transcoder.picture(image, (format, &header), sink, watcher)?;
            header
        }
        Subject::Animation(format) => {
            let bytes = bytes()?;
            let animation = animations::open(&bytes, limits)?;
            let mut animation = animation.ok_or_else(|| Refusal::invalid("it holds only one picture"))?;
            let header = transcoder.header(&animation.header, format)?;
            transcoder.animation(&mut animation, (format, &header), sink, watcher)?;
            header
        }
        Subject::Pages => {
            let pages = Pages::open(bytes()?.to_vec())?;
            let mut pages = pages.map_err(|_| Refusal::invalid("it has only one page"))?;
            let headers = (0..pages.count()).map(|page| {
                Ok::<_, Refusal>(transcoder.header(&pages.header(page)?, amplio::media::pages::FORMAT)?)
            });
            let headers = headers.collect::<Result<Vec<_>, _>>()?;
            transcoder.pages(&mut pages, &headers, &limits.picture, sink, watcher)?;
            headers[0]
        }
        Subject::Archive(_) => {
            let file = content.file(shop.cache.folder()).map_err(Refusal::internal)?;
            let file = std::fs::File::open(&file).map_err(Refusal::internal)?;
            let archive = Archive::open(std::io::BufReader::new(file), &shop.archives)?;
            let mut job = ArchiveJob::new(*transcoder, archive, *limits)?;
            job.run(sink, watcher)?;
            job.to
        }
        Subject::Video(_) => return Err(Refusal::internal("a video is made elsewhere")),
    };
    Ok((first.width, first.height))
}
