//! The suite that every provider passes: this machine, another server, an endpoint. Each stands behind a server of its own,
//! and whoever asks that server sees no difference.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use amplio_service::Service;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use common::film;
use common::{Server, encoded, json, picture, problem, shape};
use hmac::{Hmac, KeyInit, Mac};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use amplio::media::{Channels, Depth, Header, Image, Samples};

const SECRET: &str = "secret-key";

/// What every provider does.
async fn conforms(server: &Server) {
    let send = |path: &'static str, body: Vec<u8>| {
        let request = server.post(path).body(body);
        async { request.send().await.expect("an answer") }
    };
    let small = || picture(20, 12, 1);
    for (path, format, width, height) in [
        ("/v1/upscale", "png", 80, 48),
        ("/v1/upscale?scale=2", "png", 40, 24),
        ("/v1/upscale?scale=6&format=webp", "webp", 120, 72),
        ("/v1/upscale?size=30x30&fit=cover&format=jpeg", "jpeg", 30, 30),
        ("/v1/upscale?size=50x50", "png", 50, 30),
        ("/v1/upscale?max_pixels=1000", "png", 40, 24),
    ] {
        let answer = send(path, small()).await;
        assert_eq!(answer.status(), 200, "{path}");
        let body = answer.bytes().await.expect("a body");
        assert_eq!(shape(&body), (format, width, height), "{path}");
        assert_eq!(send(path, small()).await.bytes().await.expect("a body"), body, "{path} again");
    }
    for channels in Channels::ALL {
        let header = Header::new(9, 7, channels, Depth::U8);
        let samples = (0..63 * channels.count()).map(|i| (i * 89 % 256) as u8).collect();
        let image = Image::new(header, Samples::U8(samples)).expect("a picture");
        let body = send("/v1/upscale", encoded(&image, "png")).await.bytes().await.expect("a body");
        let (_, header) = amplio::media::images::read_header(&body).expect("a picture");
        assert_eq!((header.channels, header.width), (channels, 36));
    }
    let refused = |path: &'static str, body: Vec<u8>| {
        let answer = send(path, body);
        async { problem(answer.await).await }
    };
    assert_eq!(refused("/v1/upscale", small()[..60].to_vec()).await.1, "invalid_request");
    assert_eq!(refused("/v1/upscale?model=none", small()).await.1, "invalid_request");
    assert_eq!(refused("/v1/upscale", b"text".to_vec()).await.1, "unsupported_media");
    let large = refused("/v1/upscale?scale=300", small()).await;
    assert_eq!((large.1.as_str(), large.2.as_deref()), ("limit_exceeded", Some("max-result-pixels")));
    let job = json(send("/v1/jobs?scale=2", picture(16, 16, 5)).await).await;
    let ended = server.ended(job["id"].as_str().expect("an id")).await;
    assert_eq!(ended["state"], "done", "{ended}");
    let models = json(server.get("/v1/models").send().await.expect("an answer")).await;
    let usual = models.as_array().expect("a list").iter().filter(|model| model["default"] == true).count();
    assert_eq!(usual, 1, "{models}");
}

