//! What can be set, and what it is if it is not set.

mod list;
pub(crate) mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use amplio::media::videos::Restraint;

use crate::{Error, Result};

pub use list::{SETTINGS, Setting};

/// The most bytes of a file that ffmpeg writes.
const LARGEST_FILE: u64 = 1 << 38;

/// All settings of a server. [`SETTINGS`] lists them with their names, meanings and defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The folder for the database, uploads, results and the cache.
    pub data: PathBuf,
    /// Serve other machines although no API keys are set.
    pub insecure: bool,
    /// The file of API keys.
    pub keys: Option<PathBuf>,
    /// The certificate chain for TLS, PEM.
    pub tls_cert: Option<PathBuf>,
    /// The private key for TLS, PEM.
    pub tls_key: Option<PathBuf>,
    /// The model that is used when none is named.
    pub model: String,
    /// A folder of model files that may be used by their names.
    pub models: Option<PathBuf>,
    /// Threads of networks; one for each core if 0.
    pub threads: u16,
    /// Pictures that are in work at a time.
    pub parallel: u16,
    /// Jobs that are in work at a time.
    pub workers: u16,
    /// Bytes that the tile of a picture in work may take.
    pub tile_memory: u64,
    /// Bytes that models may take while they wait for their next picture.
    pub model_memory: u64,
    /// How long a model waits for its next picture.
    pub model_idle: Duration,
    /// Bytes of results that are kept for requests that come again.
    pub cache_size: u64,
    /// Bytes of a request's body.
    pub max_body: u64,
    /// Bytes of a job's upload; of pictures in it, no more than `max_body` are read.
    pub max_upload: u64,
    /// Pixels of a picture that is sent.
    pub max_pixels: u64,
    /// Pixels of a result.
    pub max_result_pixels: u64,
    /// Frames of an animation or a video.
    pub max_frames: u64,
    /// How long a video may last.
    pub max_duration: Duration,
    /// Entries of an archive.
    pub max_entries: u64,
    /// Pictures that may wait until one of those in work is done.
    pub max_waiting: u64,
    /// Jobs that may wait.
    pub max_queue: u64,
    /// Connections at a time.
    pub max_connections: u64,
    /// Pictures of one batch job.
    pub max_batch: u64,
    /// How long a picture that is waited for may take, its time in the queue included.
    pub request_time: Duration,
    /// How long one attempt of a job may take.
    pub job_time: Duration,
    /// How long a client may take to send the head of a request, or the next bytes of its body.
    pub idle_time: Duration,
    /// How long work may go on after the server was asked to stop.
    pub drain_time: Duration,
    /// How often a job is tried.
    pub attempts: u32,
    /// How long finished jobs and their results are kept.
    pub retention: Duration,
    /// Requests a minute of one client; any number if 0.
    pub rate: u32,
    /// The APIs of other servers that are spoken, by their names; all on loopback and none elsewhere if `None`.
    pub compat: Option<Vec<String>>,
    /// Who enlarges pictures: `local`, the URL of another amplio server, or `sagemaker:ENDPOINT`.
    pub provider: String,
    /// The API key for the other server that enlarges.
    pub provider_key: Option<String>,
    /// The program ffmpeg, or the folder that it is in; it is looked for if not given.
    pub ffmpeg: Option<PathBuf>,
    /// Bytes of memory that ffmpeg may use.
    pub ffmpeg_memory: u64,
    /// What webhooks are signed with; there are none without it.
    pub webhook_secret: Option<String>,
    /// Whether URLs may lead to private addresses.
    pub private_urls: bool,
    /// The folders and buckets (`file:`, `s3:`, `gs:`, `az:`) that jobs may read and write.
    pub storage: Vec<String>,
    /// How buckets are reached, by the names of object stores' usual variables in lower case (`aws_access_key_id`); not one
    /// of [`SETTINGS`].
    pub storage_options: Vec<(String, String)>,
    /// Where `/v1/media` keeps what it stores.
    pub media: Option<String>,
    /// The longer side of what `/v1/media` stores; any if 0.
    pub media_side: u32,
    /// The pixels of what `/v1/media` stores; any number if 0.
    pub media_pixels: u64,
    /// The bytes of a picture that `/v1/media` stores; any number if 0.
    pub media_bytes: u64,
    /// The shorter side below which `/v1/media` makes nothing smaller.
    pub media_least: u32,
}

