//! Which files are read, and which are written where.

mod common;

use amplio::media::{Channels, Depth, Header};
use common::{Folder, encoded, picture};

#[test]
fn a_picture_alone_gets_a_neighbour() {
    let folder = Folder::new();
    folder.rgb("photo.png");
    let ran = folder.run(["photo.png"]).succeeded();
    assert!(ran.err.contains("photo_4x.png"), "{}", ran.err);
    assert_eq!(folder.files(), ["photo.png", "photo_4x.png"]);
    let larger = folder.read("photo_4x.png");
    assert_eq!((larger.width, larger.height), (96, 64));
}

#[test]
fn sizes_names_formats_and_presets_are_what_was_asked_for() {
    let folder = Folder::new();
    folder.rgb("a.png");
    let model = "realesr-animevideov3";
    folder
        .run([
            "a.png",
            "--scale",
            "3.5",
            "--preset",
            "anime",
            "--name",
            "{stem}-{model}-{scale}-{width}x{height}.{ext}",
        ])
        .succeeded();
    folder.run(["a.png", "--size", "48x", "-o", "b.jpg", "--quality", "80"]).succeeded();
    folder.run(["a.png", "--size", "60x60", "--fit", "cover", "-o", "c.webp"]).succeeded();
    folder.run(["a.png", "--long-side", "30", "--format", "tiff", "-o", "."]).succeeded();
    let named = format!("a-{model}-3.5-84x56.png");
    assert_eq!(folder.files(), [&named, "a.png", "a_1.25x.tif", "b.jpg", "c.webp"]);
    for (name, size) in
        [(named.as_str(), (84, 56)), ("b.jpg", (48, 32)), ("c.webp", (60, 60)), ("a_1.25x.tif", (30, 20))]
    {
        let image = folder.read(name);
        assert_eq!((image.width, image.height), size, "{name}");
    }
}

#[test]
fn the_content_says_what_a_file_is() {
    let folder = Folder::new();
    folder.write("liar.jpg", &encoded(&picture(Header::new(8, 8, Channels::Rgb, Depth::U8)), "x.png"));
    folder.run(["liar.jpg", "-o", "out/", "--format", "same"]).succeeded();
    assert_eq!(folder.files(), ["liar.jpg", "out/liar_4x.png"]);
}

#[test]
fn folders_are_mirrored_and_one_bad_file_stops_nothing() {
    let folder = Folder::new();
    folder.rgb("in/a.png");
    folder.rgb("in/deep/er/b.png");
    folder.write("in/broken.png", &std::fs::read(folder.path("in/a.png")).expect("a file")[..60]);
    folder.write("in/notes.txt", b"not a picture");
    folder.run(["in", "-o", "out", "--scale", "2"]).failed(1, "in/broken.png");
    assert_eq!(folder.files()[4..], ["out/a_2x.png", "out/deep/er/b_2x.png"]);

    let again = folder.run(["in", "-o", "out", "--scale", "2"]).failed(1, "skipped");
    assert!(again.err.contains("2 skipped"), "{}", again.err);
}

#[test]
fn a_file_that_exists_is_treated_as_asked() {
    let folder = Folder::new();
    folder.rgb("a.png");
    folder.write("a_4x.png", b"precious");
    folder.run(["a.png"]).failed(1, "a_4x.png");
    folder.run(["a.png", "--if-exists", "skip"]).succeeded();
    assert_eq!(std::fs::read(folder.path("a_4x.png")).expect("kept"), b"precious");
    folder.run(["a.png", "--if-exists", "rename"]).succeeded();
    assert_eq!(folder.files(), ["a.png", "a_4x-2.png", "a_4x.png"]);
    folder.run(["a.png", "--if-exists", "overwrite"]).succeeded();
    assert_eq!(folder.read("a_4x.png").width, 96);
}

#[test]
fn no_input_is_ever_written_over() {
    let folder = Folder::new();
    let image = folder.rgb("a.png");
    folder.run(["a.png", "-o", "a.png", "--if-exists", "overwrite"]).failed(1, "a.png");
    assert_eq!(folder.read("a.png").samples, image.samples);
}

#[test]
fn pipes_and_patterns() {
    let folder = Folder::new();
    folder.rgb("a1.png");
    folder.rgb("a2.png");
    let bytes = std::fs::read(folder.path("a1.png")).expect("a file");
    let ran = folder.fed(["-", "--format", "qoi"], &bytes).succeeded();
    assert_eq!(&ran.out[..4], b"qoif");
    folder.run(["a*.png", "-o", "out"]).succeeded();
    assert_eq!(folder.files()[2..], ["out/a1_4x.png", "out/a2_4x.png"]);
}

#[test]
fn a_rehearsal_writes_nothing_and_json_is_json() {
    let folder = Folder::new();
    folder.rgb("a.png");
    let ran = folder.run(["a.png", "--dry-run"]).succeeded();
    assert!(ran.text().contains("a_4x.png"));
    assert_eq!(folder.files(), ["a.png"]);

    let ran = folder.run(["a.png", "missing.png", "--json"]);
    assert_eq!(ran.code, 1);
    let events: Vec<serde_json::Value> =
        ran.text().lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert!(["start", "done", "error", "summary"].iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
}
