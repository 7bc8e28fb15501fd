//! One file, from hosts of all kinds.

use std::ops::ControlFlow;
use std::time::Duration;

use amplio_models::Error;
use amplio_models::catalogue::{Download, Reference};
use amplio_models::fetch::{Event, Proxies};
use amplio_testkit::http::{Reply, Request, Server};

use crate::setting::{Cache, begins, known, model, unknown};

const TAG: &str = "\"one\"";

#[test]
fn a_file_comes_once_and_is_then_found_without_the_net() {
    let (mut cache, bytes) = (Cache::new(), model());
    let body = bytes.clone();
    let server = Server::start(move |request| Reply::file(&body, TAG, request));
    let download = known(&[server.url("/a")], &bytes);
    cache.pulls(&download, &bytes);
    assert!(server.requests()[0].header("user-agent").starts_with("amplio/"));
    cache.settings.offline = true;
    cache.pulls(&download, &bytes);
    assert_eq!(server.requests().len(), 1);
    let other = unknown(&[server.url("/b")]);
    let cached = cache.fetcher().cache().list().expect("a list");
    assert_eq!((cached.len(), cached[0].name()), (1, "4x Test"));
    assert!(
        cache.fetcher().cached(&other).is_some(),
        "the same name, and no digest that says it is another one"
    );
    // A list that names another digest means another file.
    assert!(matches!(cache.pull(&known(&[server.url("/a")], b"other")), Err(Error::Offline { .. })));
}

#[test]
fn a_dropped_connection_is_resumed() {
    let (cache, bytes) = (Cache::new(), model());
    let body = bytes.clone();
    let server = Server::start(move |request| {
        let reply = Reply::file(&body, TAG, request);
        if request.earlier < 4 { reply.cut(200_000) } else { reply }
    });
    cache.pulls(&unknown(&[server.url("/a")]), &bytes);
    let requests = server.requests();
    // The last one brings more than that: 1,200,009 bytes in all.
    assert_eq!(begins(&requests), [0, 200_000, 400_000, 600_000, 800_000]);
    assert!(requests[1..].iter().all(|request| request.header("if-range") == TAG));
}

#[test]
fn what_has_arrived_is_resumed_after_a_stop() {
    let (cache, bytes) = (Cache::new(), model());
    let body = bytes.clone();
    let server = Server::start(move |request| Reply::file(&body, TAG, request));
    let download = known(&[server.url("/a")], &bytes);
    let stop = |event: Event<'_>| match event {
        Event::Arrived(bytes) if bytes > 500_000 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    assert!(matches!(cache.fetcher().pull(&download, &mut { stop }), Err(Error::Stopped)));
    assert_eq!(cache.leftovers().len(), 2);
    assert!(cache.fetcher().cache().list().expect("a list")[0].record.is_none());
    cache.pulls(&download, &bytes);
    let begins = begins(&server.requests());
    assert!(begins.len() == 2 && begins[1] > 500_000, "{begins:?}");
}

#[test]
fn a_host_without_ranges_starts_again() {
    let (cache, bytes) = (Cache::new(), model());
    let body = bytes.clone();
    let server = Server::start(move |request| match request.earlier {
        0 => Reply::whole(&body).cut(300_000),
        _ => Reply::whole(&body),
    });
    cache.pulls(&known(&[server.url("/a")], &bytes), &bytes);
    // Without a digest and a tag nothing vouches for what has arrived.
    let other = Cache::new();
    other.pulls(&unknown(&[server.url("/a")]), &bytes);
    assert_eq!(begins(&server.requests())[..2], [0, 300_000]);
}

#[test]
fn a_file_that_changes_meanwhile_is_not_mixed() {
    let (cache, bytes) = (Cache::new(), model());
    let mut old = bytes.clone();
    old.iter_mut().skip(9).for_each(|byte| *byte ^= 0x55);
    let body = bytes.clone();
    let server = Server::start(move |request| match request.earlier {
        0 => Reply::file(&old, "\"old\"", request).cut(300_000),
        _ => Reply::file(&body, "\"new\"", request),
    });
    cache.pulls(&unknown(&[server.url("/a")]), &bytes);
    assert_eq!(server.requests()[1].header("if-range"), "\"old\"");
}

#[test]
fn a_rest_that_does_not_fit_is_fetched_anew() {
    let (cache, bytes) = (Cache::new(), model());
    let mut old = bytes.clone();
    old[100] ^= 1;
    let body = bytes.clone();
    // It ignores If-Range: only the digest tells.
    let server = Server::start(move |request| {
        let blind =
            Request { headers: [("range".into(), request.header("range").into())].into(), ..request.clone() };
        match request.earlier {
            0 => Reply::file(&old, "\"old\"", &blind).cut(300_000),
            _ if request.from() == 0 => Reply::whole(&body),
            _ => Reply::file(&body, "\"new\"", &blind),
        }
    });
    cache.pulls(&known(&[server.url("/a")], &bytes), &bytes);
    assert_eq!(begins(&server.requests()), [0, 300_000, 0]);
}

