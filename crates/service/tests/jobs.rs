//! Jobs: handed in, watched, cancelled, tried again, and kept over a restart.

mod common;

use std::time::Duration;

use amplio::media::images::{self, Limits};
use common::{Server, encoded, json, picture, problem, shape};
use serde_json::{Value, json as object};

async fn hand_in(server: &Server, path: &str, body: Vec<u8>) -> Value {
    let answer = server.post(path).body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    let location = answer.headers()["location"].to_str().expect("text").to_owned();
    let job = json(answer).await;
    assert_eq!(location, format!("/v1/jobs/{}", job["id"].as_str().expect("an id")));
    job
}

fn json_post(server: &Server, body: &Value) -> reqwest::RequestBuilder {
    server.post("/v1/jobs").header("content-type", "application/json").body(body.to_string())
}

fn id(job: &Value) -> String {
    job["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_done_and_its_output_is_what_a_request_gives() {
    let server = Server::with(&[]);
    let small = picture(20, 12, 1);
    let job = hand_in(&server, "/v1/jobs?scale=2&priority=3", small.clone()).await;
    assert_eq!(job["priority"], 3);
    let ended = server.ended(&id(&job)).await;
    assert_eq!((ended["state"].as_str(), ended["fraction"].as_f64()), (Some("done"), Some(1.0)));
    let path = ended["links"]["output"].as_str().expect("a link");
    let answer = server.get(path).send().await.expect("an answer");
    assert_eq!(
        answer.headers()["etag"].to_str().expect("text"),
        format!("{:?}", ended["output"]["sha256"].as_str().expect("a hash"))
    );
    let output = answer.bytes().await.expect("a body");
    assert_eq!(shape(&output), ("png", 40, 24));
    let part = server.get(path).header("range", "bytes=-4").send().await.expect("an answer");
    assert_eq!(
        (part.status().as_u16(), part.bytes().await.expect("a body")),
        (206, output.slice(output.len() - 4..))
    );
    let waited = server.post("/v1/upscale?scale=2").body(small).send().await.expect("an answer");
    assert_eq!(waited.bytes().await.expect("a body"), output);
    let this = format!("/v1/jobs/{}", id(&job));
    assert_eq!(server.delete(&this).send().await.expect("an answer").status(), 204);
    assert_eq!(problem(server.get(&this).send().await.expect("an answer")).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_how_a_job_goes() {
    let server = Server::with(&[]);
    let job = hand_in(&server, "/v1/jobs", picture(160, 160, 1)).await;
    let events = server.get(&format!("/v1/jobs/{}/events", id(&job))).send().await.expect("an answer");
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let text = events.text().await.expect("a body that ends with the job");
    let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names.last(), Some(&"done"), "{text}");
    let data: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect();
    let fractions: Vec<_> = data.iter().map(|job| job["fraction"].as_f64().expect("a number")).collect();
    assert!(fractions.is_sorted(), "{fractions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_fail_with_a_reason_and_can_be_tried_again() {
    let server = Server::with(&[]);
    let broken = picture(20, 12, 1)[..80].to_vec();
    let job = hand_in(&server, "/v1/jobs", broken).await;
    let ended = server.ended(&id(&job)).await;
    assert_eq!(
        (ended["state"].as_str(), ended["reason"]["code"].as_str()),
        (Some("failed"), Some("invalid_request"))
    );
    let output = server.get(&format!("/v1/jobs/{}/output", id(&job))).send().await.expect("an answer");
    assert_eq!(problem(output).await.0, 409);
    let retry = format!("/v1/jobs/{}/retry", id(&job));
    assert_eq!(server.post(&retry).send().await.expect("an answer").status(), 200);
    assert_eq!(server.ended(&id(&job)).await["state"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_cancelled_whether_they_wait_or_work() {
    let server = Server::with(&[("workers", "1")]);
    let first = hand_in(&server, "/v1/jobs?model=photo", picture(900, 900, 1)).await;
    let second = hand_in(&server, "/v1/jobs?model=photo", picture(900, 900, 2)).await;
    while json(server.get(&format!("/v1/jobs/{}", id(&first))).send().await.expect("an answer")).await["state"]
        == "queued"
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for job in [&second, &first] {
        let cancel = server.post(&format!("/v1/jobs/{}/cancel", id(job))).send().await.expect("an answer");
        assert_eq!(cancel.status(), 200);
        assert_eq!(server.ended(&id(job)).await["state"], "cancelled");
    }
    let again = server.post(&format!("/v1/jobs/{}/cancel", id(&first))).send().await.expect("an answer");
    assert_eq!(problem(again).await.1, "conflict");
    let list = json(server.get("/v1/jobs?state=cancelled&limit=1").send().await.expect("an answer")).await;
    assert_eq!(
        (list["jobs"][0]["id"].as_str(), list["next"].as_str()),
        (Some(&*id(&second)), Some(&*id(&second)))
    );
    let rest =
        json(server.get(&format!("/v1/jobs?after={}", id(&second))).send().await.expect("an answer")).await;
    assert_eq!((rest["jobs"][0]["id"].as_str(), rest["next"].as_str()), (Some(&*id(&first)), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_is_the_same_job() {
    let server = Server::with(&[]);
    let send = |path: &'static str, seed| {
        server.post(path).header("idempotency-key", "k").body(picture(8, 8, seed)).send()
    };
    let first = json(send("/v1/jobs", 1).await.expect("an answer")).await;
    let again = json(send("/v1/jobs", 1).await.expect("an answer")).await;
    assert_eq!(first["id"], again["id"]);
    assert_eq!(problem(send("/v1/jobs?scale=2", 1).await.expect("an answer")).await.1, "conflict");
    assert_eq!(problem(send("/v1/jobs", 2).await.expect("an answer")).await.1, "conflict");
    let list = json(server.get("/v1/jobs").send().await.expect("an answer")).await;
    assert_eq!(list["jobs"].as_array().expect("a list").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_knows_the_jobs_that_are_there() {
    let server = Server::with(&[("max-queue", "1")]);
    let send =
        |key: &str| server.post("/v1/jobs").header("idempotency-key", key).body(picture(8, 8, 1)).send();
    let first = json(send("k").await.expect("an answer")).await;
    server.ended(&id(&first)).await;
    let database = rusqlite::Connection::open(server.folder.path().join("jobs.db")).expect("opens");
    let waits = "INSERT INTO jobs (id, owner, state, priority, created, spec)
        SELECT 'waits', owner, 'queued', priority, created, spec FROM jobs";
    database.execute_batch(waits).expect("kept");
    assert_eq!(problem(send("other").await.expect("an answer")).await.1, "queue_full");
    assert_eq!(json(send("k").await.expect("an answer")).await["id"], first["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_cannot_be_written_down_is_written_down_later() {
    let server = Server::with(&[]);
    let database = rusqlite::Connection::open(server.folder.path().join("jobs.db")).expect("opens");
    let full = "CREATE TRIGGER full BEFORE UPDATE OF state ON jobs WHEN OLD.state = 'running'
        BEGIN SELECT RAISE(ABORT, 'the disk is full'); END";
    database.execute_batch(full).expect("kept");
    let job = hand_in(&server, "/v1/jobs", picture(8, 8, 1)).await;
    while !server.log.lock().expect("sound").iter().any(|line| line.contains("job_unsettled")) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    database.execute_batch("DROP TRIGGER full").expect("kept");
    assert_eq!(server.ended(&id(&job)).await["state"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_takes_too_long_says_which_setting_bounds_it() {
    let server = Server::with(&[("job-time", "1ms")]);
    let ended = server.ended(&id(&hand_in(&server, "/v1/jobs", picture(300, 300, 1)).await)).await;
    assert_eq!(ended["reason"]["code"], "time_limit_exceeded", "{ended}");
    assert!(ended["reason"]["detail"].as_str().expect("text").contains("job-time"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_survive_a_restart() {
    let server = Server::with(&[("workers", "1"), ("drain-time", "10ms")]);
    let mut jobs = Vec::new();
    for seed in 0..4 {
        jobs.push(id(&hand_in(&server, "/v1/jobs", picture(300, 300, seed)).await));
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let server = Server::start(server.stop(), &[]);
    for job in &jobs {
        let ended = server.ended(job).await;
        assert_eq!(ended["state"], "done", "{ended}");
        assert_eq!(ended["attempts"], 1, "an attempt that was handed back does not count");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_long_ago_is_forgotten() {
    let server = Server::with(&[("retention", "1ms")]);
    let job = hand_in(&server, "/v1/jobs", picture(20, 12, 1)).await;
    let path = format!("/v1/jobs/{}", id(&job));
    while server.get(&path).send().await.expect("an answer").status() != 404 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let left = std::fs::read_dir(server.folder.path().join("jobs")).expect("a folder").count();
    assert_eq!(left, 0, "nor are its files there");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_read_and_write_places() {
    let place = tempfile::tempdir().expect("a folder");
    let url = format!("file://{}/", place.path().display());
    std::fs::create_dir(place.path().join("in")).expect("a folder");
    let other = images::read(&picture(8, 8, 3), &Limits::default()).expect("a picture");
    for (name, bytes) in [
        ("a.png", picture(8, 8, 1)),
        ("b.png", picture(8, 8, 2)),
        ("b.qoi", encoded(&other, "qoi")),
        ("c.txt", b"no picture".to_vec()),
    ] {
        std::fs::write(place.path().join("in").join(name), bytes).expect("written");
    }
    let server = Server::with(&[("storage", &url)]);
    let body = object!({ "inputs": [format!("{url}in/")], "output": format!("{url}out/"), "parameters": { "format": "webp" } });
    let answer = json_post(&server, &body).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    let ended = server.ended(&id(&json(answer).await)).await;
    assert_eq!((ended["state"].as_str(), ended["kind"].as_str()), (Some("done"), Some("batch")), "{ended}");
    let items = ended["output"]["items"].as_array().expect("a list");
    assert_eq!(items.len(), 4);
    assert_eq!(items[3]["reason"]["code"], "unsupported_media");
    for name in ["a.webp", "b.png.webp", "b.qoi.webp"] {
        assert_eq!(
            shape(&std::fs::read(place.path().join("out").join(name)).expect("written")),
            ("webp", 32, 32)
        );
    }
    let above = object!({ "inputs": [url], "output": format!("{url}out/") });
    let above = json_post(&server, &above).send().await.expect("an answer");
    let above = server.ended(&id(&json(above).await)).await;
    assert_eq!(
        above["output"]["items"].as_array().expect("a list").len(),
        4,
        "results are no inputs: {above}"
    );
    let nothing = object!({ "input": format!("{url}none/"), "output": format!("{url}out/") });
    let nothing = json(json_post(&server, &nothing).send().await.expect("an answer")).await;
    let nothing = server.ended(&id(&nothing)).await;
    assert_eq!(
        (nothing["state"].as_str(), nothing["reason"]["code"].as_str()),
        (Some("failed"), Some("not_found")),
        "{nothing}"
    );
    let named = object!({ "input": format!("{url}in/a.png"), "output": format!("{url}named.jpg") });
    let named = json(json_post(&server, &named).send().await.expect("an answer")).await;
    assert_eq!(server.ended(&id(&named)).await["output"]["mime"], "image/jpeg", "as its name says");
    assert_eq!(shape(&std::fs::read(place.path().join("named.jpg")).expect("written")), ("jpeg", 32, 32));
    for (body, status) in [
        (object!({ "input": "file:///etc/passwd" }), 403),
        (object!({ "input": format!("{url}in/a.png"), "output": "x" }), 422),
        (object!({ "input": format!("{url}in/a.png"), "output": format!("{url}in/a.png") }), 422),
        (object!({ "input": "http://169.254.169.254/latest" }), 403),
        (object!({ "input": format!("{url}../secret") }), 403),
        (object!({ "inputs": [], "priority": 1 }), 422),
        (object!({ "input": format!("{url}in/a.png"), "webhook": "https://example.org/" }), 422),
        (object!({ "colour": "red" }), 422),
    ] {
        let answer = json_post(&server, &body).send().await.expect("an answer");
        assert_eq!(problem(answer).await.0, status, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_job_is_refused_with_the_reason() {
    let server = Server::with(&[]);
    for (body, status, code) in [
        (String::new(), 400, "malformed_request"),
        ("{".into(), 400, "malformed_request"),
        ("{} {}".into(), 400, "malformed_request"),
        (r#"{"priority": "high"}"#.into(), 422, "invalid_request"),
        (format!("{{{}}}", " ".repeat(4 << 20)), 413, "limit_exceeded"),
    ] {
        let request = server.post("/v1/jobs").header("content-type", "application/json").body(body.clone());
        let refused = problem(request.send().await.expect("an answer")).await;
        let shown: String = body.chars().take(40).collect();
        assert_eq!(refused, (status, code.into(), None), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_told_until_they_listen() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let hook = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let server = Server::with(&[("webhook-secret", "secret"), ("private-urls", "true")]);
    let job = hand_in(&server, &format!("/v1/jobs?webhook={hook}"), picture(8, 8, 1)).await;
    for answer in ["HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 204 Yes\r\n\r\n"] {
        let (mut stream, _) = listener.accept().await.expect("a message");
        let mut message = vec![0; 16 << 10];
        let mut length = 0;
        while !String::from_utf8_lossy(&message[..length]).contains("\"links\"") {
            length += stream.read(&mut message[length..]).await.expect("readable");
        }
        let text = String::from_utf8_lossy(&message[..length]).into_owned();
        assert!(
            text.contains("amplio-signature: t=") && text.contains(&id(&job)) && text.contains("\"done\""),
            "{text}"
        );
        stream.write_all(answer.as_bytes()).await.expect("answered");
        stream.shutdown().await.expect("closed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_silent_holds_up_no_other() {
    let bind = || tokio::net::TcpListener::bind("127.0.0.1:0");
    let (silent, other) = (bind().await.expect("a port"), bind().await.expect("a port"));
    let server = Server::with(&[("webhook-secret", "secret"), ("private-urls", "true"), ("idle-time", "1h")]);
    let hook = |listener: &tokio::net::TcpListener| {
        format!("/v1/jobs?webhook=http://{}/", listener.local_addr().expect("an address"))
    };
    hand_in(&server, &hook(&silent), picture(8, 8, 1)).await;
    let _unanswered = silent.accept().await.expect("a message");
    hand_in(&server, &hook(&other), picture(8, 8, 2)).await;
    other.accept().await.expect("a message");
    let log = server.log.lock().expect("sound").join("\n");
    assert!(!log.contains("\"webhook\""), "the first is still waited for: {log}");
}
