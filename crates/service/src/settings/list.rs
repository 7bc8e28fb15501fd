//! The one list of settings: flags, variables of the environment, the file and the documented table are made of it.

use super::Settings;
use super::values::{bytes, count, show_bytes, show_count, show_time, switch, time};
use crate::compat;

/// A setting.
pub struct Setting {
    /// Its name in files; the flag is `--name`, the variable `AMPLIO_NAME` with `_` for `-`.
    pub name: &'static str,
    /// What a value looks like; empty for a switch.
    pub value: &'static str,
    /// What it means, in a sentence.
    pub help: &'static str,
    /// Sets it.
    pub set: fn(&mut Settings, &str) -> Result<(), String>,
    /// Its value; empty if there is none.
    pub show: fn(&Settings) -> String,
}

impl Setting {
    /// The variable of the environment.
    pub fn variable(&self) -> String {
        format!("AMPLIO_{}", self.name.to_uppercase().replace('-', "_"))
    }
}

/// An entry of the list; the last two parts are how the value is read and shown.
macro_rules! setting {
    ($name:literal, $value:literal, $help:literal, $field:ident, $read:expr, $show:expr) => {
        Setting {
            name: $name,
            value: $value,
            help: $help,
            set: |settings, text| {
                settings.$field = $read(text)?;
                Ok(())
            },
            show: |settings| $show(&settings.$field),
        }
    };
}

/// All settings.
pub const SETTINGS: &[Setting] = &[
    setting!("listen", "ADDRESS", "Where to listen; port 0 takes a free one", listen, number, text),
    setting!(
        "data",
        "DIR",
        "The folder for the database, uploads, results and the cache",
        data,
        path,
        show_path
    ),
    setting!("insecure", "", "Serve other machines although no API keys are set", insecure, switch, text),
    setting!("keys", "FILE", "The file of API keys; see --new-key", keys, optional_path, show_optional_path),
    setting!(
        "tls-cert",
        "FILE",
        "The certificate chain for TLS, PEM",
        tls_cert,
        optional_path,
        show_optional_path
    ),
    setting!("tls-key", "FILE", "The private key for TLS, PEM", tls_key, optional_path, show_optional_path),
    setting!("model", "NAME", "The model that is used when none is named", model, owned, text),
    setting!(
        "models",
        "DIR",
        "A folder of model files that may be used by their names",
        models,
        optional_path,
        show_optional_path
    ),
    setting!("threads", "N", "Threads of networks; one for each core if 0", threads, number, text),
    setting!("parallel", "N", "Pictures that are in work at a time", parallel, number, text),
    setting!("workers", "N", "Jobs that are in work at a time", workers, number, text),
    setting!(
        "tile-memory",
        "BYTES",
        "What the tile of a picture in work may take",
        tile_memory,
        bytes,
        show_bytes
    ),
    setting!(
        "model-memory",
        "BYTES",
        "What models may take while they wait for their next picture",
        model_memory,
        bytes,
        show_bytes
    ),
    setting!(
        "model-idle",
        "TIME",
        "How long a model waits for its next picture",
        model_idle,
        time,
        show_time
    ),
    setting!(
        "cache-size",
        "BYTES",
        "Results that are kept for requests that come again",
        cache_size,
        bytes,
        show_bytes
    ),
    setting!("max-body", "BYTES", "The body of a request", max_body, bytes, show_bytes),
    setting!(
        "max-upload",
        "BYTES",
        "The upload of a job; pictures in it are at most as large as max-body",
        max_upload,
        bytes,
        show_bytes
    ),
    setting!("max-pixels", "PIXELS", "The pixels of a picture that is sent", max_pixels, count, show_count),
    setting!("max-result-pixels", "PIXELS", "The pixels of a result", max_result_pixels, count, show_count),
    setting!("max-frames", "N", "The frames of an animation or a video", max_frames, count, show_count),
    setting!("max-duration", "TIME", "How long a video may last", max_duration, time, show_time),
    setting!("max-entries", "N", "The entries of an archive", max_entries, count, show_count),
    setting!(
        "max-waiting",
        "N",
        "Pictures that may wait until one of those in work is done",
        max_waiting,
        count,
        show_count
    ),
    setting!("max-queue", "N", "Jobs that may wait", max_queue, count, show_count),
    setting!("max-connections", "N", "Connections at a time", max_connections, count, show_count),
    setting!("max-batch", "N", "Pictures of one batch job", max_batch, count, show_count),
    setting!(
        "request-time",
        "TIME",
        "How long a picture that is waited for may take",
        request_time,
        time,
        show_time
    ),
    setting!("job-time", "TIME", "How long one attempt of a job may take", job_time, time, show_time),
    setting!(
        "idle-time",
        "TIME",
        "How long a client may take to send the head of a request, or the next bytes",
        idle_time,
        time,
        show_time
    ),
    setting!(
        "drain-time",
        "TIME",
        "How long work may go on after the server was asked to stop",
        drain_time,
        time,
        show_time
    ),
    setting!("attempts", "N", "How often a job is tried", attempts, number, text),
    setting!(
        "retention",
        "TIME",
        "How long finished jobs and their results are kept",
        retention,
        time,
        show_time
    ),
    setting!("rate", "N", "Requests a minute of one client; any number if 0", rate, number, text),
    setting!(
        "compat",
        "LIST",
        "APIs of other servers that are spoken: fastapi, aws-sample, sagemaker, model-compose, a1111; all or none; all on loopback if not given",
        compat,
        apis,
        show_apis
    ),
    setting!(
        "provider",
        "WHO",
        "Who enlarges pictures: local, the URL of another amplio server, or sagemaker:ENDPOINT",
        provider,
        owned,
        text
    ),
    setting!(
        "provider-key",
        "KEY",
        "The API key for the other server that enlarges",
        provider_key,
        optional,
        hidden
    ),
    setting!(
        "ffmpeg",
        "PATH",
        "The program ffmpeg, or the folder that it is in; it is looked for if not given",
        ffmpeg,
        optional_path,
        show_optional_path
    ),
    setting!("ffmpeg-memory", "BYTES", "The memory that ffmpeg may use", ffmpeg_memory, bytes, show_bytes),
    setting!(
        "webhook-secret",
        "TEXT",
        "What webhooks are signed with; there are none without it",
        webhook_secret,
        optional,
        hidden
    ),
    setting!("private-urls", "", "Whether URLs may lead to private addresses", private_urls, switch, text),
    setting!(
        "storage",
        "URL,…",
        "The places (file:/folder, s3://bucket/prefix, gs:, az:) that jobs may read and write",
        storage,
        several,
        show_several
    ),
    setting!(
        "media",
        "URL",
        "Where /v1/media keeps what it stores; in the data folder if not given",
        media,
        optional,
        show_optional
    ),
    setting!(
        "media-side",
        "PIXELS",
        "The longer side of what /v1/media stores; any if 0",
        media_side,
        number,
        text
    ),
    setting!(
        "media-pixels",
        "PIXELS",
        "The pixels of what /v1/media stores; any number if 0",
        media_pixels,
        count,
        show_count
    ),
    setting!(
        "media-bytes",
        "BYTES",
        "The bytes of a picture that /v1/media stores; any number if 0",
        media_bytes,
        bytes,
        show_bytes
    ),
    setting!(
        "media-least",
        "PIXELS",
        "The shorter side below which /v1/media makes nothing smaller",
        media_least,
        number,
        text
    ),
];

