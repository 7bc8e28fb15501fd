//! Many pictures in one file, and one picture in many files: animations, archives, pages, numbered files.

mod common;

use std::io::{Cursor, Read, Write};

use amplio::media::animations::{self, Delay, Dither, Frame, Limits, Loops, Options};
use amplio::media::images::{self, WriteOptions};
use amplio::media::pages::{Pages, PagesWriter};
use amplio::media::{Channels, Depth, Header, Metadata, Samples};
use common::{Folder, Shared, encoded, picture};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

const DELAYS: [u32; 4] = [5, 5, 20, 300];

/// Four frames of 16x12 pixels; the second equals the first.
fn animation(name: &str, channels: Channels) -> Vec<u8> {
    let header = Header::new(16, 12, channels, Depth::U8);
    let format = images::by_extension(name).expect("a format");
    let options = Options {
        frames: 4,
        loops: Loops::Times(3),
        dither: Dither::default(),
        picture: WriteOptions { quality: 100, ..WriteOptions::default() },
    };
    let sink = Shared::default();
    let mut writer = animations::writer(format, &header, &options, Box::new(sink.clone())).expect("a writer");
    for (number, ticks) in DELAYS.into_iter().enumerate() {
        let count = channels.count();
        let sample = |i: usize| {
            let (x, channel) = (i / count % 16, i % count);
            let inside = (number.max(1) * 3..number.max(1) * 3 + 5).contains(&x);
            match (channel, inside) {
                (3, _) => {
                    if x < 2 {
                        0
                    } else {
                        255
                    }
                }
                (_, true) => 220,
                (channel, false) => 30 + channel as u8 * 40,
            }
        };
        let samples = Samples::U8((0..16 * 12 * count).map(sample).collect());
        writer.write_frame(Frame { samples, delay: Delay::new(ticks, 100) }).expect("a frame");
    }
    writer.finish().expect("a file");
    sink.bytes()
}

/// Size, loops, delays in seconds and frames of a file in the folder.
fn read(folder: &Folder, name: &str) -> (Header, Loops, Vec<f64>, Vec<Samples>) {
    let bytes = std::fs::read(folder.path(name)).expect("a file");
    let animation = animations::open(&bytes, &Limits::default()).expect("sound").expect("an animation");
    let (header, loops) = (animation.header, animation.loops);
    let frames: Vec<Frame> = animation.map(|frame| frame.expect("a frame")).collect();
    let delays = frames.iter().map(|frame| frame.delay.seconds()).collect();
    (header, loops, delays, frames.into_iter().map(|frame| frame.samples).collect())
}

#[test]
fn an_animation_stays_one() {
    let folder = Folder::new();
    for (name, channels) in [("gif", Channels::Rgba), ("webp", Channels::Rgb), ("png", Channels::Rgba)] {
        folder.write(&format!("a.{name}"), &animation(name, channels));
        folder.run([&format!("a.{name}"), "--scale", "2"]).succeeded();
        let (header, loops, delays, frames) = read(&folder, &format!("a_2x.{name}"));
        assert_eq!((header.width, header.height, header.channels), (32, 24, channels), "{name}");
        assert_eq!(loops, Loops::Times(3), "{name}");
        assert_eq!(delays, DELAYS.map(|ticks| f64::from(ticks) / 100.0), "{name}");
        assert!(frames[0] == frames[1] && frames[1] != frames[2], "{name}");
    }
}

#[test]
fn a_frame_is_what_its_picture_would_be() {
    let folder = Folder::new();
    folder.write("a.png", &animation("png", Channels::Rgb));
    folder.run(["a.png", "-o", "frames/f%02d.png", "--start-number", "7"]).succeeded();
    folder.run(["a.png", "-o", "b.png"]).succeeded();
    let (_, _, _, frames) = read(&folder, "b.png");
    assert_eq!(folder.files()[2..], ["f07", "f08", "f09", "f10"].map(|n| format!("frames/{n}.png")));
    for (number, frame) in frames.iter().enumerate() {
        assert_eq!(&folder.read(&format!("frames/f{:02}.png", number + 7)).samples, frame, "{number}");
    }
    // The frames of another program, one by one.
    let header = Header::new(16, 12, Channels::Rgb, Depth::U8);
    let (_, _, _, small) = read(&folder, "a.png");
    let still = images::by_name("png").map(|_| amplio::media::Image::new(header, small[2].clone()));
    let still = still.expect("a format").expect("a picture");
    folder.write("still.png", &encoded(&still, "still.png"));
    folder.run(["still.png"]).succeeded();
    assert_eq!(folder.read("still_4x.png").samples, frames[2]);
}

