//! Pictures that are stored small and restored when someone wants them.

mod common;

use common::film::{clip, facts, server};
use common::{Server, json, picture, problem, shape};

#[tokio::test(flavor = "multi_thread")]
async fn stored_small_and_restored() {
    let server = Server::with(&[("media-side", "64"), ("media-least", "8")]);
    let sent = picture(200, 120, 1);
    let stored = server.put("/v1/media/holiday/one.png").body(sent.clone()).send().await.expect("an answer");
    assert_eq!(stored.status(), 201);
    let facts = json(stored).await;
    assert_eq!((facts["stored_width"].as_u64(), facts["stored_height"].as_u64()), (Some(64), Some(38)));
    assert!(facts["stored_bytes"].as_u64() < Some(sent.len() as u64));
    let restored = server.get("/v1/media/holiday/one.png").send().await.expect("an answer");
    let tag = restored.headers()["etag"].clone();
    assert_eq!(shape(&restored.bytes().await.expect("a body")), ("png", 200, 120));
    let again =
        server.get("/v1/media/holiday/one.png").header("if-none-match", tag).send().await.expect("an answer");
    assert_eq!(again.status(), 304);
    let path = "/v1/media/holiday/one.png?width=100&model=photo";
    let wide = server.get(path).header("accept", "image/webp").send().await.expect("an answer");
    assert_eq!(shape(&wide.bytes().await.expect("a body")), ("webp", 100, 59));
    let head = server.client.head(server.url("/v1/media/holiday/one.png")).send().await.expect("an answer");
    assert_eq!(head.headers()["amplio-size"], "200x120");
    let list = json(server.get("/v1/media").send().await.expect("an answer")).await;
    assert_eq!(
        (list["media"][0]["key"].as_str(), list["bytes"].as_u64()),
        (Some("holiday/one.png"), Some(sent.len() as u64))
    );
    assert!(list["saved_bytes"].as_i64() > Some(0));
    assert_eq!(server.delete("/v1/media/holiday/one.png").send().await.expect("an answer").status(), 204);
    assert_eq!(
        problem(server.get("/v1/media/holiday/one.png").send().await.expect("an answer")).await.0,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn small_pictures_stay_and_nonsense_is_refused() {
    let server = Server::with(&[("media-side", "64")]);
    let stored = server.put("/v1/media/tiny").body(picture(20, 10, 1)).send().await.expect("an answer");
    assert_eq!(json(stored).await["stored_width"], 20);
    let text = server.put("/v1/media/text").body("text").send().await.expect("an answer");
    assert_eq!(problem(text).await.0, 415);
    let hidden = server.put("/v1/media/.hidden").body(picture(20, 10, 1)).send().await.expect("an answer");
    assert_eq!(problem(hidden).await.0, 422);
    assert_eq!(problem(server.get("/v1/media/none").send().await.expect("an answer")).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_has_no_more_bytes_than_it_may() {
    let server = Server::with(&[("media-bytes", "600"), ("media-pixels", "10K"), ("media-least", "8")]);
    let sent = picture(200, 100, 1);
    let stored = json(server.put("/v1/media/a").body(sent).send().await.expect("an answer")).await;
    let number = |name: &str| stored[name].as_u64().expect("a number");
    assert!(
        number("stored_bytes") <= 600 && number("stored_width") * number("stored_height") <= 10_000,
        "{stored}"
    );
    let (width, height) = (number("stored_width"), number("stored_height"));
    assert!(height >= 8 && width.abs_diff(2 * height) <= 1, "{stored}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_is_stored_small_and_restored_by_jobs() {
    let server = server(&[("media-side", "24"), ("media-least", "8")]);
    let film = clip(12, "a.mkv");
    let put = server.put("/v1/media/films/a").header("content-type", "video/x-matroska").body(film.clone());
    let put = put.send().await.expect("an answer");
    assert_eq!(put.status(), 202);
    let job = json(put).await;
    let job = server.ended(job["id"].as_str().expect("an id")).await;
    assert_eq!(job["state"], "done", "{job}");
    let list = json(server.get("/v1/media").send().await.expect("an answer")).await;
    let stored = &list["media"][0];
    assert_eq!(
        (stored["stored_width"].as_u64(), stored["format"].as_str()),
        (Some(24), Some("mkv")),
        "{list}"
    );
    let path = "/v1/media/films/a";
    let first = server.get(path).send().await.expect("an answer");
    assert_eq!(first.status(), 202);
    let job = json(first).await;
    let again = json(server.get(path).send().await.expect("an answer")).await;
    assert_eq!(job["id"], again["id"], "whoever asks again means the same job");
    server.ended(job["id"].as_str().expect("an id")).await;
    let restored = server.get(path).header("range", "bytes=0-").send().await.expect("an answer");
    assert_eq!(
        (restored.status().as_u16(), &restored.headers()["content-type"]),
        (206, &"video/x-matroska".parse().expect("a type"))
    );
    let (before, after) = (facts(&film), facts(&restored.bytes().await.expect("a body")));
    assert_eq!(before.0.len(), after.0.len(), "no frame is lost");
    assert_eq!(after.1, ["h264,48,32", "aac"]);
}
