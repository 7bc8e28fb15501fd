//! One file, from several links, in several attempts.

use super::attempt::{Attempt, Ending};
use super::client::Client;
use super::partial::Partial;
use super::{Event, Listener, Patience, tell, wait};
use crate::catalogue::{RemoteFile, links};
use crate::{Digest, Error, Result};

/// What is fetched, and how.
#[derive(Debug)]
pub(super) struct Transfer<'a> {
    pub(super) client: &'a Client,
    pub(super) patience: &'a Patience,
    /// The most bytes.
    pub(super) limit: u64,
    pub(super) file: &'a RemoteFile,
    /// What has arrived earlier.
    pub(super) partial: &'a Partial,
}

/// Where a file came from, and what it is.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) url: String,
    pub(super) sha256: Digest,
}

/// With fewer bytes than this, an attempt has brought nothing worth trying for ever.
const WORTH: u64 = 1 << 16;

impl Transfer<'_> {
    /// Fetches the file: until all of it is in the partial file and is as it should be.
    pub(super) fn run(&self, listener: &mut Listener<'_>) -> Result<Arrival> {
        let Self { file, partial, patience, .. } = self;
        if let Some(bytes) = file.bytes.filter(|bytes| *bytes > self.limit) {
            return Err(Error::Limit { what: format!("{} has {bytes} bytes", file.name), limit: self.limit });
        }
        let mut urls: Vec<&str> = file.urls.iter().map(String::as_str).collect();
        let mut refusals = Vec::new();
        let mut fruitless = 0;
        loop {
            let before = partial.bytes();
            let (mut failed, mut asked) = (None, None);
            for url in urls.clone() {
                match self.attempt(url).run(listener)? {
                    Ending::Arrived(sha256) => return Ok(Arrival { url: url.into(), sha256 }),
                    Ending::Passing(why, pause) => (failed, asked) = (Some((url, why)), asked.max(pause)),
                    Ending::Lasting(why) => {
                        urls.retain(|other| *other != url);
                        refusals.push((url, why));
                    }
                }
            }
            let Some((url, why)) = failed else { return Err(refused(file, &refusals)) };
            fruitless = if partial.bytes() >= before + WORTH { 1 } else { fruitless + 1 };
            if fruitless >= patience.rounds {
                return Err(Error::Download { from: url.into(), what: why });
            }
            let pause = patience.pause_after(fruitless, asked);
            tell(listener, Event::Again { why: &format!("{}: {why}", links::host(url)), pause })?;
            wait(pause, listener)?;
        }
    }

    fn attempt<'b>(&'b self, url: &'b str) -> Attempt<'b> {
        let longest_pause = self.patience.longest_pause;
        let Self { client, limit, file, partial, .. } = self;
        Attempt { client, limit: *limit, file, partial, url, longest_pause }
    }
}

/// The error of a file that no link leads to.
fn refused(file: &RemoteFile, refusals: &[(&str, String)]) -> Error {
    match refusals {
        [(url, why)] => Error::Download { from: (*url).into(), what: why.clone() },
        all => {
            let each: Vec<_> = all.iter().map(|(url, why)| format!("{}: {why}", links::host(url))).collect();
            Error::Download {
                from: file.name.clone(),
                what: format!("no link leads to it: {}", each.join("; ")),
            }
        }
    }
}
