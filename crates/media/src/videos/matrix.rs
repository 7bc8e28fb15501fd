//! From RGB to the codes of YUV and back, as affine maps (ITU-T H.273, section 8.3).

use super::{Colour, Format, Matrix, Model, Range};
use crate::{Error, Result};

/// A product with a matrix, and a sum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) matrix: [[f32; 3]; 3],
    pub(super) add: [f32; 3],
}

/// What codes mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Codes {
    /// From pixels to codes.
    pub(super) write: Affine,
    /// From codes to pixels.
    pub(super) read: Affine,
    /// From an alpha code to alpha.
    pub(super) alpha: f32,
    /// The largest code.
    pub(super) max: f32,
}

impl Codes {
    /// The codes of a format with *resolved* colour, for pixels in which `white` is white.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for matrices that are not implemented.
    pub(super) fn new(format: &Format, colour: &Colour, white: f32) -> Result<Self> {
        let matrix = match format.model {
            Model::Yuv => colour.matrix.unwrap_or(Matrix::Bt709),
            Model::Rgb | Model::Grey => Matrix::Identity,
        };
        let forward = match (format.model, matrix) {
            (Model::Yuv, Matrix::Identity) => [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
            (Model::Yuv, matrix) => forward(matrix)?,
            (Model::Rgb | Model::Grey, _) => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        };
        let max = f64::from((1_u32 << format.bits) - 1);
        let quanta = quanta(format.bits, colour.range.unwrap_or(Range::Limited), matrix);
        let white = f64::from(white);
        let write = forward.map(|row| row.map(|weight| weight / white));
        let write: [[f64; 3]; 3] = std::array::from_fn(|i| write[i].map(|weight| weight * quanta[i][0]));
        let read = inverse(write);
        let black = quanta.map(|[_, offset]| offset);
        let back: [f64; 3] =
            std::array::from_fn(|i| -read[i].iter().zip(black).map(|(weight, b)| weight * b).sum::<f64>());
        Ok(Self {
            write: Affine { matrix: single(write), add: black.map(|v| v as f32) },
            read: Affine { matrix: single(read), add: back.map(|v| v as f32) },
            alpha: (white / max) as f32,
            max: max as f32,
        })
    }
}

/// Brightness 0 to 1 and two differences -0.5 to 0.5, by the weights of red, green and blue.
fn forward(matrix: Matrix) -> Result<[[f64; 3]; 3]> {
    // ITU-T H.273, table 4: the weights of red and blue.
    let [r, b] = match matrix {
        Matrix::Bt709 => [0.2126, 0.0722],
        Matrix::Fcc => [0.30, 0.11],
        Matrix::Bt470bg | Matrix::Smpte170m => [0.299, 0.114],
        Matrix::Smpte240m => [0.212, 0.087],
        Matrix::Bt2020nc => [0.2627, 0.0593],
        Matrix::Ycgco => return Ok([[0.25, 0.5, 0.25], [-0.25, 0.5, -0.25], [0.5, 0.0, -0.5]]),
        other @ (Matrix::Identity | Matrix::Other(_)) => {
            let name = other.tag().name;
            let what = format!("the colour matrix {name} is not supported; convert the video to bt709 first");
            return Err(Error::unsupported(what));
        }
    };
    let luma = [r, 1.0 - r - b, b];
    let difference = |i: usize| -> [f64; 3] {
        let scale = 0.5 / (1.0 - luma[i]);
        std::array::from_fn(|j| scale * (f64::from(u8::from(i == j)) - luma[j]))
    };
    Ok([luma, difference(2), difference(0)])
}

/// Codes for each unit of the components, and the code of 0.
fn quanta(bits: u32, range: Range, matrix: Matrix) -> [[f64; 2]; 3] {
    let step = f64::from(1_u32 << (bits - 8));
    let (luma, chroma) = match range {
        Range::Limited => ([219.0 * step, 16.0 * step], [224.0 * step, 128.0 * step]),
        Range::Full => ([256.0 * step - 1.0, 0.0], [256.0 * step - 1.0, 128.0 * step]),
    };
    match matrix {
        Matrix::Identity => [luma; 3],
        // Made of red, green and blue that have been scaled already.
        Matrix::Ycgco => [luma, [luma[0], chroma[1]], [luma[0], chroma[1]]],
        _ => [luma, chroma, chroma],
    }
}

/// The inverse by cofactors; the matrices here are far from singular.
fn inverse(m: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let cofactor = |i: usize, j: usize| {
        let [a, b, c, d] = [(i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3];
        m[a][c] * m[b][d] - m[a][d] * m[b][c]
    };
    let determinant: f64 = (0..3).map(|j| m[0][j] * cofactor(0, j)).sum();
    std::array::from_fn(|i| std::array::from_fn(|j| cofactor(j, i) / determinant))
}

fn single(matrix: [[f64; 3]; 3]) -> [[f32; 3]; 3] {
    matrix.map(|row| row.map(|v| v as f32))
}

#[cfg(test)]
mod tests {
    use super::{Affine, Codes};
    use crate::videos::{Colour, Format, Matrix, Range};

    fn codes(name: &str, matrix: &str, range: Range) -> Codes {
        let colour = Colour { matrix: Matrix::by_name(matrix), range: Some(range), ..Colour::default() };
        Codes::new(Format::by_name(name).unwrap(), &colour, 1.0).unwrap()
    }

    fn apply(map: &Affine, v: [f32; 3]) -> [f32; 3] {
        std::array::from_fn(|i| map.matrix[i].iter().zip(v).map(|(m, v)| m * v).sum::<f32>() + map.add[i])
    }

    fn near(a: [f32; 3], b: [f32; 3], tolerance: f32) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance)
    }

