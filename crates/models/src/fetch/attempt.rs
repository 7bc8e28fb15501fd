//! One attempt to fetch a file, or the rest of it, from one link.

use std::io::{self, Read};
use std::time::Duration;

use super::client::{Client, Part, Sent};
use super::partial::{Note, Partial, Writer};
use super::reply::Refusal;
use super::{Event, Listener, contents, tell};
use crate::catalogue::{RemoteFile, links};
use crate::{Digest, Result};

/// What is asked for, and of whom.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) client: &'a Client,
    pub(super) limit: u64,
    pub(super) file: &'a RemoteFile,
    pub(super) partial: &'a Partial,
    pub(super) url: &'a str,
    pub(super) longest_pause: Duration,
}

/// How it ended. Errors beside it are those of the disk, and the wish to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// All of the file is here, with this digest.
    Arrived(Digest),
    /// It may work later; the host may have asked for a pause.
    Passing(String, Option<Duration>),
    /// It will not work with this link.
    Lasting(String),
}

/// How much is read at once.
const CHUNK: usize = 1 << 16;

impl Attempt<'_> {
    pub(super) fn run(&self, listener: &mut Listener<'_>) -> Result<Ending> {
        let note = self.partial.note();
        let have = self.worth_keeping(&note)?;
        if have > 0 && self.file.bytes == Some(have) {
            return self.judged(true);
        }
        // A link that the bytes did not come from knows other tags, if any; the digest will tell.
        let validator = note.validator.as_deref().filter(|_| note.url == self.url);
        let sent = match self.client.get(self.url, Part { have, validator }) {
            Ok(sent) => sent,
            Err(refusal) => return self.refused(refusal),
        };
        if let Some(why) = self.wrong_size(sent.about.total) {
            return Ok(Ending::Lasting(why));
        }
        let resumed = have > 0 && sent.about.from == have;
        let writer = if resumed {
            self.partial.go_on()?
        } else {
            self.partial.begin(&Note { url: self.url.into(), validator: sent.about.validator.clone() })?
        };
        let earlier = if resumed { have } else { 0 };
        let total = sent.about.total.or(self.file.bytes);
        tell(listener, Event::Begins { host: links::host(self.url), earlier, total })?;
        match self.copied(sent, writer, earlier, listener)? {
            None => self.judged(resumed),
            Some(ending) => Ok(ending),
        }
    }

    /// How many bytes are here that the rest can be added to. Those that nothing vouches for are thrown away.
    fn worth_keeping(&self, note: &Note) -> Result<u64> {
        let have = self.partial.bytes();
        let same = note.url == self.url && note.validator.is_some();
        let too_many = self.file.bytes.is_some_and(|bytes| have > bytes);
        if have > 0 && (too_many || !(same || self.file.sha256.is_some())) {
            self.partial.discard()?;
            return Ok(0);
        }
        Ok(have)
    }

    fn refused(&self, refusal: Refusal) -> Result<Ending> {
        match refusal {
            Refusal::Passing(why, Some(pause)) if pause > self.longest_pause => {
                Ok(Ending::Lasting(format!("{why}, and asks to come back after {} s", pause.as_secs())))
            }
            Refusal::Passing(why, pause) => Ok(Ending::Passing(why, pause)),
            Refusal::NoRest => {
                self.partial.discard()?;
                Ok(Ending::Passing("it has no more bytes than have arrived, or other ones".into(), None))
            }
            Refusal::Lasting(why) => Ok(Ending::Lasting(why)),
        }
    }

    fn wrong_size(&self, total: Option<u64>) -> Option<String> {
        match (total, self.file.bytes) {
            (Some(total), Some(bytes)) if total != bytes => {
                Some(format!("its file has {total} bytes, and the right one {bytes}"))
            }
            (Some(total), _) if total > self.limit => {
                Some(format!("its file has {total} bytes, more than the limit of {}", self.limit))
            }
            _ => None,
        }
    }

    /// Copies what is sent; nothing if all of it has arrived.
    fn copied(
        &self,
        mut sent: Sent,
        mut writer: Writer,
        earlier: u64,
        listener: &mut Listener<'_>,
    ) -> Result<Option<Ending>> {
        let total = sent.about.total.or(self.file.bytes);
        let most = total.unwrap_or(self.limit);
        let (mut here, mut chunk) = (earlier, vec![0; CHUNK]);
        loop {
            let read = match sent.body.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Some(Ending::Passing(broken_off(here, total, Some(&error)), None))),
            };
            here += read as u64;
            if here > most {
                self.partial.discard()?;
                return Ok(Some(Ending::Lasting(format!("it sends more than {most} bytes"))));
            }
            writer.write(&chunk[..read])?;
            tell(listener, Event::Arrived(here))?;
        }
        if total.is_some_and(|total| here < total) {
            return Ok(Some(Ending::Passing(broken_off(here, total, None), None)));
        }
        writer.finish()?;
        Ok(None)
    }

    /// Looks at a file that has arrived.
    fn judged(&self, resumed: bool) -> Result<Ending> {
        if let Some(why) = contents::complaint(&self.partial.head(contents::HEAD)?) {
            self.partial.discard()?;
            return Ok(Ending::Lasting(why));
        }
        let digest = self.partial.digest()?;
        match self.file.sha256 {
            Some(right) if right != digest => {
                self.partial.discard()?;
                let why = format!("its file has the SHA-256 {digest}, and the right one {right}");
                // Perhaps only what had arrived earlier is wrong.
                Ok(if resumed { Ending::Passing(why, None) } else { Ending::Lasting(why) })
            }
            _ => Ok(Ending::Arrived(digest)),
        }
    }
}

fn broken_off(here: u64, total: Option<u64>, error: Option<&io::Error>) -> String {
    let of = total.map_or(String::new(), |total| format!(" of {total}"));
    let why = error.map_or(String::new(), |error| format!(": {error}"));
    format!("the connection ended after {here}{of} bytes{why}")
}
