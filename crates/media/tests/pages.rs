//! TIFF files of several pages.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::Cursor;

use amplio_media::images::{self, Limits, WriteOptions};
use amplio_media::pages::{Pages, PagesWriter};
use amplio_media::{Channels, Density, DensityUnit, Depth, Error, Header, Metadata, Samples};

#[path = "common/sink.rs"]
mod sink;

use sink::Shared;

/// Pages of different shapes, each with its own resolution and profile.
fn pages() -> Vec<(Header, Samples, Metadata)> {
    let shapes = [
        Header::new(5, 3, Channels::Rgb, Depth::U8),
        Header::new(2, 7, Channels::Grey, Depth::U16),
        Header::new(9, 1, Channels::Rgba, Depth::U8),
    ];
    let page = |(number, header): (usize, Header)| {
        let count = header.pixels() as usize * header.channels.count();
        let samples = match header.depth {
            Depth::U16 => Samples::U16((0..count).map(|i| (i * 999 + number) as u16).collect()),
            _ => Samples::U8((0..count).map(|i| (i * 13 + number) as u8).collect()),
        };
        let dpi = 100.0 * (number + 1) as f64;
        let metadata = Metadata {
            icc: Some(vec![number as u8; 40]),
            density: Some(Density { x: dpi, y: dpi, unit: DensityUnit::Inch }),
            ..Metadata::default()
        };
        (header, samples, metadata)
    };
    shapes.into_iter().enumerate().map(page).collect()
}

fn book() -> Vec<u8> {
    let (pages, sink) = (pages(), Shared::default());
    let headers: Vec<Header> = pages.iter().map(|(header, ..)| *header).collect();
    let writer = PagesWriter::new(&headers, Box::new(sink.clone())).unwrap();
    for (header, samples, metadata) in pages {
        let options = WriteOptions { metadata, ..WriteOptions::default() };
        let mut rows = writer.page(&header, &options).unwrap();
        rows.write_rows(&samples).unwrap();
        rows.finish().unwrap();
    }
    writer.finish().unwrap();
    sink.bytes()
}

#[test]
fn every_page_comes_back_with_its_metadata() {
    let mut book = Pages::open(book()).unwrap().expect("three pages");
    assert_eq!((book.count(), book.extras()), (3, 0));
    // In any order.
    for number in [2, 0, 1] {
        let (header, samples, metadata) = pages().swap_remove(number);
        assert_eq!(book.header(number).unwrap(), header);
        let image = book.read(number, &Limits::default()).unwrap();
        assert_eq!((image.samples, image.metadata.icc), (samples, metadata.icc), "page {number}");
        assert_eq!(image.metadata.density, metadata.density, "page {number}");
    }
    assert!(matches!(book.read(3, &Limits::default()).unwrap_err(), Error::Misuse { .. }));
}

#[test]
fn another_reader_finds_the_same_pages() {
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(book())).unwrap();
    for (number, (header, ..)) in pages().into_iter().enumerate() {
        assert_eq!(decoder.dimensions().unwrap(), (header.width, header.height), "page {number}");
        decoder.read_image().unwrap();
        assert_eq!(decoder.more_images(), number < 2);
        if number < 2 {
            decoder.next_image().unwrap();
        }
    }
}

/// Where the directories of a little-endian file lie, and where the offset of the next one is said.
fn directories(file: &[u8]) -> Vec<(usize, usize)> {
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    let mut found = Vec::new();
    let mut at = number(4);
    while at != 0 {
        let next = at + 2 + 12 * usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
        found.push((at, next));
        at = number(next);
    }
    found
}

#[test]
fn small_copies_are_no_pages() {
    let mut file = book();
    let (second, _) = directories(&file)[1];
    // The first entry, the width, becomes the kind of the page; the reader of pages does not look further.
    file[second + 2..second + 14].copy_from_slice(&[254, 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    let mut book = Pages::open(file).unwrap().expect("two pages");
    assert_eq!((book.count(), book.extras()), (2, 1));
    assert_eq!(book.header(1).unwrap(), pages()[2].0);
}

#[test]
fn a_small_copy_before_the_only_page_is_not_taken_for_it() {
    let mut file = book();
    let directories = directories(&file);
    // The first entry of the first directory says that it is a small copy; the third page is cut off.
    let (first, last) = (directories[0].0, directories[1].1);
    file[first + 2..first + 14].copy_from_slice(&[254, 0, 4, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    file[last..last + 4].fill(0);
    let Ok(Err(file)) = Pages::open(file) else { panic!("one page is one picture") };
    let (header, samples, metadata) = pages().swap_remove(1);
    assert_eq!(images::read_header(&file).unwrap().1, header);
    let image = images::read(&file, &Limits::default()).unwrap();
    assert_eq!((image.samples, image.metadata.icc), (samples, metadata.icc));
}

#[test]
fn broken_chains_are_refused() {
    let file = book();
    let (first, last) = (directories(&file)[0], directories(&file)[2]);
    let mut round = file.clone();
    round[last.1..last.1 + 4].copy_from_slice(&(first.0 as u32).to_le_bytes());
    assert!(matches!(Pages::open(round), Err(Error::Malformed { .. })));
    let mut out = file.clone();
    out[last.1..last.1 + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(Pages::open(out), Err(Error::Malformed { .. })));
    for end in 0..file.len() {
        let cut = file[..end].to_vec();
        if let Ok(Ok(mut pages)) = Pages::open(cut) {
            let all = (0..pages.count()).all(|page| pages.read(page, &Limits::default()).is_ok());
            assert!(!all || end + 64 > file.len(), "cut at {end}");
        }
    }
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 0xFF;
        if let Ok(Ok(mut pages)) = Pages::open(damaged) {
            let limits = Limits { max_pixels: 1 << 16, max_bytes: 1 << 20 };
            (0..pages.count()).for_each(|page| drop(pages.read(page, &limits)));
        }
    }
    assert!(matches!(Pages::open(images_file()), Ok(Err(_))), "one page is one picture");
    assert!(matches!(Pages::open(b"nothing".to_vec()), Ok(Err(_))));
}

fn images_file() -> Vec<u8> {
    let (header, samples, _) = pages().swap_remove(0);
    let sink = Shared::default();
    let format = images::by_name("tiff").unwrap();
    let mut rows = images::writer(format, &header, &WriteOptions::default(), Box::new(sink.clone())).unwrap();
    rows.write_rows(&samples).unwrap();
    rows.finish().unwrap();
    sink.bytes()
}
