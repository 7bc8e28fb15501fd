//! What a host answers.

use std::time::Duration;

use ureq::http::{HeaderMap, StatusCode, header};

/// Why there is no file, and whether there may be one later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It may work later; the host may have said when.
    Passing(String, Option<Duration>),
    /// It will not work.
    Lasting(String),
    /// There are no bytes after those that are here: the file has become another one, or all of it is here.
    NoRest,
}

/// What the headers say about the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    /// Where the bytes that follow begin in the file.
    pub(super) from: u64,
    /// The bytes of the whole file.
    pub(super) total: Option<u64>,
    /// What changes if the file does: a strong tag, or a date.
    pub(super) validator: Option<String>,
}

/// Reads the status and the headers of an answer to a request for the bytes after the first `have`.
pub(super) fn read(status: StatusCode, headers: &HeaderMap, have: u64) -> Result<About, Refusal> {
    let from_and_total = match status {
        StatusCode::OK => Some((0, number(headers, header::CONTENT_LENGTH))),
        StatusCode::PARTIAL_CONTENT => content_range(text(headers, header::CONTENT_RANGE)),
        _ => return Err(refusal(status, headers)),
    };
    let (from, total) = from_and_total
        .filter(|(from, _)| *from == 0 || *from == have)
        .ok_or_else(|| Refusal::Lasting("it sends another part of the file than it was asked for".into()))?;
    let kind = text(headers, header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    if kind.starts_with("text/html") || kind.starts_with("application/xhtml") {
        return Err(Refusal::Lasting(
            "it sends a web page and not a file; open the link in a browser".into(),
        ));
    }
    let tag = text(headers, header::ETAG).filter(|tag| tag.starts_with('"'));
    let validator = tag.or(text(headers, header::LAST_MODIFIED)).map(str::to_owned);
    Ok(About { from, total, validator })
}

fn refusal(status: StatusCode, headers: &HeaderMap) -> Refusal {
    let what = match status.canonical_reason() {
        Some(reason) => format!("{} ({})", status.as_u16(), reason.to_lowercase()),
        None => status.as_u16().to_string(),
    };
    match status.as_u16() {
        401 | 403 => Refusal::Lasting(format!(
            "it answers {what}: the file is private, or asks for a sign-in (HF_TOKEN is for Hugging Face)"
        )),
        416 => Refusal::NoRest,
        408 | 425 | 429 | 500 | 502..=504 => {
            let seconds = number(headers, header::RETRY_AFTER);
            Refusal::Passing(format!("it answers {what}"), seconds.map(Duration::from_secs))
        }
        _ => Refusal::Lasting(format!("it answers {what}")),
    }
}

/// `bytes 10-19/20` or `bytes 10-19/*`: where it begins, and the bytes of all.
fn content_range(value: Option<&str>) -> Option<(u64, Option<u64>)> {
    let (range, total) = value?.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
    let total = if total == "*" { None } else { Some(total.parse::<u64>().ok()?) };
    let sound = first <= last && total.is_none_or(|total| last < total);
    sound.then_some((first, total))
}

pub(super) fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: header::HeaderName) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        of.iter()
            .map(|(name, value)| {
                (header::HeaderName::from_static(name), header::HeaderValue::from_static(value))
            })
            .collect()
    }

    #[test]
    fn parts_are_where_they_should_be() {
        let part =
            |range, have| read(StatusCode::PARTIAL_CONTENT, &headers(&[("content-range", range)]), have);
        let about = part("bytes 10-19/20", 10).expect("a part");
        assert_eq!((about.from, about.total), (10, Some(20)));
        assert_eq!(part("bytes 0-19/20", 10).map(|about| about.from), Ok(0));
        for wrong in
            ["bytes 5-19/20", "bytes 10-9/20", "bytes 10-20/20", "10-19/20", "bytes */20", "bytes a-b/c"]
        {
            assert!(part(wrong, 10).is_err(), "{wrong}");
        }
    }

    #[test]
    fn weak_tags_prove_nothing() {
        let validator = |of| read(StatusCode::OK, &headers(of), 0).expect("a file").validator;
        assert_eq!(validator(&[("etag", "\"a\""), ("last-modified", "then")]).as_deref(), Some("\"a\""));
        assert_eq!(validator(&[("etag", "W/\"a\""), ("last-modified", "then")]).as_deref(), Some("then"));
        assert_eq!(validator(&[("etag", "W/\"a\"")]), None);
    }

    #[test]
    fn some_refusals_pass() {
        let refused = |status, of| read(status, &headers(of), 0).expect_err("no file");
        let later = refused(StatusCode::TOO_MANY_REQUESTS, &[("retry-after", "7")]);
        assert!(matches!(later, Refusal::Passing(_, Some(pause)) if pause.as_secs() == 7));
        assert!(matches!(refused(StatusCode::BAD_GATEWAY, &[]), Refusal::Passing(_, None)));
        for lasting in
            [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN, StatusCode::NO_CONTENT, StatusCode::GONE]
        {
            assert!(matches!(refused(lasting, &[]), Refusal::Lasting(_)), "{lasting}");
        }
        assert!(matches!(
            refused(StatusCode::OK, &[("content-type", "text/html; charset=utf-8")]),
            Refusal::Lasting(_)
        ));
    }
}
