//! Many pictures at once: what is passed over, and what never meets.

mod common;

use common::Folder;

#[test]
fn a_second_run_makes_nothing_of_results() {
    let folder = Folder::new();
    folder.rgb("in/a.png");
    folder.rgb("in/deep/b.png");
    folder.rgb("in/c_4x.png");
    folder.run(["in"]).succeeded();
    let files =
        ["in/a.png", "in/a_4x.png", "in/c_4x.png", "in/c_4x_4x.png", "in/deep/b.png", "in/deep/b_4x.png"];
    assert_eq!(folder.files(), files);
    let again = folder.run(["in"]).succeeded();
    assert!(again.err.contains("3 skipped") && again.err.contains("3 results"), "{}", again.err);
    assert_eq!(folder.files(), files);
}

#[test]
fn results_among_the_inputs_are_known_again() {
    let folder = Folder::new();
    for name in ["same/a.png", "same/deep/b.png", "renamed/a.png", "c.png"] {
        folder.rgb(name);
    }
    for _ in 0..3 {
        folder.run(["same", "-o", "same"]).succeeded();
        folder.run(["renamed", "--if-exists", "rename"]).succeeded();
        // As a shell says `*` the second time.
        std::fs::create_dir_all(folder.path("larger")).expect("a folder");
        let ran = folder.run(["c.png", "larger", "-o", "larger"]).succeeded();
        assert!(ran.err.contains("larger: results go to this folder"), "{}", ran.err);
    }
    let files = [
        "c.png",
        "larger/c_4x.png",
        "renamed/a.png",
        "renamed/a_4x-2.png",
        "renamed/a_4x-3.png",
        "renamed/a_4x.png",
        "same/a.png",
        "same/a_4x.png",
        "same/deep/b.png",
        "same/deep/b_4x.png",
    ];
    assert_eq!(folder.files(), files);
}

