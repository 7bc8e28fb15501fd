//! Archives whose pictures are made larger: entries of unusual packing and names.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "../../media/tests/common/sink.rs"]
mod sink;

use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::sync::Mutex;

use amplio::media::animations;
use amplio::media::archives::{Archive, Limits};
use amplio::media::images::{self, WriteOptions};
use amplio::media::{Channels, Depth, Image, Metadata};
use amplio::{ArchiveJob, Bound, Error, Progress, Request, Transcoder, Watcher, Writing};
use common::{go_on, picture, upscaler};
use sink::Shared;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

fn page() -> Vec<u8> {
    page_of(9, 7)
}

fn page_of(width: u32, height: u32) -> Vec<u8> {
    encoded(picture(width, height, Channels::Rgb, Depth::U8), Metadata::default())
}

fn encoded(image: Image, metadata: Metadata) -> Vec<u8> {
    let (format, sink) = (images::by_name("png").unwrap(), Shared::default());
    let (header, options) = (image.header(), WriteOptions { metadata, ..WriteOptions::default() });
    let mut writer = images::writer(format, &header, &options, Box::new(sink.clone())).unwrap();
    writer.write_rows(&image.samples).unwrap();
    writer.finish().unwrap();
    sink.bytes()
}

/// An archive of entries with these names and contents.
fn archive(entries: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file_with_options(options.name(name)).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Says that the entry of this name is packed with bzip2, in both places where it is said.
fn packed_with_bzip2(mut archive: Vec<u8>, name: &[u8]) -> Vec<u8> {
    for at in 46..archive.len() {
        if archive[at..].starts_with(name) && archive[at - 46..].starts_with(b"PK\x01\x02") {
            archive[at - 36] = 12;
        } else if archive[at..].starts_with(name) && archive[at - 30..].starts_with(b"PK\x03\x04") {
            archive[at - 22] = 12;
        }
    }
    archive
}

/// An archive whose pictures were made larger, those side by side in so many bytes, and what is known of it.
fn made(bytes: Vec<u8>, format: &str, memory: usize, watcher: Watcher) -> amplio::Result<(Vec<u8>, Bound)> {
    let request = Request { side_by_side: Some(memory), ..Request::default() };
    let upscaler = upscaler("compact/x2");
    let writing = Writing { format: format.parse().unwrap(), ..Writing::default() };
    let transcoder = Transcoder { upscaler: &upscaler, request: &request, writing: &writing };
    let archive = Archive::open(Cursor::new(bytes), &Limits::default())?;
    let (sink, limits) = (Shared::default(), animations::Limits::default());
    let bound = ArchiveJob::new(transcoder, archive, limits)?.run(Box::new(sink.clone()), watcher)?;
    Ok((sink.bytes(), bound))
}

/// The names of the entries of an archive whose pictures were made larger, as they are stored.
fn larger(bytes: Vec<u8>, format: &str) -> amplio::Result<Vec<Vec<u8>>> {
    let (made, _) = made(bytes, format, usize::MAX, &go_on)?;
    let mut made = ZipArchive::new(Cursor::new(made)).unwrap();
    Ok((0..made.len()).map(|entry| made.by_index_raw(entry).unwrap().name_raw().to_vec()).collect())
}

#[test]
fn what_is_no_page_may_be_packed_in_any_way() {
    let page = page();
    let book = || archive(&[(b"about.txt", b"text"), (b"1.png", &page)]);
    let names = larger(packed_with_bzip2(book(), b"about.txt"), "same").unwrap();
    assert_eq!(names, [&b"about.txt"[..], b"1.png"]);
    let error = larger(packed_with_bzip2(book(), b"1.png"), "same").unwrap_err().to_string();
    assert_eq!(error, "1.png: zip: an entry that is neither stored nor deflated");
}

#[test]
fn new_extensions_leave_the_encoding_of_names_alone() {
    let page = page();
    // Shift-JIS, which is no UTF-8, with a backslash for its last byte; and UTF-8.
    let names = larger(archive(&[(b"\x83\x5c.png", &page), ("ü.png".as_bytes(), &page)]), "jpeg").unwrap();
    assert_eq!(names, [&b"\x83\x5c.jpg"[..], "ü.jpg".as_bytes()]);
}

#[test]
fn pages_side_by_side_are_what_they_are_one_by_one() {
    // The first one takes longest.
    let pages: Vec<_> = (0..7).map(|i| page_of(60 - 8 * i, 40)).collect();
    let names: Vec<_> = (0..7).map(|i| format!("{i}.png")).collect();
    let mut entries: Vec<_> =
        names.iter().zip(&pages).map(|(name, page)| (name.as_bytes(), &page[..])).collect();
    entries.insert(4, (b"about.txt", b"text"));
    let book = || archive(&entries);
    let seen = Mutex::new(Vec::new());
    let watcher = |progress: Progress| {
        seen.lock().unwrap().push(progress);
        ControlFlow::Continue(())
    };
    let (one_by_one, bound) = made(book(), "same", 0, &watcher).unwrap();
    let pixels = bound.pixels;
    assert_eq!(pixels, (0..7).map(|i| 4 * (60 - 8 * i) * 40).sum::<u64>());
    let seen = seen.into_inner().unwrap();
    assert!(seen.is_sorted_by_key(|progress| progress.fraction));
    assert_eq!(seen.last().map(|progress| (progress.fraction, progress.pixels)), Some((1.0, pixels)));
    for memory in [1 << 22, usize::MAX] {
        assert!(
            made(book(), "same", memory, &go_on).unwrap() == (one_by_one.clone(), bound.clone()),
            "{memory}"
        );
    }
}

#[test]
fn what_pages_lose_is_told_once() {
    let page = |channels, gamma| {
        encoded(picture(9, 7, channels, Depth::U8), Metadata { gamma, ..Metadata::default() })
    };
    let (plain, glass) = (page(Channels::Rgb, None), page(Channels::Rgba, None));
    let (light, both) = (page(Channels::Rgb, Some(100_000)), page(Channels::Rgba, Some(100_000)));
    let entries: [(&[u8], &[u8]); 6] = [
        (b"1.png", &plain),
        (b"2.png", &glass),
        (b"3.png", &light),
        (b"4.png", &both),
        (b"5.png", &both),
        (b"about.txt", b"text"),
    ];
    let remarks = |format| made(archive(&entries), format, usize::MAX, &go_on).unwrap().1.remarks;
    assert_eq!(
        remarks("bmp"),
        ["3.png and 2 more: bmp has no colour profiles, so colours become those of sRGB",]
    );
    assert_eq!(
        remarks("jpeg"),
        ["2.png and 2 more: jpeg has no transparency, so the result is laid on white"]
    );
    assert!(remarks("same").is_empty());
}

#[test]
fn the_first_page_that_fails_is_named_and_stops_the_others() {
    let (large, small) = (page_of(200, 200), page_of(20, 20));
    // Its header is whole.
    let cut = &page_of(30, 30)[..200];
    let book = || archive(&[(b"0.png", &large), (b"1.png", cut), (b"2.png", &small), (b"3.png", cut)]);
    for memory in [0, usize::MAX] {
        let error = made(book(), "same", memory, &go_on).unwrap_err().to_string();
        assert!(error.starts_with("1.png: "), "{error}");
    }
    let stop = |_: Progress| ControlFlow::Break(());
    assert!(matches!(made(book(), "same", usize::MAX, &stop), Err(Error::Stopped)));
}
