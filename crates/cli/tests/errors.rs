//! Wrong input gets a clear sentence and an exit code, and leaves nothing behind.

mod common;

use amplio::media::{Channels, Depth, Header, Metadata};
use common::{Folder, ended};

#[test]
fn wrong_inputs_say_what_is_wrong() {
    let folder = Folder::new();
    folder.rgb("a.png");
    let whole = std::fs::read(folder.path("a.png")).expect("a file");
    folder.write("cut.png", &whole[..whole.len() / 2]);
    folder.write("empty.png", b"");
    folder.write("text.jpg", b"not a picture at all");
    let before = folder.files();
    for (arguments, code, what) in [
        (vec!["missing.png"], 1, "missing.png"),
        (vec!["cut.png"], 1, "cut.png"),
        (vec!["empty.png"], 1, "empty"),
        (vec!["text.jpg"], 1, "not a picture"),
        (vec!["a.png", "-o", "no/such/folder.png"], 1, "no/such"),
        (vec!["a.png", "-o", "a.xyz"], 2, "xyz"),
        (vec!["a.png", "-o", "b.png", "--format", "jpeg"], 2, "--format"),
        (vec!["a.png", "--scale", "0"], 2, "--scale"),
        (vec!["a.png", "--scale", "2", "--size", "10x"], 2, "--size"),
        (vec!["a.png", "--scale", "100000"], 1, "a.png"),
        (vec!["a.png", "--quality", "0"], 2, "--quality"),
        (vec!["a.png", "--name", "{nothing}.png"], 2, "{nothing}"),
        (vec!["a.png", "--model", "text.jpg"], 3, "text.jpg"),
        (vec!["a.png", "--model", "unknown"], 3, "unknown"),
        (vec!["a.png", "--model", "realesr-generalx4v3"], 3, "there are realesr-general-x4v3"),
        (vec!["a.png", "--model", ""], 3, "amplio models search"),
        (vec!["a.png", "--preset", "photo", "--model", "x"], 2, "--model"),
        (vec!["a.png", "--denoise", "1.5"], 2, "--denoise"),
        (vec!["a.png", "--denoise", "0.5", "--preset", "anime"], 2, "--denoise-with"),
        (vec!["a.png", "--denoise", "0.5", "--denoise-with", "text.jpg"], 3, "text.jpg"),
        (vec!["a.png", "--denoise", "0.5", "--denoise-with", "realesr-animevideov3"], 3, "blend"),
        (vec!["blend", "realesr-general-x4v3", "realesr-animevideov3", "c.safetensors"], 3, "has the shapes"),
        (vec!["blend", "photo", "anime", "c.pth"], 2, ".safetensors"),
        (vec!["--frobnicate"], 2, "--frobnicate"),
    ] {
        folder.run(&arguments).failed(code, what);
        assert_eq!(folder.files(), before, "{arguments:?}");
    }
}

#[test]
fn too_large_for_the_format_is_said_before_the_work() {
    let folder = Folder::new();
    folder.picture("wide.png", Header::new(5000, 1, Channels::Grey, Depth::U8), Metadata::default());
    folder.run(["wide.png", "-o", "wide.webp"]).failed(1, "16383");
    assert_eq!(folder.files(), ["wide.png"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_in_one_way() {
    let folder = Folder::new();
    folder.rgb("a.png");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a device");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_amplio"));
    command.args(["a.png", "-o", "-"]).current_dir(folder.path("")).stdout(full);
    let output = command.output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("a.png: writing standard output: no space left on device\n"), "{said}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing_behind() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    let folder = Folder::new();
    folder.picture("large.png", Header::new(1500, 1500, Channels::Rgb, Depth::U8), Metadata::default());
    let child = folder.start(["large.png", "--tile", "64"]);
    // Not before its draft is there.
    while folder.files().len() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).expect("a signal");
    assert_eq!(ended(child).code, 130);
    assert_eq!(folder.files(), ["large.png"]);
}