fn number<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|error| format!("{text} does not fit: {error}"))
}

fn text(value: &impl ToString) -> String {
    value.to_string()
}

fn owned(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("this cannot be empty".into()) } else { Ok(text.into()) }
}

fn optional(text: &str) -> Result<Option<String>, String> {
    owned(text).map(Some)
}

fn show_optional(value: &Option<String>) -> String {
    value.clone().unwrap_or_default()
}

/// Shows that there is one, and no more.
fn hidden(value: &Option<String>) -> String {
    value.as_ref().map_or_else(String::new, |_| "(set)".into())
}

fn path(text: &str) -> Result<std::path::PathBuf, String> {
    owned(text).map(Into::into)
}

fn show_path(path: &std::path::Path) -> String {
    path.display().to_string()
}

fn optional_path(text: &str) -> Result<Option<std::path::PathBuf>, String> {
    path(text).map(Some)
}

fn show_optional_path(path: &Option<std::path::PathBuf>) -> String {
    path.as_deref().map_or_else(String::new, show_path)
}

fn several(text: &str) -> Result<Vec<String>, String> {
    Ok(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
}

fn apis(text: &str) -> Result<Option<Vec<String>>, String> {
    let known: Vec<_> = compat::names().collect();
    let chosen = several(text)?;
    match chosen.iter().find(|name| !known.contains(&name.as_str())) {
        _ if chosen == ["none"] => Ok(Some(Vec::new())),
        _ if chosen == ["all"] => Ok(Some(known.into_iter().map(str::to_owned).collect())),
        Some(name) => Err(format!("there is no API {name}; there are {}", known.join(", "))),
        None if chosen.is_empty() => Err("this is a list of names, all or none".into()),
        None => Ok(Some(chosen)),
    }
}

fn show_apis(chosen: &Option<Vec<String>>) -> String {
    match chosen {
        None => String::new(),
        Some(names) if names.is_empty() => "none".into(),
        Some(names) => names.join(","),
    }
}

fn show_several(values: &[String]) -> String {
    values.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the documentation.
    fn table() -> String {
        let defaults = Settings::default();
        let rows = SETTINGS.iter().map(|setting| {
            let usual = (setting.show)(&defaults);
            let usual = if usual.is_empty() { usual } else { format!("`{usual}`") };
            format!("| `{}` | {usual} | {} |\n", setting.name, setting.help)
        });
        format!("| setting | default | meaning |\n|---|---|---|\n{}", rows.collect::<String>())
    }

    #[test]
    fn the_documentation_has_every_setting() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/service.md");
        let text = std::fs::read_to_string(path).expect("the documentation");
        assert!(text.contains(&table()), "docs/service.md should have\n{}", table());
    }
}
