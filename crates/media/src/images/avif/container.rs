//! The boxes of an AVIF still picture: HEIF (ISO/IEC 23008-12) on ISO base media (ISO/IEC 14496-12).

use std::collections::BTreeMap;

use crate::orientation::Orientation;
use crate::{Error, Result};

/// What of a file matters for decoding its primary picture.
#[derive(Debug, Default)]
pub(super) struct Container<'a> {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bits per sample: 8, 10 or 12.
    pub(super) bits: u8,
    pub(super) monochrome: bool,
    pub(super) orientation: Orientation,
    /// Primaries, transfer, matrix, full range.
    pub(super) cicp: Option<[u8; 4]>,
    pub(super) icc: Option<&'a [u8]>,
    pub(super) colour: Vec<u8>,
    pub(super) alpha: Option<Vec<u8>>,
    pub(super) premultiplied: bool,
    pub(super) exif: Option<Vec<u8>>,
    pub(super) xmp: Option<Vec<u8>>,
}

/// One entry of `iloc`: where the bytes of an item lie.
#[derive(Debug, Default, Clone)]
struct Place {
    in_idat: bool,
    extents: Vec<(u64, u64)>,
}

/// The raw tables of the `meta` box.
#[derive(Default)]
struct Tables<'a> {
    primary: u32,
    places: BTreeMap<u32, Place>,
    kinds: BTreeMap<u32, [u8; 4]>,
    /// Kind, from, to.
    references: Vec<([u8; 4], u32, u32)>,
    properties: Vec<([u8; 4], &'a [u8])>,
    associations: Vec<(u32, usize)>,
    idat: &'a [u8],
}

fn broken(what: &str) -> Error {
    Error::malformed("avif", what)
}

/// A cursor over big-endian fields.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n).ok_or_else(|| broken("a box is too short"))?;
        self.0 = rest;
        Ok(head)
    }

    /// An unsigned number of 0 to 8 bytes.
    fn number(&mut self, n: usize) -> Result<u64> {
        Ok(self.take(n)?.iter().fold(0, |v, b| v << 8 | u64::from(*b)))
    }

    fn u32(&mut self, n: usize) -> Result<u32> {
        Ok(self.number(n.min(4))? as u32)
    }

    /// Version of a full box; its flags follow as three bytes and are given, too.
    fn version(&mut self) -> Result<(u8, u32)> {
        Ok((self.number(1)? as u8, self.u32(3)?))
    }

    /// The next box: kind and content.
    fn next_box(&mut self) -> Result<Option<([u8; 4], &'a [u8])>> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let size = self.number(4)?;
        let kind = self.take(4)?;
        let kind = [kind[0], kind[1], kind[2], kind[3]];
        let length = match size {
            0 => self.0.len() as u64,
            1 => self.number(8)?.checked_sub(16).ok_or_else(|| broken("box size"))?,
            size => size.checked_sub(8).ok_or_else(|| broken("box size"))?,
        };
        Ok(Some((kind, self.take(usize::try_from(length).map_err(|_| broken("box size"))?)?)))
    }
}

impl<'a> Tables<'a> {
    fn parse(meta: &'a [u8]) -> Result<Self> {
        let mut tables = Tables::default();
        let mut fields = Fields(meta);
        fields.version()?;
        while let Some((kind, body)) = fields.next_box()? {
            let mut body = Fields(body);
            match &kind {
                b"pitm" => {
                    let wide = body.version()?.0 > 0;
                    tables.primary = body.u32(if wide { 4 } else { 2 })?;
                }
                b"iloc" => tables.locations(body)?,
                b"iinf" => tables.items(body)?,
                b"iref" => tables.references(body)?,
                b"iprp" => tables.properties(body)?,
                b"idat" => tables.idat = body.0,
                _ => {}
            }
        }
        Ok(tables)
    }

