//! The sRGB transfer functions (IEC 61966-2-1) and luma weights (ITU-R BT.709).

/// The weights of red, green and blue in brightness: BT.709, the primaries of sRGB.
pub const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];

/// From an sRGB-encoded value to light. Odd around zero, so that values outside 0..=1 survive a round trip.
pub fn to_linear(encoded: f32) -> f32 {
    let v = encoded.abs();
    let light = if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
    light.copysign(encoded)
}

/// From light to the sRGB-encoded value. Odd around zero, so that values outside 0..=1 survive a round trip.
pub fn from_linear(light: f32) -> f32 {
    let v = light.abs();
    let encoded = if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
    encoded.copysign(light)
}

/// The brightness of a colour, by [`LUMA`].
pub fn luma(rgb: [f32; 3]) -> f32 {
    rgb[0] * LUMA[0] + rgb[1] * LUMA[1] + rgb[2] * LUMA[2]
}

#[cfg(test)]
mod tests {
    use super::{from_linear, luma, to_linear};

    #[test]
    fn transfer_round_trip_and_known_points() {
        for i in -300..=300 {
            let v = i as f32 / 100.0;
            assert!((from_linear(to_linear(v)) - v).abs() < 1e-5, "{v}");
        }
        assert_eq!(to_linear(0.0), 0.0);
        assert!((to_linear(0.5) - 0.214_041).abs() < 1e-6);
        assert!((from_linear(1.0) - 1.0).abs() < 1e-6);
        assert!((luma([1.0; 3]) - 1.0).abs() < 1e-6);
    }
}
