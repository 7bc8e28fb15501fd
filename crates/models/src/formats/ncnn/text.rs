//! The text form of a list of layers: a magic number, the numbers of layers and of values, then a line for each layer:
//! its kind, its name, how many values it reads and makes, their names, and attributes `id=value`.

use super::param::{Layer, Param, Scalar};
use super::{MAGIC, malformed};
use crate::{Error, Limits, Result};

/// The longest line, in bytes.
const LONGEST_LINE: usize = 1 << 16;
/// What lists are numbered from, downwards.
const LISTS: i32 = -23300;

/// The layers of a list.
pub(super) fn parse(bytes: &[u8], limits: &Limits) -> Result<Vec<Layer>> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| malformed("the list of layers is neither text nor binary"))?;
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    if lines.next().is_none_or(|(_, line)| line.trim() != MAGIC.to_string()) {
        return Err(malformed(format!("a list of layers begins with {MAGIC}")));
    }
    let counts = lines.next().and_then(|(_, line)| line.split_once(' '));
    let Some((Ok(count), Ok(values))) = counts.map(|(l, v)| (l.parse::<usize>(), v.trim().parse::<usize>()))
    else {
        return Err(malformed("the second line is not the numbers of layers and values"));
    };
    if count.max(values) > limits.layers {
        return Err(Error::limit(format!("{count} layers and {values} values"), limits.layers));
    }
    let mut layers = Vec::new();
    for (number, line) in lines {
        if line.len() > LONGEST_LINE {
            return Err(Error::limit(format!("line {} of {} bytes", number + 1, line.len()), LONGEST_LINE));
        }
        layers.push(layer(line).map_err(|error| error.within(format!("line {}", number + 1)))?);
        if layers.len() > count {
            break;
        }
    }
    if layers.len() != count {
        return Err(malformed(format!("{count} layers are promised, and there are not as many")));
    }
    Ok(layers)
}

fn layer(line: &str) -> Result<Layer> {
    let mut words = line.split_ascii_whitespace();
    let mut word = |what: &str| words.next().ok_or_else(|| malformed(format!("there is no {what}")));
    let (kind, name) = (word("kind of layer")?.to_owned(), word("name of the layer")?.to_owned());
    let [bottoms, tops] =
        [word("number of values read")?, word("number of values made")?].map(str::parse::<u16>);
    let (Ok(bottoms), Ok(tops)) = (bottoms, tops) else {
        return Err(malformed("the numbers of values read and made are not numbers"));
    };
    let mut values =
        |n| (0..n).map(|_| word("name of a value").map(str::to_owned)).collect::<Result<Vec<_>>>();
    let (bottoms, tops) = (values(bottoms)?, values(tops)?);
    let params = words.map(param).collect::<Result<_>>()?;
    Ok(Layer { kind, name, bottoms, tops, params })
}

fn param(word: &str) -> Result<(i32, Param)> {
    let fail = || malformed(format!("{word:?} is no attribute"));
    let (id, value) = word.split_once('=').ok_or_else(fail)?;
    let id: i32 = id.parse().map_err(|_| fail())?;
    if id > LISTS {
        return Ok((id, Param::One(scalar(value).ok_or_else(fail)?)));
    }
    let mut values = value.split(',');
    let count: usize = values.next().and_then(|count| count.parse().ok()).ok_or_else(fail)?;
    let values: Option<Vec<_>> = values.map(scalar).collect();
    let values = values.filter(|values| values.len() == count).ok_or_else(fail)?;
    Ok((LISTS - id, Param::Many(values)))
}

fn scalar(text: &str) -> Option<Scalar> {
    if text.contains(['.', 'e', 'E']) {
        text.parse().ok().map(Scalar::Float)
    } else {
        text.parse().ok().map(Scalar::Int)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_a_line() {
        let layer =
            layer("Convolution  Conv_1 1 1 193 195 0=32 9=2 -23310=2,2.0e-01,3 5=1.5").expect("a layer");
        assert_eq!(
            (&*layer.kind, &*layer.name, &*layer.bottoms[0], &*layer.tops[0]),
            ("Convolution", "Conv_1", "193", "195")
        );
        assert_eq!(layer.size(0, 0).ok(), Some(32));
        assert_eq!(layer.floats(10).ok(), Some(vec![0.2, 3.0]));
        assert_eq!(layer.float(5, 0.0).ok(), Some(1.5));
        assert_eq!(layer.size(77, 4).ok(), Some(4));
        assert!(layer.size(5, 0).is_err() && layer.size(10, 0).is_err() && layer.floats(0).is_err());
    }

    #[test]
    fn unsound_lists_are_refused() {
        for (text, word) in [
            ("", "begins"),
            ("7767517\nx y\n", "second line"),
            ("7767517\n1 99999999\n", "limit"),
            ("7767517\n2 1\nInput x 0 1 a\n", "promised"),
            ("7767517\n1 1\nInput x 0 2 a\n", "line 3"),
            ("7767517\n1 1\nInput x 0 1 a 0=\n", "attribute"),
            ("7767517\n1 1\nInput x 0 1 a -23300=9,1\n", "attribute"),
            ("7767517\n1 1\nInput x 0 1 a -2147483649=0\n", "attribute"),
        ] {
            let error = parse(text.as_bytes(), &Limits::default()).expect_err(text).to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
