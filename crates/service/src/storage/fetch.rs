//! Pictures from the web, without letting clients use the server to reach what only it can reach.
//!
//! Names are resolved here, addresses that are not of the public internet are dropped, and the connection goes to one of
//! those that were checked: a name that changes its address meanwhile changes nothing. Each redirect is checked anew.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Response, redirect};
use url::{Host, Url};

use crate::refusal::{Code, Refusal};
use crate::spool::{Content, Spool};
use crate::{Error, Result};

/// The most redirects that are followed.
const MOST_REDIRECTS: usize = 5;

/// The longest a download may take.
const LONGEST: Duration = Duration::from_secs(300);

/// Fetches what URLs lead to.
pub(crate) struct Fetcher {
    client: Client,
    /// Whether private addresses may be reached.
    private: bool,
}

struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            match public.is_empty() {
                true => Err(format!("{} has no public address", name.as_str()).into()),
                false => Ok(Box::new(public.into_iter()) as Addrs),
            }
        })
    }
}

impl Fetcher {
    pub(crate) fn new(private: bool, idle: Duration) -> Result<Self> {
        let builder = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(idle)
            .read_timeout(idle)
            .timeout(LONGEST)
            .user_agent(concat!("amplio/", env!("CARGO_PKG_VERSION")));
        let builder = if private { builder } else { builder.dns_resolver(Arc::new(PublicOnly)) };
        let client = builder.build().map_err(|e| Error::Tls { what: e.to_string() })?;
        Ok(Self { client, private })
    }

    /// Whether a URL may be fetched, as far as can be told without resolving its name.
    pub(crate) fn check(&self, url: &Url) -> std::result::Result<(), Refusal> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(Refusal::invalid(format!("{url} names no server"))),
        };
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::new(Code::Forbidden, format!("{}: is not fetched", url.scheme())));
        }
        if !self.private && address.is_some_and(|address| !is_public(address)) {
            return Err(Refusal::new(Code::Forbidden, format!("{url} does not lead to the public internet")));
        }
        Ok(())
    }

    /// Fetches at most so many bytes, into `folder` if they are many.
    pub(crate) async fn fetch(
        &self,
        url: Url,
        most: u64,
        folder: &Path,
    ) -> std::result::Result<Content, Refusal> {
        let shown = url.to_string();
        let unreachable =
            |e: &dyn std::fmt::Display| Refusal::new(Code::Unreachable, format!("{shown}: {e}"));
        let mut response = self.follow(url).await?;
        let too_large =
            || Refusal::too_large("max-upload", most, format!("{shown} has more than {most} bytes"));
        if response.content_length().is_some_and(|length| length > most) {
            return Err(too_large());
        }
        let mut spool = Spool::new(folder);
        while let Some(piece) = response.chunk().await.map_err(|e| unreachable(&e))? {
            if spool.length() + piece.len() as u64 > most {
                return Err(too_large());
            }
            spool.push(&piece).map_err(Refusal::internal)?;
        }
        Ok(spool.finish())
    }

    /// Sends a signed message; whether it was taken.
    pub(crate) async fn post(
        &self,
        url: &Url,
        headers: &[(&str, String)],
        body: String,
    ) -> std::result::Result<(), Refusal> {
        self.check(url)?;
        let mut request = self.client.post(url.clone()).timeout(Duration::from_secs(30)).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.map_err(|e| Refusal::new(Code::Unreachable, cause(&e)))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(Refusal::new(Code::Unreachable, format!("{url} answered {status}"))),
        }
    }

    async fn follow(&self, mut url: Url) -> std::result::Result<Response, Refusal> {
        for _ in 0..=MOST_REDIRECTS {
            self.check(&url)?;
            let unreachable = |what: String| Refusal::new(Code::Unreachable, format!("{url}: {what}"));
            let answer = self.client.get(url.clone()).send().await.map_err(|e| unreachable(cause(&e)))?;
            let status = answer.status();
            if status.is_success() {
                return Ok(answer);
            }
            let next = answer.headers().get("location").filter(|_| status.is_redirection());
            let next = next.and_then(|next| next.to_str().ok()).and_then(|next| url.join(next).ok());
            url = next.ok_or_else(|| unreachable(format!("the server answered {status}")))?;
        }
        Err(Refusal::new(Code::Unreachable, format!("{url}: more than {MOST_REDIRECTS} redirects")))
    }
}

