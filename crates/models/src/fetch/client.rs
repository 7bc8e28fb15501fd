//! Requests.

use std::io;
use std::sync::Arc;

use ureq::config::RedirectAuthHeaders;
use ureq::http::{HeaderMap, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, BodyReader, Proxy, RequestBuilder, ResponseExt, typestate::WithoutBody};

use super::reply::{self, About, Refusal};
use super::{Proxies, Settings};
use crate::catalogue::links;
use crate::{Error, Result};

/// Who we say that we are.
const NAME: &str = concat!("amplio/", env!("CARGO_PKG_VERSION"));

/// How often a link may lead to another one.
const MOST_REDIRECTS: u32 = 10;

/// Sends requests.
#[derive(Debug)]
pub(super) struct Client {
    /// For links with encryption, which may not lead to links without.
    https: Agent,
    /// For links to this machine.
    http: Agent,
    hub: String,
    token: Option<String>,
}

/// The part of a file that is asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part<'a> {
    /// The bytes that are here already.
    pub(super) have: u64,
    /// The part is wanted only if the file is still the one that this belongs to, and otherwise all of it.
    pub(super) validator: Option<&'a str>,
}

/// A file that a host sends.
pub(super) struct Sent {
    pub(super) about: About,
    pub(super) body: BodyReader<'static>,
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let Proxies { https, http, except } = &settings.proxies;
        Ok(Self {
            https: agent(settings, true, proxy(https.as_deref(), except)?),
            http: agent(settings, false, proxy(http.as_deref(), except)?),
            hub: format!("{}/", settings.hub.trim_end_matches('/')),
            token: settings.token.clone(),
        })
    }

    /// Asks for a file.
    pub(super) fn get(&self, url: &str, part: Part<'_>) -> std::result::Result<Sent, Refusal> {
        let mut request = self.with_token(self.agent(url).get(url), url);
        if part.have > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", part.have));
            if let Some(validator) = part.validator {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        let response = request.call().map_err(|error| refusal(&error))?;
        if !links::is_followed(&response.get_uri().to_string()) {
            return Err(Refusal::Lasting("it leads on to a link without encryption".into()));
        }
        let about = reply::read(response.status(), response.headers(), part.have)?;
        Ok(Sent { about, body: response.into_body().into_reader() })
    }

    /// The headers that a link has by itself, before it leads on to others; nothing if it is refused.
    pub(super) fn headers(&self, url: &str) -> Option<HeaderMap> {
        let request = self.with_token(self.agent(url).head(url), url);
        let request = request.config().max_redirects(0).max_redirects_will_error(false).build();
        let response = request.call().ok()?;
        let sound = response.status().is_redirection() || response.status().is_success();
        sound.then(|| response.into_parts().0.headers)
    }

    /// Whether a link is one to the hub.
    pub(super) fn is_hub(&self, url: &str) -> bool {
        url.starts_with(&self.hub)
    }

    fn agent(&self, url: &str) -> &Agent {
        if url.starts_with("https:") { &self.https } else { &self.http }
    }

    fn with_token(&self, request: RequestBuilder<WithoutBody>, url: &str) -> RequestBuilder<WithoutBody> {
        match &self.token {
            Some(token) if self.is_hub(url) => {
                request.header(header::AUTHORIZATION, format!("Bearer {token}"))
            }
            _ => request,
        }
    }
}

fn agent(settings: &Settings, https_only: bool, proxy: Option<Proxy>) -> Agent {
    let silence = Some(settings.patience.silence);
    let tls = TlsConfig::builder()
        // Those of the machine: companies add their own to them.
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .https_only(https_only)
        .proxy(proxy)
        .user_agent(NAME)
        // Ranges count the bytes that are sent, which must be those of the file.
        .accept_encoding("identity")
        .http_status_as_error(false)
        .max_redirects(MOST_REDIRECTS)
        .redirect_auth_headers(RedirectAuthHeaders::Never)
        .timeout_resolve(silence)
        .timeout_connect(silence)
        .timeout_recv_response(silence)
        .timeout_per_read(silence)
        .timeout_per_write(silence)
        .build()
        .into()
}

/// The proxy of a variable, with the hosts that are reached without it. A name means the hosts below it as well.
fn proxy(link: Option<&str>, except: &[String]) -> Result<Option<Proxy>> {
    let Some(link) = link.filter(|link| !link.is_empty()) else { return Ok(None) };
    let wrong = |error| Error::unsupported(format!("the proxy that the environment names: {error}"));
    let named = Proxy::new(link).map_err(wrong)?;
    let mut proxy = Proxy::builder(named.protocol()).host(named.host()).port(named.port());
    if let Some(name) = named.username() {
        proxy = proxy.username(name);
    }
    if let Some(password) = named.password() {
        proxy = proxy.password(password);
    }
    for host in except.iter().map(|host| without_port(host.trim())).filter(|host| !host.is_empty()) {
        let below = host.trim_start_matches('*').trim_start_matches('.');
        proxy = match below {
            "" => proxy.no_proxy("*"),
            name => proxy.no_proxy(name).no_proxy(&format!(".{name}")),
        };
    }
    proxy.build().map(Some).map_err(wrong)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// What a failed request means.
fn refusal(error: &ureq::Error) -> Refusal {
    match error {
        ureq::Error::TooManyRedirects => Refusal::Lasting("it leads from link to link without end".into()),
        ureq::Error::RequireHttpsOnly(_) => {
            Refusal::Lasting("it leads on to a link without encryption".into())
        }
        ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::Rustls(_) | ureq::Error::Tls(_) => {
            Refusal::Lasting(error.to_string())
        }
        // Certificates that do not fit.
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            Refusal::Lasting(error.to_string())
        }
        ureq::Error::HostNotFound => Refusal::Passing("there is no such host, or no connection".into(), None),
        ureq::Error::Timeout(_) => Refusal::Passing("it is silent".into(), None),
        error => Refusal::Passing(error.to_string(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_hosts_are_reached_without_the_proxy() {
        let except = ["example.com", " .example.org:443", "", "10.0.0.1"].map(str::to_owned);
        let proxy =
            proxy(Some("http://me:secret@proxy.example:3128"), &except).expect("sound").expect("a proxy");
        assert_eq!((proxy.host(), proxy.port(), proxy.username()), ("proxy.example", 3128, Some("me")));
        let direct = |url: &str| proxy.is_no_proxy(&url.parse().expect("a link"));
        for url in
            ["https://example.com/", "https://a.example.com/", "https://b.example.org/", "https://10.0.0.1/"]
        {
            assert!(direct(url), "{url}");
        }
        for url in ["https://notexample.com/", "https://example.net/"] {
            assert!(!direct(url), "{url}");
        }
        let all = super::proxy(Some("socks5://127.0.0.1"), &["*".into()]).expect("sound").expect("a proxy");
        assert!(all.is_no_proxy(&"https://a.b/".parse().expect("a link")) && all.port() == 1080);
        assert!(super::proxy(Some("gopher://x"), &[]).is_err());
        assert_eq!(super::proxy(Some(""), &[]).expect("sound"), None);
    }
}