#[test]
fn a_part_that_has_no_rest_is_thrown_away() {
    let (cache, bytes) = (Cache::new(), model());
    let body = bytes.clone();
    let server = Server::start(move |request| match request.earlier {
        0 => Reply::file(&[body.clone(), vec![1; 100]].concat(), TAG, request).cut(body.len() + 50),
        1 => Reply::status(416),
        _ => Reply::file(&body, TAG, request),
    });
    cache.pulls(&unknown(&[server.url("/a")]), &bytes);
    assert_eq!(begins(&server.requests()), [0, bytes.len() + 50, 0]);
}

#[test]
fn lies_about_the_length_are_found() {
    let bytes = model();
    let long = bytes.len() as u64 + 1000;
    let lying = |length: Option<u64>| {
        let body = bytes.clone();
        Server::start(move |request| {
            let from = request.from();
            let reply = Reply { status: if from > 0 { 206 } else { 200 }, ..Reply::whole(&body[from..]) };
            let range = format!("bytes {from}-{}/{long}", long - 1);
            let reply = if from > 0 { reply.with("Content-Range", &range) } else { reply };
            reply.with("ETag", TAG).length(length.map(|length| length - from as u64))
        })
    };
    let too_long = lying(Some(long));
    Cache::new().refuses(&known(&[too_long.url("/a")], &bytes), "and the right one");
    Cache::new().refuses(&unknown(&[too_long.url("/a")]), "ended after");
    let too_short = lying(Some(1000));
    Cache::new().refuses(&known(&[too_short.url("/a")], &bytes), "its file has 1000 bytes");
    // No length at all is no lie.
    let silent = lying(None);
    Cache::new().pulls(&known(&[silent.url("/a")], &bytes), &bytes);
    Cache::new().pulls(&unknown(&[silent.url("/a")]), &bytes);
}

#[test]
fn wrong_bytes_are_never_a_model() {
    let (cache, bytes) = (Cache::new(), model());
    let mut wrong = bytes.clone();
    wrong[500_000] ^= 1;
    let server = Server::start(move |request| Reply::file(&wrong, TAG, request));
    cache.refuses(&known(&[server.url("/a")], &bytes), "SHA-256");
    assert_eq!((server.requests().len(), cache.leftovers().len()), (1, 0));
}

#[test]
fn what_is_no_file_is_refused_by_name() {
    for (reply, what) in [
        (Reply::whole(b"<html>Sign in</html>").with("Content-Type", "text/html"), "web page"),
        (Reply::whole(b"<!doctype html><p>Quota exceeded"), "web page"),
        (Reply::whole(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), "Git LFS"),
        (Reply::whole(b"{\"error\": \"no\"}"), "no model"),
        (Reply::whole(b""), "empty"),
        (Reply::status(404), "404"),
        (Reply::status(403), "HF_TOKEN"),
        (Reply::status(204), "204"),
        (Reply::status(429).with("Retry-After", "3600"), "3600"),
        (Reply::status(206).with("Content-Range", "bytes 5-9/10"), "another part"),
    ] {
        let cache = Cache::new();
        let server = Server::start(move |_| reply.clone());
        cache.refuses(&unknown(&[server.url("/a")]), what);
        assert_eq!(
            (server.requests().len(), cache.leftovers().len()),
            (1, 0),
            "{what}: asked once, nothing kept"
        );
        assert!(cache.fetcher().cache().list().expect("a list").is_empty());
    }
}

#[test]
fn hosts_that_are_busy_are_asked_again() {
    let (cache, bytes) = (Cache::new(), model());
    let body = bytes.clone();
    let server = Server::start(move |request| match request.earlier {
        0 => Reply::status(503),
        1 => Reply::status(429).with("Retry-After", "1"),
        _ => Reply::file(&body, TAG, request),
    });
    let mut pauses = Vec::new();
    let stored = cache.fetcher().pull(&known(&[server.url("/a")], &bytes), &mut |event: Event<'_>| {
        if let Event::Again { why, pause } = event {
            pauses.push((why.to_owned(), pause));
        }
        ControlFlow::Continue(())
    });
    assert!(stored.is_ok(), "{stored:?}");
    assert!(pauses[0].0.contains("503") && pauses[0].1 < Duration::from_secs(1), "{pauses:?}");
    assert!(pauses[1].0.contains("429") && pauses[1].1 == Duration::from_secs(1), "{pauses:?}");
    let never = Server::start(|_| Reply::status(500));
    Cache::new().refuses(&unknown(&[never.url("/a")]), "500");
    assert_eq!(never.requests().len(), 3);
}

