//! API keys: who a client is, and what it may do.

use std::path::Path;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::{Error, Result, hex};

/// What a key may be good for.
pub(crate) const SCOPES: [&str; 5] = ["upscale", "jobs", "media", "metrics", "admin"];

/// Keys begin with this, so that people and scanners of secrets recognise them.
const PREFIX: &str = "amplio_";

/// The keys of a server. Only their hashes are known: a key is 244 random bits, so a plain hash is as good as a slow one.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<Key>);

/// What is known about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    name: String,
    digest: [u8; 32],
    /// Everything but `admin` if empty.
    scopes: Vec<String>,
    /// Requests a minute; the server's usual rate if `None`.
    rate: Option<u32>,
    /// Jobs that may wait; as many as the server allows if `None`.
    jobs: Option<u64>,
}

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The key's name, or the address.
    pub(crate) name: String,
    /// Whose jobs it sees.
    pub(crate) owner: String,
    pub(crate) rate: Option<u32>,
    pub(crate) jobs: Option<u64>,
    scopes: Option<Vec<String>>,
}

impl Client {
    /// A client of a server without keys.
    pub(crate) fn open(address: String) -> Self {
        Self { name: address, owner: "everyone".into(), rate: None, jobs: None, scopes: None }
    }

    /// Whether it may do what needs this scope.
    pub(crate) fn may(&self, scope: &str) -> bool {
        match &self.scopes {
            None => true,
            Some(scopes) if scopes.is_empty() => scope != "admin",
            Some(scopes) => scopes.iter().any(|s| s == scope || s == "admin"),
        }
    }
}

impl Keys {
    /// Reads a file of keys: in each line a name, `sha256=…`, and perhaps `scopes=a,b`, `rate=60` (requests a minute) and
    /// `jobs=10` (jobs that may wait). Lines that begin with `#` mean nothing.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path))?;
        let lines = text.lines().map(str::trim).enumerate();
        let meant = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let keys = meant.map(|(number, line)| {
            let wrong =
                |what| Error::setting("keys", format!("{}, line {}: {what}", path.display(), number + 1));
            parse(line).map_err(wrong)
        });
        keys.collect::<Result<_>>().map(Self)
    }

    /// The client that has this key. Takes the same time whichever key it is, and if it is none.
    pub(crate) fn find(&self, presented: &str) -> Option<Client> {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let mut found = u32::MAX;
        for (index, key) in (0_u32..).zip(&self.0) {
            let same: Choice = key.digest.ct_eq(&digest);
            found = u32::conditional_select(&found, &index, same);
        }
        let key = self.0.get(usize::try_from(found).ok()?)?;
        let name = key.name.clone();
        Some(Client {
            owner: name.clone(),
            name,
            rate: key.rate,
            jobs: key.jobs,
            scopes: Some(key.scopes.clone()),
        })
    }
}

/// A new key, and the line of the file of keys that stands for it. The key itself is written down nowhere.
///
/// # Errors
/// If such a line cannot begin with this name.
pub fn new_key(name: &str) -> Result<(String, String)> {
    check_name(name).map_err(|what| Error::setting("new-key", what))?;
    let [first, second] = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()];
    let key = format!("{PREFIX}{}{}", first.simple(), second.simple());
    let line = format!("{name} sha256={}", hex(&Sha256::digest(&key)));
    Ok((key, line))
}

fn check_name(name: &str) -> std::result::Result<(), String> {
    let sound = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if sound { Ok(()) } else { Err("a name is made of letters, digits, '-' and '_'".into()) }
}

/// Reads a line of a file of keys.
pub(crate) fn parse(line: &str) -> std::result::Result<Key, String> {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default().to_owned();
    check_name(&name)?;
    let mut key = Key { name, digest: [0; 32], scopes: Vec::new(), rate: None, jobs: None };
    let mut hashed = false;
    for word in words {
        match word.split_once('=') {
            Some(("sha256", digits)) => {
                key.digest = digest(digits).ok_or("sha256 is 64 hexadecimal digits")?;
                hashed = true;
            }
            Some(("scopes", scopes)) => {
                key.scopes = scopes.split(',').map(str::to_owned).collect();
                if let Some(unknown) = key.scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
                    return Err(format!("there is no scope {unknown}; there are {}", SCOPES.join(", ")));
                }
            }
            Some(("rate", rate)) => key.rate = Some(rate.parse().map_err(|_| "rate is a number")?),
            Some(("jobs", jobs)) => key.jobs = Some(jobs.parse().map_err(|_| "jobs is a number")?),
            _ => return Err(format!("{word} means nothing here")),
        }
    }
    if hashed { Ok(key) } else { Err("sha256=… is missing".into()) }
}

fn digest(digits: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (byte, place) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&digits[place..place + 2], 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Result<Keys> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        Keys::read(file.path())
    }

    #[test]
    fn a_new_key_opens_and_no_other() {
        let (one, first) = new_key("ann").expect("a name");
        let (two, second) = new_key("bob").expect("a name");
        let keys = keys(&format!("# people\n{first} scopes=jobs rate=5\n\n{second}\n")).expect("sound");
        let ann = keys.find(&one).expect("her key");
        assert_eq!((ann.name.as_str(), ann.rate), ("ann", Some(5)));
        assert!(ann.may("jobs") && !ann.may("upscale"));
        let bob = keys.find(&two).expect("his key");
        assert!(bob.may("jobs") && bob.may("upscale") && !bob.may("admin"));
        assert!(keys.find("").is_none() && keys.find(&one[..one.len() - 1]).is_none());
        assert!(!first.contains(&one));
    }

    #[test]
    fn every_name_that_gets_a_key_can_be_read_again() {
        for name in ["ann", "ann-2_b", "", "#x", "ann smith", "ann=1", "é"] {
            let known =
                new_key(name).map(|(key, line)| keys(&line).expect("sound").find(&key).expect("its key"));
            let sound = ["ann", "ann-2_b"].contains(&name);
            assert_eq!(known.ok().map(|client| client.name), sound.then(|| name.to_owned()), "{name:?}");
        }
    }

    #[test]
    fn a_broken_file_is_refused_with_the_line() {
        for line in ["ann", "ann sha256=12", "ann sha256=zz", "ann colour=red", "ann scopes=all sha256=0"] {
            let error = keys(&format!("\n{line}")).expect_err("broken").to_string();
            assert!(error.contains("line 2"), "{error}");
        }
    }
}
