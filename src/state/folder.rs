//! The folder of a state: what is where in it, what it is, and that one run at a time changes it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::meta::PartialMeta;
use super::partial::{self, PartialFile};
use crate::error::{Action, Error, Result};
use crate::event::{DEFAULT_MAX_LINE_BYTES, FieldNames, FieldPath, Schema, Zone};
use crate::output::DraftFile;
use crate::text;

/// The file that tells what the folder is.
const MARK: &str = "daytally-state";

/// What it says.
const FORMAT: &str = "daytally state";

/// The version of the folder's format, and of all files in it.
pub(super) const VERSION: u32 = 2;

/// The version of the rules by which events are judged. What was judged by others does not go with what
/// is judged by these.
pub(crate) const RULES: u32 = 1;

const LOCK: &str = "lock";
const PARTIAL: &str = "partial";
const REJECTS: &str = "rejects";

/// What the names of files end with that are not finished.
const DRAFT: &str = ".tmp";

/// How the events of a state were judged, and what is kept of them.
///
/// ```
/// use daytally::state::Settings;
/// let mut settings = Settings::default();
/// settings.keeps_rejects = true;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// A line of more bytes is invalid.
    pub max_line_bytes: usize,
    /// What the events look like.
    pub schema: Arc<Schema>,
    /// Whether rejects are kept. Once they are, they go on being kept.
    pub keeps_rejects: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
            schema: Arc::default(),
            keeps_rejects: false,
        }
    }
}

/// What the mark says.
#[derive(Debug, Deserialize, Serialize)]
struct Mark {
    format: String,
    version: u32,
    rules: u32,
    max_line_bytes: u64,
    /// What the events look like, if that is not as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<StoredSchema>,
    keeps_rejects: bool,
    /// The program that wrote it, for people.
    written_by: String,
}

/// A schema as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct StoredSchema {
    user_id_field: String,
    event_type_field: String,
    timestamp_field: String,
    amount_field: String,
    purchase_types: Vec<String>,
    accept_offsets: bool,
    timezone: String,
    /// The version of the time zone database that the zone's rules were from.
    timezone_database: Option<String>,
}

impl StoredSchema {
    /// As it is written; `None` for the usual one.
    pub(crate) fn of(schema: &Schema) -> Option<StoredSchema> {
        if schema.is_usual() {
            return None;
        }
        let fields = schema.fields();
        let zone = schema.zone();
        Some(StoredSchema {
            user_id_field: fields.user_id.to_string(),
            event_type_field: fields.event_type.to_string(),
            timestamp_field: fields.timestamp.to_string(),
            amount_field: fields.amount.to_string(),
            purchase_types: schema.purchase_types().to_vec(),
            accept_offsets: schema.accepts_offsets(),
            timezone: zone.to_string(),
            timezone_database: Zone::database().filter(|_| zone.is_named()).map(Into::into),
        })
    }

    /// The version of the time zone database that it was written with, if that is another than this program's.
    pub(crate) fn other_database(&self) -> Option<&str> {
        let was = self.timezone_database.as_deref()?;
        (Zone::database() != Some(was)).then_some(was)
    }

    /// What it means; `None` if nothing.
    pub(crate) fn to_schema(&self) -> Option<Schema> {
        let names = FieldNames {
            user_id: self.user_id_field.parse().ok()?,
            event_type: self.event_type_field.parse().ok()?,
            timestamp: self.timestamp_field.parse().ok()?,
            amount: self.amount_field.parse().ok()?,
        };
        Some(
            Schema::default()
                .with_fields(names)
                .ok()?
                .with_purchase_types(self.purchase_types.iter().cloned())
                .ok()?
                .accepting_offsets(self.accept_offsets)
                .in_zone(self.timezone.parse().ok()?),
        )
    }
}

/// Only what every version says.
#[derive(Debug, Deserialize)]
struct AnyMark {
    format: String,
    version: u32,
}