impl Settings {
    /// Sets one of [`SETTINGS`].
    ///
    /// # Errors
    /// If there is no such setting, or if it cannot have this value.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let setting = SETTINGS
            .iter()
            .find(|setting| setting.name == name)
            .ok_or_else(|| Error::setting(name, "there is no such setting"))?;
        (setting.set)(self, value).map_err(|what| Error::setting(name, what))
    }

    /// Whether an API of another server is spoken.
    pub(crate) fn speaks(&self, api: &str) -> bool {
        match &self.compat {
            Some(chosen) => chosen.iter().any(|name| name == api),
            None => self.listen.ip().is_loopback(),
        }
    }

    /// How much ffmpeg may use.
    pub(crate) fn restraint(&self) -> Restraint {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cpu = self.job_time.saturating_mul(u32::try_from(cores).unwrap_or(u32::MAX));
        Restraint { memory: self.ffmpeg_memory, cpu, file: LARGEST_FILE }
    }

    /// Whether the settings fit together.
    ///
    /// # Errors
    /// If they do not, with the names of those that must change.
    pub fn check(&self) -> Result<()> {
        let open = !self.listen.ip().is_loopback();
        if open && self.keys.is_none() && !self.insecure {
            let what = format!(
                "{} can be reached from other machines, so API keys are needed (keys), or --insecure for a network \
                 where everyone may use this server",
                self.listen
            );
            return Err(Error::setting("listen", what));
        }
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err(Error::setting(
                "tls-cert",
                "a certificate and its key are needed (tls-cert and tls-key)",
            ));
        }
        let known = ["http://", "https://", "sagemaker:"];
        if self.provider != "local" && !known.iter().any(|start| self.provider.starts_with(start)) {
            let what = format!("{} is neither local, nor a URL, nor sagemaker:ENDPOINT", self.provider);
            return Err(Error::setting("provider", what));
        }
        let positive = [
            ("parallel", u64::from(self.parallel)),
            ("workers", u64::from(self.workers)),
            ("max-body", self.max_body),
            ("max-upload", self.max_upload),
            ("max-pixels", self.max_pixels),
            ("max-frames", self.max_frames),
            ("max-duration", self.max_duration.as_secs()),
            ("max-entries", self.max_entries),
            ("ffmpeg-memory", self.ffmpeg_memory),
            ("max-result-pixels", self.max_result_pixels),
            ("max-waiting", self.max_waiting),
            ("max-queue", self.max_queue),
            ("max-connections", self.max_connections),
            ("max-batch", self.max_batch),
            ("tile-memory", self.tile_memory),
            ("attempts", u64::from(self.attempts)),
            ("request-time", self.request_time.as_millis() as u64),
            ("job-time", self.job_time.as_millis() as u64),
            ("idle-time", self.idle_time.as_millis() as u64),
        ];
        match positive.iter().find(|(_, value)| *value == 0) {
            Some((name, _)) => Err(Error::setting(*name, "this must be more than 0")),
            None => Ok(()),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: "amplio-data".into(),
            insecure: false,
            keys: None,
            tls_cert: None,
            tls_key: None,
            model: "realesr-general-x4v3".into(),
            models: None,
            threads: 0,
            parallel: 4,
            workers: 4,
            tile_memory: 256 << 20,
            model_memory: 2 << 30,
            model_idle: Duration::from_secs(600),
            cache_size: 1 << 30,
            max_body: 64 << 20,
            max_upload: 4 << 30,
            max_pixels: 50_000_000,
            max_result_pixels: 400_000_000,
            max_frames: 1_000_000,
            max_duration: Duration::from_secs(6 * 3600),
            max_entries: 10_000,
            max_waiting: 256,
            max_queue: 10_000,
            max_connections: 1000,
            max_batch: 10_000,
            request_time: Duration::from_secs(300),
            job_time: Duration::from_secs(86400),
            idle_time: Duration::from_secs(20),
            drain_time: Duration::from_secs(30),
            attempts: 3,
            retention: Duration::from_secs(7 * 86400),
            rate: 600,
            compat: None,
            provider: "local".into(),
            provider_key: None,
            ffmpeg: None,
            ffmpeg_memory: 4 << 30,
            webhook_secret: None,
            private_urls: false,
            storage: Vec::new(),
            storage_options: Vec::new(),
            media: None,
            media_side: 512,
            media_pixels: 0,
            media_bytes: 0,
            media_least: 64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_takes_back_what_it_shows() {
        let defaults = Settings::default();
        for setting in SETTINGS {
            let shown = (setting.show)(&defaults);
            let mut settings = Settings::default();
            if !shown.is_empty() {
                settings.set(setting.name, &shown).expect(setting.name);
            }
            assert_eq!((setting.show)(&settings), shown, "{}", setting.name);
        }
        let names: std::collections::HashSet<_> = SETTINGS.iter().map(|setting| setting.name).collect();
        assert_eq!(names.len(), SETTINGS.len());
    }

    #[test]
    fn other_machines_need_keys() {
        let mut settings = Settings::default();
        settings.check().expect("the defaults are sound");
        settings.set("listen", "0.0.0.0:80").expect("an address");
        assert!(settings.check().is_err_and(|e| e.to_string().contains("API keys")));
        settings.set("insecure", "true").expect("a switch");
        settings.check().expect("asked for");
        settings.set("insecure", "false").expect("a switch");
        settings.set("keys", "keys.txt").expect("a path");
        settings.check().expect("there are keys");
    }

    #[test]
    fn limits_of_nothing_are_refused() {
        for name in ["parallel", "max-body", "attempts", "request-time"] {
            let mut settings = Settings::default();
            settings.set(name, "0").expect("a number");
            assert!(settings.check().is_err_and(|e| e.to_string().contains(name)), "{name}");
        }
        assert!(Settings::default().set("colour", "red").is_err());
        assert!(Settings::default().set("listen", "nowhere").is_err());
    }
}
