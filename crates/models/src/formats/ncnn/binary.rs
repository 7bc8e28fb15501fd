//! The binary form of a list of layers: the same as little-endian 32-bit numbers, where kinds of layers and values are
//! numbered instead of named.

use std::collections::BTreeMap;

use super::param::{Layer, Param, Scalar};
use super::{layers, malformed};
use crate::{Error, Limits, Result};

/// What ends a layer's attributes.
const END: i32 = -233;
/// What lists are numbered from, downwards.
const LISTS: i32 = -23300;

/// The layers of a list.
pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<Vec<Layer>> {
    let mut words = Words { bytes };
    words.take()?;
    let [count, values] = [words.size()?, words.size()?];
    if count.max(values) > limits.layers {
        return Err(Error::limit(format!("{count} layers and {values} values"), limits.layers));
    }
    let layers =
        (0..count).map(|number| words.layer(number).map_err(|error| error.within(format!("layer {number}"))));
    let layers = layers.collect::<Result<Vec<_>>>()?;
    if !words.bytes.is_empty() {
        return Err(malformed(format!("{} bytes follow the last layer", words.bytes.len())));
    }
    Ok(layers)
}

struct Words<'a> {
    bytes: &'a [u8],
}

impl Words<'_> {
    fn take(&mut self) -> Result<u32> {
        let (word, rest) =
            self.bytes.split_first_chunk().ok_or_else(|| malformed("the list of layers is cut off"))?;
        self.bytes = rest;
        Ok(u32::from_le_bytes(*word))
    }

    fn int(&mut self) -> Result<i32> {
        Ok(self.take()? as i32)
    }

    fn size(&mut self) -> Result<usize> {
        let int = self.int()?;
        usize::try_from(int).map_err(|_| malformed(format!("{int} of something")))
    }

    /// A number of words that follow; no more than are there.
    fn count(&mut self) -> Result<usize> {
        let count = self.size()?;
        if count > self.bytes.len() / 4 { Err(malformed("the list of layers is cut off")) } else { Ok(count) }
    }

    fn layer(&mut self, number: usize) -> Result<Layer> {
        let index = self.take()?;
        let kind = layers::LAYERS.iter().find(|kind| kind.index == index);
        let kind = kind.map_or_else(|| format!("number {index}"), |kind| kind.name.to_owned());
        let [bottoms, tops] = [self.count()?, self.count()?];
        let mut values = |n| (0..n).map(|_| Ok(self.take()?.to_string())).collect::<Result<Vec<_>>>();
        let (bottoms, tops) = (values(bottoms)?, values(tops)?);
        Ok(Layer { kind, name: number.to_string(), bottoms, tops, params: self.params()? })
    }

    fn params(&mut self) -> Result<BTreeMap<i32, Param>> {
        let mut params = BTreeMap::new();
        loop {
            let id = self.int()?;
            if id == END {
                return Ok(params);
            }
            if id > LISTS {
                params.insert(id, Param::One(Scalar::Bits(self.take()?)));
                continue;
            }
            let count = self.count()?;
            let list = (0..count).map(|_| Ok(Scalar::Bits(self.take()?))).collect::<Result<_>>()?;
            params.insert(LISTS - id, Param::Many(list));
        }
    }
}
