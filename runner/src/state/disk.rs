//! State in a file of this machine, kept by redb.
//!
//! redb 4.4 and fjall 3.1 were measured side by side on ext4 with two shared cores: durable commits
//! of 8-byte values under 50,000 keys, medians of three runs.
//!
//! | | redb | fjall |
//! |---|---|---|
//! | commit of 1 / 10 / 100 / 1000 changes | 180 / 140 / 400 / 3600 µs | 63 / 68 / 200 / 860 µs |
//! | reading a value | 1.0 µs | 0.55 µs |
//! | opening an existing store | 0.6 ms | 80 to 350 ms, with the length of its journal |
//! | memory after all that | 5.7 MiB | 7.9 MiB, 8 to 21 MiB once opened again |
//! | size of the program | 1.6 MB | 1.9 MB |
//!
//! fjall commits two to four times cheaper, but a start from its journal alone exceeds the 200 ms in
//! which `localrun` shows its first line, and it keeps threads of its own at work. A commit here
//! happens once per call, so redb's costs 4 µs per message at worst. redb is one file, too.
//!
//! After a crash redb checks the file when it is opened, which takes time with its size.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use redb::{Database, DatabaseError, Durability, ReadableDatabase, TableDefinition};

use super::StateStore;
use crate::fault::Fault;

const TABLE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("state");

/// Memory for the pages of the file that are in use. The default is a gigabyte.
const CACHE_BYTES: usize = 8 << 20;

/// State in one file, which one instance uses at a time.
pub struct DiskStore {
    database: Database,
    path: PathBuf,
}

impl DiskStore {
    /// Opens the file, or creates it with its directory.
    ///
    /// # Errors
    /// Another instance uses the file, it is no state file, or the disk refuses.
    pub fn open(path: &Path) -> Result<Self, Fault> {
        let refused = |why: String| {
            Fault::system(format!("state file {} cannot be opened: {why}", path.display()))
        };
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(|error| refused(error.to_string()))?;
        }
        let database =
            Database::builder().set_cache_size(CACHE_BYTES).create(path).map_err(|error| {
                match error {
                    DatabaseError::DatabaseAlreadyOpen => refused(
                        "another instance uses it; give each instance a directory of its own"
                            .to_owned(),
                    ),
                    DatabaseError::Storage(redb::StorageError::Io(error))
                        if error.kind() == io::ErrorKind::InvalidData =>
                    {
                        refused("it is not a state file of this runner".to_owned()).permanent()
                    }
                    error => refused(error.to_string()),
                }
            })?;
        let store = Self { database, path: path.to_owned() };
        store.create_table().map_err(|error| refused(error.to_string()))?;
        Ok(store)
    }

    /// Reading a table that was never written is an error, so it is made at once.
    fn create_table(&self) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        transaction.open_table(TABLE)?;
        transaction.commit()?;
        Ok(())
    }

    fn read(&self, key: &str) -> Result<Option<Vec<u8>>, redb::Error> {
        let table = self.database.begin_read()?.open_table(TABLE)?;
        Ok(table.get(key)?.map(|value| value.value().to_vec()))
    }

    fn write(&self, changes: &[(String, Option<Vec<u8>>)]) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut table = transaction.open_table(TABLE)?;
            for (key, value) in changes {
                match value {
                    Some(value) => table.insert(key.as_str(), value.as_slice())?,
                    None => table.remove(key.as_str())?,
                };
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn fault(&self, doing: &str, error: &redb::Error) -> Fault {
        Fault::system(format!("state file {} cannot be {doing}: {error}", self.path.display()))
    }
}

impl StateStore for DiskStore {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Fault> {
        self.read(key).map_err(|error| self.fault("read", &error))
    }

    fn commit(&self, changes: &[(String, Option<Vec<u8>>)]) -> Result<(), Fault> {
        self.write(changes).map_err(|error| self.fault("written", &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: &str) -> (String, Option<Vec<u8>>) {
        (key.to_owned(), Some(value.as_bytes().to_vec()))
    }

    #[test]
    fn what_was_committed_is_there_after_opening_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/state.redb");
        let store = DiskStore::open(&path).unwrap();
        assert_eq!(store.get("a").unwrap(), None);
        store.commit(&[put("a", "1"), put("b", "2")]).unwrap();
        store.commit(&[put("a", "3"), ("b".to_owned(), None)]).unwrap();
        drop(store);
        let store = DiskStore::open(&path).unwrap();
        assert_eq!(store.get("a").unwrap().as_deref(), Some(&b"3"[..]));
        assert_eq!(store.get("b").unwrap(), None);
    }

    /// What is on disk after a commit, without closing: a copy of the file as a crash leaves it.
    #[test]
    fn a_commit_is_on_disk_without_closing_the_store() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.redb");
        let store = DiskStore::open(&path).unwrap();
        store.commit(&[put("a", "1")]).unwrap();
        let copy = dir.path().join("copy.redb");
        fs::copy(&path, &copy).unwrap();
        assert_eq!(DiskStore::open(&copy).unwrap().get("a").unwrap().as_deref(), Some(&b"1"[..]));
    }

    #[test]
    fn a_second_instance_on_one_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.redb");
        let _first = DiskStore::open(&path).unwrap();
        let refused = DiskStore::open(&path).err().unwrap().to_string();
        assert_eq!(
            refused,
            format!(
                "state file {} cannot be opened: another instance uses it; give each instance a \
                 directory of its own",
                path.display()
            )
        );
    }

    #[test]
    fn another_kind_of_file_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.txt");
        let notes = "not a database. ".repeat(1_000);
        fs::write(&path, &notes).unwrap();
        let refused = DiskStore::open(&path).err().unwrap().to_string();
        assert!(refused.ends_with("it is not a state file of this runner"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), notes);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let refused = DiskStore::open(&file.join("state.redb")).err().unwrap().to_string();
        assert!(refused.contains(&file.display().to_string()), "{refused}");
    }
}
