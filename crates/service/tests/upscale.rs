//! Pictures in, pictures out.

mod common;

use common::{Server, form, json, picture, problem, shape};

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_comes_back_larger() {
    let server = Server::with(&[]);
    let small = picture(20, 12, 1);
    let answer = server.post("/v1/upscale").body(small.clone()).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(
        (answer.headers()["content-type"].as_bytes(), answer.headers()["amplio-size"].as_bytes()),
        (&b"image/png"[..], &b"80x48"[..])
    );
    assert!(
        answer.headers().contains_key("x-request-id")
            && answer.headers().contains_key("content-security-policy")
    );
    assert_eq!(shape(&answer.bytes().await.expect("a body")), ("png", 80, 48));

    let path = "/v1/upscale?size=30x30&fit=cover&format=jpeg&quality=70";
    let answer = server
        .post(path)
        .header("content-type", "image/png")
        .body(small.clone())
        .send()
        .await
        .expect("an answer");
    assert_eq!(shape(&answer.bytes().await.expect("a body")), ("jpeg", 30, 30));

    let accept = "image/jxl;q=1, image/webp;q=0.9, */*;q=0.1";
    let answer = server
        .post("/v1/upscale")
        .header("accept", accept)
        .body(small.clone())
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.headers()["vary"], "Accept");
    assert_eq!(shape(&answer.bytes().await.expect("a body")), ("webp", 80, 48));

    let form = form(&[("scale", None, b"2"), ("image", Some("a.png"), &small), ("model", None, b"photo")]);
    let kind = "multipart/form-data; boundary=edge";
    let request = server.post("/v1/upscale").header("content-type", kind).body(form);
    let answer = request.send().await.expect("an answer");
    assert_eq!(shape(&answer.bytes().await.expect("a body")), ("png", 40, 24));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_refused_with_the_reason() {
    let server = Server::with(&[("max-body", "4K"), ("max-pixels", "1000"), ("max-result-pixels", "10000")]);
    let send = |path: &'static str, body: Vec<u8>| {
        let request = server.post(path).body(body);
        async { problem(request.send().await.expect("an answer")).await }
    };
    let of = |status, code: &str, limit: Option<&str>| (status, code.to_owned(), limit.map(str::to_owned));
    let small = || picture(20, 12, 1);
    assert_eq!(send("/v1/upscale", vec![0; 5000]).await, of(413, "limit_exceeded", Some("max-body")));
    assert_eq!(send("/v1/upscale", picture(40, 26, 1)).await, of(413, "limit_exceeded", Some("max-pixels")));
    assert_eq!(
        send("/v1/upscale?scale=20", small()).await,
        of(413, "limit_exceeded", Some("max-result-pixels"))
    );
    assert_eq!(send("/v1/upscale", b"text".to_vec()).await, of(415, "unsupported_media", None));
    assert_eq!(send("/v1/upscale", Vec::new()).await, of(422, "invalid_request", None));
    assert_eq!(send("/v1/upscale", small()[..60].to_vec()).await, of(422, "invalid_request", None));
    assert_eq!(send("/v1/upscale?scale=-1", small()).await, of(422, "invalid_request", None));
    assert_eq!(send("/v1/upscale?model=../x", small()).await, of(422, "invalid_request", None));
    assert_eq!(send("/v1/upscale?colour=red", small()).await, of(422, "invalid_request", None));
    assert_eq!(send("/v1/upscale?format=gif87", small()).await, of(422, "invalid_request", None));
    let curl = server.post("/v1/upscale").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(curl.body(small()).send().await.expect("an answer").status(), 200);
    let text = server.post("/v1/upscale").header("content-type", "text/plain").body(small());
    assert_eq!(problem(text.send().await.expect("an answer")).await.0, 415);
    let html = server.post("/v1/upscale").header("accept", "text/html").body(small());
    assert_eq!(problem(html.send().await.expect("an answer")).await.0, 406);
    assert_eq!(problem(server.get("/v1/upscale").send().await.expect("an answer")).await.0, 405);
    assert_eq!(problem(server.get("/v1/nothing").send().await.expect("an answer")).await.0, 404);
    let streamed = futures::stream::iter((0..64).map(|_| Ok::<_, std::io::Error>(vec![0_u8; 1024])));
    let chunked = server.post("/v1/upscale").body(reqwest::Body::wrap_stream(streamed));
    assert_eq!(problem(chunked.send().await.expect("an answer")).await.2, Some("max-body".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_computed_once() {
    let server = Server::with(&[]);
    let small = picture(48, 48, 3);
    let requests = (0..8).map(|_| server.post("/v1/upscale").body(small.clone()).send());
    let answers = futures::future::join_all(requests).await;
    let mut bodies = Vec::new();
    for answer in answers {
        bodies.push(answer.expect("an answer").bytes().await.expect("a body"));
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    let metrics = server.get("/metrics").send().await.expect("an answer").text().await.expect("a body");
    let value = |name: &str| {
        let line = metrics
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("{name}: {metrics}"));
        line.rsplit(' ').next().and_then(|value| value.parse::<u32>().ok()).expect("a number")
    };
    assert_eq!(value("amplio_computed_total"), 1);
    assert_eq!(value("amplio_joined_total") + value("amplio_cached_total"), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn results_have_tags_and_ranges() {
    let server = Server::with(&[]);
    let send = |name: &'static str, value: String| {
        server.post("/v1/upscale").header(name, value).body(picture(10, 10, 1)).send()
    };
    let whole = send("accept", "*/*".into()).await.expect("an answer");
    let tag = whole.headers()["etag"].to_str().expect("text").to_owned();
    let whole = whole.bytes().await.expect("a body");
    assert_eq!(send("if-none-match", tag).await.expect("an answer").status(), 304);
    let part = send("range", "bytes=5-9".into()).await.expect("an answer");
    assert_eq!(
        (part.status().as_u16(), part.headers()["content-range"].to_str().expect("text")),
        (206, &*format!("bytes 5-9/{}", whole.len()))
    );
    assert_eq!(part.bytes().await.expect("a body"), whole[5..10]);
    assert_eq!(problem(send("range", "bytes=999999-".into()).await.expect("an answer")).await.0, 416);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_work_is_refused_and_not_hung_on() {
    let server = Server::with(&[("parallel", "1"), ("max-waiting", "1")]);
    let requests = (0..6).map(|seed| server.post("/v1/upscale").body(picture(200, 200, seed)).send());
    let answers = futures::future::join_all(requests).await;
    let statuses: Vec<_> = answers.iter().map(|a| a.as_ref().expect("an answer").status().as_u16()).collect();
    assert!(statuses.contains(&200) && statuses.contains(&503), "{statuses:?}");
    let busy = answers.into_iter().flatten().find(|answer| answer.status() == 503).expect("one");
    assert!(busy.headers().contains_key("retry-after"));
    assert_eq!(problem(busy).await, (503, "queue_full".into(), Some("max-waiting".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_models_that_is_not_there_is_told_in_the_log() {
    let told =
        |server: &Server| server.log.lock().expect("sound").iter().any(|line| line.contains("no_models"));
    assert!(told(&Server::with(&[("models", "/nonexistent")])));
    assert!(!told(&Server::with(&[("models", env!("CARGO_MANIFEST_DIR"))])));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_tells_what_it_is() {
    let server = Server::with(&[]);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.get(path).send().await.expect("an answer").status(), 200);
    }
    let models = json(server.get("/v1/models").send().await.expect("an answer")).await;
    assert!(models.as_array().expect("a list").iter().any(|model| model["name"] == "realesr-general-x4v3"));
    let document = json(server.get("/openapi.json").send().await.expect("an answer")).await;
    let paths = document["paths"].as_object().expect("paths");
    for path in ["/v1/upscale", "/v1/jobs", "/v1/jobs/{id}/events", "/v1/media/{key}", "/healthz"] {
        assert!(paths.contains_key(path), "{path}");
    }
    let page = server.get("/docs").send().await.expect("an answer").text().await.expect("a body");
    assert!(page.contains("/docs.js"));
}
