//! Archives: what is copied stays as it is, what is dangerous is refused.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Cursor, Read, Write};

use amplio_media::archives::{Archive, ArchiveWriter, Limits, detect};
use amplio_media::{Error, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

#[path = "common/sink.rs"]
mod sink;

use sink::Shared;

fn options(method: CompressionMethod) -> SimpleFileOptions {
    let time = DateTime::from_date_and_time(2021, 3, 4, 5, 6, 8).unwrap();
    SimpleFileOptions::default().compression_method(method).last_modified_time(time).unix_permissions(0o640)
}

/// A book: a folder, pages in no order of names, a text, and comments.
fn book() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.set_comment("a book").unwrap();
    zip.add_directory("pages/", options(CompressionMethod::Stored)).unwrap();
    for (name, method) in [
        ("pages/2.txt", CompressionMethod::Deflated),
        ("ComicInfo.xml", CompressionMethod::Deflated),
        ("pages/1.txt", CompressionMethod::Stored),
        ("ünïcode.txt", CompressionMethod::Stored),
    ] {
        let options = options(method).into_full_options().with_file_comment(format!("about {name}"));
        zip.start_file(name, options).unwrap();
        zip.write_all(name.repeat(40).as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn open(bytes: &[u8]) -> Result<Archive<Cursor<&[u8]>>> {
    Archive::open(Cursor::new(bytes), &Limits::default())
}

/// Name, packed bytes, comment, time and permissions of an entry.
type Entry = (Vec<u8>, Vec<u8>, String, Option<DateTime>, Option<u32>);

fn entries(bytes: &[u8]) -> Vec<Entry> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let entry = |index| {
        let mut entry = zip.by_index_raw(index).unwrap();
        let mut packed = Vec::new();
        entry.read_to_end(&mut packed).unwrap();
        let (name, comment) = (entry.name_raw().to_vec(), entry.comment().to_owned());
        (name, packed, comment, entry.last_modified(), entry.unix_mode())
    };
    (0..5).map(entry).collect()
}

#[test]
fn everything_but_the_pages_stays_as_it_is() {
    let bytes = book();
    assert!(detect(&bytes));
    let mut from = open(&bytes).unwrap();
    let sink = Shared::default();
    let mut to = ArchiveWriter::new(Box::new(sink.clone()), &from).unwrap();
    for index in 0..from.len() {
        match from.name(index).unwrap().as_str() {
            "pages/1.txt" => to.replace(&mut from, index, None, b"new").unwrap(),
            "pages/2.txt" => to.replace(&mut from, index, Some(b"pages/2.png"), &[7; 5000]).unwrap(),
            _ => to.copy(&mut from, index).unwrap(),
        }
    }
    to.finish().unwrap();
    let written = sink.bytes();
    let (old, new) = (entries(&bytes), entries(&written));
    for (index, (old, new)) in old.iter().zip(&new).enumerate() {
        assert_eq!((&old.2, &old.3, &old.4), (&new.2, &new.3, &new.4), "{index}");
        assert_eq!(old.1 == new.1, index != 1 && index != 3, "{index}: packed bytes");
        assert_eq!(old.0 == new.0, index != 1, "{index}: name");
    }
    assert_eq!(new[1].0, b"pages/2.png");
    let mut again = open(&written).unwrap();
    assert_eq!((again.read(3).unwrap(), again.read(1).unwrap()), (b"new".to_vec(), vec![7; 5000]));
    assert_eq!(again.first_bytes(2, 6).unwrap(), b"ComicI");
    assert!(again.first_bytes(0, 64).unwrap().is_empty(), "a folder has no bytes");
    assert_eq!(ZipArchive::new(Cursor::new(&written)).unwrap().comment(), b"a book");
}

/// An archive with one entry.
fn single(name: &str, act: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>, &str)) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    act(&mut zip, name);
    zip.finish().unwrap().into_inner()
}

#[track_caller]
fn refused(bytes: &[u8], what: &str) -> Error {
    let error = open(bytes).err().expect("refused");
    assert!(error.to_string().contains(what), "{error}");
    error
}

