//! OpenEXR: scene-linear floats of the first layer, grey (Y) or RGB, with straight alpha afterwards. The picture is the display
//! window; what lies outside of it is cut off, and where the layer has no pixels it is black and transparent.
//! <https://openexr.com/en/latest/TechnicalIntroduction.html>

use std::io::Cursor;

use exr::error::Error as ExrError;
use exr::image::AnyChannel;
use exr::math::Vec2;
use exr::meta::MetaData;
use exr::prelude::{FlatSamples, ReadChannels, ReadLayers, read as exr_read};

use super::decoded::Decoded;
use super::{Format, Limits, Reader};
use crate::orientation::Orientation;
use crate::{Channels, Depth, Error, Header, Image, Result, Samples, Transfer, alpha};

pub(super) static FORMAT: Format = Format {
    name: "exr",
    extensions: &["exr"],
    mime: "image/x-exr",
    magic: |b| b.starts_with(b"\x76\x2f\x31\x01"),
    read: Some(Reader { header, read }),
    write: None,
};

fn exr_error(e: ExrError) -> Error {
    match e {
        ExrError::NotSupported(e) => Error::unsupported(format!("exr: {e}")),
        e => Error::malformed("exr", e),
    }
}

fn shape<'a>(width: usize, height: usize, names: impl Iterator<Item = &'a str> + Clone) -> Result<Header> {
    let has = |name: &str| names.clone().any(|n| n == name);
    let colours = match (has("R") && has("G") && has("B"), has("Y"), has("RY")) {
        (true, ..) => 3,
        (_, true, false) => 1,
        _ => {
            let names: Vec<_> = names.collect();
            return Err(Error::unsupported(format!(
                "exr: neither R, G, B nor Y alone among {}",
                names.join(", ")
            )));
        }
    };
    let side = |v: usize| u32::try_from(v).map_err(|_| Error::malformed("exr", "picture size"));
    let channels = Channels::of(colours, has("A"));
    Ok(Header {
        width: side(width)?,
        height: side(height)?,
        channels,
        depth: Depth::F32,
        transfer: Transfer::Linear,
    })
}

/// The first layer, and the part of its plane that is shown.
struct Windows {
    layer: Header,
    shown: Header,
    /// Column and row of the layer's first pixel in what is shown.
    place: [i64; 2],
}

fn windows(bytes: &[u8]) -> Result<Windows> {
    let meta = MetaData::read_from_buffered(Cursor::new(bytes), false).map_err(exr_error)?;
    let first =
        meta.headers.iter().find(|h| !h.deep).ok_or_else(|| Error::unsupported("exr: only deep data"))?;
    let names: Vec<String> = first.channels.list.iter().map(|c| c.name.to_string()).collect();
    let shape = |size: Vec2<usize>| shape(size.width(), size.height(), names.iter().map(String::as_str));
    let window = first.shared_attributes.display_window;
    let position = first.own_attributes.layer_position;
    let distance = |from: i32, to: i32| i64::from(to) - i64::from(from);
    Ok(Windows {
        layer: shape(first.layer_size)?,
        shown: shape(window.size)?,
        place: [distance(window.position.x(), position.x()), distance(window.position.y(), position.y())],
    })
}

fn header(bytes: &[u8]) -> Result<Header> {
    Ok(windows(bytes)?.shown)
}

fn read(bytes: &[u8], limits: &Limits) -> Result<Decoded> {
    let windows = windows(bytes)?;
    limits.check(&windows.layer)?;
    let picture = exr_read()
        .no_deep_data()
        .largest_resolution_level()
        .all_channels()
        .first_valid_layer()
        .all_attributes()
        .non_parallel()
        .from_buffered(Cursor::new(bytes))
        .map_err(exr_error)?;
    let layer = picture.layer_data;
    let list = &layer.channel_data.list;
    let names: Vec<String> = list.iter().map(|c| c.name.to_string()).collect();
    let header = windows.layer;
    if (layer.size.width(), layer.size.height()) != (header.width as usize, header.height as usize) {
        return Err(Error::malformed("exr", "the layer does not have the promised size"));
    }
    let wanted: &[&str] = match header.channels {
        Channels::Grey => &["Y"],
        Channels::GreyAlpha => &["Y", "A"],
        Channels::Rgb => &["R", "G", "B"],
        Channels::Rgba => &["R", "G", "B", "A"],
    };
    let mut samples = vec![0.0; header.pixels() as usize * wanted.len()];
    for (i, name) in wanted.iter().enumerate() {
        let channel: Option<&AnyChannel<FlatSamples>> =
            names.iter().position(|n| n == name).map(|at| &list[at]);
        let channel = channel.ok_or_else(|| Error::malformed("exr", format!("no channel {name}")))?;
        if channel.sampling.x() != 1 || channel.sampling.y() != 1 {
            return Err(Error::unsupported(format!("exr: channel {name} in lower resolution")));
        }
        let places = samples.iter_mut().skip(i).step_by(wanted.len());
        places.zip(channel.sample_data.values_as_f32()).for_each(|(place, value)| *place = value);
    }
    let mut samples = Samples::F32(windows.show(samples));
    if header.channels.has_alpha() {
        // Colours in OpenEXR are multiplied with alpha.
        alpha::unassociate(&mut samples, header.channels);
    }
    Ok(Decoded { image: Image::new(windows.shown, samples)?, orientation: Orientation::Upright })
}

impl Windows {
    /// The samples of what is shown, from those of the layer.
    fn show(&self, samples: Vec<f32>) -> Vec<f32> {
        let Windows { layer, shown, place: [left, top] } = *self;
        if layer == shown && (left, top) == (0, 0) {
            return samples;
        }
        let count = shown.channels.count();
        let mut out = vec![0.0; shown.pixels() as usize * count];
        let [columns, rows] = [(left, layer.width, shown.width), (top, layer.height, shown.height)]
            .map(|(from, length, end)| from.max(0)..(from + i64::from(length)).min(i64::from(end)));
        if columns.is_empty() {
            return out;
        }
        for row in rows {
            let to = row as usize * shown.row_samples() + columns.start as usize * count;
            let from = (row - top) as usize * layer.row_samples() + (columns.start - left) as usize * count;
            let length = (columns.end - columns.start) as usize * count;
            out[to..to + length].copy_from_slice(&samples[from..from + length]);
        }
        out
    }
}
