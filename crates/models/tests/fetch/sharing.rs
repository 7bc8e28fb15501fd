//! Several at once, and what is done with what is there.

use std::ops::ControlFlow;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use amplio_models::Error;
use amplio_models::fetch::Event;
use amplio_testkit::http::{Reply, Server};

use crate::setting::{Cache, known, model, unknown};

#[test]
fn two_at_once_fetch_once() {
    let (cache, bytes) = (Cache::new(), model());
    let body = bytes.clone();
    let server = Server::start(move |request| {
        // Long enough for the second one to find the lock taken.
        thread::sleep(Duration::from_millis(300));
        Reply::file(&body, "\"one\"", request)
    });
    let (download, start) = (known(&[server.url("/a")], &bytes), Barrier::new(2));
    let one = || {
        let (fetcher, mut waited) = (cache.fetcher(), false);
        start.wait();
        let stored = fetcher.pull(&download, &mut |event: Event<'_>| {
            waited |= event == Event::Waits;
            ControlFlow::Continue(())
        });
        assert_eq!(stored.expect("a model").name(), "4x Test");
        waited
    };
    let waited =
        thread::scope(|scope| [scope.spawn(one), scope.spawn(one)].map(|one| one.join().expect("no panic")));
    assert_eq!(waited.iter().filter(|waited| **waited).count(), 1, "one of them waited");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn who_waits_may_stop() {
    let (cache, bytes) = (Cache::new(), model());
    let body = bytes.clone();
    let server = Server::start(move |request| Reply::file(&body, "\"one\"", request));
    let download = known(&[server.url("/a")], &bytes);
    // While the first one is told that it begins, a second one, and one who wants to remove it, find it taken.
    let mut seen = None;
    let first = cache.fetcher().pull(&download, &mut |event: Event<'_>| {
        if let Event::Begins { .. } = event {
            let second = cache.fetcher().pull(&download, &mut |event: Event<'_>| match event {
                Event::Waits => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            });
            seen = Some((second.err(), cache.fetcher().cache().remove(&download.key).err()));
        }
        ControlFlow::Continue(())
    });
    assert!(first.is_ok(), "{first:?}");
    assert!(matches!(seen, Some((Some(Error::Stopped), Some(Error::Busy { .. })))), "{seen:?}");
}

#[test]
fn damage_is_found_and_what_is_removed_is_gone() {
    let (cache, bytes) = (Cache::new(), model());
    let body = bytes.clone();
    let server = Server::start(move |request| Reply::file(&body, "\"one\"", request));
    let download = known(&[server.url("/a")], &bytes);
    cache.pulls(&download, &bytes);
    let fetcher = cache.fetcher();
    let stored = fetcher.cached(&download).expect("a model");
    let path = stored.path().expect("a file");

    let mut damaged = bytes.clone();
    damaged[1000] ^= 1;
    std::fs::write(&path, &damaged).expect("a file");
    assert!(stored.verify().expect_err("damaged").to_string().contains("SHA-256"));
    // A file of another size, or none, is no model any more, and is fetched again.
    let kept = || fetcher.cache().stored(&download.key).expect("a folder");
    std::fs::write(&path, &damaged[..100]).expect("a file");
    assert!(fetcher.cached(&download).is_none());
    assert!(kept().verify().expect_err("damaged").to_string().contains("test.safetensors has 100 bytes"));
    std::fs::remove_file(&path).expect("a file");
    assert!(kept().verify().expect_err("damaged").to_string().contains("test.safetensors is missing"));
    cache.pulls(&download, &bytes);

    assert!(fetcher.cache().remove(&download.key).expect("removed") > bytes.len() as u64);
    assert!(fetcher.cache().list().expect("a list").is_empty() && !path.exists());
    assert!(matches!(fetcher.cache().remove(&download.key), Err(Error::NotFound { .. })));
}

#[test]
fn a_record_that_leads_elsewhere_is_none() {
    let (cache, bytes) = (Cache::new(), model());
    let body = bytes.clone();
    let server = Server::start(move |request| Reply::file(&body, "\"one\"", request));
    let download = unknown(&[server.url("/a")]);
    let stored = cache.pull(&download).expect("a model");
    let record = stored.path().expect("a file").with_file_name("model.json");
    let json = std::fs::read_to_string(&record).expect("a record");
    for wrong in [
        json.replace("test.safetensors", "../../../x"),
        json.replace("test.safetensors", "/etc/passwd"),
        "{".into(),
    ] {
        std::fs::write(&record, wrong).expect("a file");
        assert!(cache.fetcher().cached(&download).is_none());
    }
}
