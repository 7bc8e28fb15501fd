//! OpenEXR: scene-linear floats of the first layer, grey (Y) or RGB, with straight alpha afterwards.
//! <https://openexr.com/en/latest/TechnicalIntroduction.html>

use std::io::Cursor;

use exr::error::Error as ExrError;
use exr::image::AnyChannel;
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

fn header(bytes: &[u8]) -> Result<Header> {
    let meta = MetaData::read_from_buffered(Cursor::new(bytes), false).map_err(exr_error)?;
    let first =
        meta.headers.iter().find(|h| !h.deep).ok_or_else(|| Error::unsupported("exr: only deep data"))?;
    let names: Vec<String> = first.channels.list.iter().map(|c| c.name.to_string()).collect();
    shape(first.layer_size.width(), first.layer_size.height(), names.iter().map(String::as_str))
}

fn read(bytes: &[u8], _limits: &Limits) -> Result<Decoded> {
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
    let header = shape(layer.size.width(), layer.size.height(), names.iter().map(String::as_str))?;
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
    let mut samples = Samples::F32(samples);
    if header.channels.has_alpha() {
        // Colours in OpenEXR are multiplied with alpha.
        alpha::unassociate(&mut samples, header.channels);
    }
    Ok(Decoded { image: Image::new(header, samples)?, orientation: Orientation::Upright })
}
