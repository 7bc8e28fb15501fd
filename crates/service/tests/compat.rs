//! The APIs of other servers, asked as their own clients ask.

mod common;

use std::time::Duration;

use amplio::media::Samples;
use amplio::media::images::{self, Limits};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::{Server, form, json, picture, problem, shape};
use serde_json::{Value, json as object};

fn encoded(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn decoded(text: &Value) -> Vec<u8> {
    STANDARD.decode(text.as_str().expect("a text")).expect("base64")
}

fn post(server: &Server, path: &str, body: &Value) -> reqwest::RequestBuilder {
    server.post(path).header("content-type", "application/json").body(body.to_string())
}

async fn answer(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let answer = post(server, path, body).send().await.expect("an answer");
    (answer.status().as_u16(), json(answer).await)
}

async fn got(server: &Server, path: &str) -> (u16, Value) {
    let answer = server.get(path).send().await.expect("an answer");
    (answer.status().as_u16(), json(answer).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn fastapi_answers_with_a_text() {
    let server = Server::with(&[]);
    let root = |accept: &'static str| server.get("/").header("accept", accept).send();
    assert_eq!(json(root("*/*").await.expect("an answer")).await, object!({ "Hello": "World" }));
    let page = root("text/html,application/xhtml+xml,*/*;q=0.8").await.expect("an answer");
    assert_eq!((page.headers()["vary"].as_bytes(), page.status().as_u16()), (&b"Accept"[..], 200));
    assert!(page.text().await.expect("a body").starts_with("<!doctype html>"));
    let small = picture(20, 12, 1);
    let asked = object!({ "img_str": encoded(&small), "tile": 512, "half": false, "output_dir": "results" });
    let (status, text) = answer(&server, "/inference", &asked).await;
    assert_eq!((status, shape(&decoded(&text))), (200, ("png", 80, 48)));
    let url = object!({ "img_str": format!("data:image/png;base64,{}", encoded(&small)) });
    assert_eq!(answer(&server, "/inference", &url).await.1, text);
    let (status, error) = answer(&server, "/inference", &object!({ "tile": 0 })).await;
    let expected = object!([{ "type": "missing", "loc": ["body", "img_str"], "msg": "Field required", "input": { "tile": 0 } }]);
    assert_eq!((status, &error["detail"]), (422, &expected));
    for (other, word) in [(&b"text"[..], ""), (b"PK\x03\x04 an archive", "archive")] {
        let (status, error) = answer(&server, "/inference", &object!({ "img_str": encoded(other) })).await;
        assert_eq!(status, 415, "{error}");
        assert!(error["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sagemaker_takes_json_and_pictures() {
    let server = Server::with(&[]);
    assert_eq!(server.get("/ping").send().await.expect("an answer").status(), 200);
    let small = picture(20, 12, 1);
    let kind = "application/json;jpeg";
    let body =
        object!({ "image": encoded(&small), "prompt": "a \"wolf\"", "num_inference_steps": 50 }).to_string();
    let request = server.post("/invocations").header("content-type", kind).header("accept", kind).body(body);
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.headers()["content-type"], kind);
    let answer = json(answer).await;
    assert_eq!(answer["prompt"], "a \"wolf\"");
    assert_eq!(shape(&decoded(&answer["generated_images"][0])), ("jpeg", 80, 48));
    let raw = server
        .post("/invocations")
        .header("content-type", "application/x-image")
        .header("accept", "image/webp");
    let raw = raw.body(small).send().await.expect("an answer");
    assert_eq!(shape(&raw.bytes().await.expect("a body")), ("webp", 80, 48));
    let (status, error) = self::answer(&server, "/invocations", &object!({ "prompt": "" })).await;
    assert_eq!((status, error["code"].as_u64(), error["message"].is_string()), (422, Some(422), true));
}

fn samples(bytes: &[u8]) -> Vec<u8> {
    match images::read(bytes, &Limits::default()).expect("a picture").samples {
        Samples::U8(samples) => samples,
        other => panic!("{:?}", other.depth()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_extras_of_a1111_are_there() {
    let server = Server::with(&[]);
    let names = got(&server, "/sdapi/v1/upscalers").await.1;
    let names: Vec<_> = names.as_array().expect("a list").iter().map(|entry| entry["name"].clone()).collect();
    assert!(names.contains(&"None".into()) && names.contains(&"realesr-animevideov3".into()), "{names:?}");
    let small = picture(20, 12, 1);
    let single = |fields: Value| {
        let mut body = object!({ "image": encoded(&small), "upscaler_1": "realesr-animevideov3" });
        body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
        let server = &server;
        async move { answer(server, "/sdapi/v1/extra-single-image", &body).await }
    };
    for (fields, width, height) in [
        (object!({}), 40, 24),
        (object!({ "upscaling_resize": 4 }), 80, 48),
        (object!({ "upscaler_1": "None", "upscaling_resize": 4 }), 20, 12),
        (object!({ "resize_mode": 1, "upscaling_resize_w": 50, "upscaling_resize_h": 50 }), 50, 50),
        (
            object!({ "resize_mode": 1, "upscaling_resize_w": 40, "upscaling_resize_h": 48, "upscaling_crop": false }),
            80,
            48,
        ),
    ] {
        let (status, body) = single(fields.clone()).await;
        assert_eq!((status, shape(&decoded(&body["image"]))), (200, ("png", width, height)), "{fields}");
        assert_eq!(body["html_info"], "");
    }
    let (status, error) = single(object!({ "upscaler_1": "R-ESRGAN 4x+" })).await;
    assert_eq!((status, error["error"].as_str()), (422, Some("invalid_request")));
    let (status, error) = single(object!({ "codeformer_visibility": 0.5 })).await;
    assert_eq!(status, 501);
    assert!(error["detail"].as_str().is_some_and(|detail| detail.contains("faces")), "{error}");
    let mut pictures = Vec::new();
    for (second, share) in [("None", 0.5), ("realesr-general-x4v3", 0.5), ("realesr-general-x4v3", 1.0)] {
        let two = object!({ "upscaler_2": second, "extras_upscaler_2_visibility": share });
        let (status, body) = single(two).await;
        assert_eq!(status, 200, "{body}");
        pictures.push(samples(&decoded(&body["image"])));
    }
    let between = pictures[0].iter().zip(&pictures[2]).map(|(&a, &b)| u8::midpoint(a, b));
    assert!(pictures[0] != pictures[2], "two networks");
    assert!(pictures[1].iter().zip(between).all(|(&mixed, mean)| mixed.abs_diff(mean) <= 1), "half of each");
    let url = format!("data:image/png;base64,{}", encoded(&picture(8, 8, 2)));
    let list = [object!({ "data": url, "name": "a" }), object!({ "data": encoded(&small), "name": "b" })];
    let batch = object!({ "imageList": list, "upscaler_1": "anime", "upscaling_resize": 2 });
    let (status, body) = answer(&server, "/sdapi/v1/extra-batch-images", &batch).await;
    let shapes: Vec<_> =
        body["images"].as_array().expect("a list").iter().map(|image| shape(&decoded(image))).collect();
    assert_eq!((status, shapes), (200, vec![("png", 16, 16), ("png", 40, 24)]));
    let progress = got(&server, "/sdapi/v1/progress").await.1;
    assert_eq!(
        (progress["progress"].to_string().as_str(), &progress["state"]["job_count"]),
        ("0.0", &object!(0))
    );
    assert_eq!(answer(&server, "/sdapi/v1/txt2img", &object!({})).await.0, 501);
    assert_eq!(got(&server, "/sdapi/v1/none").await, (404, object!({ "detail": "Not Found" })));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_sample_stores_and_retrieves() {
    let place = tempfile::tempdir().expect("a folder");
    let storage = format!("file://{}/pictures/", place.path().display());
    let server = Server::with(&[("storage", &storage)]);
    assert_eq!(got(&server, "/health").await, (200, object!([{ "status": "ok" }, 200])));
    let store = |key: &str, image: &[u8], method: &str| {
        let body = object!({
            "image": encoded(image), "s3_bucket": "pictures", "s3_key_name": key, "endpoint": "x", "upscaleMethod": method,
        });
        let server = &server;
        async move { answer(server, "/store", &body).await }
    };
    let stored = store("a b/wolf.png", &picture(400, 300, 1), "sageMakerRT").await;
    assert_eq!(stored, (200, object!([{ "data": "image uploaded to S3" }, 200])));
    let small = std::fs::read(place.path().join("pictures/a b/wolf.png")).expect("stored");
    assert_eq!(shape(&small), ("png", 200, 150));
    let (status, restored) =
        got(&server, "/retrieve?s3_key=a%20b/wolf.png&s3_bucket=pictures&endpoint=x").await;
    assert_eq!((status, restored[1].as_u64()), (200, Some(200)));
    assert_eq!(shape(&decoded(&restored[0]["data"])), ("jpeg", 800, 600));
    let refused = |answer: (u16, Value), what: &str| {
        assert_eq!((answer.0, answer.1[1].as_u64()), (200, Some(500)), "{what}");
        let error = answer.1[0]["error"].as_str().expect("a text").to_owned();
        assert!(error.contains(what), "{error}");
    };
    refused(store("x.png", &picture(8, 8, 1), "magic").await, "Upscale Method not yet implemented");
    refused(store("x.png", b"text", "sageMakerRT").await, "Unable to store image");
    refused(store("../x.png", &picture(8, 8, 1), "sageMakerRT").await, "names");
    refused(got(&server, "/retrieve?s3_key=none.png&s3_bucket=pictures").await, "nothing");
    refused(got(&server, "/retrieve?s3_key=a.png&s3_bucket=other").await, "no such bucket");
    refused(got(&server, "/retrieve?s3_bucket=pictures").await, "s3_key");
    let other =
        server.get("/retrieve?s3_key=a.png&s3_bucket=pictures").header("sec-fetch-site", "cross-site");
    refused((200, json(other.send().await.expect("an answer")).await), "other sites");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_sample_has_videos() {
    let place = tempfile::tempdir().expect("a folder");
    let clip = place.path().join("clip.mkv");
    let made = std::process::Command::new("ffmpeg")
        .args([
            "-nostdin",
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=480x320:rate=10",
            "-frames:v",
            "4",
        ])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-y"])
        .arg(&clip)
        .status();
    assert!(made.expect("ffmpeg").success());
    let bucket = place.path().file_name().expect("a name").to_str().expect("text").to_owned();
    let storage = format!("file://{}/", place.path().display());
    let server = Server::with(&[("storage", &storage)]);
    let ended = async |id: Value| loop {
        let path = format!("/getVideoStatus?id={}", id.as_str().expect("an id"));
        let (_, told) = got(&server, &path).await;
        assert_eq!(told[1], 200, "{told}");
        let told: Value = serde_json::from_str(told[0]["data"].as_str().expect("a text")).expect("JSON");
        match told["status"].as_str().expect("a status") {
            "Submitted" | "Processing" => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => break told,
        }
    };
    let size = |name: &str| {
        let ran = std::process::Command::new("ffprobe")
            .args(["-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height,nb_frames"])
            .args(["-of", "csv=p=0"])
            .arg(place.path().join(name))
            .output();
        String::from_utf8(ran.expect("ffprobe").stdout).expect("text").trim().to_owned()
    };
    let small = object!({ "s3_key_name": "clip.mkv", "s3_bucket": bucket, "min_size": 40, "max_size": 60 });
    let (_, stored) = answer(&server, "/storeVideo", &small).await;
    let expected = object!({ "output": format!("s3://{bucket}/clip-downscaled.mp4"), "status": "Completed" });
    assert_eq!(ended(stored[0]["data"].clone()).await, expected);
    assert_eq!(size("clip-downscaled.mp4"), "60,40,4");
    let path =
        format!("/retrieveVideo?s3_key=clip-downscaled.mp4&s3_bucket={bucket}&endpoint=x&max_workers=2");
    let (_, retrieved) = got(&server, &path).await;
    let told = ended(retrieved[0]["data"].clone()).await;
    assert_eq!(told["output"], format!("s3://{bucket}/clip-downscaled-upscaled.mp4"), "{told}");
    assert_eq!(size("clip-downscaled-upscaled.mp4"), "240,160,4");
    let none = format!("/retrieveVideo?s3_key=none.mp4&s3_bucket={bucket}");
    let told = ended(got(&server, &none).await.1[0]["data"].clone()).await;
    assert_eq!((told["status"].as_str(), &told["output"]), (Some("Failed"), &Value::Null), "{told}");
    assert!(told["error"].is_string());
    for path in ["/getVideoStatus?id=none", "/getVideoStatus", "/retrieveVideo?s3_bucket=x"] {
        let (status, refused) = got(&server, path).await;
        assert_eq!(
            (status, refused[1].as_u64(), refused[0]["error"].is_string()),
            (200, Some(500), true),
            "{path}"
        );
    }
}

const RUNS: &str = "/api/workflows/runs";

#[tokio::test(flavor = "multi_thread")]
async fn model_compose_runs_what_is_sent_in_any_way() {
    let server = Server::with(&[]);
    let small = picture(20, 12, 1);
    let text = encoded(&small);
    for fields in [
        &[("image", Some("a.png"), &*small), ("output_only", None, b"true")][..],
        &[
            ("image", Some("a.png"), &small),
            ("input", None, b"{\"image\": \"@image\"}"),
            ("output_only", None, b"1"),
        ],
        &[
            ("input[image]", Some("a.png"), &small),
            ("output_only", None, b"true"),
            ("workflow", None, b"__default__"),
        ],
    ] {
        let request =
            server.post(RUNS).header("content-type", "multipart/form-data; boundary=edge").body(form(fields));
        let answer = request.send().await.expect("an answer");
        assert_eq!(
            (
                answer.status().as_u16(),
                answer.headers()["content-type"].as_bytes(),
                answer.headers()["cache-control"].as_bytes()
            ),
            (200, &b"image/png"[..], &b"no-cache"[..])
        );
        assert_eq!(shape(&answer.bytes().await.expect("a body")), ("png", 80, 48));
    }
    let body =
        object!({ "input": { "image": text, "scale": 2 }, "session_id": "s", "metadata": { "a": [1] } });
    let (status, task) = answer(&server, RUNS, &body).await;
    assert_eq!(
        (status, task["status"].as_str(), &task["metadata"]),
        (200, Some("completed"), &object!({ "a": [1] }))
    );
    assert_eq!(
        (task["session_id"].as_str(), task["workflow_id"].as_str()),
        (Some("s"), Some("image-upscale"))
    );
    assert_eq!(shape(&decoded(&task["output"])), ("png", 40, 24));
    let id = task["task_id"].as_str().expect("an id");
    assert_eq!(id.len(), 26);
    assert_eq!(got(&server, &format!("/api/tasks/{id}")).await.1, task);
    let raw = server.get(&format!("/api/tasks/{id}?output_only=true")).send().await.expect("an answer");
    assert_eq!(raw.bytes().await.expect("a body"), decoded(&task["output"]));
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("input[image]", &format!("data:image/png;base64,{text}"))
        .append_pair("input[scale]", "2")
        .finish();
    let request = server.post(RUNS).header("content-type", "application/x-www-form-urlencoded").body(query);
    assert_eq!(json(request.send().await.expect("an answer")).await["output"], task["output"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn model_compose_takes_as_much_text_as_a_body_has_and_larger_files() {
    let server = Server::with(&[("max-body", "4K")]);
    let text = encoded(&picture(20, 12, 1));
    let send = async |fields: &[(&str, Option<&str>, &[u8])]| {
        let kind = "multipart/form-data; boundary=edge";
        let answer = server.post(RUNS).header("content-type", kind).body(form(fields)).send().await;
        let answer = answer.expect("an answer");
        (answer.status().as_u16(), json(answer).await)
    };
    let image = ("input[image]", None, text.as_bytes());
    assert_eq!(send(&[image]).await.1["status"], "completed");
    for notes in
        [&[("note", None, &[b'a'; 5000][..])][..], &[("a", None, &[b'a'; 3000]), ("b", None, &[b'b'; 3000])]]
    {
        let (status, error) = send(&[&[image], notes].concat()).await;
        assert_eq!((status, error["detail"].as_str()), (413, Some("a body has at most 4096 bytes")));
    }
    let large = ("image", Some("a.png"), &[0; 5000][..]);
    let (status, task) = send(&[large, ("wait_for_completion", None, b"false")]).await;
    assert_eq!((status, task["task_id"].is_string()), (200, true), "{task}");
}

#[tokio::test(flavor = "multi_thread")]
async fn model_compose_has_tasks() {
    let server = Server::with(&[("workers", "1")]);
    let run = |side: u32, more: Value| {
        let mut body = object!({
            "input": { "image": encoded(&picture(side, side, 1)), "model": "photo" }, "wait_for_completion": false,
        });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let server = &server;
        async move { answer(server, RUNS, &body).await }
    };
    let id = |task: &Value| task["task_id"].as_str().expect("an id").to_owned();
    let (status, first) = run(900, object!({})).await;
    assert_eq!(status, 200);
    assert!(["pending", "processing"].contains(&first["status"].as_str().expect("a status")), "{first}");
    let early =
        server.get(&format!("/api/tasks/{}?output_only=true", id(&first))).send().await.expect("an answer");
    assert_eq!(early.status(), 202);
    let resume = format!("/api/tasks/{}/resume", id(&first));
    assert_eq!(answer(&server, &resume, &object!({ "job_id": "x" })).await.0, 400);
    let cancel = format!("/api/tasks/{}/cancel", id(&first));
    let (status, cancelled) = answer(&server, &cancel, &object!({})).await;
    assert_eq!((status, cancelled["status"].as_str()), (200, Some("cancelled")), "{cancelled}");
    let (status, error) = answer(&server, &cancel, &object!({})).await;
    let expected = format!("Task '{}' has already finished: cancelled", id(&first));
    assert_eq!((status, error["detail"].as_str()), (409, Some(&*expected)));
    let late =
        server.get(&format!("/api/tasks/{}?output_only=true", id(&first))).send().await.expect("an answer");
    assert_eq!(late.status(), 409);
    let none = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    assert_eq!(
        got(&server, &format!("/api/tasks/{none}")).await,
        (404, object!({ "detail": "Task not found." }))
    );
    let expected = format!("Task not found: {none}");
    for what in ["cancel", "resume"] {
        let (status, error) = answer(&server, &format!("/api/tasks/{none}/{what}"), &object!({})).await;
        assert_eq!((status, error["detail"].as_str()), (404, Some(&*expected)));
    }
    let broken = object!({ "input": { "image": encoded(&picture(20, 20, 1)[..80]) }, "output_only": true });
    let (status, error) = answer(&server, RUNS, &broken).await;
    assert_eq!((status, error["detail"].is_string()), (500, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn model_compose_describes_itself_and_refuses_in_its_words() {
    let server = Server::with(&[]);
    assert_eq!(got(&server, "/api/health").await, (200, object!({ "status": "ok" })));
    let (_, list) = got(&server, "/api/workflows").await;
    assert_eq!(
        list,
        object!([{ "workflow_id": "image-upscale", "title": "Upscale Image", "default": true }])
    );
    let (_, schema) = got(&server, "/api/workflows/image-upscale/schema").await;
    assert_eq!(got(&server, "/api/workflows?include_schema=true").await.1, object!([schema]));
    assert_eq!(schema["input"][0], object!({ "name": "image", "type": "image", "is_list": false }));
    let missing = object!({ "detail": "Workflow not found." });
    assert_eq!(got(&server, "/api/workflows/none/schema").await, (404, missing));
    let refused = async |body: Value| {
        let (status, error) = answer(&server, RUNS, &body).await;
        (status, error["detail"].as_str().expect("a text").to_owned())
    };
    assert_eq!(refused(object!({ "workflow_id": "x" })).await, (404, "Workflow 'x' not found.".into()));
    let image = object!({ "image": encoded(&picture(8, 8, 1)) });
    let early = object!({ "input": image, "output_only": true, "wait_for_completion": false });
    assert_eq!(refused(early).await, (400, "output_only=true requires wait_for_completion=true.".into()));
    let inside = object!({ "input": { "image": "http://169.254.169.254/latest" } });
    assert_eq!(refused(inside).await.0, 403);
    let called =
        object!({ "input": image, "wait_for_completion": false, "callback_url": "http://127.0.0.1:1/" });
    assert_eq!(refused(called).await.0, 403);
    let text =
        server.post(RUNS).header("content-type", "text/plain").body("x").send().await.expect("an answer");
    assert_eq!(json(text).await, object!({ "detail": "Unsupported Content-Type: text/plain" }));
    let empty = server.post(RUNS).send().await.expect("an answer");
    assert_eq!(json(empty).await, object!({ "detail": "Missing or empty Content-Type header." }));
}

#[tokio::test(flavor = "multi_thread")]
async fn model_compose_calls_back() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let hook = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let server = Server::with(&[("private-urls", "true")]);
    let body = object!({
        "input": { "image": encoded(&picture(8, 8, 1)) }, "wait_for_completion": false, "callback_url": hook,
        "callback_headers": { "X-Token": "secret" }, "metadata": 7,
    });
    let (_, task) = answer(&server, RUNS, &body).await;
    let (mut stream, _) = tokio::time::timeout(Duration::from_secs(60), listener.accept())
        .await
        .expect("in time")
        .expect("a call");
    let (mut message, mut piece) = (Vec::new(), vec![0; 16 << 10]);
    while !message.ends_with(b"}") {
        let read = stream.read(&mut piece).await.expect("readable");
        message.extend_from_slice(&piece[..read]);
    }
    stream.write_all(b"HTTP/1.1 204 Yes\r\n\r\n").await.expect("answered");
    let text = String::from_utf8(message).expect("text");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.contains("x-token: secret") && !head.contains("amplio-signature"), "{head}");
    let event: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((event["event"].as_str(), event["status"].as_str()), (Some("completed"), Some("completed")));
    assert_eq!((&event["task_id"], &event["metadata"]), (&task["task_id"], &object!(7)));
    assert!(event["elapsed"].is_number());
    assert_eq!(shape(&decoded(&event["output"])), ("png", 32, 32));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_and_keys_hold_here_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let new_key = |name| amplio_service::new_key(name).expect("a name");
    let ((ann, first), (bob, second)) = (new_key("ann"), new_key("bob"));
    let path = folder.path().join("keys");
    std::fs::write(&path, format!("{first}\n{second} scopes=jobs\n")).expect("written");
    let path = path.display().to_string();
    let mut server = Server::start(folder, &[("keys", &path), ("max-body", "4K"), ("max-pixels", "300")]);
    let asked = object!({ "img_str": encoded(&picture(10, 10, 1)) });
    let refused = post(&server, "/inference", &asked).send().await.expect("an answer");
    assert_eq!(problem(refused).await.0, 401);
    let (head, body) = (("content-type", "application/json"), asked.to_string());
    let basic = |name: &str, key: &str| {
        let request = server.client.post(server.url("/inference")).basic_auth(name, Some(key));
        request.header(head.0, head.1).body(body.clone()).send()
    };
    assert_eq!(basic("anyone", &ann).await.expect("an answer").status(), 200);
    assert_eq!(basic("anyone", &bob).await.expect("an answer").status(), 403);
    assert_eq!(basic(&ann, "").await.expect("an answer").status(), 401);
    for path in ["/ping", "/health", "/api/health", "/"] {
        assert_eq!(server.get(path).send().await.expect("an answer").status(), 200, "{path}");
    }
    server.key = Some(ann);
    let (status, error) = answer(&server, "/inference", &object!({ "img_str": encoded(&[0; 4000]) })).await;
    assert_eq!((status, error["detail"].as_str().expect("a text").contains("4096")), (413, true));
    let (status, error) =
        answer(&server, "/invocations", &object!({ "image": encoded(&picture(20, 16, 1)) })).await;
    assert_eq!((status, error["type"].as_str()), (413, Some("limit_exceeded")));
    let many = format!("[{}0]", "0,".repeat(1500));
    let (status, _) = answer(&server, "/invocations", &serde_json::from_str(&many).expect("JSON")).await;
    assert_eq!(status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_cannot_be_read_are_refused_in_the_words_of_the_api() {
    let server = Server::with(&[]);
    for path in
        ["/retrieve?s3_key=a&s3_key=b", "/retrieveVideo?s3_key=a&s3_key=b", "/getVideoStatus?id=a&id=b"]
    {
        let (status, said) = got(&server, path).await;
        assert_eq!(
            (status, said[1].as_u64(), said[0]["error"].is_string()),
            (200, Some(500), true),
            "{path}"
        );
    }
    for path in [
        "/api/workflows?include_schema=1&include_schema=2",
        "/api/workflows/%ff/schema",
        "/api/tasks/%ff",
        "/sdapi/v1/%ff",
    ] {
        let (status, said) = got(&server, path).await;
        assert_eq!((status, said["detail"].is_string()), (400, true), "{path}");
    }
    for path in ["/api/tasks/%ff/cancel", "/api/tasks/%ff/resume"] {
        let (status, said) = answer(&server, path, &object!({})).await;
        assert_eq!((status, said["detail"].is_string()), (400, true), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_chosen_is_spoken() {
    let server = Server::with(&[("compat", "sagemaker,fastapi")]);
    assert_eq!(server.get("/ping").send().await.expect("an answer").status(), 200);
    assert_eq!(problem(server.get("/sdapi/v1/upscalers").send().await.expect("an answer")).await.0, 404);
    let server = Server::with(&[("compat", "none")]);
    let page = server.get("/").send().await.expect("an answer").text().await.expect("a body");
    assert!(page.starts_with("<!doctype html>"));
    assert_eq!(problem(server.get("/ping").send().await.expect("an answer")).await.0, 404);
    let mut settings = common::settings(server.folder.path());
    assert!(settings.set("compat", "sagemaker,none").is_err() && settings.set("compat", "soap").is_err());
}