#[test]
fn links_lead_on_but_not_for_ever() {
    let (cache, bytes) = (Cache::new(), model());
    let body = bytes.clone();
    let server = Server::start(move |request| match request.path.as_str() {
        "/a" => Reply::moved("/b"),
        "/b" => Reply::file(&body, TAG, request),
        // Another name of this machine stands for a machine elsewhere.
        "/away" => {
            Reply::moved(&format!("http://{}/b", request.header("host").replace("127.0.0.1", "0.0.0.0")))
        }
        _ => Reply::moved("/round"),
    });
    cache.pulls(&known(&[server.url("/a")], &bytes), &bytes);
    Cache::new().refuses(&unknown(&[server.url("/round")]), "without end");
    assert!(server.requests().iter().filter(|request| request.path == "/round").count() <= 11);
    if cfg!(unix) {
        Cache::new().refuses(&unknown(&[server.url("/away")]), "without encryption");
    }
}

#[test]
fn a_body_without_end_is_cut_at_the_limit() {
    let bytes = model();
    let body = bytes.clone();
    let server = Server::start(move |_| Reply { endless: true, ..Reply::whole(&body).length(None) });
    let cache = Cache::new();
    cache.refuses(&unknown(&[server.url("/a")]), "more than 4194304 bytes");
    assert_eq!(cache.leftovers().len(), 0);
    Cache::new().refuses(&known(&[server.url("/a")], &bytes), &format!("more than {} bytes", bytes.len()));
    let large = Server::start(|_| Reply::whole(b"").length(Some(1 << 40)));
    Cache::new().refuses(&unknown(&[large.url("/a")]), "limit");
}

#[test]
fn a_silent_host_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/a", listener.local_addr().expect("an address"));
    Cache::new().refuses(&unknown(&[url]), "silent");
}

#[test]
fn mirrors_help_each_other() {
    let (cache, bytes) = (Cache::new(), model());
    let (first, second) = (bytes.clone(), bytes.clone());
    let breaking = Server::start(move |request| match request.earlier {
        0 => Reply::file(&first, "\"a\"", request).cut(400_000),
        _ => Reply::status(404),
    });
    let sound = Server::start(move |request| Reply::file(&second, "\"b\"", request));
    cache.pulls(&known(&[breaking.url("/a"), sound.url("/b")], &bytes), &bytes);
    // The digest vouches for the part from the other host, whose tag means nothing here.
    assert_eq!(begins(&sound.requests()), [400_000]);
    assert_eq!(sound.requests()[0].header("if-range"), "");

    let gone = Server::start(|_| Reply::status(404));
    Cache::new().pulls(&known(&[gone.url("/a"), sound.url("/b")], &bytes), &bytes);
    Cache::new().refuses(&known(&[gone.url("/a"), gone.url("/b")], &bytes), "no link leads to it");
}

#[test]
fn a_proxy_is_asked_but_not_for_every_host() {
    let bytes = model();
    let body = bytes.clone();
    let server = Server::start(move |request| Reply::file(&body, TAG, request));
    let proxy = Server::start(|_| Reply::status(403));
    let mut cache = Cache::new();
    cache.settings.proxies = Proxies { http: Some(proxy.url("")), ..Proxies::default() };
    cache.refuses(&unknown(&[server.url("/a")]), "");
    assert!(!proxy.requests().is_empty() && server.requests().is_empty());
    cache.settings.proxies.except = vec!["localhost".into(), "127.0.0.1".into()];
    cache.pulls(&unknown(&[server.url("/a")]), &bytes);
}

#[test]
fn a_hub_says_what_its_files_are() {
    let (mut cache, bytes) = (Cache::new(), model());
    let digest = amplio_models::Digest::of(&bytes).to_string();
    let (body, storage) = (bytes.clone(), bytes.clone());
    let other = Server::start(move |request| Reply::file(&storage, TAG, request));
    let to = other.url("/storage");
    let server = Server::start(move |request| {
        if request.header("authorization") != "Bearer secret" {
            return Reply::status(401);
        }
        match request.path.as_str() {
            "/a/b/resolve/v1/c.safetensors" => Reply::moved(&to)
                .with("X-Linked-Etag", &format!("\"{digest}\""))
                .with("X-Linked-Size", &body.len().to_string()),
            _ => Reply::moved(&to).with("X-Linked-Etag", &"0".repeat(64)),
        }
    });
    (cache.settings.hub, cache.settings.token) = (server.url(""), Some("secret".into()));
    let download = |text: &str| -> Download {
        let reference = Reference::parse(text).expect("a reference");
        Download::of(&reference, &cache.settings.hub).expect("a file").expect("no name")
    };
    cache.pulls(&download("hf:a/b/c.safetensors@v1"), &bytes);
    cache.refuses(&download("hf:a/b/wrong.safetensors"), "SHA-256");
    assert!(
        other.requests().iter().all(|request| request.header("authorization").is_empty()),
        "no token for others"
    );
    cache.settings.token = None;
    cache.refuses(&download("hf:a/b/private.safetensors"), "HF_TOKEN");
}
