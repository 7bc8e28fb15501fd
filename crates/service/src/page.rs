//! The web page: a few files that are part of the program, as they lie in `page/`.
//!
//! `GET /` is the page, and `GET /page/{file}` what it needs. Nothing here needs an API key: the page asks for one when
//! the interface does.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use crate::http::extract::Path;
use crate::refusal::Refusal;

/// The page may run, show and ask for what comes from this server, and for what it has made itself; nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; \
                      media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// A file of the page.
struct Asset {
    name: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        &[$(Asset { name: $name, bytes: include_bytes!(concat!("page/", $name)) }),*]
    };
}

static ASSETS: &[Asset] = assets![
    "index.html",
    "base.css",
    "layout.css",
    "list.css",
    "dialogs.css",
    "icon.svg",
    "photo.jpg",
    "drawing.jpg",
    "theme.js",
    "main.js",
    "api.js",
    "compare.js",
    "dom.js",
    "drop.js",
    "events.js",
    "follow.js",
    "item.js",
    "kinds.js",
    "list.js",
    "memory.js",
    "models.js",
    "preview.js",
    "queue.js",
    "region.js",
    "save.js",
    "say.js",
    "server.js",
    "settings.js",
    "stage.js",
    "words.js",
    "zip.js",
];

/// One tag for all files: modules that do not belong together must not meet in a browser.
static TAG: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for asset in ASSETS {
        digest.update(asset.bytes);
    }
    let digits: String = digest.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
});

/// The routes of what the page needs; the page itself is at the root.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/page/{file}", get(file))
}

/// Whether a path belongs to the page, and needs no API key.
pub(crate) fn is_of_the_page(path: &str) -> bool {
    path == "/" || path.starts_with("/page/")
}

/// The page itself.
pub(crate) async fn index(request: HeaderMap) -> Response {
    answer("index.html", &request)
}

async fn file(Path(name): Path<String>, request: HeaderMap) -> Response {
    answer(&name, &request)
}

fn answer(name: &str, request: &HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Refusal::not_found("the page has no such file").into_response();
    };
    // Kept by browsers, but asked for each time: a new version of the program has a new page.
    let headers = [
        (header::ETAG, TAG.as_str()),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    let known = request.get_all(header::IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    if known.flat_map(|tags| tags.split(',')).any(|tag| tag.trim().trim_start_matches("W/") == *TAG) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, [(header::CONTENT_TYPE, mime(name))], asset.bytes).into_response()
}

fn mime(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("jpg") => "image/jpeg",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path as File;

    use axum::http::HeaderValue;

    use super::*;

    fn text(name: &str) -> &'static str {
        let asset = ASSETS.iter().find(|asset| asset.name == name).expect("a file of the page");
        std::str::from_utf8(asset.bytes).expect("text")
    }

    #[test]
    fn every_file_of_the_folder_is_part_of_the_program() {
        let folder = File::new(env!("CARGO_MANIFEST_DIR")).join("src/page");
        let found =
            std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
        let mut found: Vec<_> = found.map(|name| name.into_string().expect("UTF-8")).collect();
        let mut known: Vec<_> = ASSETS.iter().map(|asset| asset.name).collect();
        found.sort_unstable();
        known.sort_unstable();
        assert_eq!(found, known);
    }

    #[test]
    fn what_the_page_names_is_there_and_nothing_comes_from_elsewhere() {
        for quoted in text("index.html").split('"').filter_map(|part| part.strip_prefix("/page/")) {
            assert!(ASSETS.iter().any(|asset| asset.name == quoted), "{quoted}");
        }
        for asset in ASSETS.iter().filter(|asset| asset.name.ends_with(".js")) {
            for line in text(asset.name).lines().filter(|line| line.starts_with("import ")) {
                let module =
                    line.split('"').nth(1).and_then(|path| path.strip_prefix("./")).expect("a neighbour");
                assert!(ASSETS.iter().any(|asset| asset.name == module), "{} imports {module}", asset.name);
            }
        }
        // The namespace of SVG is a name and no address.
        let foreign = |name: &str| text(name).replace("http://www.w3.org/2000/svg", "").contains("://");
        let written = ASSETS.iter().filter(|asset| !asset.name.ends_with(".jpg"));
        assert_eq!(
            written.filter(|asset| foreign(asset.name)).map(|asset| asset.name).collect::<Vec<_>>(),
            [""; 0]
        );
    }

    #[test]
    fn nothing_is_inline_that_the_policy_forbids() {
        let page = text("index.html");
        for forbidden in ["<style", " style=", " onclick=", " onload=", " onerror=", "javascript:"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        for tag in page.split("<script").skip(1) {
            assert!(tag.contains("src=\"/page/") && tag.contains("></script>"), "{tag}");
        }
    }

    #[test]
    fn a_page_that_is_known_is_not_sent_again() {
        let first = answer("main.js", &HeaderMap::new());
        assert_eq!(first.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone());
        assert_eq!(answer("main.js", &headers).status(), StatusCode::NOT_MODIFIED);
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"another\""));
        assert_eq!(answer("main.js", &headers).status(), StatusCode::OK);
        assert_eq!(answer("../page.rs", &headers).status(), StatusCode::NOT_FOUND);
    }
}
