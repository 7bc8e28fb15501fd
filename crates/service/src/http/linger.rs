//! A client that is still sending when it is refused would only see its connection break. So the rest of a refused body is
//! read and thrown away, within bounds, and the client hears why.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures::StreamExt;
use hyper::body::{Frame, SizeHint};

/// The most bytes that are read for nothing.
const MOST: usize = 1 << 20;

/// The longest time for that.
const LONGEST: Duration = Duration::from_secs(2);

/// A body that its lender can have back.
struct Lent(Arc<Mutex<Body>>);

impl Lent {
    fn with<T>(&self, act: impl FnOnce(&mut Body) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.with(|body| Pin::new(body).poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.with(|body| body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.with(|body| body.size_hint())
    }
}

/// Reads the rest of a body that was refused before the client hears of it.
pub(crate) async fn linger(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = Arc::new(Mutex::new(body));
    let lent = Body::new(Lent(body.clone()));
    let response = next.run(Request::from_parts(head, lent)).await;
    if response.status().is_client_error() || response.status().is_server_error() {
        let rest = std::mem::take(&mut *body.lock().unwrap_or_else(PoisonError::into_inner));
        // Whether all of it came makes no difference any more.
        let _ = tokio::time::timeout(LONGEST, discard(rest)).await;
    }
    response
}

async fn discard(rest: Body) {
    let mut pieces = rest.into_data_stream();
    let mut read = 0;
    while let Some(Ok(piece)) = pieces.next().await {
        read += piece.len();
        if read > MOST {
            return;
        }
    }
}