const FEW: (&str, &str) = ("max-result-pixels", "1M");

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_conforms() {
    conforms(&Server::with(&[FEW])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let (key, line) = amplio_service::new_key("front").expect("a name");
    let keys = folder.path().join("keys").display().to_string();
    std::fs::write(&keys, line).expect("written");
    let behind = Server::start(folder, &[("keys", &keys), FEW]);
    let url = behind.url("");
    let front = Server::with(&[("provider", &url), ("provider-key", &key), FEW]);
    conforms(&front).await;
    let told = |server: &Server, what: &str| {
        server.log.lock().expect("sound").iter().filter(|line| line.contains(what)).count()
    };
    assert!(told(&behind, "\"route\":\"/v1/upscale\"") > 10, "it was asked");
    let locked = Server::with(&[("provider", &url), ("provider-key", "wrong")]);
    let refused = locked.post("/v1/upscale").body(picture(8, 8, 1)).send().await.expect("an answer");
    assert_eq!(problem(refused).await.1, "unreachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_makes_films() {
    let behind = film::server(&[]);
    let url = behind.url("");
    let settings = [("provider", url.as_str()), ("model", "model"), ("drain-time", "0s")];
    let front = Server::with(&settings);
    let clip = film::clip(300, "clip.mp4");
    let hand_in = async |server: &Server, path: &str| {
        let request = server.post(path).header("content-type", "video/mp4").body(clip.clone());
        json(request.send().await.expect("an answer")).await["id"].as_str().expect("an id").to_owned()
    };
    let output = async |server: &Server, job: &serde_json::Value| {
        assert_eq!(job["state"], "done", "{job}");
        let path = job["links"]["output"].as_str().expect("a link");
        server.get(path).send().await.expect("an answer").bytes().await.expect("a body")
    };
    let id = hand_in(&front, "/v1/jobs").await;
    while json(front.get(&format!("/v1/jobs/{id}")).send().await.expect("an answer")).await["fraction"] == 0.0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // The job there is given up, and taken up again.
    let front = Server::start(front.stop(), &settings);
    let larger = output(&front, &front.ended(&id).await).await;
    assert_eq!(film::facts(&larger), (film::facts(&clip).0, vec!["h264,192,128".into(), "aac".into()]));
    let path = "/v1/jobs?format=webm&end=0.5";
    let short = front.ended(&hand_in(&front, path).await).await;
    assert_eq!(film::facts(&output(&front, &short).await).0.len(), 5);
    let remarks = short["output"]["remarks"].to_string();
    assert!(remarks.contains("becomes libopus"), "{remarks}");
    let jobs = json(behind.get("/v1/jobs").send().await.expect("an answer")).await;
    assert_eq!(jobs["jobs"].as_array().expect("a list").len(), 2, "{jobs}");
    let broken = front.post("/v1/jobs").header("content-type", "video/mp4").body(clip[..600].to_vec());
    let broken = json(broken.send().await.expect("an answer")).await;
    let broken = front.ended(broken["id"].as_str().expect("an id")).await;
    assert_eq!(
        (broken["state"].as_str(), broken["reason"]["code"].as_str()),
        (Some("failed"), Some("invalid_request"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_conforms() {
    let behind = Server::with(&[]);
    let cloud = Cloud::start(behind.url("/invocations"), Vec::new()).await;
    let front = cloud.front(&[FEW]);
    conforms(&front).await;
    assert!(*cloud.asked.lock().expect("sound") > 10, "it was asked");
    let deep = Header::new(4, 4, Channels::Rgb, Depth::U16);
    let deep = encoded(&Image::new(deep, Samples::U16(vec![9000; 48])).expect("a picture"), "png");
    let refused = front.post("/v1/upscale").body(deep.clone()).send().await.expect("an answer");
    assert_eq!(problem(refused).await.1, "unsupported_media", "bits are not lost without a word");
    let asked = front.post("/v1/upscale?depth=8").body(deep).send().await.expect("an answer");
    assert_eq!(asked.status(), 200);
    let film = film::clip(2, "a.mkv");
    let film = front.post("/v1/jobs").header("content-type", "video/x-matroska").body(film);
    assert_eq!(problem(film.send().await.expect("an answer")).await.1, "unsupported_media", "told at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again() {
    let behind = Server::with(&[]);
    let cloud = Cloud::start(behind.url("/invocations"), vec![429, 500]).await;
    let front = cloud.front(&[]);
    let busy = front.post("/v1/upscale").body(picture(8, 8, 1)).send().await.expect("an answer");
    assert_eq!(busy.headers()["retry-after"], "7");
    assert_eq!(problem(busy).await.1, "busy");
    let job = json(front.post("/v1/jobs").body(picture(8, 8, 1)).send().await.expect("an answer")).await;
    let ended = front.ended(job["id"].as_str().expect("an id")).await;
    assert_eq!((ended["state"].as_str(), ended["attempts"].as_u64()), (Some("done"), Some(2)), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_holds_nobody_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let front = Server::with(&[("provider", &url), ("request-time", "500ms"), ("parallel", "1")]);
    for seed in 0..2 {
        let late = front.post("/v1/upscale").body(picture(8, 8, seed)).send().await.expect("an answer");
        assert_eq!(problem(late).await.1, "time_limit_exceeded");
    }
    let gone =
        front.post("/v1/upscale").body(picture(8, 8, 3)).timeout(Duration::from_millis(50)).send().await;
    assert!(gone.is_err(), "this client does not wait");
}

#[test]
fn providers_that_make_no_sense_are_refused_at_the_start() {
    for provider in ["someone", "sagemaker:", "sagemaker:a/b", "sagemaker:name", "ftp://x"] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = common::settings(folder.path());
        settings.set("provider", provider).expect("a text");
        let refused = Service::start(settings, amplio_service::Log::new(|_| {})).err().expect("refused");
        assert!(refused.to_string().contains("provider"), "{provider}: {refused}");
    }
}

/// A stand-in for SageMaker: it checks signatures as AWS does, and passes what is signed on to a container.
#[derive(Clone)]
struct Cloud {
    container: String,
    url: String,
    asked: Arc<Mutex<usize>>,
    /// What it answers first.
    first: Arc<Mutex<Vec<u16>>>,
}

impl Cloud {
    async fn start(container: String, first: Vec<u16>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let first = first.into_iter().rev().collect();
        let cloud = Self { container, url, asked: Arc::default(), first: Arc::new(Mutex::new(first)) };
        let router =
            Router::new().route("/endpoints/{name}/invocations", post(invoke)).with_state(cloud.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let router = router.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    router.clone().oneshot(request.map(Body::new))
                });
                let stream = TokioIo::new(stream);
                tokio::spawn(async move {
                    Builder::new(TokioExecutor::new()).serve_connection(stream, service).await.is_ok()
                });
            }
        });
        cloud
    }

    /// A server whose pictures are enlarged here.
    fn front(&self, more: &[(&str, &str)]) -> Server {
        let all: Vec<_> = [("provider", "sagemaker:upscale-1")].iter().chain(more).copied().collect();
        let options = [
            ("aws_access_key_id", "AKID"),
            ("aws_secret_access_key", SECRET),
            ("aws_session_token", "token"),
            ("aws_region", "eu-west-1"),
            ("aws_endpoint_url_sagemaker_runtime", &self.url),
        ];
        Server::start_with(tempfile::tempdir().expect("a folder"), &all, &options)
    }
}

async fn invoke(
    State(cloud): State<Cloud>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    *cloud.asked.lock().expect("sound") += 1;
    assert_eq!(name, "upscale-1");
    let expected = signature(&format!("/endpoints/{name}/invocations"), &headers, &body);
    if headers["authorization"] != expected.as_str() || headers["x-amz-security-token"] != "token" {
        return (StatusCode::FORBIDDEN, "{\"message\": \"the signature is another\"}").into_response();
    }
    if let Some(status) = cloud.first.lock().expect("sound").pop() {
        let status = StatusCode::from_u16(status).expect("a status");
        return (status, [("retry-after", "7")], "{\"message\": \"later\"}").into_response();
    }
    let kind = headers["content-type"].to_str().expect("text").to_owned();
    let request =
        reqwest::Client::new().post(&cloud.container).header("content-type", &kind).header("accept", &kind);
    let answer = request.body(body).send().await.expect("an answer");
    let (status, text) = (answer.status().as_u16(), answer.bytes().await.expect("a body"));
    if status == 200 {
        return text.into_response();
    }
    let told = serde_json::json!({ "OriginalStatusCode": status, "OriginalMessage": String::from_utf8_lossy(&text) });
    (StatusCode::FAILED_DEPENDENCY, told.to_string()).into_response()
}

/// What the header `Authorization` has to be: <https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html>.
fn signature(path: &str, headers: &HeaderMap, body: &[u8]) -> String {
    let text = |name: &str| headers[name].to_str().expect("text").to_owned();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let hmac = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let names =
        ["accept", "content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"];
    let digest = hex(&Sha256::digest(body));
    assert_eq!(text("x-amz-content-sha256"), digest);
    let lines: String = names.iter().map(|name| format!("{name}:{}\n", text(name))).collect();
    let request = format!("POST\n{path}\n\n{lines}\n{}\n{digest}", names.join(";"));
    let (time, day) = (text("x-amz-date"), text("x-amz-date")[..8].to_owned());
    let scope = format!("{day}/eu-west-1/sagemaker/aws4_request");
    let key = ["eu-west-1", "sagemaker", "aws4_request"]
        .iter()
        .fold(hmac(format!("AWS4{SECRET}").as_bytes(), &day), |key, part| hmac(&key, part));
    let signed = hmac(
        &key,
        &format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(request.as_bytes()))),
    );
    format!(
        "AWS4-HMAC-SHA256 Credential=AKID/{scope}, SignedHeaders={}, Signature={}",
        names.join(";"),
        hex(&signed)
    )
}
