//! What the URL of a request says. What cannot be read is a refusal, which the APIs of other servers then say in their words.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Path as AxumPath, Query as AxumQuery};
use axum::http::request::Parts;

use crate::refusal::{Code, Refusal};

/// The parts of the path that have names in the route.
pub(crate) struct Path<T>(pub(crate) T);

/// The parameters of the query.
pub(crate) struct Query<T>(pub(crate) T);

impl<S, T> FromRequestParts<S> for Path<T>
where
    S: Send + Sync,
    AxumPath<T>: FromRequestParts<S, Rejection = PathRejection>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let AxumPath(path) =
            AxumPath::from_request_parts(parts, state).await.map_err(|e| unread(e.body_text()))?;
        Ok(Self(path))
    }
}

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    AxumQuery<T>: FromRequestParts<S, Rejection = QueryRejection>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let AxumQuery(query) =
            AxumQuery::from_request_parts(parts, state).await.map_err(|e| unread(e.body_text()))?;
        Ok(Self(query))
    }
}

fn unread(why: String) -> Refusal {
    Refusal::new(Code::Malformed, why)
}
