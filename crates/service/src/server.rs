//! Connections: accepted, bounded in number and time, and ended in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::app::App;
use crate::http::guard::Peer;

/// The most bytes of a request's head.
const LARGEST_HEAD: usize = 32 << 10;

/// The most requests of an HTTP/2 connection at a time.
const MOST_STREAMS: u32 = 32;

/// What a connection needs.
#[derive(Clone)]
struct Connections {
    app: Arc<App>,
    router: Router,
    tls: Option<TlsAcceptor>,
}

/// Serves until the server is asked to stop, and then for as long as requests in work may still take.
pub(crate) async fn run(app: Arc<App>, router: Router, listener: TcpListener, tls: Option<TlsAcceptor>) {
    let places = Arc::new(Semaphore::new(app.settings.max_connections.min(1 << 20) as usize));
    let connections = Connections { app: app.clone(), router, tls };
    let graceful = GracefulShutdown::new();
    let mut stopping = app.stopping.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            _ = stopping.wait_for(|stopping| *stopping) => break,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                tokio::spawn(connections.clone().serve(stream, peer, place, graceful.watcher()));
            }
            Err(error) => {
                app.log.event("accept_failed", json!({ "error": error.to_string() }));
                // Usually there are too many open files; some will be closed soon.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let drained = tokio::time::timeout(app.settings.drain_time, graceful.shutdown()).await.is_ok();
    app.log.event("drained", json!({ "in_time": drained }));
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

impl Connections {
    async fn serve(
        self,
        stream: TcpStream,
        peer: SocketAddr,
        _place: OwnedSemaphorePermit,
        watcher: Watcher,
    ) {
        let _counted = Counted::new(self.app.clone());
        let idle = self.app.settings.idle_time;
        // Answers go out at once; failing that, they go out a little later.
        let _ = stream.set_nodelay(true);
        match self.tls.clone() {
            None => self.speak(stream, peer, watcher, false).await,
            Some(tls) => {
                if let Ok(Ok(stream)) = tokio::time::timeout(idle, tls.accept(stream)).await {
                    let h2 = stream.get_ref().1.alpn_protocol() == Some(&b"h2"[..]);
                    self.speak(stream, peer, watcher, h2).await;
                }
            }
        }
    }

    async fn speak<S>(&self, stream: S, peer: SocketAddr, watcher: Watcher, h2: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let idle = self.app.settings.idle_time;
        let service = service_fn(|mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            self.router.clone().oneshot(request.map(Body::new))
        });
        // The version is known beforehand: nobody may keep a connection by not saying it.
        let builder = Builder::new(TokioExecutor::new());
        let mut builder = if h2 { builder.http2_only() } else { builder.http1_only() };
        builder.http1().timer(TokioTimer::new()).header_read_timeout(idle).max_buf_size(LARGEST_HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(LARGEST_HEAD as u32)
            .keep_alive_interval(idle)
            .keep_alive_timeout(idle);
        // An error here is the client's: it went away, or did not speak HTTP.
        let _ = watcher.watch(builder.serve_connection(TokioIo::new(stream), service)).await;
    }
}

/// An open connection, counted until it is dropped.
struct Counted(Arc<App>);

impl Counted {
    fn new(app: Arc<App>) -> Self {
        app.metrics.connections.inc();
        Self(app)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.metrics.connections.dec();
    }
}