#[test]
fn what_leads_out_of_an_archive_is_refused() {
    let plain = |zip: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str| {
        zip.start_file(name, options(CompressionMethod::Stored)).unwrap();
        zip.write_all(b"x").unwrap();
    };
    for name in ["../up.png", "a/../../up.png", "/etc/passwd", "\\\\host\\share", "C:\\x.png", "a\\..\\..\\b"]
    {
        refused(&single(name, plain), "outside");
    }
    assert!(open(&single("a/b..c/...d.png", plain)).is_ok());
    let link = |zip: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str| {
        zip.add_symlink(name, "/etc/passwd", options(CompressionMethod::Stored)).unwrap();
    };
    refused(&single("page.png", link), "link");
    // The flag of encrypted entries, in both places where it is said.
    let mut locked = single("page.png", plain);
    let central = locked.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    locked[6] |= 1;
    locked[central + 8] |= 1;
    refused(&locked, "encrypted");
}

#[test]
fn bombs_are_refused() {
    let zeros = |zip: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str| {
        zip.start_file(name, options(CompressionMethod::Deflated)).unwrap();
        zip.write_all(&vec![0; 1 << 20]).unwrap();
    };
    let bytes = single("page.png", zeros);
    assert!(open(&bytes).is_ok(), "an honest entry of zeros");
    let strict = Limits { max_ratio: 100, ..Limits::default() };
    assert!(matches!(Archive::open(Cursor::new(&bytes), &strict), Err(Error::Limit { .. })));
    let small = Limits { max_entry: (1 << 20) - 1, ..Limits::default() };
    let mut archive = Archive::open(Cursor::new(&bytes), &small).unwrap();
    assert!(matches!(archive.read(0), Err(Error::Limit { .. })));
    let few = Limits { max_entries: 4, ..Limits::default() };
    assert!(matches!(Archive::open(Cursor::new(book()), &few), Err(Error::Limit { .. })));
    // Two entries that share their bytes.
    let mut shared = ZipWriter::new(Cursor::new(Vec::new()));
    zeros(&mut shared, "a.png");
    shared.shallow_copy_file("a.png", "b.png").unwrap();
    refused(&shared.finish().unwrap().into_inner(), "over each other");
}

/// All that can be read of an archive.
fn all(bytes: &[u8]) -> Result<()> {
    let mut archive = open(bytes)?;
    for index in 0..archive.len() {
        archive.name(index)?;
        archive.first_bytes(index, 64)?;
        archive.read(index)?;
    }
    Ok(())
}

#[test]
fn truncation_at_every_byte_and_one_wrong_byte_anywhere() {
    let bytes = book();
    all(&bytes).unwrap();
    for end in 0..bytes.len() {
        // Of the comment at the end, some may be missing.
        assert!(all(&bytes[..end]).is_err() || bytes.len() - end <= 6, "cut at {end}");
    }
    for at in 0..bytes.len() {
        for flip in [0xFF, 1] {
            let mut damaged = bytes.clone();
            damaged[at] ^= flip;
            let _ = all(&damaged);
        }
    }
}

#[test]
fn what_cannot_be_unpacked_is_copied() {
    let mut bytes = book();
    // The method of the last entry, in both places where it is said, becomes bzip2.
    let name = "ünïcode.txt".as_bytes();
    let places: Vec<_> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(name)).collect();
    let central = *places.iter().rfind(|&&at| bytes[at - 46..].starts_with(b"PK\x01\x02")).unwrap();
    bytes[central - 46 + 10] = 12;
    bytes[places[0] - 30 + 8] = 12;
    let mut from = open(&bytes).unwrap();
    let can: Vec<_> = (0..from.len()).map(|index| from.can_unpack(index).unwrap()).collect();
    assert_eq!(can, [true, true, true, true, false]);
    assert!(matches!(from.first_bytes(4, 64).unwrap_err(), Error::Unsupported { .. }));
    let sink = Shared::default();
    let mut to = ArchiveWriter::new(Box::new(sink.clone()), &from).unwrap();
    (0..from.len()).for_each(|index| to.copy(&mut from, index).unwrap());
    to.finish().unwrap();
    assert_eq!(entries(&sink.bytes()), entries(&bytes));
}

#[test]
fn a_wrong_checksum_is_noticed() {
    let mut bytes = book();
    let at = bytes.windows(22).rposition(|w| w == "pages/1.txtpages/1.txt".as_bytes()).unwrap();
    bytes[at] ^= 1;
    let mut archive = open(&bytes).unwrap();
    assert!(matches!(archive.read(3).unwrap_err(), Error::Malformed { .. }));
}
