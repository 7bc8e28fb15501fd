//! Refusals as answers: RFC 9457's problem+json.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::refusal::{Code, Refusal};

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `about:blank#` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in a few words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time, in a sentence.
    detail: String,
    /// The kind of problem for programs.
    code: &'static str,
    /// The limit that was exceeded, if a setting holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Limit>,
}

/// A limit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Limit {
    /// The setting that holds it.
    name: &'static str,
    /// Its value.
    value: u64,
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let code = refusal.code;
        Self {
            kind: format!("about:blank#{}", code.name()),
            title: code.title(),
            status: code.status(),
            detail: refusal.detail.clone(),
            code: code.name(),
            limit: refusal.limit.map(|limit| Limit { name: limit.setting, value: limit.value }),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&Problem::from(&self)).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_the_limit() {
        let refusal = Refusal::too_large("max-body", 64, "too much");
        let problem = serde_json::to_value(Problem::from(&refusal)).expect("JSON");
        assert_eq!(problem["code"], "limit_exceeded");
        assert_eq!(problem["limit"], serde_json::json!({ "name": "max-body", "value": 64 }));
        assert_eq!(refusal.into_response().status(), 413);
        let response = Refusal::new(Code::RateLimited, "slower").retry_after(0).into_response();
        assert_eq!(
            (response.status().as_u16(), &response.headers()[header::RETRY_AFTER]),
            (429, &HeaderValue::from(1))
        );
    }
}
