//! One picture, from bytes to a result in the cache. Blocks until it is done.

use std::io::BufWriter;
use std::ops::ControlFlow;
use std::sync::Arc;

use amplio::media::images::{self, Format, Limits, WriteOptions};
use amplio::media::pages::Pages;
use amplio::media::{Depth, Header, animations};
use amplio::{Progress, Request, TileSize, Tiling};

use super::Workshop;
use super::cache::Made;
use super::models::Known;
use super::wish::Recipe;
use crate::refusal::{Code, Refusal};

/// What is to be made of a picture.
pub(crate) struct Task {
    pub(crate) recipe: Recipe,
    pub(crate) picture: Header,
    pub(crate) format: &'static Format,
    /// The key of the result in the cache.
    pub(crate) key: String,
    /// How many times the usual share of the machine it is to have.
    pub(crate) weight: f64,
}

impl Task {
    /// Looks at a picture file: whether it is one, and whether it is within the limits.
    pub(crate) fn inspect(bytes: &[u8], limits: &Limits) -> Result<(&'static Format, Header), Refusal> {
        let (format, header) = images::read_header(bytes)?;
        if header.pixels() > limits.max_pixels {
            let what = format!(
                "the picture has {}x{} pixels; at most {} are allowed",
                header.width, header.height, limits.max_pixels
            );
            return Err(Refusal::too_large("max-pixels", limits.max_pixels, what));
        }
        // To take the first of several pictures would lose the others without a word.
        if animations::moves(bytes, &animations::Limits::default())? {
            return Err(Refusal::new(Code::UnsupportedMedia, "animations are not taken by the server yet"));
        }
        if format.name == "tiff" && Pages::open(bytes.to_vec())?.is_ok() {
            return Err(Refusal::new(
                Code::UnsupportedMedia,
                "files of several pages are not taken by the server yet",
            ));
        }
        Ok((format, header))
    }
}

/// Makes the result. `watch` is told the fraction that is done, and says whether to go on.
pub(crate) fn make(
    shop: &Workshop,
    task: &Task,
    model: &Known,
    bytes: &[u8],
    watch: &dyn Fn(f64) -> ControlFlow<()>,
) -> Result<Arc<Made>, Refusal> {
    let upscaler = shop.models.get(model)?;
    let header = stored(shop, task, upscaler.result(&task.picture, &task.recipe.target)?)?;
    let mut image = images::read(bytes, &shop.limits)?;
    if task.recipe.strip {
        image.metadata.strip();
    }
    let options = WriteOptions {
        quality: task.recipe.quality,
        metadata: image.metadata.clone(),
        ..WriteOptions::default()
    };
    let draft = shop.cache.draft().map_err(Refusal::internal)?;
    let sink = BufWriter::with_capacity(1 << 16, draft.reopen().map_err(Refusal::internal)?);
    let writer = images::writer(task.format, &header, &options, Box::new(sink))?;
    let request = Request {
        target: task.recipe.target,
        tiling: Tiling { size: TileSize::Auto, overlap: None, memory: shop.tile_memory },
        precision: task.recipe.precision,
    };
    let turn = shop.turns.enter(task.weight);
    let watcher = |progress: Progress| {
        turn.pass();
        watch(progress.fraction)
    };
    upscaler.enlarge_into(image, &request, &header, writer, &watcher)?;
    drop(turn);
    let size = (header.width, header.height);
    shop.cache.keep(&task.key, draft, task.format, size).map_err(Refusal::internal)
}

/// The shape of the result as its format stores it.
pub(crate) fn stored(shop: &Workshop, task: &Task, result: Header) -> Result<Header, Refusal> {
    if result.pixels() > shop.most_result {
        let what = format!(
            "the result would have {}x{} pixels; at most {} are allowed",
            result.width, result.height, shop.most_result
        );
        return Err(Refusal::too_large("max-result-pixels", shop.most_result, what));
    }
    let most = task.format.write.as_ref().map_or(0, |writer| writer.max_side);
    if result.width.max(result.height) > most {
        let what = format!(
            "{} stores at most {most} pixels per side, not {}x{}",
            task.format.name, result.width, result.height
        );
        return Err(Refusal::invalid(what));
    }
    let wished = Header { depth: task.recipe.depth.unwrap_or(result.depth), ..result };
    let header = wished.fitted(task.format)?;
    if task.recipe.depth == Some(Depth::U16) && header.depth == Depth::U8 {
        let what = format!("{} stores 8 bits and not 16", task.format.name);
        return Err(Refusal::new(Code::Invalid, what));
    }
    Ok(header)
}
