//! What the command keeps of a picture.

mod common;

use amplio::media::{Channels, Density, DensityUnit, Depth, Header, Metadata, Samples};
use common::Folder;

/// A TIFF-structured EXIF block that holds the orientation alone.
fn exif(orientation: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    block
}

#[test]
fn sixteen_bits_grey_and_the_profile_stay() {
    let folder = Folder::new();
    let icc =
        Some(amplio::media::colour::LUMA.iter().flat_map(|v| v.to_le_bytes()).cycle().take(200).collect());
    let density = Some(Density { x: 300.0, y: 300.0, unit: DensityUnit::Inch });
    let metadata = Metadata { icc, density, ..Metadata::default() };
    let header = Header::new(20, 12, Channels::Grey, Depth::U16);
    for name in ["a.png", "b.tiff"] {
        let image = folder.picture(name, header, metadata.clone());
        folder.run([name, "-o", &format!("larger-{name}")]).succeeded();
        let larger = folder.read(&format!("larger-{name}"));
        assert_eq!((larger.channels, larger.samples.depth()), (Channels::Grey, Depth::U16), "{name}");
        assert_eq!(larger.metadata.icc, image.metadata.icc, "{name}");
        let Samples::U16(samples) = larger.samples else { panic!("16 bits") };
        assert!(samples.iter().any(|v| v % 257 != 0), "{name}: only 8 bits are in use");
        let dots = larger.metadata.density.expect("a density");
        assert!((dots.x - 300.0).abs() < 1.0 || (dots.x - 11811.0).abs() < 1.0, "{dots:?}");
    }
}

#[test]
fn a_picture_on_its_side_is_turned_once() {
    let folder = Folder::new();
    let metadata = Metadata { exif: Some(exif(6)), ..Metadata::default() };
    folder.picture("side.jpg", Header::new(24, 16, Channels::Rgb, Depth::U8), metadata);
    folder.run(["side.jpg", "-o", "up.jpg", "--quality", "100"]).succeeded();
    let (side, up) = (folder.read("side.jpg"), folder.read("up.jpg"));
    assert_eq!((side.width, side.height), (16, 24), "reading turns it upright");
    assert_eq!((up.width, up.height), (64, 96));
    assert_eq!(up.metadata.exif.expect("kept")[18], 1, "the tag says upright");
    folder.run(["side.jpg", "-o", "bare.jpg", "--metadata", "strip"]).succeeded();
    assert_eq!(folder.read("bare.jpg").metadata.exif, None);
}

#[test]
fn alpha_stays_where_the_format_has_it() {
    let folder = Folder::new();
    folder.picture("a.png", Header::new(16, 16, Channels::Rgba, Depth::U8), Metadata::default());
    folder.run(["a.png", "-o", "b.webp"]).succeeded();
    assert_eq!(folder.read("b.webp").channels, Channels::Rgba);
    let ran = folder.run(["a.png", "-o", "c.jpg"]).succeeded();
    assert!(ran.err.contains("white"), "{}", ran.err);
}

#[test]
fn depth_can_be_chosen() {
    let folder = Folder::new();
    folder.rgb("a.png");
    folder.run(["a.png", "--depth", "16", "-o", "b.png"]).succeeded();
    assert_eq!(folder.read("b.png").samples.depth(), Depth::U16);
    folder.run(["b.png", "--depth", "8", "-o", "c.png", "--scale", "1"]).succeeded();
    assert_eq!(folder.read("c.png").samples.depth(), Depth::U8);
    folder.run(["a.png", "--depth", "16", "-o", "d.jpg"]).failed(1, "jpeg");
}