#[test]
fn what_only_has_the_name_of_a_picture_is_none() {
    let folder = Folder::new();
    folder.rgb("web/a.png");
    folder.write("web/index.ts", b"export const zero = 0;\n");
    folder.write("web/notes.txt", b"P1 - urgent\n");
    folder.write("web/plan.vst", b"hi\n");
    let ran = folder.run(["web", "-o", "out"]).succeeded();
    assert!(ran.err.contains("3 files were no pictures"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_in_a_folder_is_not_read() {
    let folder = Folder::new();
    folder.rgb("in/a.png");
    let socket = std::os::unix::net::UnixListener::bind(folder.path("in/s.png")).expect("a socket");
    let ran = folder.run(["in", "-o", "out"]).succeeded();
    assert!(ran.err.contains("1 file was no picture"), "{}", ran.err);
    folder.run(["in/*.png", "-o", "again"]).succeeded();
    drop(socket);
}

#[cfg(unix)]
#[test]
fn a_file_is_taken_where_it_lies() {
    let folder = Folder::new();
    folder.rgb("in/real/a.png");
    // In the order of their names, the link is met first.
    std::os::unix::fs::symlink("real", folder.path("in/link")).expect("a link");
    folder.run(["in", "-o", "out"]).succeeded();
    assert_eq!(folder.files(), ["in/real/a.png", "out/real/a_4x.png"]);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_replaced() {
    let folder = Folder::new();
    folder.rgb("a.png");
    let socket = std::os::unix::net::UnixListener::bind(folder.path("b.png")).expect("a socket");
    folder
        .run(["a.png", "-o", "b.png", "--if-exists", "overwrite"])
        .failed(1, "-o - writes to standard output");
    folder.run(["compare", "a.png", "-o", "b.png", "--overwrite"]).failed(1, "a device or a pipe");
    assert_eq!(folder.files(), ["a.png"]);
    drop(socket);
}

#[cfg(unix)]
#[test]
fn a_link_is_followed_and_a_file_keeps_its_permissions() {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    let folder = Folder::new();
    folder.rgb("a.png");
    folder.write("far/notes.txt", b"");
    symlink("far/b.png", folder.path("b.png")).expect("a link");
    folder.run(["a.png", "-o", "b.png"]).succeeded();
    set_permissions(folder.path("far/b.png"), Permissions::from_mode(0o640)).expect("permissions");
    folder.run(["a.png", "-o", "b.png", "--if-exists", "overwrite", "--scale", "2"]).succeeded();
    assert!(folder.path("b.png").is_symlink());
    assert_eq!(folder.read("far/b.png").width, 48);
    let mode = metadata(folder.path("far/b.png")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn clutter_and_the_folder_of_results_are_not_walked() {
    let folder = Folder::new();
    folder.rgb("a.png");
    for name in [".hidden.png", ".cache/b.png", "larger/old.png"] {
        folder.rgb(name);
    }
    folder.write("Thumbs.db", b"\0\0\0");
    folder.write("notes.txt", b"no picture");
    let ran = folder.run([".", "-o", "larger", "--json"]).succeeded();
    let summary = ran.text().lines().last().expect("a summary").to_owned();
    let summary: serde_json::Value = serde_json::from_str(&summary).expect("an object");
    assert_eq!((&summary["done"], &summary["not_pictures"]), (&1.into(), &1.into()), "{summary}");
    assert!(folder.files().contains(&"larger/a_4x.png".to_owned()));
}

#[test]
fn a_folder_without_pictures_is_an_error() {
    let folder = Folder::new();
    folder.write("in/notes.txt", b"no picture");
    folder.run(["in"]).failed(1, "no picture in this folder");
    folder.run(["in/*.png"]).failed(1, "no file matches");
}

#[test]
fn two_pictures_never_become_one_file() {
    let folder = Folder::new();
    folder.rgb("a.png");
    folder.rgb("a.bmp");
    folder.run(["a.png", "a.bmp", "--format", "png", "--if-exists", "overwrite"]).failed(1, "a.bmp");
    assert_eq!(folder.files(), ["a.bmp", "a.png", "a_4x.png"]);
    folder.run(["a.png", "a.bmp", "-o", "out", "--format", "png", "--if-exists", "rename"]).succeeded();
    assert_eq!(folder.files()[3..], ["out/a_4x-2.png", "out/a_4x.png"]);
    for _ in 0..2 {
        let ran = folder.run(["a.png", "a.bmp", "-o", "each", "--format", "png"]).failed(1, "a.bmp");
        assert!(ran.err.contains("the result of a.png; --if-exists rename"), "{}", ran.err);
    }
    // One that fails makes room for the other.
    let broken = std::fs::read(folder.path("a.bmp")).expect("a file");
    folder.write("broken/a.bmp", &broken[..broken.len() / 2]);
    folder.rgb("broken/a.png");
    let ran = folder.run(["broken", "-o", "made", "--format", "png"]).failed(1, "broken/a.bmp: ");
    assert!(!ran.err.contains("already") && folder.path("made/a_4x.png").exists(), "{}", ran.err);
    // An input that is named twice is one picture, and no input gives way to the result of another.
    folder.run(["a.png", "./a.png", "-o", "once"]).succeeded();
    folder.rgb("b.png");
    folder.rgb("b_4x.png");
    folder.run(["b.png", "b_4x.png", "--if-exists", "overwrite"]).failed(1, "which is an input");
    assert_eq!(folder.read("b_4x.png").width, 24);
}

#[test]
fn quiet_is_quiet_and_results_can_be_read_by_others() {
    let folder = Folder::new();
    folder.rgb("a.png");
    let ran =
        folder.run(["a.png", "--quiet", "--threads", "1", "--isa", "scalar", "--tile", "8"]).succeeded();
    assert_eq!((ran.text(), ran.err.as_str()), ("", ""));
    assert_same_permissions(&folder, "a.png", "a_4x.png");
    assert!(folder.run(["missing.png", "--quiet"]).failed(1, "amplio: missing.png: ").err.ends_with('\n'));
}

#[test]
fn usage_that_makes_no_sense_is_refused_before_the_work() {
    let folder = Folder::new();
    folder.rgb("a.png");
    folder.rgb("b.png");
    let before = folder.files();
    for (arguments, what) in [
        (vec!["a.png", "b.png", "-o", "c.png"], "several inputs"),
        (vec!["a.png", "b.png", "-o", "-"], "several inputs"),
        (vec!["a.png", "-o", "new"], "new/"),
        (vec!["a.png", "-o", "c%d-%d.png"], "one number"),
        (vec!["a.png", "-o", "-", "--json"], "--json"),
        (vec!["a.png", "--size", "10x", "--fit", "cover"], "--fit"),
        (vec!["a.png", "--name", "sub/{stem}.{ext}"], "folders"),
        (vec!["a.png", "-o", "a.jxl"], "jxl cannot be written"),
        (vec!["convert", "photo", "model.pth"], ".safetensors"),
        (vec!["compare", "a.png", "-o", "sheet.jpg"], ".png"),
    ] {
        folder.run(&arguments).failed(2, what);
        assert_eq!(folder.files(), before, "{arguments:?}");
    }
}

#[test]
fn what_is_neither_picture_nor_model_is_said_so() {
    let folder = Folder::new();
    folder.rgb("a.png");
    folder.write("text.txt", b"neither");
    let ran = folder.run(["info", "text.txt", "a.png"]).failed(1, "text.txt");
    assert!(ran.text().contains("png"), "the other file is told of");
    folder.run(["info", "."]).failed(1, "folder");
}

#[cfg(unix)]
fn assert_same_permissions(folder: &Folder, a: &str, b: &str) {
    use std::os::unix::fs::PermissionsExt;
    let mode = |name| std::fs::metadata(folder.path(name)).expect("a file").permissions().mode();
    assert_eq!(mode(a), mode(b));
}

#[cfg(not(unix))]
fn assert_same_permissions(_: &Folder, _: &str, _: &str) {}
