//! Archives whose pictures are made larger: entries of unusual packing and names.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;
#[path = "../../media/tests/common/sink.rs"]
mod sink;

use std::io::{Cursor, Write};

use amplio::media::animations;
use amplio::media::archives::{Archive, Limits};
use amplio::media::images::{self, WriteOptions};
use amplio::media::{Channels, Depth};
use amplio::{ArchiveJob, Request, Transcoder, Writing};
use common::{go_on, picture, upscaler};
use sink::Shared;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

fn page() -> Vec<u8> {
    let (image, sink) = (picture(9, 7, Channels::Rgb, Depth::U8), Shared::default());
    let format = images::by_name("png").unwrap();
    let (header, options) = (image.header(), WriteOptions::default());
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

/// The names of the entries of an archive whose pictures were made larger, as they are stored.
fn larger(bytes: Vec<u8>, format: &str) -> amplio::Result<Vec<Vec<u8>>> {
    let (upscaler, request) = (upscaler("compact/x2"), Request::default());
    let writing = Writing { format: format.parse().unwrap(), ..Writing::default() };
    let transcoder = Transcoder { upscaler: &upscaler, request: &request, writing: &writing };
    let archive = Archive::open(Cursor::new(bytes), &Limits::default())?;
    let sink = Shared::default();
    ArchiveJob::new(transcoder, archive, animations::Limits::default())?
        .run(Box::new(sink.clone()), &go_on)?;
    let mut made = ZipArchive::new(Cursor::new(sink.bytes())).unwrap();
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
