//! The marker segments in front of the first scan: shape and metadata, without decoding anything.

use crate::{Density, DensityUnit, Error, Metadata, Result, exif};

/// What precedes an XMP packet in APP1.
pub(super) const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const ICC: &[u8] = b"ICC_PROFILE\0";
const PHOTOSHOP: &[u8] = b"Photoshop 3.0\0";
/// The Photoshop resource that holds IPTC records.
const IPTC: [u8; 2] = [4, 4];

/// The shape and metadata of a JPEG file.
#[derive(Debug, Default)]
pub(super) struct Segments {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) components: u8,
    /// Whether there is an Adobe marker.
    pub(super) adobe: bool,
    /// Where the marker of the first scan lies.
    pub(super) scans: usize,
    pub(super) metadata: Metadata,
}

impl Segments {
    /// Walks the segments up to the first scan.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        let mut found = Segments::default();
        let mut icc: Vec<(u8, &[u8])> = Vec::new();
        let mut at = 2;
        loop {
            let marker = next_marker(bytes, &mut at)?;
            if matches!(marker, 0xD9 | 0xDA) {
                found.scans = at - 2;
                break;
            }
            if matches!(marker, 0x01 | 0xD0..=0xD8) {
                continue;
            }
            let body = body(bytes, &mut at)?;
            match marker {
                0xC0..=0xC2 => found.frame(body)?,
                0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                    let what = "jpeg: lossless, hierarchical or arithmetic coding";
                    return Err(Error::unsupported(what));
                }
                0xE0 => found.jfif(body),
                0xE1 => found.app1(body),
                0xE2 if body.starts_with(ICC) && body.len() >= 14 => icc.push((body[12], &body[14..])),
                0xED => found.app13(body),
                0xEE if body.starts_with(b"Adobe") => found.adobe = true,
                _ => {}
            }
        }
        if found.components == 0 {
            return Err(Error::malformed("jpeg", "no frame header"));
        }
        icc.sort_by_key(|(number, _)| *number);
        if !icc.is_empty() {
            found.metadata.icc = Some(icc.into_iter().flat_map(|(_, part)| part).copied().collect());
        }
        Ok(found)
    }

    fn frame(&mut self, body: &[u8]) -> Result<()> {
        let [precision, h1, h0, w1, w0, components, ..] = *body else {
            return Err(Error::malformed("jpeg", "frame header too short"));
        };
        if precision != 8 {
            return Err(Error::unsupported(format!("jpeg: {precision}-bit samples")));
        }
        if !matches!(components, 1 | 3 | 4) {
            return Err(Error::unsupported(format!("jpeg: {components} components")));
        }
        self.width = u32::from(u16::from_be_bytes([w1, w0]));
        self.height = u32::from(u16::from_be_bytes([h1, h0]));
        self.components = components;
        Ok(())
    }

    fn jfif(&mut self, body: &[u8]) {
        let Some(rest) = body.strip_prefix(b"JFIF\0") else { return };
        let [_, _, unit, x1, x0, y1, y0, ..] = *rest else { return };
        let unit = match unit {
            1 => DensityUnit::Inch,
            2 => DensityUnit::Centimetre,
            _ => DensityUnit::Ratio,
        };
        let (x, y) = (u16::from_be_bytes([x1, x0]), u16::from_be_bytes([y1, y0]));
        // "1:1 without unit" is how JFIF says nothing.
        if x > 0 && y > 0 && (unit != DensityUnit::Ratio || x != y) {
            self.metadata.density = Some(Density { x: f64::from(x), y: f64::from(y), unit });
        }
    }

    fn app1(&mut self, body: &[u8]) {
        if body.starts_with(exif::PREFIX) {
            if let (None, Some(block)) = (&self.metadata.exif, exif::block(body)) {
                self.metadata.exif = Some(block.to_vec());
            }
        } else if let (None, Some(packet)) = (&self.metadata.xmp, body.strip_prefix(XMP)) {
            self.metadata.xmp = Some(packet.to_vec());
        }
    }

    /// Photoshop resources: `8BIM`, number, padded name, length, padded data.
    fn app13(&mut self, body: &[u8]) {
        let Some(mut rest) = body.strip_prefix(PHOTOSHOP) else { return };
        while rest.len() >= 12 && rest.starts_with(b"8BIM") {
            let id = [rest[4], rest[5]];
            let name = (usize::from(rest[6]) + 2) & !1;
            let Some(length) = rest.get(6 + name..10 + name) else { return };
            let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
            let Some(data) = rest.get(10 + name..).and_then(|r| r.get(..length)) else { return };
            if id == IPTC && self.metadata.iptc.is_none() {
                self.metadata.iptc = Some(data.to_vec());
            }
            rest = rest.get(10 + name + length.next_multiple_of(2)..).unwrap_or(&[]);
        }
    }
}

/// An APP13 segment with IPTC records.
pub(super) fn photoshop(iptc: &[u8]) -> Vec<u8> {
    let length = (iptc.len() as u32).to_be_bytes();
    let mut segment = [PHOTOSHOP, b"8BIM", &IPTC, &[0, 0], &length, iptc].concat();
    if iptc.len() % 2 == 1 {
        segment.push(0);
    }
    segment
}

/// The next marker that is not part of coded data; `at` goes behind it.
pub(super) fn next_marker(bytes: &[u8], at: &mut usize) -> Result<u8> {
    while let Some(&byte) = bytes.get(*at) {
        *at += 1;
        if byte != 0xFF {
            continue;
        }
        while bytes.get(*at) == Some(&0xFF) {
            *at += 1;
        }
        match bytes.get(*at) {
            Some(0) | None => {}
            Some(&marker) => {
                *at += 1;
                return Ok(marker);
            }
        }
    }
    Err(Error::malformed("jpeg", "the file ends before the first scan"))
}

/// The content of a segment; `at` goes behind it.
pub(super) fn body<'a>(bytes: &'a [u8], at: &mut usize) -> Result<&'a [u8]> {
    let broken = || Error::malformed("jpeg", "a segment is longer than the file");
    let length = bytes.get(*at..*at + 2).ok_or_else(broken)?;
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    let body = bytes.get(*at + 2..*at + length).ok_or_else(broken)?;
    *at += length;
    Ok(body)
}