/// The folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Locked as long as it is open; not there for who only looks.
    lock: Option<File>,
}

impl Folder {
    /// Opens the folder for a run that may change it, creating it where nothing is.
    pub(super) fn open(path: &Path) -> Result<Folder> {
        let path = absolute(path)?;
        match std::fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => created.map_err(|source| Error::io(Action::Create, &path, source))?,
        }
        let folder = Folder { path, lock: None };
        // Nothing is written into a folder that is somebody else's.
        if !folder.has_mark()? && !folder.is_empty()? && !folder.has_mark()? {
            return Err(Error::NotAState { path: folder.path });
        }
        let lock = folder.lock()?;
        Ok(Folder {
            lock: Some(lock),
            ..folder
        })
    }

    /// The folder, to be looked at only.
    pub(super) fn existing(path: &Path) -> Result<Folder> {
        let path = absolute(path)?;
        let folder = Folder { path, lock: None };
        if !folder.has_mark()? {
            return Err(Error::NotAState { path: folder.path });
        }
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn mark(&self) -> PathBuf {
        self.path.join(MARK)
    }

    fn has_mark(&self) -> Result<bool> {
        let mark = self.mark();
        match mark.symlink_metadata() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Perhaps not even the folder is there, or it is no folder.
                std::fs::read_dir(&self.path)
                    .map(|_| false)
                    .map_err(|source| Error::io(Action::Open, &self.path, source))
            }
            Err(source) => Err(Error::io(Action::Inspect, &mark, source)),
        }
    }

    /// Whether nothing is in the folder but what a run that was killed at its start may have left.
    fn is_empty(&self) -> Result<bool> {
        let fault = |source| Error::io(Action::Read, &self.path, source);
        for entry in std::fs::read_dir(&self.path).map_err(fault)? {
            let name = entry.map_err(fault)?.file_name();
            // What a file system of its own has.
            if name != LOCK && name != "lost+found" && !is_draft(&name) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn lock(&self) -> Result<File> {
        let path = self.path.join(LOCK);
        let fault = |action| {
            let path = path.clone();
            move |source| Error::io(action, &path, source)
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(fault(Action::Create))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut process = String::new();
                // It may be about to write it.
                let _ = file.take(20).read_to_string(&mut process);
                return Err(Error::StateInUse {
                    path: self.path.clone(),
                    process: process.trim().parse().ok(),
                });
            }
            Err(error) => return Err(fault(Action::Lock)(error.into())),
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()));
        written.map_err(fault(Action::Write))?;
        Ok(file)
    }

    /// What the mark says.
    pub(super) fn settings(&self) -> Result<Settings> {
        let path = self.mark();
        let text = std::fs::read(&path).map_err(|source| Error::io(Action::Read, &path, source))?;
        let damaged = |what: String| Error::StateDamaged {
            path: path.clone(),
            what,
            remedy: REMEDY_FOR_ALL,
        };
        let (json, checksum) = halves(&text);
        // Which version it is of comes first: another may have other checksums.
        let any: AnyMark =
            serde_json::from_slice(json).map_err(|error| damaged(error.to_string()))?;
        if any.format != FORMAT {
            return Err(damaged("it is the mark of something else".into()));
        }
        if any.version != VERSION {
            return Err(Error::StateVersion {
                path,
                found: any.version,
                known: VERSION,
            });
        }
        if checksum != checksum_of(json) {
            return Err(damaged("its checksum is another".into()));
        }
        let mark: Mark =
            serde_json::from_slice(json).map_err(|error| damaged(error.to_string()))?;
        if mark.rules != RULES {
            return Err(Error::StateSettings {
                path: self.path.clone(),
                setting: "the rules of version",
                was: mark.rules.to_string(),
                is: RULES.to_string(),
            });
        }
        let schema = match &mark.schema {
            None => Schema::default(),
            Some(stored) => {
                if let Some(was) = stored.other_database() {
                    return Err(Error::StateSettings {
                        path: self.path.clone(),
                        setting: "the time zone database",
                        was: was.into(),
                        is: Zone::database().unwrap_or("none").into(),
                    });
                }
                stored
                    .to_schema()
                    .ok_or_else(|| damaged("its schema means nothing".into()))?
            }
        };
        Ok(Settings {
            schema: Arc::new(schema),
            max_line_bytes: usize::try_from(mark.max_line_bytes).unwrap_or(usize::MAX),
            keeps_rejects: mark.keeps_rejects,
        })
    }

    /// What the mark says together with what a run wants; makes one where there is none.
    pub(super) fn settle(&self, wanted: Settings) -> Result<Settings> {
        if self.has_mark()? {
            let settings = self.settings()?;
            if settings.max_line_bytes != wanted.max_line_bytes {
                return Err(Error::StateSettings {
                    path: self.path.clone(),
                    setting: "--max-line-bytes",
                    was: settings.max_line_bytes.to_string(),
                    is: wanted.max_line_bytes.to_string(),
                });
            }
            if let Some((setting, was, is)) = difference(&settings.schema, &wanted.schema) {
                return Err(Error::StateSettings {
                    path: self.path.clone(),
                    setting,
                    was,
                    is,
                });
            }
            if settings.keeps_rejects || !wanted.keeps_rejects {
                return Ok(settings);
            }
        }
        self.write_mark(&wanted)?;
        Ok(wanted)
    }

    fn write_mark(&self, settings: &Settings) -> Result<()> {
        let mark = Mark {
            format: FORMAT.into(),
            version: VERSION,
            rules: RULES,
            max_line_bytes: settings.max_line_bytes as u64,
            schema: StoredSchema::of(&settings.schema),
            keeps_rejects: settings.keeps_rejects,
            written_by: concat!("daytally ", env!("CARGO_PKG_VERSION")).into(),
        };
        // Numbers and strings: nothing here can fail to serialise.
        self.replace_json(MARK, &serde_json::to_string(&mark).unwrap_or_default())
    }

    /// Where the partial result of an input is.
    pub(super) fn partial(&self, input: &Path) -> PathBuf {
        self.file(input, PARTIAL)
    }

    /// Where the rejects of an input are.
    pub(super) fn rejects(&self, input: &Path) -> PathBuf {
        self.file(input, REJECTS)
    }

    fn file(&self, input: &Path, extension: &str) -> PathBuf {
        let hash = blake3::hash(input.as_os_str().as_bytes()).to_hex();
        // 128 bits are enough for no two paths to ever meet.
        self.path.join(format!("{}.{extension}", &hash[..32]))
    }

    /// A file that is being written.
    pub(super) fn draft(&self) -> Result<DraftFile> {
        DraftFile::create(&self.path)
            .map_err(|source| Error::io(Action::Create, &self.path, source))
    }

    /// Writes a line of JSON, and a line with its CRC-32 as eight hexadecimal digits.
    pub(super) fn replace_json(&self, name: &str, json: &str) -> Result<()> {
        let checksum = checksum_of(json.as_bytes());
        self.replace(name, &[json.as_bytes(), b"\n", &checksum].concat())
    }

    /// Writes a small file as a whole.
    fn replace(&self, name: &str, text: &[u8]) -> Result<()> {
        let place = self.path.join(name);
        let mut draft = self.draft()?;
        draft
            .write_all(text)
            .map_err(|source| Error::io(Action::Write, &place, source))?;
        draft
            .file()
            .sync_all()
            .map_err(|source| Error::io(Action::Sync, &place, source))?;
        draft
            .put_at(&place)
            .map_err(|source| Error::io(Action::Publish, &place, source))?;
        self.sync()
    }

    /// Removes what a run left that was killed: nobody else is at work here.
    pub(super) fn sweep(&self) -> Result<()> {
        let fault = |source| Error::io(Action::Read, &self.path, source);
        for entry in std::fs::read_dir(&self.path).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let path = entry.path();
            let is_orphan = path
                .extension()
                .is_some_and(|extension| extension == REJECTS)
                && !path.with_extension(PARTIAL).exists();
            if is_orphan || is_draft(&entry.file_name()) {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// The partial results.
    pub(super) fn partials(&self) -> Result<BTreeMap<PathBuf, PartialMeta>> {
        let fault = |source| Error::io(Action::Read, &self.path, source);
        let mut partials = BTreeMap::new();
        for entry in std::fs::read_dir(&self.path).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            if path
                .extension()
                .is_none_or(|extension| extension != PARTIAL)
            {
                continue;
            }
            let meta = match PartialFile::open(&path) {
                Ok(partial) => partial.into_meta(),
                // A run that is at work may replace or remove it.
                Err(Error::Io { source, .. })
                    if self.lock.is_none() && source.kind() == io::ErrorKind::NotFound =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            if self.partial(&meta.path) != path {
                return Err(partial::damaged(
                    &path,
                    "it is of another input than its name says",
                ));
            }
            partials.insert(meta.path.clone(), meta);
        }
        Ok(partials)
    }

    /// Removes what is kept of an input. The rejects first: without a partial result they are nothing.
    pub(super) fn remove(&self, input: &Path) -> Result<()> {
        remove(&self.rejects(input))?;
        remove(&self.partial(input))
    }

    /// Makes sure that what was renamed or removed stays so.
    pub(super) fn sync(&self) -> Result<()> {
        let synced = File::open(&self.path).and_then(|folder| folder.sync_all());
        match synced {
            // Some file systems have no such thing for folders.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            synced => synced.map_err(|source| Error::io(Action::Sync, &self.path, source)),
        }
    }
}

/// The first option by which two schemas differ, and what it is in each.
pub(crate) fn difference(was: &Schema, is: &Schema) -> Option<(&'static str, String, String)> {
    let [was_fields, is_fields] = [was, is].map(Schema::fields);
    let types = |schema: &Schema| {
        let types = schema.purchase_types().iter();
        let types = types.map(|name| text::quoted(name).to_string());
        types.collect::<Vec<_>>().join(" and ")
    };
    let accepts = |schema: &Schema| {
        if schema.accepts_offsets() {
            "on"
        } else {
            "off"
        }
    };
    let path = |path: &FieldPath| text::quoted(&path.to_string()).to_string();
    let settings = [
        (
            "--user-id-field",
            path(&was_fields.user_id),
            path(&is_fields.user_id),
        ),
        (
            "--event-type-field",
            path(&was_fields.event_type),
            path(&is_fields.event_type),
        ),
        (
            "--timestamp-field",
            path(&was_fields.timestamp),
            path(&is_fields.timestamp),
        ),
        (
            "--amount-field",
            path(&was_fields.amount),
            path(&is_fields.amount),
        ),
        ("--purchase-type", types(was), types(is)),
        ("--accept-offsets", accepts(was).into(), accepts(is).into()),
        ("--timezone", was.zone().to_string(), is.zone().to_string()),
    ];
    settings.into_iter().find(|(_, was, is)| was != is)
}

/// What is to be done where more than one input is concerned.
pub(crate) const REMEDY_FOR_ALL: &str = "delete the folder, and everything will be read again";

/// The two lines of a file that [`Folder::replace_json`] wrote.
pub(super) fn halves(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\n', text);
    end.map_or((text, &b""[..]), |end| (&text[..end], &text[end + 1..]))
}

/// The second line that goes with the first.
pub(super) fn checksum_of(json: &[u8]) -> Vec<u8> {
    format!("{:08x}\n", crc32fast::hash(json)).into_bytes()
}

fn is_draft(name: &std::ffi::OsStr) -> bool {
    name.as_bytes().ends_with(DRAFT.as_bytes())
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io(Action::Remove, path, error))
        }
        _ => Ok(()),
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|source| Error::io(Action::Open, path, source))
}