/// The innermost cause of an error, which says most.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Whether an address is one of the public internet: none of this machine, of local networks, of the link (where clouds
/// have their metadata), of groups, or of those that stand for another protocol's addresses.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast();
    // RFC 6890: this network, shared, protocol assignments, 6to4 relays, benchmarks, reserved.
    let registered = a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240;
    !special && !registered
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only global unicast is public; of that, not the parts for documentation, tunnels and other protocols' addresses.
    let global = first & 0xe000 == 0x2000;
    let special =
        (first == 0x2001 && (second < 0x200 || second == 0xdb8)) || first == 0x2002 || first == 0x3fff;
    global && !special
}

#[cfg(test)]
mod tests {
    use amplio_testkit::http::{Reply, Server};

    use super::*;

    #[test]
    fn only_the_public_internet_is_reached() {
        let fetcher = Fetcher::new(false, Duration::from_secs(1)).expect("a client");
        let check = |url: &str| fetcher.check(&Url::parse(url).expect("a URL"));
        for url in ["http://1.1.1.1/", "https://example.org/a", "http://[2606:4700::1111]/"] {
            check(url).expect(url);
        }
        let inside = [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0/",
            "http://10.1.2.3/",
            "http://172.16.0.1/",
            "http://192.168.1.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://100.64.0.1/",
            "http://[::1]/",
            "http://[::]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://198.18.0.1/",
            "http://240.0.0.1/",
            "file:///etc/passwd",
            "gopher://1.1.1.1/",
        ];
        for url in inside {
            assert!(check(url).is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn names_of_private_addresses_are_not_reached() {
        let fetcher = Fetcher::new(false, Duration::from_secs(5)).expect("a client");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://localhost:{}/", listener.local_addr().expect("an address").port());
        let folder = tempfile::tempdir().expect("a folder");
        let refused =
            fetcher.fetch(Url::parse(&url).expect("a URL"), 1, folder.path()).await.expect_err("private");
        assert!(refused.detail.contains("no public address"), "{refused}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn servers_lead_nowhere_else_and_have_an_end() {
        let server = Server::start(|request| match request.path.as_str() {
            "/file" => to("file:///etc/passwd"),
            "/round" => to("/round"),
            "/other" => to("gopher://example.org/"),
            "/endless" => Reply { endless: true, length: None, ..Reply::whole(&[0; 1 << 16]) },
            "/there" => to("/small"),
            _ => Reply::whole(b"small"),
        });
        let fetcher = Fetcher::new(true, Duration::from_secs(5)).expect("a client");
        let folder = tempfile::tempdir().expect("a folder");
        let fetch = |path: &str| {
            let url = Url::parse(&server.url(path)).expect("a URL");
            fetcher.fetch(url, 1 << 20, folder.path())
        };
        assert_eq!(fetch("/there").await.expect("fetched").length(), 5);
        for (path, code) in [
            ("/file", Code::Invalid),
            ("/other", Code::Forbidden),
            ("/round", Code::Unreachable),
            ("/endless", Code::TooLarge),
        ] {
            assert_eq!(fetch(path).await.expect_err(path).code, code, "{path}");
        }
        assert_eq!(
            server.requests().iter().filter(|request| request.path == "/round").count(),
            MOST_REDIRECTS + 1
        );
        // The same rule for each step: what the first server may not be, the next one may not be either.
        let strict = Fetcher::new(false, Duration::from_secs(5)).expect("a client");
        let inside =
            strict.follow(Url::parse(&server.url("/there")).expect("a URL")).await.expect_err("inside");
        assert_eq!(inside.code, Code::Forbidden);
    }

    fn to(place: &str) -> Reply {
        Reply { status: 302, headers: vec![("location".into(), place.into())], ..Reply::whole(b"") }
    }
}
