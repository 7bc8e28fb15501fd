//! Kinds of video files.

use std::ffi::OsStr;
use std::path::Path;

use super::Ratio;

/// A kind of video file that can be written.
#[derive(Debug, PartialEq, Eq)]
pub struct Container {
    /// What ffmpeg calls its muxer.
    pub muxer: &'static str,
    /// The MIME type.
    pub mime: &'static str,
    /// Lower-case extensions without the dot, the usual one first.
    pub extensions: &'static [&'static str],
    /// The codecs of results with 8 bits, and with more.
    pub codecs: [&'static str; 2],
    /// What ffmpeg makes of sound that the file cannot hold.
    pub audio: Option<&'static str>,
    /// What ffmpeg makes of text that the file cannot hold.
    pub subtitles: Option<&'static str>,
    /// Whether pictures must be stored in the order in which they are shown.
    pub ordered: bool,
    /// Ticks in a second, if the file does not take those of the video.
    pub ticks: Option<u32>,
}

/// AVIF files count as a video does, or in halves of its ticks and so on until there are so many in a second.
const FINE: u32 = 10_000;

/// All kinds.
pub static CONTAINERS: &[Container] = &[
    Container {
        muxer: "matroska",
        mime: "video/x-matroska",
        extensions: &["mkv"],
        codecs: ["h264", "hevc"],
        audio: Some("flac"),
        subtitles: Some("ass"),
        ordered: false,
        ticks: Some(1000),
    },
    Container {
        muxer: "mp4",
        mime: "video/mp4",
        extensions: &["mp4", "m4v"],
        codecs: ["h264", "hevc"],
        audio: Some("aac"),
        subtitles: Some("mov_text"),
        ordered: false,
        ticks: None,
    },
    Container {
        muxer: "mov",
        mime: "video/quicktime",
        extensions: &["mov", "qt"],
        codecs: ["h264", "hevc"],
        audio: Some("aac"),
        subtitles: Some("mov_text"),
        ordered: false,
        ticks: None,
    },
    Container {
        muxer: "webm",
        mime: "video/webm",
        extensions: &["webm"],
        codecs: ["vp9", "vp9"],
        audio: Some("libopus"),
        subtitles: Some("webvtt"),
        ordered: false,
        ticks: Some(1000),
    },
    Container {
        muxer: "mpegts",
        mime: "video/mp2t",
        extensions: &["ts", "m2ts", "mts"],
        codecs: ["h264", "hevc"],
        audio: Some("aac"),
        subtitles: None,
        ordered: false,
        ticks: Some(90_000),
    },
    Container {
        muxer: "avi",
        mime: "video/x-msvideo",
        extensions: &["avi"],
        codecs: ["h264", "h264"],
        audio: Some("libmp3lame"),
        subtitles: None,
        ordered: true,
        ticks: None,
    },
    Container {
        muxer: "nut",
        mime: "video/x-nut",
        extensions: &["nut"],
        codecs: ["h264", "hevc"],
        audio: Some("flac"),
        subtitles: None,
        ordered: false,
        ticks: None,
    },
];

/// Pictures that are a video as soon as there are several: not among the kinds, because one picture is none.
pub(super) static AVIF: Container = Container {
    muxer: "avif",
    mime: "image/avif",
    extensions: &["avif"],
    codecs: ["av1", "av1"],
    audio: None,
    subtitles: None,
    ordered: false,
    ticks: None,
};

/// The names of files that hold videos.
pub(super) static EXTENSIONS: &[&str] = &[
    "mkv", "mp4", "m4v", "mov", "qt", "webm", "ts", "m2ts", "mts", "avi", "nut", "mpg", "mpeg", "vob", "wmv",
    "asf", "flv", "f4v", "ogv", "ogm", "3gp", "3g2", "mxf", "rm", "rmvb", "divx", "dv", "y4m", "m2v", "ivf",
    "mk3d",
];

impl Container {
    /// The unit of times in such a file, of a video with this one.
    pub(super) fn time_base(&self, video: Ratio) -> Ratio {
        let finer = |den: &u32| (*den < FINE).then(|| den * 2);
        let ticks = match self.ticks {
            None if self == &AVIF => std::iter::successors(Some(video.den), finer).last(),
            ticks => ticks,
        };
        ticks.and_then(|den| Ratio::new(1, den)).unwrap_or(video)
    }