    fn locations(&mut self, mut body: Fields<'a>) -> Result<()> {
        let (version, _) = body.version()?;
        let sizes = body.number(2)?;
        let [offset, length, base, index] = [12, 8, 4, 0].map(|shift| (sizes >> shift & 15) as usize);
        let index = if version > 0 { index } else { 0 };
        let wide = if version < 2 { 2 } else { 4 };
        for _ in 0..body.number(wide)? {
            let id = body.u32(wide)?;
            let in_idat = version > 0 && body.number(2)? & 15 == 1;
            body.number(2)?;
            let base = body.number(base)?;
            let mut place = Place { in_idat, extents: Vec::new() };
            for _ in 0..body.number(2)? {
                body.number(index)?;
                let start = base.saturating_add(body.number(offset)?);
                place.extents.push((start, body.number(length)?));
                // Without lengths in the table, an extent takes no bytes of it: refuse to count for ever.
                if place.extents.len() > 1024 {
                    return Err(Error::unsupported("avif: an item in more than 1024 pieces"));
                }
            }
            self.places.insert(id, place);
        }
        Ok(())
    }

    fn items(&mut self, mut body: Fields<'a>) -> Result<()> {
        let wide = if body.version()?.0 == 0 { 2 } else { 4 };
        body.number(wide)?;
        while let Some((kind, item)) = body.next_box()? {
            let mut item = Fields(item);
            let (version, _) = item.version()?;
            if &kind == b"infe" && version >= 2 {
                let id = item.u32(if version == 2 { 2 } else { 4 })?;
                item.number(2)?;
                let kind = item.take(4)?;
                self.kinds.insert(id, [kind[0], kind[1], kind[2], kind[3]]);
            }
        }
        Ok(())
    }

    fn references(&mut self, mut body: Fields<'a>) -> Result<()> {
        let wide = if body.version()?.0 == 0 { 2 } else { 4 };
        while let Some((kind, reference)) = body.next_box()? {
            let mut reference = Fields(reference);
            let from = reference.u32(wide)?;
            for _ in 0..reference.number(2)? {
                self.references.push((kind, from, reference.u32(wide)?));
            }
        }
        Ok(())
    }

    fn properties(&mut self, mut body: Fields<'a>) -> Result<()> {
        while let Some((kind, content)) = body.next_box()? {
            let mut content = Fields(content);
            if &kind == b"ipco" {
                while let Some(property) = content.next_box()? {
                    self.properties.push(property);
                }
            } else if &kind == b"ipma" {
                let (version, flags) = content.version()?;
                let wide = if flags & 1 == 1 { 2 } else { 1 };
                for _ in 0..content.number(4)? {
                    let id = content.u32(if version == 0 { 2 } else { 4 })?;
                    for _ in 0..content.number(1)? {
                        // The highest bit says "essential"; what is essential and unknown fails elsewhere.
                        let index = content.number(wide)? as usize & ((0x80 << (8 * (wide - 1))) - 1);
                        self.associations.push((id, index));
                    }
                }
            }
        }
        Ok(())
    }

    /// The properties of an item, in their order.
    fn of(&self, id: u32) -> impl Iterator<Item = ([u8; 4], &'a [u8])> {
        let mine = self.associations.iter().filter(move |(item, _)| *item == id);
        mine.filter_map(|(_, index)| self.properties.get(index.checked_sub(1)?).copied())
    }

    /// The bytes of an item.
    fn data(&self, file: &[u8], id: u32) -> Result<Vec<u8>> {
        let place = self.places.get(&id).ok_or_else(|| broken("an item without a place"))?;
        let source = if place.in_idat { self.idat } else { file };
        let mut data = Vec::new();
        for (start, length) in &place.extents {
            let rest = usize::try_from(*start).ok().and_then(|s| source.get(s..));
            let rest = rest.ok_or_else(|| broken("an item lies behind the end of the file"))?;
            let length = if *length == 0 { rest.len() as u64 } else { *length };
            let piece = usize::try_from(length).ok().and_then(|l| rest.get(..l));
            data.extend_from_slice(piece.ok_or_else(|| broken("the file ends inside an item"))?);
            if data.len() > file.len() {
                return Err(broken("an item is larger than the file"));
            }
        }
        Ok(data)
    }
}

