//! Picture files: which formats there are, what each can do, reading and writing.
//!
//! A format is one file in `images/` with one constant, and one entry in [`FORMATS`].

use std::io::{Seek, Write};

use crate::{Error, Header, Image, Metadata, Result};

mod avif;
mod bmp;
mod decoded;
mod exr;
mod format;
pub(crate) mod gif;
mod hdr;
mod jpeg;
pub(crate) mod jxl;
mod pfm;
pub(crate) mod png;
mod pnm;
mod qoi;
mod rows;
mod tga;
pub(crate) mod tiff;
pub(crate) mod webp;

pub(crate) use decoded::big_endian;
pub use format::{Format, Keeps, Reader, Writer};
pub(crate) use rows::{big_endian_bytes, u8s};

/// All formats, in the order in which they are tried. TGA has no signature and is therefore the last.
pub static FORMATS: &[&Format] = &[
    &png::FORMAT,
    &jpeg::FORMAT,
    &webp::FORMAT,
    &avif::FORMAT,
    &jxl::FORMAT,
    &tiff::FORMAT,
    &gif::FORMAT,
    &bmp::FORMAT,
    &pnm::FORMAT,
    &pfm::FORMAT,
    &qoi::FORMAT,
    &exr::FORMAT,
    &hdr::FORMAT,
    &tga::FORMAT,
];

/// How large a picture [`read`] may become. Checked from the header, before anything is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest number of pixels; a gigapixel by default.
    pub max_pixels: u64,
    /// The largest number of bytes of all samples; 8 GiB by default.
    pub max_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { max_pixels: 1 << 30, max_bytes: 8 << 30 }
    }
}

impl Limits {
    /// Whether a picture of this shape may be decoded.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] with the size of the picture, [`Error::Malformed`] is left to the formats.
    pub fn check(&self, header: &Header) -> Result<()> {
        let Header { width, height, .. } = header;
        if header.pixels() > self.max_pixels {
            let what = format!("a picture of {width}x{height} pixels is too large");
            return Err(Error::Limit { what, limit: self.max_pixels });
        }
        if header.bytes() > self.max_bytes {
            let what = format!("a picture of {width}x{height} pixels takes {} bytes", header.bytes());
            return Err(Error::Limit { what, limit: self.max_bytes });
        }
        Ok(())
    }
}

/// How hard a compressor tries. It never changes how the picture looks, only size and time (for lossy
/// formats: the size at about the same look).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// As fast as the format allows.
    Fast,
    /// A sensible middle.
    #[default]
    Balanced,
    /// Small files, however long it takes.
    Small,
}

/// How to write a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteOptions {
    /// Fidelity of lossy formats, 1 to 100, 90 by default; other formats ignore it.
    ///
    /// The scale is that of libjpeg, which people know; the other lossy formats are mapped to it such that
    /// equal numbers look about equally good. See the formats' files for the tables.
    /// From 90 on, JPEG keeps colour in full resolution (4:4:4), below that in half (4:2:0).
    /// At 100, WebP is lossless.
    pub quality: u8,
    /// How hard to compress.
    pub effort: Effort,
    /// What to store beside the samples; formats keep what [`Keeps`] says.
    pub metadata: Metadata,
}

impl Default for WriteOptions {
    fn default() -> Self {
        WriteOptions { quality: 90, effort: Effort::default(), metadata: Metadata::default() }
    }
}

impl WriteOptions {
    /// The options for a file of a format with this header.
    pub(crate) fn fitted(&self, header: &Header, writer: &Writer) -> WriteOptions {
        let metadata = self.metadata.for_output(header, writer.keeps);
        WriteOptions { quality: self.quality.clamp(1, 100), effort: self.effort, metadata }
    }
}

/// A place to write to: a file, or a cursor over bytes.
pub trait WriteSeek: Write + Seek {}

impl<T: Write + Seek> WriteSeek for T {}

/// What [`writer`] takes and owns until the file is finished.
pub type Sink = Box<dyn WriteSeek + Send>;

/// Takes a picture from top to bottom and writes it.
pub trait RowWriter: Send {
    /// Takes any number of whole rows, with the channels and depth of the header given to [`writer`].
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] for parts of rows, another depth or too many rows; [`Error::Io`] from the sink.
    /// After an error the file is broken, and so are all further calls.
    fn write_rows(&mut self, rows: &crate::Samples) -> Result<()>;

    /// Completes the file and flushes the sink.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] if rows are missing; [`Error::Io`] from the sink.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// The format of a file, by its first bytes (64 are enough), never by its name.
pub fn detect(first_bytes: &[u8]) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|f| (f.magic)(first_bytes))
}

/// The format that uses an extension (with or without the dot, in any case).
pub fn by_extension(extension: &str) -> Option<&'static Format> {
    let extension = extension.trim_start_matches('.').to_ascii_lowercase();
    FORMATS.iter().copied().find(|f| f.extensions.contains(&extension.as_str()))
}

