//! All that is no single picture: animations, pages, archives and videos, each as one thing in and one thing out.

mod common;

use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use amplio::media::animations::{self, Delay, Dither, Frame, Loops, Options};
use amplio::media::images::{self, WriteOptions};
use amplio::media::pages::{Pages, PagesWriter};
use amplio::media::{Channels, Depth, Header, Image, Samples};
use amplio_testkit::golden;
use common::film::{self, clip, facts, server};
use common::{Server, encoded, form, json, picture, problem, shape};
use serde_json::Value;

async fn hand_in(server: &Server, path: &str, kind: &'static str, body: Vec<u8>) -> String {
    let request = server.post(path).header("content-type", kind).body(body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    json(answer).await["id"].as_str().expect("an id").to_owned()
}

async fn output(server: &Server, job: &Value) -> Vec<u8> {
    assert_eq!(job["state"], "done", "{job}");
    let path = job["links"]["output"].as_str().expect("a link");
    let answer = server.get(path).send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], job["output"]["mime"].as_str().expect("a type"));
    answer.bytes().await.expect("a body").to_vec()
}

fn animation(format: &str) -> Vec<u8> {
    let header = Header::new(8, 6, Channels::Rgb, Depth::U8);
    let file = tempfile::NamedTempFile::new().expect("a file");
    let options =
        Options { frames: 3, loops: Loops::Forever, dither: Dither::None, picture: WriteOptions::default() };
    let sink = Box::new(file.reopen().expect("a file"));
    let format = images::by_name(format).expect("a format");
    let mut writer = animations::writer(format, &header, &options, sink).expect("a writer");
    for number in 0..3 {
        let samples = Samples::U8(vec![number * 80; 8 * 6 * 3]);
        writer.write_frame(Frame { samples, delay: Delay::new(1, 10) }).expect("a frame");
    }
    writer.finish().expect("whole");
    std::fs::read(file.path()).expect("a file")
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).expect("an entry");
        zip.write_all(content).expect("written");
    }
    zip.finish().expect("whole").into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn animations_and_pages_are_waited_for_whole() {
    let server = server(&[]);
    let send = |path: &'static str, body: Vec<u8>| server.post(path).body(body).send();
    let limits = animations::Limits::default();
    for (path, format) in [("/v1/upscale", "gif"), ("/v1/upscale?format=webp", "webp")] {
        let larger = send(path, animation("gif")).await.expect("an answer").bytes().await.expect("a body");
        let larger = animations::open(&larger, &limits).expect("sound").expect("it moves");
        assert_eq!((larger.format.name, larger.frames), (format, 3));
        assert_eq!((larger.header.width, larger.header.height), (32, 24));
    }
    let still = send("/v1/upscale?format=jpeg", animation("gif")).await.expect("an answer");
    assert_eq!(problem(still).await.0, 422, "two frames would be lost");

    let file = tempfile::NamedTempFile::new().expect("a file");
    let headers =
        [Header::new(8, 6, Channels::Grey, Depth::U8), Header::new(4, 4, Channels::Rgb, Depth::U16)];
    let pages = PagesWriter::new(&headers, Box::new(file.reopen().expect("a file"))).expect("a book");
    for header in &headers {
        let count = header.width as usize * header.height as usize * header.channels.count();
        let samples = match header.depth {
            Depth::U16 => Samples::U16(vec![30_000; count]),
            _ => Samples::U8(vec![90; count]),
        };
        let mut page = pages.page(header, &WriteOptions::default()).expect("a page");
        page.write_rows(&samples).expect("rows");
        page.finish().expect("whole");
    }
    pages.finish().expect("whole");
    let pages = std::fs::read(file.path()).expect("a file");
    let larger = send("/v1/upscale", pages.clone()).await.expect("an answer").bytes().await.expect("a body");
    let mut larger = Pages::open(larger.to_vec()).expect("sound").expect("several pages");
    let shapes: Vec<_> = (0..larger.count()).map(|page| larger.header(page).expect("a page")).collect();
    let shapes: Vec<_> = shapes.iter().map(|shape| (shape.width, shape.height, shape.depth)).collect();
    assert_eq!(shapes, [(32, 24, Depth::U8), (16, 16, Depth::U16)]);
    assert_eq!(problem(send("/v1/upscale?format=png", pages).await.expect("an answer")).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_type_of_an_archive_is_accepted_for_archives() {
    let server = server(&[]);
    let archive = zip(&[("1.png", &picture(10, 8, 1))]);
    for path in ["/v1/upscale?scale=2", "/invocations"] {
        let send = |body: Vec<u8>| server.post(path).header("accept", "application/zip").body(body).send();
        let answer = send(archive.clone()).await.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
            (200, &b"application/zip"[..]),
            "{path}"
        );
        assert_eq!(send(picture(10, 8, 1)).await.expect("an answer").status(), 406, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_comes_back_with_its_pictures_larger() {
    let server = server(&[("max-entries", "3"), ("max-result-pixels", "10000")]);
    let (one, two) = (picture(10, 8, 1), picture(12, 9, 2));
    let comic = zip(&[("1.png", &one), ("notes.txt", b"hello"), ("b/2.png", &two)]);
    let form = form(&[("file", Some("a comic.CBZ"), &comic)]);
    let request = server.post("/v1/jobs").header("content-type", "multipart/form-data; boundary=edge");
    let job = json(request.body(form).send().await.expect("an answer")).await;
    assert_eq!((job["kind"].as_str(), job["name"].as_str()), (Some("archive"), Some("a comic.CBZ")));
    let job = server.ended(job["id"].as_str().expect("an id")).await;
    assert_eq!(job["output"]["mime"], "application/vnd.comicbook+zip", "{job}");
    let larger = output(&server, &job).await;
    let mut larger = zip::ZipArchive::new(Cursor::new(larger)).expect("an archive");
    let mut entry = |name: &str| {
        let mut bytes = Vec::new();
        larger.by_name(name).expect(name).read_to_end(&mut bytes).expect("readable");
        bytes
    };
    assert_eq!(entry("notes.txt"), b"hello");
    assert_eq!((shape(&entry("1.png")), shape(&entry("b/2.png"))), (("png", 40, 32), ("png", 48, 36)));

    let many = zip(&[("1.png", &one), ("2", b""), ("3", b""), ("4", b"")]);
    let waited = server.post("/v1/upscale").header("content-type", "application/zip").body(many.clone());
    let waited = problem(waited.send().await.expect("an answer")).await;
    assert_eq!(waited, (413, "limit_exceeded".into(), Some("max-entries".into())));
    let large = zip(&[("1.png", &one), ("large.png", &picture(40, 40, 3))]);
    let none = zip(&[("a.txt", b"hello")]);
    for (archive, word) in [(many, "4 entries"), (large, "large.png"), (none, "no picture")] {
        let id = hand_in(&server, "/v1/jobs", "application/zip", archive).await;
        let job = server.ended(&id).await;
        assert_eq!(job["state"], "failed", "{job}");
        assert!(job["reason"]["detail"].as_str().expect("text").contains(word), "{job}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_a_job_and_keeps_its_frames_and_its_sound() {
    let server = server(&[]);
    let film = clip(25, "clip.mp4");
    let waited = server.post("/v1/upscale").header("content-type", "video/mp4").body(film.clone());
    let (status, _, _) = problem(waited.send().await.expect("an answer")).await;
    assert_eq!(status, 415, "videos are not waited for");

    let id = hand_in(&server, "/v1/jobs", "video/mp4", film.clone()).await;
    let events = server.get(&format!("/v1/jobs/{id}/events")).send().await.expect("an answer");
    let events = events.text().await.expect("text");
    assert!(events.contains("frames_per_second"), "{events}");
    let larger = output(&server, &server.ended(&id).await).await;
    let (before, after) = (facts(&film), facts(&larger));
    assert_eq!(before.0, after.0, "every frame has its time");
    assert_eq!(after.1, ["h264,192,128", "aac"]);
    let left: Vec<_> = std::fs::read_dir(server.folder.path().join("films")).expect("a folder").collect();
    assert!(left.is_empty(), "the work is done: {left:?}");

    let path = "/v1/jobs?format=webm&size=96x&start=0.5&end=1.5";
    let id = hand_in(&server, path, "application/octet-stream", film).await;
    let job = server.ended(&id).await;
    let (times, streams) = facts(&output(&server, &job).await);
    assert_eq!((times.len(), streams), (10, vec!["vp9,96,64".into(), "opus".into()]));
    let remarks = job["output"]["remarks"].to_string();
    assert!(remarks.contains("becomes libopus"), "{remarks}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_animation_becomes_a_video_if_that_is_asked_for() {
    let server = server(&[]);
    for (format, asked, mime) in [("gif", "mp4", "video/mp4"), ("webp", "webm", "video/webm")] {
        let path = format!("/v1/jobs?format={asked}");
        let id = hand_in(&server, &path, "application/octet-stream", animation(format)).await;
        let job = server.ended(&id).await;
        assert_eq!(
            (job["kind"].as_str(), job["output"]["mime"].as_str()),
            (Some("video"), Some(mime)),
            "{job}"
        );
        let (times, streams) = facts(&output(&server, &job).await);
        assert_eq!((times.len(), streams.len()), (3, 1), "{times:?} {streams:?}");
        assert!(streams[0].ends_with("32,24"), "{streams:?}");
        let seconds: Vec<f64> = times.iter().map(|time| time.parse().expect("a time")).collect();
        assert!(seconds.windows(2).all(|pair| (pair[1] - pair[0] - 0.1).abs() < 2e-3), "{seconds:?}");
    }
    let waited = server.post("/v1/upscale?format=mp4").body(animation("gif")).send().await;
    assert_eq!(problem(waited.expect("an answer")).await.0, 415, "videos are not waited for");
    let still = hand_in(&server, "/v1/jobs?format=mp4", "image/png", picture(8, 8, 1)).await;
    let still = server.ended(&still).await;
    assert_eq!(
        (still["state"].as_str(), still["reason"]["code"].as_str()),
        (Some("failed"), Some("invalid_request"))
    );
    let few = self::server(&[("max-frames", "2")]);
    let waited = few.post("/v1/upscale").body(animation("gif")).send().await.expect("an answer");
    assert_eq!(problem(waited).await, (413, "limit_exceeded".into(), Some("max-frames".into())));
    let long = few.ended(&hand_in(&few, "/v1/jobs?format=mp4", "image/gif", animation("gif")).await).await;
    assert_eq!(long["reason"]["code"], "limit_exceeded", "{long}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_that_only_ffmpeg_reads_are_jobs() {
    let server = server(&[]);
    let moving = film::moving_avif(4);
    let waited = server.post("/v1/upscale").body(moving.clone()).send().await.expect("an answer");
    assert_eq!(problem(waited).await.0, 415);
    for (path, mime) in [
        ("/v1/jobs", "image/avif"),
        ("/v1/jobs?format=avif", "image/avif"),
        ("/v1/jobs?format=mp4", "video/mp4"),
    ] {
        let job = server.ended(&hand_in(&server, path, "image/avif", moving.clone()).await).await;
        assert_eq!(
            (job["kind"].as_str(), job["output"]["mime"].as_str()),
            (Some("video"), Some(mime)),
            "{job}"
        );
        assert_eq!(facts(&output(&server, &job).await).0.len(), 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_told_and_remembered() {
    let server = server(&[]);
    let header = Header::new(8, 8, Channels::Rgba, Depth::U8);
    let image = Image::new(header, Samples::U8(vec![100; 8 * 8 * 4])).expect("a picture");
    let glass = encoded(&image, "png");
    let path = "/v1/jobs?format=jpeg";
    let first = server.ended(&hand_in(&server, path, "image/png", glass.clone()).await).await;
    let remarks = first["output"]["remarks"].clone();
    assert!(remarks[0].as_str().is_some_and(|remark| remark.contains("no transparency")), "{first}");
    let comic = zip(&[("1.png", &glass), ("2.png", &glass)]);
    let comic = server.ended(&hand_in(&server, path, "application/zip", comic).await).await;
    let told = format!("1.png and 1 more: {}", remarks[0].as_str().expect("text"));
    assert_eq!(comic["output"]["remarks"], serde_json::json!([told]), "{comic}");
    let models = golden::root().join("ncnn/compact-x4-f16");
    let settings = [("models", models.to_str().expect("text")), ("model", "model")];
    let server = Server::start(server.stop(), &settings);
    let again = server.ended(&hand_in(&server, path, "image/png", glass).await).await;
    assert_eq!(again["output"]["remarks"], remarks, "the result is an old one, and so are its remarks");
    let metrics = server.get("/metrics").send().await.expect("an answer").text().await.expect("text");
    assert!(metrics.lines().any(|line| line == "amplio_cached_total 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn videos_have_limits() {
    let server = server(&[]);
    let large = clip(2, "a.mkv");
    for (settings, film, word) in [
        (&[("max-frames", "20")][..], clip(21, "a.mkv"), "20 frames"),
        (&[("max-duration", "2s")], clip(30, "a.mp4"), "2 seconds"),
        (&[("max-pixels", "1500")], large.clone(), "1500"),
        (&[("max-result-pixels", "20000")], large.clone(), "20000"),
    ] {
        let server = self::server(settings);
        let job = server.ended(&hand_in(&server, "/v1/jobs", "video/mp4", film).await).await;
        let detail = job["reason"]["detail"].as_str().unwrap_or_default();
        assert!(job["reason"]["code"] == "limit_exceeded" && detail.contains(word), "{job}");
    }
    for (film, code) in
        [(b"\0\0\0\x20ftypisom".to_vec(), "invalid_request"), (large[..600].to_vec(), "invalid_request")]
    {
        let job = server.ended(&hand_in(&server, "/v1/jobs", "video/mp4", film).await).await;
        assert_eq!(
            (job["state"].as_str(), job["reason"]["code"].as_str()),
            (Some("failed"), Some(code)),
            "{job}"
        );
    }
    let text = hand_in(&server, "/v1/jobs?format=png", "video/mp4", large).await;
    assert_eq!(server.ended(&text).await["reason"]["code"], "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_does_not_wait_for_films() {
    let server = server(&[("workers", "2"), ("parallel", "2")]);
    let (mut films, long) = (Vec::new(), clip(3000, "a.mp4"));
    for format in ["mp4", "mov", "mkv"] {
        let path = format!("/v1/jobs?format={format}");
        films.push(hand_in(&server, &path, "video/mp4", long.clone()).await);
    }
    let small = hand_in(&server, "/v1/jobs", "image/png", picture(20, 12, 1)).await;
    assert_eq!(server.ended(&small).await["state"], "done");
    for film in &films {
        let state = json(server.get(&format!("/v1/jobs/{film}")).send().await.expect("an answer")).await;
        assert!(["queued", "running"].contains(&state["state"].as_str().expect("a state")), "{state}");
        let cancel = server.post(&format!("/v1/jobs/{film}/cancel")).send().await.expect("an answer");
        assert_eq!(cancel.status(), 200);
    }
    for film in &films {
        assert_eq!(server.ended(film).await["state"], "cancelled");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_goes_on_where_the_last_server_left_it() {
    let models = golden::root().join("ncnn/compact-x4-f16");
    let settings = [("models", models.to_str().expect("text")), ("model", "model"), ("drain-time", "0s")];
    let film = clip(400, "a.mp4");
    let server = Server::with(&settings);
    let id = hand_in(&server, "/v1/jobs", "video/mp4", film.clone()).await;
    let films = server.folder.path().join("films");
    let finished = |films: &Path| -> usize {
        let folders = std::fs::read_dir(films).expect("a folder").flatten();
        let files =
            folders.flat_map(|folder| std::fs::read_dir(folder.path()).into_iter().flatten().flatten());
        files.filter(|file| file.path().extension().is_some_and(|extension| extension == "json")).count()
    };
    let begun = Instant::now();
    while finished(&films) < 2 {
        assert!(begun.elapsed() < Duration::from_secs(100), "no segment is finished");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let folder = server.stop();
    let kept = finished(&folder.path().join("films"));
    assert!(kept >= 2, "finished segments stay");
    let server = Server::start(folder, &settings);
    let larger = output(&server, &server.ended(&id).await).await;
    let other = Server::with(&settings);
    let id = hand_in(&other, "/v1/jobs", "video/mp4", film).await;
    let undisturbed = output(&other, &other.ended(&id).await).await;
    assert!(larger == undisturbed, "the same bytes as without a stop");
}
