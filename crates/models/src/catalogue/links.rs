//! What a link leads to: a file, or a page that wants a browser.

/// Hosts whose links lead to pages: a file comes only after a click, a script or a sign-in. Hosts below them count as well.
const SHARE_SITES: &[&str] = &[
    "1drv.ms",
    "anonfiles.com",
    "app.box.com",
    "disk.yandex.com",
    "disk.yandex.ru",
    "docs.google.com",
    "drive.google.com",
    "dropbox.com",
    "gofile.io",
    "icedrive.net",
    "krakenfiles.com",
    "mediafire.com",
    "mega.co.nz",
    "mega.nz",
    "onedrive.live.com",
    "openmodeldb.info",
    "pan.baidu.com",
    "patreon.com",
    "pixeldrain.com",
    "sharepoint.com",
    "terabox.com",
    "we.tl",
    "wetransfer.com",
    "workupload.com",
    "yadi.sk",
];

/// Names of this machine, with which encryption is not needed.
const HERE: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The longest link.
const LONGEST: usize = 2000;

/// The host of a link, without the port; empty if there is none.
pub fn host(url: &str) -> &str {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether this is a link that is followed: encrypted, or to this machine; printable, without a name and password.
pub fn is_followed(url: &str) -> bool {
    let host = host(url);
    let authority = url.split(['/', '?', '#']).nth(2).unwrap_or_default();
    let safe = url.starts_with("https://") || (url.starts_with("http://") && HERE.contains(&host));
    safe && !host.is_empty()
        && url.len() <= LONGEST
        && url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
        && !authority.contains('@')
}

/// Whether a link leads to a page and not to a file.
pub fn needs_browser(url: &str) -> bool {
    let host = host(url).to_ascii_lowercase();
    let below =
        |site: &str| host.strip_suffix(site).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if SHARE_SITES.iter().any(|site| below(site)) {
        // Dropbox sends the file to those who ask so.
        return !(below("dropbox.com") && url.contains("dl=1"));
    }
    let folders: Vec<_> = path(url).split('/').filter(|folder| !folder.is_empty()).collect();
    match (host.as_str(), folders.as_slice()) {
        ("github.com", [_, _, "releases", "download", ..] | [_, _, "raw", ..]) => false,
        ("github.com", _) => true,
        ("huggingface.co", folders) => !folders.contains(&"resolve"),
        _ => false,
    }
}

/// The link to the file itself, where a link leads to the page about the file.
pub fn direct(url: &str) -> String {
    let other = match host(url) {
        "github.com" => Some("raw"),
        "huggingface.co" => Some("resolve"),
        _ => None,
    };
    other.map_or_else(|| url.into(), |word| url.replacen("/blob/", &format!("/{word}/"), 1))
}

/// The path of a link, without what follows `?` or `#`.
pub(super) fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.find('/').map_or("", |slash| &rest[slash..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_have_hosts() {
        for (url, name) in [
            ("https://github.com/a/b", "github.com"),
            ("http://127.0.0.1:8080/x?y", "127.0.0.1"),
            ("http://[::1]:80/", "[::1]"),
            ("https://user:secret@host:1/", "host"),
            ("nonsense", ""),
        ] {
            assert_eq!(host(url), name, "{url}");
        }
    }

    #[test]
    fn only_safe_links_are_followed() {
        for url in ["https://a.b/c.pth", "http://localhost:8000/c", "http://[::1]/c", "https://a.b/%20c?d=e"]
        {
            assert!(is_followed(url), "{url}");
        }
        let endless = format!("https://a.b/{}", "c".repeat(5000));
        for url in [
            "http://a.b/c",
            "ftp://a.b/c",
            "file:///etc/passwd",
            "https://",
            "https://a b/c",
            "https://a.b/\u{7}",
            "https://localhost@a.b/c",
            "http://localhost.evil.org/c",
            "http://localhost:80@evil.org/",
            &endless,
        ] {
            assert!(!is_followed(url), "{url}");
        }
    }

    #[test]
    fn pages_are_told_from_files() {
        for page in [
            "https://drive.google.com/file/d/1/view",
            "https://mega.nz/file/x#y",
            "https://www.mediafire.com/file/x.pth",
            "https://github.com/a/b/tree/main/Compact#c",
            "https://github.com/a/b/releases/tag/v1",
            "https://huggingface.co/a/b",
            "https://www.dropbox.com/s/x/y.pth?dl=0",
        ] {
            assert!(needs_browser(&direct(page)), "{page}");
        }
        for file in [
            "https://github.com/a/b/releases/download/v1/c.pth",
            "https://github.com/a/b/raw/main/c.pth",
            "https://github.com/a/b/blob/main/c.pth",
            "https://huggingface.co/a/b/blob/main/c.pth",
            "https://objectstorage.example/c.pth",
            "https://notmega.nz/c.pth",
            "https://www.dropbox.com/s/x/y.pth?dl=1",
        ] {
            assert!(!needs_browser(&direct(file)), "{file}");
        }
    }
}
