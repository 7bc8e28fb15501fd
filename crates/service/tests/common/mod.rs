//! A server in this process, and pictures for it.
#![allow(dead_code, reason = "each test file uses a part")]

pub(crate) mod film;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amplio::media::images::{self, Limits, WriteOptions};
use amplio::media::{Channels, Depth, Header, Image, Samples};
use amplio_service::{Log, Service, Settings};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

/// A server, its data and its log; all gone with the test.
pub(crate) struct Server {
    service: Option<Service>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) log: Arc<Mutex<Vec<String>>>,
    pub(crate) client: Client,
    pub(crate) key: Option<String>,
}

impl Server {
    /// A server with settings other than the usual ones, by their names.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        Self::start(tempfile::tempdir().expect("a folder"), settings)
    }

    /// A server in a folder in which another one may have worked before.
    pub(crate) fn start(folder: tempfile::TempDir, changed: &[(&str, &str)]) -> Self {
        Self::start_with(folder, changed, &[])
    }

    /// The same with variables of buckets, by their names in lower case.
    pub(crate) fn start_with(
        folder: tempfile::TempDir,
        changed: &[(&str, &str)],
        options: &[(&str, &str)],
    ) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = log.clone();
        let mut settings = settings(folder.path());
        for (name, value) in changed {
            settings.set(name, value).expect(name);
        }
        settings.storage_options =
            options.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let sink = Log::new(move |line: &str| lines.lock().expect("sound").push(line.to_owned()));
        let service = apart(|| Service::start(settings, sink)).expect("starts");
        Self { service: Some(service), folder, log, client: Client::new(), key: None }
    }

    /// Stops it; its folder stays.
    pub(crate) fn stop(mut self) -> tempfile::TempDir {
        let service = self.service.take();
        apart(|| service.map(Service::stop));
        std::mem::replace(&mut self.folder, tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let address = self.service.as_ref().expect("running").address();
        format!("http://{address}{path}")
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.keyed(self.client.get(self.url(path)))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.keyed(self.client.post(self.url(path)))
    }

    pub(crate) fn put(&self, path: &str) -> RequestBuilder {
        self.keyed(self.client.put(self.url(path)))
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        self.keyed(self.client.delete(self.url(path)))
    }

    fn keyed(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    /// Waits until a job has ended.
    pub(crate) async fn ended(&self, id: &str) -> Value {
        loop {
            let job = json(self.get(&format!("/v1/jobs/{id}")).send().await.expect("an answer")).await;
            if ["done", "failed", "cancelled"].contains(&job["state"].as_str().expect("a state")) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let service = self.service.take();
        apart(|| service.map(Service::stop));
    }
}

/// Does something on a thread of its own: a server has a runtime, which starts and stops only where no other one runs.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join()).expect("no panic")
}

/// The settings of tests: a free port, few threads, short times.
pub(crate) fn settings(folder: &Path) -> Settings {
    let mut settings = Settings { data: folder.to_owned(), ..Settings::default() };
    let changed = [
        ("listen", "127.0.0.1:0"),
        ("threads", "2"),
        ("drain-time", "1s"),
        ("rate", "0"),
        ("model", "anime"),
    ];
    for (name, value) in changed {
        settings.set(name, value).expect(name);
    }
    settings
}

/// A small picture as PNG; another `seed`, another picture.
pub(crate) fn picture(width: u32, height: u32, seed: u32) -> Vec<u8> {
    let header = Header::new(width, height, Channels::Rgb, Depth::U8);
    let sample = |i: u32| (i.wrapping_add(seed * 9973).wrapping_mul(2_654_435_761) >> 24) as u8;
    let samples = Samples::U8((0..width * height * 3).map(sample).collect());
    encoded(&Image::new(header, samples).expect("a picture"), "png")
}

/// A picture as a file.
pub(crate) fn encoded(image: &Image, format: &str) -> Vec<u8> {
    let path = tempfile::NamedTempFile::new().expect("a file");
    let format = images::by_name(format).expect("a format");
    let sink = Box::new(path.reopen().expect("a file"));
    let mut writer =
        images::writer(format, &image.header(), &WriteOptions::default(), sink).expect("a writer");
    writer.write_rows(&image.samples).expect("rows");
    writer.finish().expect("whole");
    std::fs::read(path.path()).expect("a file")
}

/// A form of fields, some of them files.
pub(crate) fn form(fields: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, file, value) in fields {
        let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
        let head = format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n");
        form.extend(head.bytes().chain(value.iter().copied()).chain(*b"\r\n"));
    }
    form.extend(b"--edge--\r\n");
    form
}

/// The format, width and height of a picture.
pub(crate) fn shape(bytes: &[u8]) -> (&'static str, u32, u32) {
    let (format, header) = images::read_header(bytes).expect("a picture");
    images::read(bytes, &Limits::default()).expect("a whole picture");
    (format.name, header.width, header.height)
}

/// The body of an answer, as JSON.
pub(crate) async fn json(response: Response) -> Value {
    let text = response.text().await.expect("a body");
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// A problem: its status, code, and the name of the limit if there is one.
pub(crate) async fn problem(response: Response) -> (u16, String, Option<String>) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body = json(response).await;
    assert_eq!(body["status"], status);
    let limit = body["limit"]["name"].as_str().map(str::to_owned);
    (status, body["code"].as_str().expect("a code").to_owned(), limit)
}
