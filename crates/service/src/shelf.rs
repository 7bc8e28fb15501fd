//! Pictures and videos that are stored small and restored when someone wants them.
//!
//! Each has a small picture and a note of facts. The note is written last and names the picture, so that whoever finds a
//! note finds its picture, whatever happens in between.

mod policy;

use std::path::Path;
use std::sync::Arc;

use amplio::media::videos::CONTAINERS;
use futures::TryStreamExt;
use object_store::path::Path as Place;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use crate::refusal::{Code, Refusal};
use crate::settings::Settings;
use crate::spool::{Content, Spool};
use crate::storage::{Root, copy};
use crate::{Error, Result};

pub(crate) use policy::Policy;

/// The longest key.
const LONGEST_KEY: usize = 512;

/// The longest of the names that a key is made of: those of files have at most 255 bytes, and objects have some more.
const LONGEST_NAME: usize = 200;

/// Where stored pictures lie.
pub(crate) struct Shelf {
    store: Arc<dyn ObjectStore>,
}

/// What is known about a stored picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Facts {
    /// Its key.
    pub(crate) key: String,
    /// Width of the picture that was sent.
    pub(crate) width: u32,
    /// Height of the picture that was sent.
    pub(crate) height: u32,
    /// Bytes of the picture that was sent.
    pub(crate) bytes: u64,
    /// The format of the picture that was sent.
    pub(crate) format: String,
    /// Width of what is stored.
    pub(crate) stored_width: u32,
    /// Height of what is stored.
    pub(crate) stored_height: u32,
    /// Bytes of what is stored.
    pub(crate) stored_bytes: u64,
    /// When it was stored, as RFC 3339 has it.
    pub(crate) created: String,
    /// The object with the small picture.
    object: String,
}

/// A key of one owner, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    owner: String,
    key: String,
}

type Answer<T> = std::result::Result<T, Refusal>;

impl Key {
    /// A key is one or more names with slashes between them.
    pub(crate) fn parse(owner: &str, key: &str) -> Answer<Self> {
        let sound = |name: &str| {
            let usual = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            (1..=LONGEST_NAME).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(usual)
        };
        if key.len() > LONGEST_KEY || !key.split('/').all(sound) {
            let what = format!(
                "a key is made of names of letters, digits, '-', '_' and '.', with '/' between them; it has at most \
                 {LONGEST_KEY} characters, and each of its names {LONGEST_NAME}"
            );
            return Err(Refusal::invalid(what));
        }
        Ok(Self { owner: owner.into(), key: key.into() })
    }

    fn note(&self) -> Place {
        self.beside("facts", "json")
    }

    fn object(&self) -> Place {
        self.beside("pictures", &uuid::Uuid::now_v7().simple().to_string())
    }

    /// A file for this key. Its name begins with a dot, as no name of a key does, so it is in no other key's way.
    fn beside(&self, kind: &str, extension: &str) -> Place {
        let (folder, name) = self.key.rsplit_once('/').unwrap_or(("", &self.key));
        Place::from(format!("{kind}/{}/{folder}/.{name}.{extension}", self.owner))
    }

    /// The key whose note lies there, in its owner's folder.
    fn of_note(owner: &Place, note: &Place) -> Option<String> {
        let own = note.as_ref().strip_prefix(owner.as_ref())?.strip_prefix('/')?;
        let (folder, name) = own.split_at(own.rfind('/').map_or(0, |slash| slash + 1));
        Some(format!("{folder}{}", name.strip_prefix('.')?.strip_suffix(".json")?))
    }
}

impl Shelf {
    pub(crate) fn open(settings: &Settings) -> Result<Self> {
        let place = match &settings.media {
            Some(place) => place.clone(),
            None => {
                let folder =
                    std::path::absolute(settings.data.join("media")).map_err(Error::io(&settings.data))?;
                let url = Url::from_directory_path(&folder);
                url.map_err(|()| Error::setting("data", "this is no folder"))?.into()
            }
        };
        Ok(Self { store: Root::open("media", &place, &settings.storage_options)?.store })
    }

    /// Stores a small file with its facts, in place of an earlier one.
    pub(crate) async fn put(&self, key: &Key, mut facts: Facts, path: &Path) -> Answer<Facts> {
        let earlier = self.facts(key).await.ok();
        let place = key.object();
        facts.object = place.to_string();
        let note = serde_json::to_vec(&facts).map_err(Refusal::internal)?;
        copy(path, self.store.clone(), place.clone(), "the shelf").await?;
        let noted = self.store.put(&key.note(), PutPayload::from(note)).await;
        let lost = match noted {
            Ok(_) => earlier.map(|earlier| Place::from(earlier.object)),
            Err(_) => Some(place),
        };
        if let Some(lost) = lost {
            // Nobody finds it any more; if it stays, it only takes room.
            let _ = self.store.delete(&lost).await;
        }
        noted.map_err(explained)?;
        Ok(facts)
    }

    /// The facts of a stored picture.
    pub(crate) async fn facts(&self, key: &Key) -> Answer<Facts> {
        let found = self.store.get(&key.note()).await.map_err(explained)?;
        let note = found.bytes().await.map_err(explained)?;
        serde_json::from_slice(&note).map_err(Refusal::internal)
    }

