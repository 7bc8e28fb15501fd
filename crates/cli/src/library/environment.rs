//! What the environment says of fetching.

use std::env;
use std::path::PathBuf;

use amplio::models::catalogue::links;
use amplio::models::fetch::{Proxies, Settings};
use anyhow::Result;
use etcetera::base_strategy::{BaseStrategy, choose_native_strategy};

use crate::outcome::Failure;

/// The settings that the environment asks for.
pub(super) fn settings(offline: bool) -> Result<Settings> {
    let usual = Settings::new(folder()?);
    Ok(Settings {
        offline: offline || is_yes("AMPLIO_OFFLINE"),
        proxies: proxies(),
        hub: link("HF_ENDPOINT")?.unwrap_or(usual.hub),
        token: first(&["HF_TOKEN"]),
        list: link("AMPLIO_LIST")?.unwrap_or(usual.list),
        ..Settings::new(usual.folder)
    })
}

/// The folder of the cache: `AMPLIO_MODELS`, or where this system has caches.
fn folder() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("AMPLIO_MODELS").filter(|folder| !folder.is_empty()) {
        return Ok(folder.into());
    }
    let system = choose_native_strategy().map_err(|_| {
        Failure::Model("there is no home folder for models; AMPLIO_MODELS names another one".into())
    })?;
    Ok(system.cache_dir().join("amplio").join("models"))
}

fn proxies() -> Proxies {
    let except = first(&["NO_PROXY", "no_proxy"]).unwrap_or_default();
    Proxies {
        https: first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]),
        http: first(&["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]),
        except: except.split(',').map(|host| host.trim().to_owned()).collect(),
    }
}

/// The first of these variables that says something.
fn first(names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| env::var(name).ok()).find(|value| !value.trim().is_empty())
}

fn is_yes(name: &str) -> bool {
    first(&[name])
        .is_some_and(|value| !["0", "false", "no", "off"].contains(&value.to_ascii_lowercase().as_str()))
}

fn link(name: &str) -> Result<Option<String>> {
    match first(&[name]) {
        Some(link) if !links::is_followed(&link) => {
            Err(Failure::usage(format!("{name}: {link} is no https link")))
        }
        link => Ok(link),
    }
}
