//! Who may do what, and what nobody may do.

mod common;

use std::time::Duration;

use amplio_service::{Log, Service, new_key};
use common::{Server, json, picture, problem, settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A server with the keys of two people: one for everything, one for jobs only.
fn guarded() -> (Server, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let [(one, first), (two, second)] = ["ann", "bob"].map(|name| new_key(name).expect("a name"));
    let path = folder.path().join("keys");
    std::fs::write(&path, format!("{first} rate=40\n{second} scopes=jobs jobs=1\n")).expect("written");
    let path = path.display().to_string();
    (Server::start(folder, &[("keys", &path)]), one, two)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_open_what_they_are_good_for() {
    let (mut server, ann, bob) = guarded();
    let upscale = |server: &Server| server.post("/v1/upscale").body(picture(8, 8, 1)).send();
    let refused = upscale(&server).await.expect("an answer");
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    assert_eq!(problem(refused).await.1, "unauthorized");
    server.key = Some("amplio_wrong".into());
    assert_eq!(problem(upscale(&server).await.expect("an answer")).await.0, 401);
    server.key = Some(bob);
    assert_eq!(problem(upscale(&server).await.expect("an answer")).await.1, "forbidden");
    let job = json(server.post("/v1/jobs").body(picture(8, 8, 1)).send().await.expect("an answer")).await;
    let path = format!("/v1/jobs/{}", job["id"].as_str().expect("an id"));
    assert_eq!(server.get(&path).send().await.expect("an answer").status(), 200);
    server.key = Some(ann);
    assert_eq!(upscale(&server).await.expect("an answer").status(), 200);
    assert_eq!(problem(server.get(&path).send().await.expect("an answer")).await.0, 404, "another one's job");
    server.key = None;
    assert_eq!(server.get("/healthz").send().await.expect("an answer").status(), 200);
    let data = std::fs::read_to_string(server.folder.path().join("keys")).expect("readable");
    assert!(!data.contains("amplio_"), "only hashes are kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let (mut server, ann, _) = guarded();
    server.key = Some(ann);
    let mut last = None;
    for _ in 0..11 {
        last = Some(server.get("/v1/models").send().await.expect("an answer"));
    }
    let last = last.expect("an answer");
    assert!(last.headers()["retry-after"].to_str().expect("text").parse::<u64>().expect("seconds") >= 1);
    assert_eq!(problem(last).await, (429, "rate_limited".into(), Some("rate".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_may_not_use_a_server_without_keys() {
    let server = Server::with(&[]);
    let from =
        |origin: &str| server.post("/v1/upscale").header("origin", origin).body(picture(8, 8, 1)).send();
    assert_eq!(problem(from("https://example.org").await.expect("an answer")).await.1, "forbidden");
    assert_eq!(from(&server.url("")).await.expect("an answer").status(), 200);
    let renamed =
        server.get("/v1/models").header("host", "rebound.example.org").send().await.expect("an answer");
    assert_eq!(problem(renamed).await.0, 403);
    assert!(
        !server
            .get("/healthz")
            .send()
            .await
            .expect("an answer")
            .headers()
            .contains_key("access-control-allow-origin")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_what_browsers_may_not_do_with_it() {
    let server = Server::with(&[]);
    for (path, policy) in [
        ("/", "default-src 'none'; script-src 'self'"),
        ("/page/main.js", "default-src '"),
        ("/docs", "default-src 'self'"),
        ("/v1/models", "default-src 'none'"),
        ("/v1/jobs/none", "default-src 'none'"),
        ("/nothing", "default-src 'self'"),
    ] {
        let answer = server.get(path).header("accept", "text/html").send().await.expect("an answer");
        let said = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
        let told = said("content-security-policy");
        assert!(told.starts_with(policy) && told.contains("frame-ancestors 'none'"), "{path}: {told}");
        assert!(!told.contains("unsafe"), "{path}: {told}");
        assert_eq!(
            (said("x-content-type-options"), said("x-frame-options")),
            ("nosniff".into(), "DENY".into())
        );
        assert_eq!(said("referrer-policy"), "no-referrer");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_jobs_wait_than_may() {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, line) = new_key("bob").expect("a name");
    let path = folder.path().join("keys").display().to_string();
    std::fs::write(&path, format!("{line} jobs=1\n")).expect("written");
    let mut quota = Server::start(folder, &[("keys", &path), ("workers", "1")]);
    quota.key = Some(key);
    let full = Server::with(&[("max-queue", "1"), ("workers", "1")]);
    for (server, code, limit) in [(&quota, "rate_limited", "jobs"), (&full, "queue_full", "max-queue")] {
        let hand_in = |seed| server.post("/v1/jobs?model=photo").body(picture(900, 900, seed)).send();
        let first = json(hand_in(1).await.expect("an answer")).await;
        let first = format!("/v1/jobs/{}", first["id"].as_str().expect("an id"));
        while json(server.get(&first).send().await.expect("an answer")).await["state"] == "queued" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(hand_in(2).await.expect("an answer").status(), 202, "one may wait");
        let refused = hand_in(3).await.expect("an answer");
        assert!(refused.headers().contains_key("retry-after"));
        let (status, said, exceeded) = problem(refused).await;
        assert_eq!((said.as_str(), exceeded.as_deref()), (code, Some(limit)));
        assert!([429, 503].contains(&status));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_let_go() {
    let server = Server::with(&[("idle-time", "300ms"), ("max-connections", "2")]);
    let address = server.url("").replace("http://", "");
    let silent = TcpStream::connect(&address).await.expect("connected");
    let mut half = TcpStream::connect(&address).await.expect("connected");
    half.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-").await.expect("sent");
    // Both places are taken; this one gets its turn when they are let go.
    assert_eq!(server.get("/healthz").send().await.expect("an answer").status(), 200);
    drop((silent, half));
    let mut slow = TcpStream::connect(&address).await.expect("connected");
    slow.write_all(b"POST /v1/upscale HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf")
        .await
        .expect("sent");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("idle-time"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_are_refused() {
    let server = Server::with(&[]);
    let address = server.url("").replace("http://", "");
    let send = |request: String| {
        let address = address.clone();
        async move {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            // It may be refused before it is all sent.
            let _ = stream.write_all(request.as_bytes()).await;
            let mut answer = vec![0; 1024];
            let read = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut answer))
                .await
                .expect("in time");
            String::from_utf8_lossy(&answer[..read.unwrap_or(0)]).into_owned()
        }
    };
    let long = send(format!("GET /?{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(9000))).await;
    assert!(long.starts_with("HTTP/1.1 400"), "{long}");
    let huge = send(format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "a".repeat(200_000))).await;
    assert!(huge.starts_with("HTTP/1.1 431") || huge.is_empty(), "{huge}");
    let many = send(format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: y\r\n".repeat(2000))).await;
    assert!(many.starts_with("HTTP/1.1 431") || many.is_empty(), "{many}");
    let noise = send("\u{1}\u{2}\u{3}\r\n\r\n".into()).await;
    assert!(noise.starts_with("HTTP/1.1 400"), "{noise}");
    assert_eq!(server.get("/healthz").send().await.expect("an answer").status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn methods_that_clients_invent_are_counted_as_one() {
    let server = Server::with(&[]);
    for name in ["ONE", "TWO", "delete"] {
        let method = reqwest::Method::from_bytes(name.as_bytes()).expect("a method");
        let answer = server.client.request(method, server.url("/v1/models")).send().await;
        assert_eq!(problem(answer.expect("an answer")).await.0, 405, "{name}");
    }
    assert_eq!(server.get("/v1/models").send().await.expect("an answer").status(), 200);
    let metrics = server.get("/metrics").send().await.expect("an answer").text().await.expect("a body");
    let counted =
        metrics.lines().filter(|line| line.starts_with("amplio_requests_total{route=\"/v1/models\""));
    let counted: Vec<_> =
        counted.filter_map(|line| line.split("method=\"").nth(1)?.split_once('"')).collect();
    let names: Vec<_> = counted.iter().map(|(name, _)| *name).collect();
    assert!(names.len() == 2 && names.contains(&"other") && names.contains(&"GET"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_cannot_be_read_are_problems_too() {
    let server = Server::with(&[]);
    for (path, status) in [
        ("/v1/jobs/%ff", 400),
        ("/v1/jobs/%ff/events", 400),
        ("/v1/jobs/%ff/output", 400),
        ("/v1/jobs?limit=many", 400),
        ("/v1/media/%ff", 400),
        ("/v1/media?limit=1&limit=2", 400),
        ("/page/%ff", 400),
        ("/page/none.js", 404),
    ] {
        let refused = problem(server.get(path).send().await.expect("an answer")).await;
        assert_eq!(refused.0, status, "{path}");
    }
    let upload = server.delete("/v1/uploads/%ff").header("tus-resumable", "1.0.0").send().await;
    assert_eq!(problem(upload.expect("an answer")).await.0, 400);
}

#[test]
fn a_server_for_others_needs_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut open = settings(folder.path());
    open.set("listen", "0.0.0.0:0").expect("an address");
    assert!(Service::check(&open).is_err_and(|e| e.to_string().contains("API keys")));
    open.set("insecure", "true").expect("a switch");
    Service::check(&open).expect("asked for");
}

#[test]
fn what_a_server_cannot_start_with_is_found_by_a_check() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let place = format!("file://{}", folder.path().join("place").display());
    for (name, value) in [("storage", &*place), ("provider", "http://localhost:1/"), ("ffmpeg", "ffmpeg")] {
        let mut sound = settings(&data);
        sound.set(name, value).expect(name);
        Service::check(&sound).unwrap_or_else(|e| panic!("{e}"));
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "a check makes nothing");
    for (name, value) in [
        ("model", "nonesuch"),
        ("models", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")),
        ("ffmpeg", "/nonexistent"),
        ("storage", "nonsense"),
        ("storage", "ftp://x/y"),
        ("media", "nonsense"),
        ("provider", "sagemaker:"),
        ("provider", "https://"),
    ] {
        let mut wrong = settings(&data);
        wrong.set(name, value).expect(name);
        let ran = [Service::check(&wrong).err(), Service::start(wrong, Log::new(|_| {})).err()];
        for error in ran {
            let told = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(told.starts_with(&format!("{name}: ")), "{name}={value}: {told:?}");
        }
    }
}
