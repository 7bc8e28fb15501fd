use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::engine::{Engine, blocking};
use crate::log::Log;
use crate::refusal::Refusal;
use crate::settings::Settings;
use crate::{Error, Result, http, post, server, storage, tls, worker};

/// How often things are tidied that nobody needs any more.
const TIDY: Duration = Duration::from_secs(5);

/// How long a server that is asked whether it lives may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// A running server. It owns its threads; they end with it.
pub struct Service {
    app: Arc<App>,
    runtime: Runtime,
    address: SocketAddr,
    serving: JoinHandle<()>,
    workers: Vec<JoinHandle<()>>,
}

impl Service {
    /// Checks settings as [`Service::start`] does, and starts nothing: the files of keys and certificates are read, and the model,
    /// the provider, ffmpeg and the places are looked for. The data folder is not touched: a server may be at work in it.
    ///
    /// # Errors
    /// If a server could not be started with them.
    pub fn check(settings: &Settings) -> Result<()> {
        settings.check()?;
        if let Some(keys) = &settings.keys {
            http::auth::Keys::read(keys)?;
        }
        acceptor(settings)?;
        storage::check(settings)?;
        let data =
            tempfile::tempdir().map_err(|source| Error::Io { what: "a temporary folder".into(), source })?;
        Engine::new(&Settings { data: data.path().to_owned(), ..settings.clone() }).map(drop)
    }

    /// Asks the server that runs with these settings on this machine whether it lives. With TLS, whether it takes connections.
    ///
    /// # Errors
    /// If it does not.
    pub fn probe(settings: &Settings) -> Result<()> {
        let mut address = settings.listen;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() {
                Ipv4Addr::LOCALHOST.into()
            } else {
                Ipv6Addr::LOCALHOST.into()
            });
        }
        let silent = |source| Error::Io { what: address.to_string(), source };
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE).map_err(silent)?;
        if settings.tls_cert.is_some() {
            return Ok(());
        }
        let mut answer = [0; 12];
        let asked = stream.set_read_timeout(Some(PATIENCE));
        let asked =
            asked.and_then(|()| stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"));
        asked.and_then(|()| stream.read_exact(&mut answer)).map_err(silent)?;
        match answer.ends_with(b" 200") {
            true => Ok(()),
            false => Err(silent(std::io::Error::other("it does not answer as a server that lives"))),
        }
    }

    /// Starts a server. When this returns, it answers.
    ///
    /// # Errors
    /// If the settings make no sense, or the data folder, the address, the keys or the certificate cannot be used.
    pub fn start(settings: Settings, log: Log) -> Result<Self> {
        let tls = acceptor(&settings)?;
        let address = settings.listen;
        let broken = |source| Error::Io { what: address.to_string(), source };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(broken)?;
        let app = {
            // What is made ready may start tasks.
            let _inside = runtime.enter();
            App::new(settings, log)?
        };
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(broken)?;
        let address = listener.local_addr().map_err(broken)?;
        let router = http::router(&app);
        let secure = tls.is_some();
        let serving = runtime.spawn(server::run(app.clone(), router, listener, tls));
        let workers = (0..app.settings.workers).map(|_| runtime.spawn(worker::run(app.clone()))).collect();
        runtime.spawn(post::run(app.clone()));
        runtime.spawn(tidy(app.clone()));
        app.log.event("listening", json!({ "address": address.to_string(), "tls": secure }));
        Ok(Self { app, runtime, address, serving, workers })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the process is asked to stop (Ctrl-C, SIGTERM), then stops. From `ready` on it hears that.
    ///
    /// # Errors
    /// If the system does not tell when that happens.
    pub fn wait(self, ready: impl FnOnce()) -> Result<()> {
        let heard = self.runtime.block_on(async {
            let asked = asked()?;
            ready();
            asked.await;
            Ok(())
        });
        self.stop();
        heard.map_err(|source| Error::Io { what: "signals".into(), source })
    }

    /// Stops: no new connections, requests in work may end within their time, jobs are handed back.
    pub fn stop(self) {
        let Self { app, runtime, serving, workers, .. } = self;
        app.log.event("stopping", json!({}));
        app.stopping.send_replace(true);
        // They end by themselves when their time is over.
        let _ = runtime.block_on(futures::future::join_all(workers.into_iter().chain([serving])));
        runtime.shutdown_timeout(Duration::from_secs(1));
        app.log.event("stopped", json!({}));
    }
}

fn acceptor(settings: &Settings) -> Result<Option<tokio_rustls::TlsAcceptor>> {
    let files = settings.tls_cert.as_deref().zip(settings.tls_key.as_deref());
    files.map(|(certificate, key)| tls::acceptor(certificate, key)).transpose()
}

/// Listens to the system from now on; what is returned ends when someone asks to stop.
#[cfg(unix)]
fn asked() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminated, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn asked() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

async fn tidy(app: Arc<App>) {
    loop {
        tokio::time::sleep(TIDY).await;
        let tidied = app.clone();
        let outcome = blocking(move || {
            tidied.engine.shop.models.tidy();
            tidied.engine.shop.cache.tidy(tidied.settings.retention);
            tidied.engine.shop.studio.tidy(tidied.settings.retention).map_err(Refusal::internal)?;
            tidied.uploads.tidy()?;
            tidied.desk.expire(tidied.settings.retention).map_err(Refusal::internal)
        });
        if let Err(refusal) = outcome.await {
            app.log.event("tidying_failed", json!({ "error": refusal.detail }));
        }
    }
}
