//! Uploads in parts, by the tus protocol.

mod common;

use common::{Server, json, picture, problem, shape};
use reqwest::{Method, RequestBuilder, Response};

/// A request of the protocol.
fn tus(server: &Server, method: Method, path: &str) -> RequestBuilder {
    server.client.request(method, server.url(path)).header("tus-resumable", "1.0.0")
}

fn piece(server: &Server, path: &str, offset: usize, bytes: &[u8]) -> RequestBuilder {
    let request = tus(server, Method::PATCH, path).header("content-type", "application/offset+octet-stream");
    request.header("upload-offset", offset).body(bytes.to_vec())
}

async fn sent(request: RequestBuilder) -> Response {
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.headers()["tus-resumable"], "1.0.0");
    answer
}

fn number(answer: &Response, name: &str) -> usize {
    answer.headers()[name].to_str().expect("text").parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_broke_off_goes_on_after_a_restart() {
    let server = Server::with(&[]);
    let whole = picture(20, 12, 1);
    let able = sent(server.client.request(Method::OPTIONS, server.url("/v1/uploads"))).await;
    assert!(able.headers()["tus-extension"].to_str().expect("text").contains("creation"));
    let begin = tus(&server, Method::POST, "/v1/uploads").header("upload-length", whole.len());
    let begun = sent(begin.header("upload-metadata", "filename YS5wbmc=,filetype aW1hZ2UvcG5n")).await;
    assert_eq!(begun.status(), 201);
    let path = begun.headers()["location"].to_str().expect("text").to_owned();
    let id = path.rsplit('/').next().expect("an id").to_owned();
    assert_eq!(number(&sent(piece(&server, &path, 0, &whole[..100])).await, "upload-offset"), 100);
    let early = server.post("/v1/jobs").header("content-type", "application/json");
    let early = early.body(format!(r#"{{"upload": "{id}"}}"#)).send().await.expect("an answer");
    assert_eq!(problem(early).await.0, 409, "it is not whole");

    let server = Server::start(server.stop(), &[]);
    let head = sent(tus(&server, Method::HEAD, &path)).await;
    assert_eq!((number(&head, "upload-offset"), number(&head, "upload-length")), (100, whole.len()));
    assert_eq!(problem(sent(piece(&server, &path, 99, &whole[99..])).await).await.0, 409);
    let rest = sent(piece(&server, &path, 100, &whole[100..])).await;
    assert_eq!((rest.status().as_u16(), number(&rest, "upload-offset")), (204, whole.len()));
    let job = server.post("/v1/jobs").header("content-type", "application/json");
    let job = job.body(format!(r#"{{"upload": "{id}", "parameters": {{"scale": "2"}}}}"#));
    let job = json(job.send().await.expect("an answer")).await;
    assert_eq!(job["name"], "a.png", "{job}");
    let job = server.ended(job["id"].as_str().expect("an id")).await;
    let output =
        server.get(job["links"]["output"].as_str().expect("a link")).send().await.expect("an answer");
    assert_eq!(shape(&output.bytes().await.expect("a body")), ("png", 40, 24));
    assert_eq!(sent(tus(&server, Method::DELETE, &path)).await.status(), 204);
    assert_eq!(sent(tus(&server, Method::HEAD, &path)).await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_upload_is_refused() {
    let server = Server::with(&[("max-upload", "1K")]);
    let begin =
        |length: &str| tus(&server, Method::POST, "/v1/uploads").header("upload-length", length.to_owned());
    assert_eq!(problem(sent(begin("1025")).await).await.2, Some("max-upload".into()));
    assert_eq!(problem(sent(begin("many")).await).await.0, 400);
    let other = server.client.post(server.url("/v1/uploads")).header("upload-length", "3");
    assert_eq!(problem(sent(other).await).await.0, 412);
    let long = begin("2").header("content-type", "application/offset+octet-stream").body("abc");
    assert_eq!(problem(sent(long).await).await.0, 413);
    let left = std::fs::read_dir(server.folder.path().join("resumable")).expect("a folder").count();
    assert_eq!(left, 0, "nobody knows of it");
    let begun = sent(begin("4").header("content-type", "application/offset+octet-stream").body("ab")).await;
    assert_eq!((begun.status().as_u16(), number(&begun, "upload-offset")), (201, 2));
    let path = begun.headers()["location"].to_str().expect("text").to_owned();
    let more = problem(sent(piece(&server, &path, 2, b"cde")).await).await;
    assert_eq!(more, (413, "limit_exceeded".into(), None), "no setting holds what was announced");
    let plain = tus(&server, Method::PATCH, &path).header("upload-offset", 2).body("cd");
    assert_eq!(problem(sent(plain).await).await.0, 415);
    assert_eq!(sent(tus(&server, Method::HEAD, "/v1/uploads/..%2F..%2Fetc")).await.status(), 404);
}