impl<'a> Container<'a> {
    /// Takes a file apart. With `with_data`, the coded pictures and metadata are copied out.
    pub(super) fn parse(file: &'a [u8], with_data: bool) -> Result<Self> {
        let mut fields = Fields(file);
        let meta = loop {
            match fields.next_box()? {
                Some((kind, body)) if &kind == b"meta" => break body,
                Some(_) => {}
                None => return Err(broken("no meta box")),
            }
        };
        let tables = Tables::parse(meta)?;
        let primary = tables.primary;
        match tables.kinds.get(&primary) {
            Some(b"av01") => {}
            Some(kind) => {
                let kind = String::from_utf8_lossy(kind);
                return Err(Error::unsupported(format!("avif: a primary picture of kind {kind}")));
            }
            None => return Err(broken("no primary picture")),
        }
        let mut found = Container { bits: 8, ..Container::default() };
        found.describe(tables.of(primary))?;
        let alpha = tables
            .references
            .iter()
            .filter(|(kind, _, to)| kind == b"auxl" && *to == primary)
            .map(|(_, from, _)| *from)
            .find(|id| tables.of(*id).any(|(kind, body)| &kind == b"auxC" && is_alpha(body)));
        found.premultiplied = tables
            .references
            .iter()
            .any(|(kind, from, to)| kind == b"prem" && *from == primary && Some(*to) == alpha);
        found.alpha = alpha.map(|_| Vec::new());
        if !with_data {
            return Ok(found);
        }
        found.colour = tables.data(file, primary)?;
        found.alpha = alpha.map(|id| tables.data(file, id)).transpose()?;
        for (kind, from, to) in &tables.references {
            if kind != b"cdsc" || *to != primary {
                continue;
            }
            match tables.kinds.get(from) {
                Some(b"Exif") => found.exif = tables.data(file, *from).ok(),
                Some(b"mime") => found.xmp = tables.data(file, *from).ok(),
                _ => {}
            }
        }
        Ok(found)
    }

    fn describe(&mut self, properties: impl Iterator<Item = ([u8; 4], &'a [u8])>) -> Result<()> {
        let (mut turns, mut mirror) = (0, None);
        for (kind, body) in properties {
            let mut body = Fields(body);
            match &kind {
                b"ispe" => {
                    body.version()?;
                    (self.width, self.height) = (body.u32(4)?, body.u32(4)?);
                }
                b"av1C" => {
                    let flags = body.take(3)?[2];
                    self.monochrome = flags & 0x10 != 0;
                    self.bits = [8, 8, 10, 12][(flags >> 5 & 3) as usize];
                }
                b"colr" => match body.take(4)? {
                    b"prof" | b"rICC" => self.icc = Some(body.0),
                    b"nclx" => {
                        let codes = [body.u32(2)?, body.u32(2)?, body.u32(2)?].map(|v| v.min(255) as u8);
                        self.cicp = Some([codes[0], codes[1], codes[2], body.u32(1)? as u8 >> 7]);
                    }
                    _ => {}
                },
                b"irot" => turns = body.u32(1)? & 3,
                b"imir" => mirror = Some(body.u32(1)? & 1),
                b"clap" => return Err(Error::unsupported("avif: a clean aperture")),
                _ => {}
            }
        }
        self.orientation = orientation(turns, mirror);
        Ok(())
    }
}

fn is_alpha(aux_c: &[u8]) -> bool {
    let urn = aux_c.get(4..).unwrap_or(&[]);
    urn.starts_with(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")
        || urn.starts_with(b"urn:mpeg:hevc:2015:auxid:1")
}

/// Quarter turns anti-clockwise, then a mirror: 0 exchanges top and bottom, 1 left and right.
fn orientation(turns: u32, mirror: Option<u32>) -> Orientation {
    match (turns, mirror) {
        (0, None) => Orientation::Upright,
        (1, None) => Orientation::Turned270,
        (2, None) => Orientation::Turned180,
        (_, None) => Orientation::Turned90,
        (0, Some(0)) | (2, Some(1)) => Orientation::MirroredTopBottom,
        (0, Some(_)) | (2, Some(_)) => Orientation::MirroredLeftRight,
        (1, Some(0)) | (3, Some(1)) => Orientation::Transposed,
        (_, Some(_)) => Orientation::AntiTransposed,
    }
}