    /// What is stored small, by its object; into `folder` if it is large.
    pub(crate) async fn content(&self, object: &str, folder: &Path) -> Answer<Content> {
        let found = self.store.get(&Place::from(object)).await.map_err(explained)?;
        let (mut pieces, mut spool) = (found.into_stream(), Spool::new(folder));
        while let Some(piece) = pieces.try_next().await.map_err(explained)? {
            spool.push(&piece).map_err(Refusal::internal)?;
        }
        Ok(spool.finish())
    }

    /// Forgets a stored picture.
    pub(crate) async fn delete(&self, key: &Key) -> Answer<()> {
        let facts = self.facts(key).await?;
        self.store.delete(&key.note()).await.map_err(explained)?;
        let _ = self.store.delete(&Place::from(facts.object)).await;
        Ok(())
    }

    /// The facts of an owner's pictures whose keys come after `after`, in order.
    pub(crate) async fn list(&self, owner: &str, after: &str, limit: usize) -> Answer<Vec<Facts>> {
        let folder = Place::from(format!("facts/{owner}"));
        let notes: Vec<Place> = self
            .store
            .list(Some(&folder))
            .map_ok(|object| object.location)
            .try_collect()
            .await
            .map_err(explained)?;
        let keyed = notes.into_iter().filter_map(|note| Some((Key::of_note(&folder, &note)?, note)));
        let mut keyed: Vec<_> = keyed.filter(|(key, _)| key.as_str() > after).collect();
        keyed.sort();
        let mut all = Vec::new();
        for (_, note) in keyed.into_iter().take(limit) {
            // One that was deleted meanwhile is not there.
            if let Ok(found) = self.store.get(&note).await
                && let Ok(bytes) = found.bytes().await
            {
                all.push(serde_json::from_slice(&bytes).map_err(Refusal::internal)?);
            }
        }
        Ok(all)
    }
}

impl Facts {
    /// The object of what is stored.
    pub(crate) fn object(&self) -> &str {
        &self.object
    }

    /// Whether it is a video.
    pub(crate) fn is_video(&self) -> bool {
        CONTAINERS.iter().any(|container| container.extensions.contains(&self.format.as_str()))
    }

    /// What is known before it is stored.
    pub(crate) fn new(key: &str, sent: (u32, u32, u64, &str), stored: (u32, u32, u64)) -> Self {
        let (width, height, bytes, format) = sent;
        let (stored_width, stored_height, stored_bytes) = stored;
        let created = crate::clock::shown(crate::clock::now());
        let (key, format, object) = (key.into(), format.into(), String::new());
        Self { key, width, height, bytes, format, stored_width, stored_height, stored_bytes, created, object }
    }
}

fn explained(error: object_store::Error) -> Refusal {
    match error {
        object_store::Error::NotFound { .. } => Refusal::not_found("there is no such picture"),
        error => Refusal::new(Code::Unreachable, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(key: &str) -> Facts {
        Facts::new(key, (100, 50, 1000, "png"), (10, 5, 9))
    }

    #[tokio::test]
    async fn what_is_stored_is_found_replaced_and_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let shelf =
            Shelf::open(&Settings { data: folder.path().into(), ..Settings::default() }).expect("opens");
        let key = |name: &str| Key::parse("ann", name).expect("a key");
        let file = |text: &str| {
            std::fs::write(folder.path().join(text), text).expect("written");
            folder.path().join(text)
        };
        for name in ["b", "a.json/b", "a/b", "a/c", "a", &"k".repeat(LONGEST_NAME)] {
            shelf.put(&key(name), facts(name), &file("one")).await.expect("stored");
        }
        shelf.put(&key("b"), facts("b"), &file("two")).await.expect("replaced");
        let found = shelf.facts(&key("b")).await.expect("there");
        let content = shelf.content(found.object(), folder.path()).await.expect("there");
        assert_eq!(content.bytes().expect("there"), &b"two"[..]);
        let names = |all: Vec<Facts>| all.into_iter().map(|facts| facts.key).collect::<Vec<_>>();
        let all = names(shelf.list("ann", "", 9).await.expect("listed"));
        assert_eq!(all, ["a", "a.json/b", "a/b", "a/c", "b", &"k".repeat(LONGEST_NAME)]);
        assert_eq!(names(shelf.list("ann", "a/b", 1).await.expect("listed")), ["a/c"]);
        assert!(shelf.list("bob", "", 9).await.expect("listed").is_empty());
        assert!(shelf.facts(&Key::parse("bob", "b").expect("a key")).await.is_err());
        shelf.delete(&key("b")).await.expect("deleted");
        assert_eq!(shelf.facts(&key("b")).await.expect_err("gone").code, Code::NotFound);
        let pictures =
            || std::fs::read_dir(folder.path().join("media/pictures/ann")).expect("a folder").count();
        let before = pictures();
        assert_eq!(before, 4, "what was replaced and deleted leaves no file");
        std::fs::create_dir(folder.path().join("media/facts/ann/.c.json")).expect("a folder");
        assert!(shelf.put(&key("c"), facts("c"), &file("one")).await.is_err());
        assert_eq!(pictures(), before, "nor does what could not be noted");
    }

    #[test]
    fn keys_lead_nowhere_else() {
        for key in [
            "",
            "/",
            "a//b",
            "../a",
            "a/..",
            ".hidden",
            "a b",
            "a\\b",
            "a%2f",
            &"x".repeat(201),
            &"x/".repeat(257),
        ] {
            assert!(Key::parse("ann", key).is_err(), "{key}");
        }
        Key::parse("ann", "holiday/2024/IMG_1.jpg").expect("a key");
    }
}