#[test]
fn numbered_files_that_are_there_stay_where_asked() {
    let folder = Folder::new();
    folder.write("a.png", &animation("png", Channels::Rgb));
    folder.write("f2.png", b"precious");
    folder.run(["a.png", "-o", "f%d.png"]).failed(1, "f2.png exists");
    let skip = ["a.png", "-o", "f%d.png", "--if-exists", "skip"];
    let ran = folder.run(skip).succeeded();
    assert!(ran.err.contains("of 4 files, 1 are there already and stay"), "{}", ran.err);
    assert_eq!(folder.files(), ["a.png", "f1.png", "f2.png", "f3.png", "f4.png"]);
    assert_eq!(std::fs::read(folder.path("f2.png")).expect("kept"), b"precious");
    assert_eq!(folder.read("f3.png").width, 64);
    assert!(folder.run(skip).succeeded().err.contains("skipped"));
}

#[test]
fn animations_become_others_or_the_first_frame() {
    let folder = Folder::new();
    folder.write("a.gif", &animation("gif", Channels::Rgba));
    for name in ["b.webp", "b.png", "b.apng", "b.gif"] {
        folder.run(["a.gif", "--scale", "1", "-o", name, "--dither", "none"]).succeeded();
        assert_eq!(read(&folder, name).2.len(), 4, "{name}");
    }
    let ran = folder.run(["a.gif", "-o", "still.jpg"]).succeeded();
    assert!(ran.err.contains("only the first of 4 frames is kept"), "{}", ran.err);
    assert_eq!(folder.read("still.jpg").width, 64);
    // A single picture stays a PNG, as GIF would lose most of its colours.
    folder.write("one.gif", &encoded(&picture(Header::new(8, 8, Channels::Rgb, Depth::U8)), "one.gif"));
    folder.run(["one.gif", "--json"]).succeeded();
    assert_eq!(folder.read("one_4x.png").width, 32);
    let ran = folder.run(["a.gif", "--json", "-o", "c.gif"]).succeeded();
    assert!(ran.text().lines().any(|line| line.contains("\"done\"") && line.contains("\"frames\":4")));
}

#[test]
fn a_broken_animation_leaves_nothing() {
    let folder = Folder::new();
    let whole = animation("webp", Channels::Rgb);
    folder.write("cut.webp", &whole[..whole.len() - 20]);
    folder.run(["cut.webp"]).failed(1, "cut.webp");
    assert_eq!(folder.files(), ["cut.webp"]);
    let whole = animation("gif", Channels::Rgb);
    folder.write("open.gif", &whole[..whole.len() - 1]);
    assert!(folder.run(["open.gif"]).succeeded().err.contains("without its end mark"));
}

#[test]
fn numbered_files_go_in_and_out() {
    let folder = Folder::new();
    for number in [3, 4, 6] {
        folder.rgb(&format!("in/f{number:03}.png"));
    }
    folder.rgb("in/other.png");
    let ran = folder.run(["in/f%03d.png", "-o", "out/g%05d.png", "--scale", "1"]).succeeded();
    assert!(ran.err.contains("missing: 5"), "{}", ran.err);
    assert_eq!(folder.files()[4..], ["out/g00003.png", "out/g00004.png", "out/g00006.png"]);
    folder.run(["in/f%03d.png", "-o", "large", "--start-number", "4", "--scale", "1"]).succeeded();
    assert_eq!(folder.files()[4..6], ["large/f004_1x.png", "large/f006_1x.png"]);
    folder.run(["in/f%03d.png", "--start-number", "5"]).failed(1, "f005.png");
    folder.run(["in/x%03d.png"]).failed(1, "no file has such a name");
    folder.run(["in/f003.png", "-o", "o%d.png"]).failed(1, "number");

    folder.run(["in/f%03d.png", "-o", "all.gif", "--fps", "10", "--scale", "1"]).succeeded();
    let (header, loops, delays, _) = read(&folder, "all.gif");
    assert_eq!((header.width, loops, delays), (24, Loops::Forever, vec![0.1; 3]));
    folder.run(["in/f%03d.png", "-o", "all.jpg"]).failed(1, "animation");
    folder.picture("in/f007.png", Header::new(5, 5, Channels::Rgb, Depth::U8), Metadata::default());
    folder.run(["in/f%03d.png", "-o", "b.png"]).failed(1, "f007.png");
    assert!(!folder.path("b.png").exists());
}

