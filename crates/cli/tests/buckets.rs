//! Buckets: jobs that read from a real S3 server and write to it. `tools/s3-server` installs one.
#![cfg(all(unix, feature = "serve"))]

mod common;

use std::process::Command;
use std::time::Duration;

use amplio::media::images;
use amplio::media::{Channels, Depth, Header, Metadata};
use amplio_testkit::s3::S3;
use common::server::{Server, curl, python};
use common::{Folder, note};
use serde_json::Value;

/// Hands a job in and waits for its end.
fn done(folder: &Folder, server: &Server, job: &Value) -> Value {
    let jobs = format!("{}/v1/jobs", server.url);
    let said = curl(folder, &[&jobs, "-H", "content-type: application/json", "-d", &job.to_string()]);
    let mut job: Value = serde_json::from_str(&said).expect("JSON");
    let this = format!("{jobs}/{}", job["id"].as_str().unwrap_or_else(|| panic!("{job}")));
    while !["done", "failed", "cancelled"].contains(&job["state"].as_str().expect("a state")) {
        std::thread::sleep(Duration::from_millis(50));
        job = serde_json::from_str(&curl(folder, &[&this])).expect("JSON");
    }
    job
}

#[test]
fn pictures_and_videos_go_from_bucket_to_bucket() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path("s3/pictures")).expect("a folder");
    let Some(buckets) = S3::start(&folder.path("s3")) else {
        note(&format!("skipped: no {}; tools/s3-server installs it", S3::program().display()));
        return;
    };
    let small = |name: &str| {
        let path = format!("s3/pictures/{name}");
        folder.picture(&path, Header::new(20, 12, Channels::Rgb, Depth::U8), Metadata::default());
    };
    ["one.png", "new/a.png", "new/deep/b c.png"].into_iter().for_each(small);
    folder.write("s3/pictures/new/broken.png", b"no picture");
    let clip = folder.path("s3/pictures/clip.mkv");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=24x16:rate=10:duration=1"])
        .arg(clip);
    assert!(ffmpeg.status().expect("ffmpeg").success());

    let variables = buckets.variables();
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let [access, secret, .., endpoint] = variables[..] else { panic!("variables") };
    let server = Server::start(&folder, &["--model", "anime", "--storage", "s3://pictures"], &variables);
    let job = |input: &str, output: &str| serde_json::json!({ "input": input, "output": output });

    let one = done(&folder, &server, &job("s3://pictures/one.png", "s3://pictures/large/one.png"));
    assert_eq!(one["state"], "done", "{one}");
    assert_eq!(folder.read("s3/pictures/large/one.png").width, 80);

    let film = done(&folder, &server, &job("s3://pictures/clip.mkv", "s3://pictures/large/clip.mkv"));
    assert_eq!((film["state"].as_str(), film["kind"].as_str()), (Some("done"), Some("video")), "{film}");
    let stored = std::fs::read(folder.path("s3/pictures/large/clip.mkv")).expect("a video");
    assert_eq!(stored.len() as u64, film["output"]["bytes"].as_u64().expect("a number"));

    let all = done(&folder, &server, &job("s3://pictures/new/", "s3://pictures/all/"));
    assert_eq!(all["state"], "done", "{all}");
    let items = all["output"]["items"].as_array().expect("a list");
    assert_eq!(items.iter().filter(|item| item["output"].is_string()).count(), 2, "{all}");
    for name in ["a.png", "deep/b c.png"] {
        let bytes = std::fs::read(folder.path(&format!("s3/pictures/all/{name}"))).expect(name);
        assert_eq!(images::read_header(&bytes).expect("a picture").1.width, 80);
    }

    python("boto.py", &[endpoint.1, access.1, secret.1]);

    let gone = done(&folder, &server, &job("s3://pictures/none.png", "s3://pictures/x.png"));
    assert_eq!(
        (gone["state"].as_str(), gone["reason"]["code"].as_str()),
        (Some("failed"), Some("not_found"))
    );
}
