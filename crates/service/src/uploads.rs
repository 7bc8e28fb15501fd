//! Uploads that may break off and go on: each is a file that grows, and a note of what is known about it.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::refusal::{Code, Refusal};
use crate::settings::Settings;
use crate::spool::{Content, publish};
use crate::{Error, Result};

/// The most uploads that a client may have open. Those that are whole are not counted.
const MOST_OPEN: usize = 64;

/// How long an upload lives that nobody goes on with.
pub(crate) const LIFE: Duration = Duration::from_secs(86_400);

type Answer<T> = std::result::Result<T, Refusal>;

/// The uploads of this server.
pub(crate) struct Uploads {
    folder: PathBuf,
    pub(crate) most: u64,
    /// Those that someone is writing.
    busy: Arc<Mutex<HashSet<String>>>,
}

/// What is known about an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upload {
    owner: String,
    /// The bytes that it is to have.
    pub(crate) length: u64,
    /// The name of the client's file.
    pub(crate) name: Option<String>,
}

/// An upload that is being written, by one client at a time.
pub(crate) struct Writing {
    file: File,
    id: String,
    busy: Arc<Mutex<HashSet<String>>>,
    /// The bytes that are there.
    pub(crate) offset: u64,
    /// The bytes that there will be.
    pub(crate) length: u64,
}

impl Uploads {
    pub(crate) fn open(settings: &Settings) -> Result<Self> {
        let folder = settings.data.join("resumable");
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        Ok(Self { folder, most: settings.max_upload, busy: Arc::default() })
    }

    /// Begins an upload; its id. Blocks.
    pub(crate) fn create(&self, owner: &str, length: u64, name: Option<String>) -> Answer<String> {
        if length > self.most {
            let what = format!("an upload has at most {} bytes", self.most);
            return Err(Refusal::too_large("max-upload", self.most, what));
        }
        let is_open = |id: &String| self.find(owner, id).is_ok_and(|(upload, there)| there < upload.length);
        if self.all()?.iter().filter(|id| is_open(id)).count() >= MOST_OPEN {
            let what = format!("{MOST_OPEN} uploads are open already; finish or delete some");
            return Err(Refusal::new(Code::RateLimited, what).retry_after(60));
        }
        let id = uuid::Uuid::now_v7().simple().to_string();
        let note = serde_json::to_vec(&Upload { owner: owner.to_owned(), length, name });
        File::create_new(self.bytes(&id)).map_err(Refusal::internal)?;
        let mut draft = tempfile::NamedTempFile::new_in(&self.folder).map_err(Refusal::internal)?;
        draft.write_all(&note.map_err(Refusal::internal)?).map_err(Refusal::internal)?;
        publish(draft, &self.place(&id, "json")).map_err(Refusal::internal)?;
        Ok(id)
    }

    /// An upload of this owner, and the bytes that are there. Blocks.
    pub(crate) fn find(&self, owner: &str, id: &str) -> Answer<(Upload, u64)> {
        let missing = || Refusal::not_found("there is no such upload");
        // Only as it was given out: it becomes the name of a file.
        uuid::Uuid::parse_str(id)
            .ok()
            .filter(|known| known.simple().to_string() == id)
            .ok_or_else(missing)?;
        let upload = self.note(id).filter(|upload| upload.owner == owner).ok_or_else(missing)?;
        let offset = self.bytes(id).metadata().map_err(|_| missing())?.len();
        Ok((upload, offset))
    }

    /// Goes on with an upload where it is. Blocks.
    pub(crate) fn write(&self, owner: &str, id: &str, offset: u64) -> Answer<Writing> {
        let (upload, _) = self.find(owner, id)?;
        if !self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned()) {
            return Err(Refusal::new(Code::Locked, "this upload is being written already"));
        }
        let (busy, id, length) = (self.busy.clone(), id.to_owned(), upload.length);
        let file = File::options().append(true).open(self.bytes(&id)).map_err(Refusal::internal)?;
        let there = file.metadata().map_err(Refusal::internal)?.len();
        let writing = Writing { file, id, busy, offset: there, length };
        if there != offset {
            let what = format!("the upload has {there} bytes, not {offset}");
            return Err(Refusal::new(Code::Conflict, what));
        }
        Ok(writing)
    }

    /// The content of a whole upload, and the name of its file. Blocks.
    pub(crate) fn content(&self, owner: &str, id: &str) -> Answer<(Content, Option<String>)> {
        let (upload, offset) = self.find(owner, id)?;
        if offset != upload.length {
            let what = format!("the upload has {offset} of its {} bytes", upload.length);
            return Err(Refusal::new(Code::Conflict, what));
        }
        Ok((Content::of_file(&self.bytes(id)).map_err(Refusal::internal)?, upload.name))
    }

    /// Forgets an upload. Blocks.
    pub(crate) fn remove(&self, owner: &str, id: &str) -> Answer<()> {
        self.find(owner, id)?;
        self.forget(id).map_err(Refusal::internal)
    }

    /// Forgets uploads that nobody has gone on with.
    pub(crate) fn tidy(&self) -> Answer<()> {
        for id in self.all()? {
            let touched = self.bytes(&id).metadata().and_then(|file| file.modified());
            let age = touched.ok().and_then(|touched| touched.elapsed().ok());
            if age.is_none_or(|age| age > LIFE) {
                self.forget(&id).map_err(Refusal::internal)?;
            }
        }
        Ok(())
    }

    fn forget(&self, id: &str) -> std::io::Result<()> {
        std::fs::remove_file(self.place(id, "json"))?;
        std::fs::remove_file(self.bytes(id))
    }

    fn all(&self) -> Answer<Vec<String>> {
        let entries = std::fs::read_dir(&self.folder).map_err(Refusal::internal)?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| Some(name.strip_suffix(".json")?.to_owned())).collect())
    }

    fn note(&self, id: &str) -> Option<Upload> {
        serde_json::from_slice(&std::fs::read(self.place(id, "json")).ok()?).ok()
    }

    fn bytes(&self, id: &str) -> PathBuf {
        self.place(id, "bytes")
    }

    fn place(&self, id: &str, extension: &str) -> PathBuf {
        self.folder.join(Path::new(id).with_extension(extension))
    }
}