fn book(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.set_comment("a book").expect("a comment");
    for (name, bytes) in entries {
        zip.start_file(*name, SimpleFileOptions::default()).expect("an entry");
        zip.write_all(bytes).expect("bytes");
    }
    zip.finish().expect("an archive").into_inner()
}

fn entries(folder: &Folder, name: &str) -> Vec<(String, Vec<u8>)> {
    let mut zip =
        ZipArchive::new(Cursor::new(std::fs::read(folder.path(name)).expect("a file"))).expect("an archive");
    assert_eq!(zip.comment(), b"a book");
    let count = zip.len();
    let entry = |index| {
        let mut entry = zip.by_index(index).expect("an entry");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("bytes");
        (entry.name().expect("a name").into_owned(), bytes)
    };
    (0..count).map(entry).collect()
}

fn page(name: &str, width: u32) -> Vec<u8> {
    encoded(&picture(Header::new(width, 8, Channels::Rgb, Depth::U8)), name)
}

#[test]
fn a_book_becomes_a_larger_book() {
    let folder = Folder::new();
    let pages = [
        ("b/02.jpg", page("x.jpg", 9)),
        ("b/01.png", page("x.png", 11)),
        ("b/03.gif", animation("gif", Channels::Rgb)),
        ("b/still.gif", page("x.gif", 6)),
        ("ComicInfo.xml", b"<ComicInfo/>".to_vec()),
        ("__MACOSX/b/._01.png", page("x.png", 3)),
    ];
    folder.write("book.cbz", &book(&pages));
    let told = folder.run(["info", "book.cbz"]).succeeded();
    assert!(told.text().contains("pages   4") && told.text().contains("6 x 8 to 16 x 12"), "{}", told.text());
    folder.run(["book.cbz"]).succeeded();
    let got = entries(&folder, "book_4x.cbz");
    let names: Vec<_> = got.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["b/02.jpg", "b/01.png", "b/03.gif", "b/still.png", "ComicInfo.xml", "__MACOSX/b/._01.png"]
    );
    for (entry, width, format) in [(0, 36, "jpeg"), (1, 44, "png"), (2, 64, "gif"), (3, 24, "png")] {
        let (found, header) = images::read_header(&got[entry].1).expect("a picture");
        assert_eq!((header.width, found.name), (width, format), "{}", got[entry].0);
    }
    assert!(animations::moves(&got[2].1, &Limits::default()).expect("sound"));
    assert_eq!((&got[4].1, &got[5].1), (&pages[4].1, &pages[5].1));

    folder.run(["book.cbz", "-o", "small.zip", "--format", "webp", "--scale", "1"]).succeeded();
    assert_eq!(entries(&folder, "small.zip")[1].0, "b/01.webp");
    folder.write("shelf/one.cbz", &book(&pages[..1]));
    folder.write("shelf/report.docx", &book(&pages[..1]));
    folder.run(["shelf", "-o", "larger"]).succeeded();
    assert!(folder.path("larger/one_4x.cbz").exists() && !folder.path("larger/report_4x.docx").exists());
    let ran = folder.fed(["-", "--scale", "1"], &book(&pages[..2])).succeeded();
    assert!(ran.out.starts_with(b"PK"));
}

/// A page of transparent pixels whose colours are not those of sRGB.
fn tinted_page(name: &str) -> Vec<u8> {
    let mut page = picture(Header::new(9, 8, Channels::Rgba, Depth::U8));
    page.metadata = Metadata { gamma: Some(100_000), ..Metadata::default() };
    encoded(&page, name)
}

