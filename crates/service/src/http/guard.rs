//! What stands before every route: who asks, how often, from where; and what every answer says.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::auth::Client;
use crate::app::App;
use crate::page::is_of_the_page;
use crate::refusal::{Code, Refusal};

/// The address of the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The longest path and query.
const LONGEST: usize = 8 << 10;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Paths that need no key.
pub(super) const PUBLIC: [&str; 8] =
    ["/healthz", "/readyz", "/openapi.json", "/docs", "/docs.js", "/ping", "/health", "/api/health"];

/// Routes and the scope that they need, by the beginning of their paths. All others need any key.
const NEEDS: [(&str, &str); 12] = [
    ("/v1/upscale", "upscale"),
    ("/v1/jobs", "jobs"),
    ("/v1/uploads", "jobs"),
    ("/v1/media", "media"),
    ("/metrics", "metrics"),
    ("/inference", "upscale"),
    ("/invocations", "upscale"),
    ("/sdapi/", "upscale"),
    ("/api/", "jobs"),
    // They read and write the places of jobs.
    ("/store", "jobs"),
    ("/retrieve", "jobs"),
    ("/getVideoStatus", "jobs"),
];

/// Lets a request pass or not, and writes down what became of it.
pub(crate) async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("other", |path| path.as_str()).to_owned();
    let admitted = admit(&app, &request);
    let client = admitted.as_ref().map_or_else(|_| "unknown".to_owned(), |client| client.name.clone());
    let mut response = match admitted {
        Ok(client) => {
            request.extensions_mut().insert(client);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    };
    protect(response.headers_mut(), &route);
    if let Ok(id) = HeaderValue::try_from(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let (status, seconds) = (response.status().as_u16(), begun.elapsed().as_secs_f64());
    app.metrics.request(&route, counted(&method), status, seconds);
    app.log.event(
        "request",
        json!({
            "id": id, "method": method.as_str(), "route": route, "client": client, "status": status,
            "seconds": (seconds * 1e6).round() / 1e6,
        }),
    );
    response
}

/// How a method is counted: clients may invent as many as they like, and each name that is counted stays in memory.
fn counted(method: &Method) -> &str {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
        Method::CONNECT,
        Method::TRACE,
    ];
    if KNOWN.contains(method) { method.as_str() } else { "other" }
}

fn admit(app: &App, request: &Request) -> Result<Client, Refusal> {
    let path = request.uri().path();
    if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > LONGEST) {
        return Err(Refusal::new(Code::Malformed, "the path and the query are too long"));
    }
    let address = request.extensions().get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
    let client = match &app.keys {
        None => {
            same_site(app, request)?;
            Client::open(address.to_string())
        }
        Some(_) if PUBLIC.contains(&path) || is_of_the_page(path) => Client::open(address.to_string()),
        Some(keys) => match presented(request.headers()) {
            Some(key) => match keys.find(&key) {
                Some(client) => client,
                None => {
                    slow_down(app, &format!("wrong key from {address}"), 30)?;
                    return Err(Refusal::new(Code::Unauthorized, "the API key is not valid"));
                }
            },
            None => {
                let what = "an API key is needed: Authorization: Bearer KEY, or X-API-Key: KEY";
                return Err(Refusal::new(Code::Unauthorized, what));
            }
        },
    };
    let needed = NEEDS.iter().find(|(prefix, _)| path.starts_with(prefix)).map(|(_, scope)| *scope);
    if let Some(scope) = needed
        && !client.may(scope)
    {
        return Err(Refusal::new(Code::Forbidden, format!("this API key is not good for {scope}")));
    }
    // The page is many small files.
    if !matches!(path, "/healthz" | "/readyz") && !is_of_the_page(path) {
        slow_down(app, &client.name, client.rate.unwrap_or(app.settings.rate))?;
    }
    Ok(client)
}

fn slow_down(app: &App, who: &str, rate: u32) -> Result<(), Refusal> {
    app.rates.take(who, rate, Instant::now()).map_err(|seconds| {
        let what = format!("at most {rate} requests a minute are answered");
        Refusal::new(Code::RateLimited, what).limited("rate", rate.into()).retry_after(seconds)
    })
}

/// The key that a request brings: as a bearer, in a header of its own, or as the password of whoever it says it is.
fn presented(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let value = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let named = value(HeaderName::from_static("x-api-key")).map(|key| Cow::Borrowed(key.trim()));
    let Some((scheme, rest)) = value(header::AUTHORIZATION).and_then(|value| value.split_once(' ')) else {
        return named;
    };
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(Cow::Borrowed(rest.trim())),
        "basic" => {
            let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
            Some(Cow::Owned(text.split_once(':')?.1.to_owned()))
        }
        _ => named,
    }
}

/// Without keys, any page that someone looks at could use this server through their browser. So requests that other sites
/// send are refused, and so are names that merely resolve to this machine.
fn same_site(app: &App, request: &Request) -> Result<(), Refusal> {
    let host = host(request.headers(), request.uri());
    if app.settings.listen.ip().is_loopback()
        && let Some(host) = host
        && !is_loopback(host)
    {
        let what = "this server is for this machine only; it is called localhost or 127.0.0.1";
        return Err(Refusal::new(Code::Forbidden, what));
    }
    let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    match origin.map(|origin| origin.split_once("://").map_or(origin, |(_, rest)| rest)) {
        Some(origin) if !safe && Some(origin) != host => {
            Err(Refusal::new(Code::Forbidden, "pages of other sites may not use this server"))
        }
        _ => Ok(()),
    }
}

fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Option<&'a str> {
    let header = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    header.or_else(|| uri.authority().map(|authority| authority.as_str()))
}

fn is_loopback(host: &str) -> bool {
    let port = host
        .rfind(':')
        .filter(|&at| !host[at..].contains(']') && host[at + 1..].bytes().all(|b| b.is_ascii_digit()));
    let name = port.map_or(host, |at| &host[..at]);
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let sound = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    given.filter(sound).map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}

/// What browsers may do with answers: nothing but show them.
fn protect(headers: &mut HeaderMap, route: &str) {
    let policy = match route.starts_with("/v1/") {
        true => "default-src 'none'; frame-ancestors 'none'",
        // Pages bring their own scripts and pictures, and nothing from elsewhere.
        false => {
            "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; \
             frame-ancestors 'none'"
        }
    };
    let all = [
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ];
    for (name, value) in all {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_are_known() {
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:80", "127.9.9.9", "[::1]:8080", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["example.org", "localhost.example.org", "10.0.0.1:80", "[::2]:80", "", "127.0.0.1.nip.io:80"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
