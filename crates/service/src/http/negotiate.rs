//! What the client accepts: the `Accept` header against the formats that can be written.

use amplio::media::images::{FORMATS, Format};

use crate::engine::subject::ARCHIVES;
use crate::refusal::{Code, Refusal};

/// What formats are preferred in, all else equal: what clients show, the smaller first.
const PREFERRED: [&str; 4] = ["webp", "jpeg", "png", "avif"];

/// The most ranges that are read.
const MOST: usize = 64;

struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    weight: f32,
}

impl Range<'_> {
    fn names(&self, mime: &str) -> bool {
        let mime = mime.split_once('/');
        mime.is_some_and(|(kind, subtype)| self.kind == kind && self.subtype.eq_ignore_ascii_case(subtype))
    }
}

/// The format that an `Accept` header asks for; `None` if it leaves it open, as `*/*` and `image/*` do, and as the types of
/// archives do where the answer may be one.
///
/// # Errors
/// If it excludes everything that the answer may be.
pub(crate) fn negotiate(
    accept: Option<&str>,
    may_be_archive: bool,
) -> Result<Option<&'static Format>, Refusal> {
    let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else { return Ok(None) };
    let ranges: Vec<_> = accept.split(',').take(MOST).filter_map(parse).collect();
    let open = ranges.iter().filter(|r| r.subtype == "*" && matches!(r.kind, "*" | "image"));
    let open = open.map(|range| range.weight).fold(0.0, f32::max);
    let writable = FORMATS.iter().copied().filter(|format| format.write.is_some());
    let named = writable.filter_map(|format| {
        let range = ranges.iter().find(|range| range.names(format.mime))?;
        let rank = PREFERRED.iter().position(|name| *name == format.name).unwrap_or(PREFERRED.len());
        (range.weight > 0.0).then_some((format, range.weight, rank))
    });
    let names_archive =
        |range: &Range<'_>| range.weight > 0.0 && ARCHIVES.iter().any(|kind| range.names(kind.mime));
    let best = named.max_by(|a, b| a.1.total_cmp(&b.1).then(b.2.cmp(&a.2)));
    match best {
        Some((format, weight, _)) if weight >= open => Ok(Some(format)),
        _ if open > 0.0 => Ok(None),
        _ if may_be_archive && ranges.iter().any(names_archive) => Ok(None),
        _ => {
            let names: Vec<_> = FORMATS.iter().filter(|f| f.write.is_some()).map(|f| f.mime).collect();
            let what = format!("there are {}", names.join(", "));
            Err(Refusal::new(Code::NotAcceptable, what))
        }
    }
}

fn parse(range: &str) -> Option<Range<'_>> {
    let mut parts = range.split(';').map(str::trim);
    let (kind, subtype) = parts.next()?.split_once('/')?;
    let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse().ok())?;
    Some(Range { kind, subtype, weight: f32::clamp(weight, 0.0, 1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(accept: &str) -> Result<Option<&'static str>, Code> {
        negotiate(Some(accept), false).map(|format| format.map(|f| f.name)).map_err(|refusal| refusal.code)
    }

    #[test]
    fn the_heaviest_format_is_chosen() {
        assert_eq!(chosen("image/png"), Ok(Some("png")));
        assert_eq!(chosen("image/png;q=0.5, image/webp"), Ok(Some("webp")));
        assert_eq!(chosen("image/png, image/webp"), Ok(Some("webp")));
        assert_eq!(chosen("image/avif,image/webp,image/*;q=0.8"), Ok(Some("webp")));
        assert_eq!(chosen("image/jxl, image/png;q=0.1"), Ok(Some("png")));
    }

    #[test]
    fn wildcards_leave_it_open_and_other_kinds_are_refused() {
        assert_eq!((chosen("*/*"), chosen("image/*"), chosen("")), (Ok(None), Ok(None), Ok(None)));
        assert_eq!(chosen("text/html, */*;q=0.1"), Ok(None));
        assert_eq!(chosen("text/html"), Err(Code::NotAcceptable));
        assert_eq!(chosen("image/png;q=0"), Err(Code::NotAcceptable));
    }

    #[test]
    fn types_of_archives_pass_where_the_answer_may_be_one() {
        let passes = |accept: &str, archive| negotiate(Some(accept), archive).map(|format| format.is_none());
        for accept in ["application/zip", "application/vnd.comicbook+zip, text/html"] {
            assert_eq!(passes(accept, true), Ok(true), "{accept}");
            assert!(passes(accept, false).is_err(), "{accept}");
        }
        assert!(passes("application/zip;q=0", true).is_err() && passes("text/html", true).is_err());
        assert_eq!(passes("application/zip, image/png", true), Ok(false));
    }
}