impl Writing {
    /// Adds a piece. Blocks.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Answer<()> {
        if self.offset + piece.len() as u64 > self.length {
            let what = format!("more than the {} bytes came that were announced", self.length);
            return Err(Refusal::new(Code::TooLarge, what));
        }
        self.file.write_all(piece).map_err(Refusal::internal)?;
        self.offset += piece.len() as u64;
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_that_are_whole_leave_room_for_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Settings { data: folder.path().to_owned(), ..Settings::default() };
        let uploads = Uploads::open(&settings).expect("opens");
        for _ in 0..MOST_OPEN {
            let id = uploads.create("ann", 1, None).expect("begun");
            uploads.write("ann", &id, 0).expect("open").push(b"a").expect("taken");
        }
        let open: Vec<_> = (0..MOST_OPEN).map(|_| uploads.create("ann", 1, None).expect("begun")).collect();
        assert_eq!(uploads.create("ann", 1, None).expect_err("too many").code, Code::RateLimited);
        uploads.create("bob", 1, None).expect("begun");
        uploads.write("ann", &open[0], 0).expect("open").push(b"a").expect("taken");
        uploads.create("ann", 1, None).expect("begun");
    }

    #[test]
    fn an_upload_goes_on_where_it_was_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Settings { data: folder.path().to_owned(), max_upload: 10, ..Settings::default() };
        let uploads = Uploads::open(&settings).expect("opens");
        let id = uploads.create("ann", 6, Some("a.png".into())).expect("begun");
        uploads.write("ann", &id, 0).expect("open").push(b"abc").expect("taken");
        let uploads = Uploads::open(&settings).expect("opens again");
        assert_eq!(uploads.find("ann", &id).expect("there").1, 3);
        let code = |answer: Answer<Writing>| answer.err().map(|refusal| refusal.code);
        assert_eq!(code(uploads.write("ann", &id, 2)), Some(Code::Conflict));
        assert_eq!(code(uploads.write("bob", &id, 3)), Some(Code::NotFound));
        assert!(uploads.content("ann", &id).is_err_and(|refusal| refusal.code == Code::Conflict));
        let mut writing = uploads.write("ann", &id, 3).expect("open");
        assert_eq!(code(uploads.write("ann", &id, 3)), Some(Code::Locked));
        assert!(writing.push(b"defg").is_err_and(|refusal| refusal.code == Code::TooLarge));
        writing.push(b"def").expect("taken");
        drop(writing);
        let (content, name) = uploads.content("ann", &id).expect("whole");
        assert_eq!(
            (content.bytes().expect("there").to_vec(), name.as_deref()),
            (b"abcdef".to_vec(), Some("a.png"))
        );
        uploads.remove("ann", &id).expect("forgotten");
        let other = uploads.create("ann", 1, None).expect("begun");
        let hyphens = uuid::Uuid::parse_str(&other).expect("an id").to_string();
        for id in [id.as_str(), &hyphens, &other.to_uppercase(), "../../etc/passwd", ""] {
            assert!(uploads.find("ann", id).is_err_and(|refusal| refusal.code == Code::NotFound), "{id}");
            assert_eq!(code(uploads.write("ann", id, 0)), Some(Code::NotFound), "{id}");
        }
        uploads.remove("ann", &other).expect("forgotten");
        assert!(uploads.create("ann", 11, None).is_err_and(|refusal| refusal.code == Code::TooLarge));
        assert_eq!(std::fs::read_dir(folder.path().join("resumable")).expect("a folder").count(), 0);
    }
}