    #[test]
    fn known_codes() {
        let red = |c: &Codes| apply(&c.write, [1.0, 0.0, 0.0]);
        assert!(near(red(&codes("yuv444p", "bt709", Range::Limited)), [62.56, 102.34, 240.0], 0.01));
        assert!(near(red(&codes("yuv444p", "smpte170m", Range::Limited)), [81.48, 90.20, 240.0], 0.01));
        assert!(near(red(&codes("yuv444p", "smpte170m", Range::Full)), [76.245, 84.97, 255.5], 0.01));
        assert!(near(red(&codes("yuv444p10le", "bt2020nc", Range::Limited)), [294.13, 387.0, 960.0], 1.0));
        let white = apply(&codes("yuv444p12le", "bt709", Range::Limited).write, [1.0; 3]);
        assert!(near(white, [3760.0, 2048.0, 2048.0], 0.01));
        let green = apply(&codes("yuv444p", "ycgco", Range::Full).write, [0.0, 1.0, 0.0]);
        assert!(near(green, [127.5, 255.5, 128.0], 0.01));
        let gbr = apply(&codes("yuv444p", "gbr", Range::Limited).write, [1.0, 0.5, 0.0]);
        assert!(near(gbr, [125.5, 16.0, 235.0], 0.01));
    }

    #[test]
    fn what_is_written_is_read() {
        for matrix in ["gbr", "bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "ycgco", "bt2020nc"] {
            for range in [Range::Limited, Range::Full] {
                let codes = codes("yuv444p16le", matrix, range);
                for i in 0..125_u8 {
                    let rgb = [i % 5, i / 5 % 5, i / 25].map(|v| f32::from(v) / 4.0);
                    let back = apply(&codes.read, apply(&codes.write, rgb));
                    assert!(near(back, rgb, 2e-6), "{matrix} {range:?}: {rgb:?} to {back:?}");
                }
            }
        }
    }

    #[test]
    fn matrices_that_are_not_linear_are_refused_by_name() {
        let colour = Colour { matrix: Matrix::by_name("ictcp"), ..Colour::default() };
        let error = Codes::new(Format::by_name("yuv444p").unwrap(), &colour, 1.0).unwrap_err();
        assert!(error.to_string().contains("ictcp"), "{error}");
    }
}
