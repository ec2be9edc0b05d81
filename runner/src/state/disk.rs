//! State in a file of this machine.

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