/// The format of a name, in any case.
pub fn by_name(name: &str) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|f| f.name.eq_ignore_ascii_case(name))
}

/// The format and shape of a picture file, without decoding its pixels. Width and height are those of the
/// upright picture, as [`read`] gives it.
///
/// # Errors
///
/// [`Error::Unsupported`] if no format fits or the file uses something this crate cannot do,
/// [`Error::Malformed`] if the file is broken.
pub fn read_header(bytes: &[u8]) -> Result<(&'static Format, Header)> {
    let format = detect(bytes).ok_or_else(|| {
        let names: Vec<_> = FORMATS.iter().filter(|f| f.read.is_some()).map(|f| f.name).collect();
        Error::unsupported(format!("not a picture in a known format ({})", names.join(", ")))
    })?;
    let reader = format.read.as_ref().ok_or_else(|| {
        Error::unsupported(format!("{} pictures can be written, but not read", format.name))
    })?;
    let header = (reader.header)(bytes)?;
    if header.width == 0 || header.height == 0 {
        let what = format!("a picture of {}x{} pixels", header.width, header.height);
        return Err(Error::malformed(format.name, what));
    }
    Ok((format, header))
}

/// Decodes a picture file. Of animations, the first picture. The pixels are upright: EXIF (or the format's
/// own) orientation was applied, and the tags now say so.
///
/// CMYK becomes sRGB through its ICC profile, or by the simple formula if it has none.
///
/// # Errors
///
/// As [`read_header`], and [`Error::Limit`] before anything large is allocated.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Image> {
    let (format, header) = read_header(bytes)?;
    limits.check(&header)?;
    let reader = format.read.as_ref().ok_or_else(|| Error::unsupported(format.name))?;
    Ok((reader.read)(bytes, limits)?.upright())
}

/// Opens a file for writing rows from top to bottom.
///
/// The header must be one that the format can store as it is: [`Header::fitted`] gives it, and
/// [`convert`](crate::convert) makes the rows fit.
///
/// # Errors
///
/// [`Error::Limit`] if the picture is too large for the format, [`Error::Unsupported`] if the format cannot
/// be written or does not store such samples, [`Error::Io`] from the sink. Nothing was written then, except
/// after [`Error::Io`].
pub fn writer(
    format: &Format,
    header: &Header,
    options: &WriteOptions,
    sink: Sink,
) -> Result<Box<dyn RowWriter>> {
    let writer = check(format, header)?;
    let options = options.fitted(header, writer);
    let inner = (writer.open)(header, &options, sink)?;
    Ok(checked(inner, header))
}

/// A writer that refuses what does not fit to the header.
pub(crate) fn checked(inner: Box<dyn RowWriter>, header: &Header) -> Box<dyn RowWriter> {
    Box::new(rows::Checked::new(inner, *header))
}

/// The writer of a format, if it can store what the header says.
pub(crate) fn check<'a>(format: &'a Format, header: &Header) -> Result<&'a Writer> {
    let writer = format.write.as_ref().ok_or_else(|| {
        let names: Vec<_> = FORMATS.iter().filter(|f| f.write.is_some()).map(|f| f.name).collect();
        Error::unsupported(format!("{} cannot be written; use one of {}", format.name, names.join(", ")))
    })?;
    check_size(format, writer, header)?;
    if !writer.channels.contains(&header.channels) || !writer.depths.contains(&header.depth) {
        return Err(Error::unsupported(format!(
            "{} does not store {:?} {:?} samples; fit the header first",
            format.name, header.channels, header.depth
        )));
    }
    Ok(writer)
}

fn check_size(format: &Format, writer: &Writer, header: &Header) -> Result<()> {
    let (width, height) = (header.width, header.height);
    if width == 0 || height == 0 {
        return Err(Error::misuse(format!("a picture of {width}x{height} pixels cannot be written")));
    }
    if width.max(height) <= writer.max_side {
        return Ok(());
    }
    let holds = |w: &Writer| w.max_side >= width.max(height) && w.keeps.icc && (w.lossy || w.lossless);
    let others: Vec<_> =
        FORMATS.iter().filter(|f| f.write.as_ref().is_some_and(holds)).map(|f| f.name).collect();
    let what = format!(
        "{} stores at most {} pixels per side, not {width}x{height}; use {} instead",
        format.name,
        writer.max_side,
        others.join(" or ")
    );
    Err(Error::Limit { what, limit: u64::from(writer.max_side) })
}

/// Reads a table of points, piecewise linear, as the lossy formats have it for quality.
fn interpolate(table: &[(f32, f32)], x: f32) -> f32 {
    for pair in table.windows(2) {
        let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
        if x <= x1 {
            return y0 + (y1 - y0) * ((x - x0) / (x1 - x0)).clamp(0.0, 1.0);
        }
    }
    table.last().map_or(x, |(_, y)| *y)
}
