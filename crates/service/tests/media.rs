//! Pictures that are stored small and restored when someone wants them.

mod common;

use common::{Server, json, picture, problem, shape};

#[tokio::test(flavor = "multi_thread")]
async fn stored_small_and_restored() {
    let server = Server::with(&[("media-side", "64")]);
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
