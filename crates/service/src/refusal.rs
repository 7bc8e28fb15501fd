//! Why something was refused or failed, in words and in a form that programs understand.

use std::fmt;

/// What kind of refusal it is. The name is part of the interface and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Code {
    Malformed,
    Unauthorized,
    Forbidden,
    NotFound,
    NoSuchMethod,
    NotAcceptable,
    RequestTimeout,
    Conflict,
    Gone,
    Precondition,
    TooLarge,
    RangeNotSatisfiable,
    UnsupportedMedia,
    Invalid,
    Locked,
    RateLimited,
    QueueFull,
    Busy,
    Stopping,
    TooSlow,
    Unreachable,
    Cancelled,
    AttemptsExhausted,
    NotBuilt,
    Internal,
}

impl Code {
    /// The name in answers and in the reasons of jobs.
    pub(crate) fn name(self) -> &'static str {
        self.facts().0
    }

    /// The HTTP status.
    pub(crate) fn status(self) -> u16 {
        self.facts().1
    }

    /// The same in a few words; the title of a problem.
    pub(crate) fn title(self) -> &'static str {
        self.facts().2
    }

    /// Whether the same again may go better.
    pub(crate) fn may_pass(self) -> bool {
        matches!(self, Self::Busy | Self::Stopping | Self::Unreachable | Self::Internal)
    }

    fn facts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::Malformed => ("malformed_request", 400, "The request cannot be read"),
            Self::Unauthorized => ("unauthorized", 401, "A valid API key is needed"),
            Self::Forbidden => ("forbidden", 403, "This is not allowed"),
            Self::NotFound => ("not_found", 404, "There is no such thing"),
            Self::NoSuchMethod => ("method_not_allowed", 405, "This cannot be done here"),
            Self::NotAcceptable => ("not_acceptable", 406, "None of the accepted formats can be written"),
            Self::RequestTimeout => ("request_timeout", 408, "The request took too long to arrive"),
            Self::Conflict => ("conflict", 409, "This cannot be done in this state"),
            Self::Gone => ("gone", 410, "This is no longer there"),
            Self::Precondition => ("precondition_failed", 412, "The request was for another state"),
            Self::TooLarge => ("limit_exceeded", 413, "A limit was exceeded"),
            Self::RangeNotSatisfiable => ("range_not_satisfiable", 416, "There is no such range"),
            Self::UnsupportedMedia => ("unsupported_media", 415, "This kind of content is not understood"),
            Self::Invalid => ("invalid_request", 422, "The request makes no sense"),
            Self::Locked => ("locked", 423, "Someone else is at it"),
            Self::RateLimited => ("rate_limited", 429, "Too many requests"),
            Self::QueueFull => ("queue_full", 503, "Too much work is waiting"),
            Self::Busy => ("busy", 503, "The server is busy"),
            Self::Stopping => ("stopping", 503, "The server is stopping"),
            Self::TooSlow => ("time_limit_exceeded", 504, "The work took longer than allowed"),
            Self::Unreachable => ("unreachable", 502, "Another server did not answer as it should"),
            Self::Cancelled => ("cancelled", 409, "The work was cancelled"),
            Self::AttemptsExhausted => ("attempts_exhausted", 500, "The work was tried too often"),
            Self::NotBuilt => ("not_implemented", 501, "This server has no such thing"),
            Self::Internal => ("internal_error", 500, "Something went wrong here"),
        }
    }
}

/// The limit that was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// The setting that holds the limit.
    pub(crate) setting: &'static str,
    /// Its value, in the setting's unit: bytes, pixels, seconds or a count.
    pub(crate) value: u64,
}

/// Why something was refused or failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    /// One sentence for people.
    pub(crate) detail: String,
    pub(crate) limit: Option<Exceeded>,
    /// Seconds after which to try again.
    pub(crate) retry_after: Option<u64>,
}

impl Refusal {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), limit: None, retry_after: None }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::Invalid, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    /// Something that is not the client's fault; the words go to people who run the server too.
    pub(crate) fn internal(error: impl fmt::Display) -> Self {
        Self::new(Code::Internal, error.to_string())
    }

    /// A limit, and the setting that holds it.
    pub(crate) fn too_large(setting: &'static str, value: u64, detail: impl Into<String>) -> Self {
        let limit = Some(Exceeded { setting, value });
        Self { limit, ..Self::new(Code::TooLarge, detail) }
    }

    pub(crate) fn limited(self, setting: &'static str, value: u64) -> Self {
        Self { limit: Some(Exceeded { setting, value }), ..self }
    }

    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds.max(1)), ..self }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.detail)
    }
}

impl std::error::Error for Refusal {}

impl From<amplio::Error> for Refusal {
    fn from(error: amplio::Error) -> Self {
        use amplio::Error;
        let code = match &error {
            Error::Media(error) => return media(error),
            Error::TooLarge { most, .. } => {
                return Self::too_large("max-result-pixels", *most, error.to_string());
            }
            Error::Request { .. } => Code::Invalid,
            Error::OutOfMemory { .. } => Code::Busy,
            Error::Stopped => Code::Cancelled,
            _ => Code::Internal,
        };
        match error {
            Error::Part { part, source } => {
                let why = Self::from(*source);
                Self { detail: format!("{part}: {}", why.detail), ..why }
            }
            error => Self::new(code, error.to_string()),
        }
    }
}

impl From<amplio::media::Error> for Refusal {
    fn from(error: amplio::media::Error) -> Self {
        media(&error)
    }
}

fn media(error: &amplio::media::Error) -> Refusal {
    use amplio::media::Error;
    let code = match error {
        Error::Malformed { .. } => Code::Invalid,
        Error::Unsupported { .. } => Code::UnsupportedMedia,
        // ffmpeg says what is wrong with a video.
        Error::Program { .. } => Code::Invalid,
        Error::Limit { limit, .. } => return Refusal::too_large("max-pixels", *limit, error.to_string()),
        _ => Code::Internal,
    };
    Refusal::new(code, error.to_string())
}
