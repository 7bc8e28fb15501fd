use std::path::PathBuf;
use std::time::Duration;

/// What may be fetched, from where, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of the cache.
    pub folder: PathBuf,
    /// Whether the net is not to be used at all.
    pub offline: bool,
    /// Through whom hosts are reached.
    pub proxies: Proxies,
    /// The hub that `hf:` means.
    pub hub: String,
    /// Who we are on the hub; sent to nobody else.
    pub token: Option<String>,
    /// Where the public list of models lies.
    pub list: String,
    /// The most bytes of a file.
    pub limit: u64,
    /// How long to wait, and how often to try.
    pub patience: Patience,
}

/// Proxies, as the variables of these names give them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `https` links: a link with `http`, `https`, `socks4`, `socks4a`, `socks5` or `socks5h`.
    pub https: Option<String>,
    /// For `http` links.
    pub http: Option<String>,
    /// Hosts that are reached without: names, which mean all hosts below them as well, or `*` for all.
    pub except: Vec<String>,
}

/// How long to wait, and how often to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How many times in a row all links may fail without anything worth arriving.
    pub rounds: u32,
    /// The pause after the first failure; it doubles with each one that follows.
    pub pause: Duration,
    /// The longest pause, also when a host asks for one.
    pub longest_pause: Duration,
    /// How long a host may be silent.
    pub silence: Duration,
}

impl Settings {
    /// The usual hub.
    pub const HUB: &str = "https://huggingface.co";
    /// The usual list: OpenModelDB's.
    pub const LIST: &str = "https://openmodeldb.info/api/v1/models.json";
    /// The usual limit: what the default [`crate::Limits`] let a model have.
    pub const LIMIT: u64 = 2 << 30;

    /// The usual settings for a cache in this folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            offline: false,
            proxies: Proxies::default(),
            hub: Self::HUB.into(),
            token: None,
            list: Self::LIST.into(),
            limit: Self::LIMIT,
            patience: Patience::default(),
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            rounds: 5,
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(120),
            silence: Duration::from_secs(60),
        }
    }
}

impl Patience {
    /// The pause after so many failures in a row, of which a host may have asked for a longer one.
    pub(super) fn pause_after(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.pause.saturating_mul(1 << failures.saturating_sub(1).min(16));
        doubled.max(asked.unwrap_or_default()).min(self.longest_pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let patience = Patience::default();
        let pauses = [1, 2, 3, 4, 20].map(|failures| patience.pause_after(failures, None).as_secs());
        assert_eq!(pauses, [1, 2, 4, 8, 120]);
        assert_eq!(patience.pause_after(1, Some(Duration::from_secs(7))).as_secs(), 7);
    }
}
