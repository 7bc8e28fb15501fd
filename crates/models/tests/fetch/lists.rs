//! The public list of models.

use std::ops::ControlFlow;
use std::time::Duration;

use amplio_models::Error;
use amplio_models::catalogue::licence;
use amplio_models::fetch::{Event, Listed};
use amplio_testkit::http::{Reply, Server};
use serde_json::{Value, json};

use crate::setting::{Cache, model};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

impl Cache {
    fn list(&self, oldest: Duration) -> amplio_models::Result<Listed> {
        self.fetcher().list(oldest, &mut |_: Event<'_>| ControlFlow::Continue(()))
    }
}

fn list(url: &str) -> Value {
    let bytes = model();
    json!({
        "4x-sound": {
            "name": "4x Sound", "author": "somebody", "license": "CC-BY-NC-SA-4.0", "tags": ["photo"],
            "description": "For photographs.", "date": "2024-01-01", "architecture": "esrgan", "size": ["64nf", "23nb"],
            "scale": 4, "inputChannels": 3, "outputChannels": 3, "images": [],
            "resources": [{
                "platform": "pytorch", "type": "safetensors", "size": bytes.len(),
                "sha256": amplio_models::Digest::of(&bytes).to_string(), "urls": [url],
            }],
        },
        "4x-shared": {
            "name": "4x Shared", "author": ["a"], "license": null, "tags": [], "description": "", "architecture": "compact",
            "scale": 4, "resources": [{ "type": "pth", "size": 1, "sha256": "0".repeat(64), "urls": ["https://mega.nz/file/x#y"] }],
        },
        "2x-strange": { "name": [], "scale": "many" },
    })
}

#[test]
fn a_list_is_fetched_once_and_its_models_can_be_had() {
    let (mut cache, bytes) = (Cache::new(), model());
    let body = bytes.clone();
    let files = Server::start(move |request| Reply::file(&body, "\"one\"", request));
    let text = list(&files.url("/a")).to_string();
    let server =
        Server::start(move |_| Reply::whole(text.as_bytes()).with("Content-Type", "application/json"));
    cache.settings.list = server.url("/models.json");
    let listed = cache.list(WEEK).expect("a list");
    assert_eq!((listed.index.entries().count(), listed.index.passed_over()), (2, 1));
    let sound = listed.index.find("4x Sound").expect("an entry");
    assert!(licence::told(sound.licence.as_deref()).contains("not for commercial use"));
    cache.pulls(&sound.download().expect("files"), &bytes);
    let shared = listed.index.find("4x-shared").expect("an entry").download();
    assert!(matches!(shared, Err(Error::Browser { page, .. }) if page.starts_with("https://mega.nz/")));

    cache.list(WEEK).expect("the same list");
    assert_eq!(server.requests().len(), 1);
    cache.list(Duration::ZERO).expect("a new list");
    assert_eq!(server.requests().len(), 2);
    cache.settings.offline = true;
    let listed = cache.list(Duration::ZERO).expect("the old list");
    assert!(matches!(listed.outdated, Some(Error::Offline { .. })));
}

#[test]
fn a_bad_list_does_not_take_the_place_of_a_good_one() {
    let mut cache = Cache::new();
    let good = list("https://a.b/c").to_string();
    let server = Server::start(move |request| match request.earlier {
        0 => Reply::whole(good.as_bytes()),
        1 => Reply::whole(b"<html>moved</html>"),
        2 => Reply::whole(b"{\"a\": [[[["),
        3 => Reply::status(404),
        _ => Reply { endless: true, ..Reply::whole(&[b' '; 1 << 16]).length(None) },
    });
    cache.settings.list = server.url("/models.json");
    cache.list(WEEK).expect("a list");
    for _ in 0..4 {
        let listed = cache.list(Duration::ZERO).expect("the old list");
        assert!(listed.outdated.is_some() && listed.index.find("4x-sound").is_some());
    }
    let mut empty = Cache::new();
    empty.settings.offline = true;
    assert!(matches!(empty.list(WEEK), Err(Error::Offline { .. })));
}
