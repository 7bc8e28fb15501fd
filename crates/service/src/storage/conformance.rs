//! What every place does, whatever keeps it: a folder, memory, and a real S3 server.

use std::path::Path;

use amplio_testkit::s3::S3;
use url::Url;

use super::Storage;
use crate::Settings;
use crate::refusal::Code;

/// More than a store takes at once, so that it comes in parts.
const LARGE: usize = 12 << 20;

fn open(place: &str, options: &[(String, String)]) -> Storage {
    let storage_options = options.to_vec();
    let settings = Settings {
        storage: vec![place.into()],
        storage_options,
        max_upload: LARGE as u64,
        ..Settings::default()
    };
    Storage::open(&settings).expect("opens")
}

async fn write(storage: &Storage, url: &str, bytes: &[u8]) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), bytes).expect("written");
    storage.write_file(url, file.path()).await.expect("written");
}

/// `place` ends in a slash.
async fn conforms(storage: &Storage, place: &str) {
    let scratch = tempfile::tempdir().expect("a folder");
    let [one, two, below] =
        ["a/one.png", "a/two%20words.png", "a/deep/er.png"].map(|name| format!("{place}{name}"));
    for (url, text) in [(&two, "2"), (&one, "old"), (&below, "3"), (&one, "1")] {
        write(storage, url, text.as_bytes()).await;
    }
    write(storage, &format!("{place}b.png"), b"beside").await;
    let listed = storage.list(&format!("{place}a/"), 9).await.expect("listed");
    assert_eq!(listed, [below, one.clone(), two], "all that is below, in order");
    assert!(storage.list(&format!("{place}a/"), 2).await.is_err_and(|e| e.code == Code::TooLarge));
    assert!(storage.list(&format!("{place}none/"), 2).await.expect("listed").is_empty());
    let content = storage.read(&one, scratch.path()).await.expect("read");
    assert_eq!(content.bytes().expect("there"), &b"1"[..], "what was written last");
    let missing = storage.read(&format!("{place}none"), scratch.path()).await.expect_err("nothing");
    assert_eq!(missing.code, Code::NotFound);

    let large: Vec<u8> = (0..LARGE).map(|i| (i * 31 % 251) as u8).collect();
    let url = format!("{place}large");
    write(storage, &url, &large).await;
    let content = storage.read(&url, scratch.path()).await.expect("read");
    assert!(content.bytes().expect("there") == large);
    write(storage, &url, &[&large[..], b"."].concat()).await;
    let refused = storage.read(&url, scratch.path()).await.expect_err("too large");
    assert_eq!(
        (refused.code, refused.limit.map(|limit| limit.setting)),
        (Code::TooLarge, Some("max-upload"))
    );

    // Nothing is above the beginning of a bucket.
    let above: &[&str] = if Url::parse(place).expect("a URL").path() == "/" { &[] } else { &["../x"] };
    for outside in above.iter().chain(&["..%2Fx", "a/..%2f..%2fx"]) {
        let refused = storage.check(&format!("{place}{outside}"), true).expect_err(outside);
        assert_eq!(refused.code, Code::Forbidden, "{outside}");
    }
}

fn url_of(folder: &Path) -> String {
    Url::from_directory_path(folder).expect("a folder").to_string()
}

#[tokio::test]
async fn folders_conform() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = url_of(&folder.path().join("in"));
    conforms(&open(&place, &[]), &place).await;
}

#[tokio::test]
async fn memory_conforms() {
    conforms(&open("memory:///in/", &[]), "memory:///in/").await;
}

/// Where it is installed; everywhere else `amplio`'s own tests with buckets say that they are left out.
#[tokio::test(flavor = "multi_thread")]
async fn buckets_conform() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("bucket")).expect("a folder");
    let Some(server) = S3::start(folder.path()) else { return };
    let options = server.variables().map(|(name, value)| (name.to_lowercase(), value));
    for place in ["s3://bucket/", "s3://bucket/in/deep/"] {
        conforms(&open(place, &options), place).await;
    }
}
