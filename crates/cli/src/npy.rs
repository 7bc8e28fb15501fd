//! NumPy's format for one array, `.npy`: row-major, 32 or 64 bits, little-endian
//! (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).

use amplio::graph::{Shape, Tensor};

const MAGIC: &[u8] = b"\x93NUMPY";

/// The array in the bytes of a file; 64-bit numbers are rounded.
pub(crate) fn decode(bytes: &[u8]) -> Result<Tensor, String> {
    let (header, data) = split(bytes).ok_or("not an .npy file")?;
    let entry = |key: &str| {
        let (_, value) = header.split_once(&format!("'{key}':")).ok_or(format!("no {key} in {header}"))?;
        Ok::<_, String>(value.trim_start())
    };
    if !entry("fortran_order")?.starts_with("False") {
        return Err("a column-major array; numpy.ascontiguousarray makes it row-major".into());
    }
    let kind = entry("descr")?;
    let numbers: Vec<f32> = if kind.starts_with("'<f4'") {
        data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
    } else if kind.starts_with("'<f8'") {
        data.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes) as f32).collect()
    } else {
        return Err("an array of another type than float32 or float64".into());
    };
    let dims = entry("shape")?.trim_start_matches('(').split(')').next().unwrap_or("");
    let dims = dims.split(',').map(str::trim).filter(|dim| !dim.is_empty());
    let dims: Vec<usize> =
        dims.map(str::parse).collect::<Result<_, _>>().map_err(|e| format!("{e} in {header}"))?;
    Tensor::new(Shape::new(dims), numbers).map_err(|e| e.to_string())
}

/// The bytes of a file with this array, as 32-bit numbers.
pub(crate) fn encode(tensor: &Tensor) -> Vec<u8> {
    let dims: String = tensor.shape().iter().map(|dim| format!("{dim}, ")).collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", dims.trim_end());
    // Magic, version and length take ten bytes; the data begins at a multiple of 64, after a line's end.
    let length = (header.len() + 11).next_multiple_of(64) - 10;
    let mut bytes = [MAGIC, &[1, 0], &(length as u16).to_le_bytes(), header.as_bytes()].concat();
    bytes.resize(length + 9, b' ');
    bytes.push(b'\n');
    bytes.extend(tensor.data().iter().flat_map(|v| v.to_le_bytes()));
    bytes
}

/// Header and data.
fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (&[version, _], rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk()?;
    let (length, rest) = if version == 1 {
        let (length, rest) = rest.split_first_chunk()?;
        (usize::from(u16::from_le_bytes(*length)), rest)
    } else {
        let (length, rest) = rest.split_first_chunk()?;
        (u32::from_le_bytes(*length) as usize, rest)
    };
    let (header, data) = rest.split_at_checked(length)?;
    Some((std::str::from_utf8(header).ok()?, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_pieces_are_not() {
        let mut next = 0.0;
        let tensor = Tensor::from_fn(Shape::image(1, 3, 4, 2), |_| {
            next += 0.5;
            next
        });
        let bytes = encode(&tensor);
        assert_eq!(decode(&bytes), Ok(tensor));
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
