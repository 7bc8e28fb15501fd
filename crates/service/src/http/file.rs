//! Files as answers: ETag, conditional requests, ranges.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{Stream, stream};

use crate::engine::blocking;
use crate::refusal::{Code, Refusal};

/// Bytes that are read and sent at once.
const PIECE: usize = 1 << 17;

/// A file, and what is known about it.
pub(crate) struct Served {
    pub(crate) file: File,
    pub(crate) length: u64,
    /// Without the quotation marks.
    pub(crate) etag: String,
    pub(crate) mime: &'static str,
    /// How long clients may keep it, in seconds.
    pub(crate) max_age: u32,
}

impl Served {
    /// The answer to a request with these headers.
    pub(crate) fn respond(self, request: &HeaderMap) -> Response {
        let etag = format!("\"{}\"", self.etag);
        let mut headers = HeaderMap::new();
        let text =
            |value: String| HeaderValue::try_from(value).unwrap_or_else(|_| HeaderValue::from_static(""));
        headers.insert(header::ETAG, text(etag.clone()));
        headers.insert(header::CACHE_CONTROL, text(format!("private, max-age={}", self.max_age)));
        headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if matches(request, header::IF_NONE_MATCH, &etag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.mime));
        let wanted = request.get(header::RANGE).and_then(|range| range.to_str().ok());
        // A part of another version would be of no use.
        let same = !request.contains_key(header::IF_RANGE) || matches(request, header::IF_RANGE, &etag);
        let (status, range) = match wanted.filter(|_| same).map(|wanted| range(wanted, self.length)) {
            None | Some(Wanted::Everything) => (StatusCode::OK, 0..self.length),
            Some(Wanted::Part(range)) => {
                let shown = format!("bytes {}-{}/{}", range.start, range.end - 1, self.length);
                headers.insert(header::CONTENT_RANGE, text(shown));
                (StatusCode::PARTIAL_CONTENT, range)
            }
            Some(Wanted::Nothing) => {
                let refusal =
                    Refusal::new(Code::RangeNotSatisfiable, format!("there are {} bytes", self.length));
                let mut response = refusal.into_response();
                response
                    .headers_mut()
                    .insert(header::CONTENT_RANGE, text(format!("bytes */{}", self.length)));
                return response;
            }
        };
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
        (status, headers, Body::from_stream(pieces(self.file, range))).into_response()
    }
}

/// Which part of a file is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Everything,
    Part(Range<u64>),
    Nothing,
}

/// What a `Range` header asks of so many bytes. Several ranges, and what is no range of bytes, mean everything.
pub(crate) fn range(header: &str, length: u64) -> Wanted {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::Everything;
    };
    let range = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Ok(first), Err(_)) if last.trim().is_empty() => first..length,
        (Err(_), Ok(suffix)) if first.trim().is_empty() => length.saturating_sub(suffix)..length,
        _ => return Wanted::Everything,
    };
    if range.is_empty() { Wanted::Nothing } else { Wanted::Part(range) }
}

/// Whether a header of entity tags names this one.
fn matches(request: &HeaderMap, name: header::HeaderName, etag: &str) -> bool {
    let tags = request.get(name).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// A part of a file, piece by piece.
pub(crate) fn pieces(file: File, range: Range<u64>) -> impl Stream<Item = std::io::Result<Bytes>> {
    let start = (file, range, false);
    stream::try_unfold(start, |(file, range, found)| async move {
        if range.is_empty() {
            return Ok::<_, std::io::Error>(None);
        }
        let read = blocking(move || {
            let mut file = file;
            let seek = |file: &mut File| file.seek(SeekFrom::Start(range.start)).map(drop);
            if !found {
                seek(&mut file).map_err(Refusal::internal)?;
            }
            let most = usize::try_from(range.end - range.start).unwrap_or(PIECE).min(PIECE);
            let mut piece = vec![0; most];
            file.read_exact(&mut piece).map_err(Refusal::internal)?;
            Ok((Bytes::from(piece), file, range.start + most as u64..range.end))
        });
        let (piece, file, rest) = read.await.map_err(std::io::Error::other)?;
        Ok(Some((piece, (file, rest, true))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_rfc_9110() {
        assert_eq!(range("bytes=0-9", 100), Wanted::Part(0..10));
        assert_eq!(range("bytes=90-", 100), Wanted::Part(90..100));
        assert_eq!(range("bytes=-5", 100), Wanted::Part(95..100));
        assert_eq!(range("bytes=-500", 100), Wanted::Part(0..100));
        assert_eq!(range("bytes=50-500", 100), Wanted::Part(50..100));
        assert_eq!(range("bytes=100-", 100), Wanted::Nothing);
        assert_eq!(range("bytes=-0", 100), Wanted::Nothing);
        for odd in ["bytes=9-0", "lines=0-9", "bytes=0-1,3-4", "bytes=", "bytes=a-b"] {
            assert_eq!(range(odd, 100), Wanted::Everything, "{odd}");
        }
    }
}