    /// The kind of a file by its name.
    pub fn of(path: &Path) -> Option<&'static Container> {
        let extension = path.extension().and_then(OsStr::to_str)?.to_ascii_lowercase();
        CONTAINERS.iter().find(|container| container.extensions.contains(&extension.as_str()))
    }

    /// The kind of a file by its first bytes (64 are enough), where they tell it.
    pub fn of_first(first: &[u8]) -> Option<&'static Container> {
        let at = |place: usize, bytes: &[u8]| first.get(place..).is_some_and(|rest| rest.starts_with(bytes));
        let muxer = match () {
            () if at(4, b"ftypqt  ") => "mov",
            () if at(4, b"ftyp") => "mp4",
            () if at(0, b"\x1A\x45\xDF\xA3") && first.windows(4).any(|name| name == b"webm") => "webm",
            () if at(0, b"\x1A\x45\xDF\xA3") => "matroska",
            () if at(8, b"AVI LIST") => "avi",
            () if at(0, b"nut/multimedia container\0") => "nut",
            () => return None,
        };
        CONTAINERS.iter().find(|container| container.muxer == muxer)
    }

    /// The kind of a file by its name, for what is known to move: AVIF, too.
    pub fn of_moving(path: &Path) -> Option<&'static Container> {
        let extension = path.extension().and_then(OsStr::to_str)?.to_ascii_lowercase();
        if AVIF.extensions.contains(&extension.as_str()) { Some(&AVIF) } else { Self::of(path) }
    }

    /// The kind in which the result of a video in a file of this name goes: its own, or Matroska, which holds everything.
    pub fn like(path: &Path) -> &'static Container {
        Self::of_moving(path).unwrap_or(&CONTAINERS[0])
    }
}

/// Whether the name of a file is that of a video.
pub fn is_video_name(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    EXTENSIONS.contains(&extension.as_str())
}

/// Whether a file that starts with these bytes (64 are enough) is a video. Formats without a signature are not recognised.
pub fn is_video(first: &[u8]) -> bool {
    const SIGNATURES: [(usize, &[u8]); 14] = [
        (0, b"\x1A\x45\xDF\xA3"),
        (4, b"ftyp"),
        (4, b"moov"),
        (4, b"mdat"),
        (4, b"wide"),
        (8, b"AVI LIST"),
        (0, b"FLV\x01"),
        (0, b"OggS"),
        (0, b"\x30\x26\xB2\x75\x8E\x66\xCF\x11"),
        (0, b"\0\0\x01\xBA"),
        (0, b"\x06\x0E\x2B\x34\x02\x05\x01\x01"),
        (0, b"nut/multimedia container\0"),
        (0, b"YUV4MPEG2 "),
        (0, b"DKIF\0\0"),
    ];
    // The same boxes hold pictures, too.
    const PICTURES: [&[u8]; 7] = [b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif", b"avis"];
    let brand = first.get(8..12).filter(|_| first.get(4..8) == Some(b"ftyp"));
    if brand.is_some_and(|brand| PICTURES.contains(&brand)) {
        return false;
    }
    SIGNATURES.iter().any(|(at, bytes)| first.get(*at..).is_some_and(|rest| rest.starts_with(bytes)))
}

/// Whether a file that starts with these bytes (197 are enough) is an MPEG transport stream (ISO/IEC 13818-1): packets of 188
/// bytes that begin with the same one, each behind a time of 4 bytes in M2TS.
pub fn is_transport_stream(first: &[u8]) -> bool {
    [(0, 188), (4, 192)]
        .iter()
        .any(|(start, packet)| [*start, start + packet].iter().all(|at| first.get(*at) == Some(&0x47)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_streams_have_their_byte_twice() {
        let stream = |start: usize, packet: usize| {
            let mut bytes = [0; 200];
            (bytes[start], bytes[start + packet]) = (0x47, 0x47);
            is_transport_stream(&bytes)
        };
        assert!(stream(0, 188) && stream(4, 192));
        assert!(!stream(0, 192) && !is_transport_stream(b"Get") && !is_transport_stream(b""));
    }

    #[test]
    fn videos_are_told_from_pictures_by_their_first_bytes() {
        assert!(is_video(b"\0\0\0\x20ftypisom\0\0\x02\0"));
        assert!(is_video(b"\x1A\x45\xDF\xA3\x01"));
        for picture in
            [&b"\0\0\0\x20ftypheic\0\0"[..], b"\0\0\0\x20ftypavif", b"\x89PNG\r\n", b"RIFF\0\0\0\0WEBP", b""]
        {
            assert!(!is_video(picture), "{picture:?}");
        }
        assert_eq!(Container::like(Path::new("a.WEBM")).muxer, "webm");
        let muxer = |first: &[u8]| Container::of_first(first).map(|container| container.muxer);
        assert_eq!(muxer(b"\0\0\0\x14ftypqt  \0\0"), Some("mov"));
        assert_eq!(muxer(b"\x1A\x45\xDF\xA3\x9F\x42\x82\x84webm\x42"), Some("webm"));
        assert_eq!(muxer(b"FLV\x01"), None);
        assert_eq!(Container::like(Path::new("a.wmv")).muxer, "matroska");
        let still = Container::of(Path::new("a.avif"));
        assert_eq!((still, Container::like(Path::new("a.avif")).muxer), (None, "avif"));
    }
}