#[test]
fn what_the_pages_of_a_book_lose_is_told() {
    let folder = Folder::new();
    let pages = ["1.png", "2.png", "3.png"].map(|name| (name, tinted_page(name)));
    folder.write("book.cbz", &book(&pages));
    for (format, what) in [
        ("jpg", "jpeg has no transparency, so the result is laid on white"),
        ("ppm", "pnm has no colour profiles, so colours become those of sRGB"),
    ] {
        let output = format!("{format}.cbz");
        let ran = folder.run(["book.cbz", "-o", &output, "--format", format, "--scale", "1"]).succeeded();
        let told = format!("book.cbz: 1.png and 2 more: {what}");
        assert_eq!(ran.err.matches(&told).count(), 1, "{}", ran.err);
    }
    let ran = folder.run(["book.cbz", "-o", "same.cbz", "--scale", "1"]).succeeded();
    assert!(!ran.err.contains("more:"), "{}", ran.err);
}

#[test]
fn archives_that_cannot_become_larger_say_why() {
    let folder = Folder::new();
    folder.rgb("a.png");
    folder
        .write("book.cbz", &book(&[("1.png", page("x.png", 9)), ("2.png", page("x.png", 9)[..70].to_vec())]));
    folder.write("texts.zip", &book(&[("1.txt", b"no picture".to_vec())]));
    folder.write("up.zip", &book(&[("../1.png", page("x.png", 9))]));
    folder.write("two.zip", &book(&[("1.gif", page("x.gif", 9)), ("1.png", page("x.png", 9))]));
    let before = folder.files();
    for (arguments, what) in [
        (vec!["book.cbz"], "2.png"),
        (vec!["texts.zip"], "no picture in this archive"),
        (vec!["info", "texts.zip"], "neither a picture nor a model in this archive"),
        (vec!["up.zip"], "outside"),
        (vec!["two.zip"], "1.png"),
        (vec!["book.cbz", "-o", "one.png"], "-o NAME.cbz"),
        (vec!["a.png", "-o", "one.cbz"], "only archives"),
    ] {
        folder.run(&arguments).failed(1, what);
        assert_eq!(folder.files(), before, "{arguments:?}");
    }
}

#[test]
fn every_page_of_a_tiff() {
    let folder = Folder::new();
    let sizes = [(9, 6), (5, 11), (7, 7)];
    let headers = sizes.map(|(width, height)| Header::new(width, height, Channels::Rgb, Depth::U16));
    let sink = Shared::default();
    let writer = PagesWriter::new(&headers, Box::new(sink.clone())).expect("a writer");
    for (number, header) in headers.iter().enumerate() {
        let metadata = Metadata { icc: Some(vec![number as u8; 9]), ..Metadata::default() };
        let options = WriteOptions { metadata, ..WriteOptions::default() };
        let mut rows = writer.page(header, &options).expect("a page");
        rows.write_rows(&picture(*header).samples).expect("rows");
        rows.finish().expect("a page");
    }
    writer.finish().expect("a file");
    folder.write("book.tif", &sink.bytes());
    let ran = folder.run(["book.tif", "-o", "lossy%d.bmp", "--scale", "1"]).succeeded();
    let told = "book.tif: page 1 and 2 more: bmp cannot say that these are not the colours of sRGB";
    assert!(ran.err.contains(told), "{}", ran.err);
    folder.run(["book.tif", "--scale", "2"]).succeeded();
    let bytes = std::fs::read(folder.path("book_2x.tif")).expect("a file");
    let mut pages = Pages::open(bytes).expect("sound").expect("pages");
    for (number, (width, height)) in sizes.into_iter().enumerate() {
        let image = pages.read(number, &images::Limits::default()).expect("a page");
        assert_eq!((image.width, image.height), (width * 2, height * 2));
        assert_eq!(image.samples.depth(), Depth::U16);
        assert_eq!(image.metadata.icc, Some(vec![number as u8; 9]));
    }
    let ran = folder.run(["book.tif", "-o", "first.png", "--scale", "1"]).succeeded();
    assert!(ran.err.contains("only the first of 3 is kept"), "{}", ran.err);
    folder.write("page1.png", b"precious");
    folder.run(["book.tif", "-o", "page%d.png", "--scale", "1", "--if-exists", "skip"]).succeeded();
    assert_eq!(std::fs::read(folder.path("page1.png")).expect("kept"), b"precious");
    assert_eq!(folder.read("page3.png").width, 7);
}
