//! What events are replayed into: a result in one file, or a folder with the files of days. Each file is a
//! part, and each part has its own story: days are put in place one by one, and made anew one by one.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::{Action, Error, Result};
use crate::event::Date;
use crate::input::Compression;
use crate::output::{Encoding, Format, Packing, day_file, days_in, sweep_once};
use crate::result::{ResultPlace, ResultReader};
use crate::text;

/// How many bytes are hashed at a time.
const BLOCK: usize = 128 * 1024;

/// A part of a result: the file of a day, or all of it where it is one file.
pub(super) type PartName = Option<Date>;

/// A result that events can be replayed into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The file or folder itself, links followed: whatever it is called, it has one record.
    path: PathBuf,
    format: Format,
    pub(super) is_days: bool,
}

/// What a part is: its bytes, and which file on the disk has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seal {
    /// In lower-case hexadecimal.
    pub(super) sha256: String,
    file: FileState,
}

/// What changes when somebody writes to a file, or puts another in its place.
type FileState = (u64, u64, u64, (i64, i64), (i64, i64));

fn state(at: &Metadata) -> FileState {
    (
        at.dev(),
        at.ino(),
        at.len(),
        (at.mtime(), at.mtime_nsec()),
        (at.ctime(), at.ctime_nsec()),
    )
}

impl Place {
    /// The result at a path.
    ///
    /// # Errors
    ///
    /// Where there is none, and [`Error::NotReplayable`] where it is none that can be added to.
    pub(super) fn at(path: &Path) -> Result<Place> {
        let place = ResultPlace::at(path)?;
        let refused = |what: &str| Error::NotReplayable {
            place: place.to_string(),
            what: what.into(),
        };
        let real = |path: &Path| {
            path.canonicalize()
                .map_err(|source| Error::io(Action::Open, path, source))
        };
        match &place {
            ResultPlace::Stdin => Err(Error::NotReplayable {
                place: "a result".into(),
                what: "is changed where it is when events are replayed into it, and - is no place for that; give a file, or a folder of days".into(),
            }),
            ResultPlace::File(file) => {
                let there = std::fs::metadata(file)
                    .map_err(|source| Error::io(Action::Inspect, file, source))?;
                if !there.is_file() {
                    return Err(refused("is a pipe or a device, and events are replayed into files; give a file, or a folder of days"));
                }
                Ok(Place {
                    format: format_of(file, &refused)?,
                    path: real(file)?,
                    is_days: false,
                })
            }
            ResultPlace::Days(folder) => {
                let mut found = Vec::new();
                for format in Format::ALL.iter().copied() {
                    if !days_in(folder, format)?.is_empty() {
                        found.push(format);
                    }
                }
                match found[..] {
                    [format] if format.encoding() == Encoding::Csv => Ok(Place {
                        path: real(folder)?,
                        format,
                        is_days: true,
                    }),
                    [] => Err(refused("is a folder without any day (date=YYYY-MM-DD/daily_user_stats.csv), so no result; check its name")),
                    [format] => Err(refused(&only_csv(format.extension()))),
                    _ => Err(refused("has days in several formats; events can be replayed only where there is one, and it is csv, csv.gz or csv.zst")),
                }
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Removes drafts that a killed process has left.
    pub(super) fn sweep(&self) {
        if let Some(folder) = self.path.parent() {
            sweep_once(folder);
        }
        if self.is_days {
            sweep_once(&self.path);
        }
    }

    /// The file of a part.
    pub(super) fn file(&self, part: PartName) -> PathBuf {
        match part {
            Some(date) => day_file(&self.path, date, self.format),
            None => self.path.clone(),
        }
    }

    /// The part that events of a day are in.
    pub(super) fn part_of(&self, date: Date) -> PartName {
        self.is_days.then_some(date)
    }

    /// What a part is now; `None` where it is not there.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or is written to meanwhile.
    pub(super) fn seal(&self, part: PartName) -> Result<Option<Seal>> {
        let path = self.file(part);
        let fault = |action| {
            let path = &path;
            move |source| Error::io(action, path, source)
        };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && part.is_some() => {
                return Ok(None);
            }
            Err(source) => return Err(fault(Action::Open)(source)),
        };
        let before = state(&file.metadata().map_err(fault(Action::Inspect))?);
        let mut digest = Sha256::new();
        let mut block = vec![0; BLOCK];
        loop {
            match file.read(&mut block).map_err(fault(Action::Read))? {
                0 => break,
                len => digest.update(&block[..len]),
            }
        }
        let seal = Seal {
            sha256: text::hexadecimal(&digest.finalize()),
            file: before,
        };
        self.check(part, Some(&seal))?;
        Ok(Some(seal))
    }

    /// That a part is what it was.
    ///
    /// # Errors
    ///
    /// [`Error::InputChanged`] where it is not.
    pub(super) fn check(&self, part: PartName, seal: Option<&Seal>) -> Result<()> {
        let path = self.file(part);
        let now = std::fs::metadata(&path).ok().map(|there| state(&there));
        if now == seal.map(|seal| seal.file) {
            return Ok(());
        }
        Err(Error::InputChanged {
            path,
            change: "somebody else has written to it, or has put another file in its place".into(),
        })
    }

    /// The rows of a part that is there.
    ///
    /// # Errors
    ///
    /// Where it cannot be opened.
    pub(super) fn rows(&self, part: PartName) -> Result<ResultReader> {
        match part {
            Some(date) => Ok(ResultReader::of_day(self.file(part), date)),
            None => ResultReader::open(&ResultPlace::File(self.path.clone())),
        }
    }
}

/// What a result of another format is refused with.
fn only_csv(format: &str) -> String {
    format!(
        "is {format}, and events can be replayed only into csv, csv.gz and csv.zst; write the result as one of them (daytally aggregate --format csv), or repair the lines in their inputs and run daytally aggregate again"
    )
}

/// What a file is written as, by its first bytes: its name need not tell.
fn format_of(path: &Path, refused: &impl Fn(&str) -> Error) -> Result<Format> {
    let read = |source| Error::io(Action::Read, path, source);
    let mut start = Vec::new();
    let file = File::open(path).map_err(|source| Error::io(Action::Open, path, source))?;
    file.take(64).read_to_end(&mut start).map_err(read)?;
    let packing = match Compression::detect(&start) {
        None => Packing::None,
        Some(Compression::Gzip) => Packing::Gzip,
        Some(Compression::Zstd) => Packing::Zstd,
        Some(other) => {
            return Err(refused(&only_csv(&format!(
                "compressed with {}",
                other.name()
            ))));
        }
    };
    let others: [(&[u8], &str); 3] = [
        (b"PAR1", "Parquet"),
        (b"ARROW1", "Arrow IPC"),
        (b"{", "JSON Lines"),
    ];
    if let Some((_, format)) = others.iter().find(|(magic, _)| start.starts_with(magic)) {
        return Err(refused(&only_csv(format)));
    }
    Ok(match packing {
        Packing::None => Format::CSV,
        Packing::Gzip => Format::CSV_GZIP,
        Packing::Zstd => Format::CSV_ZSTD,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_added_to_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for (name, bytes) in [
            ("a.parquet", &b"PAR1\0"[..]),
            ("a.arrow", b"ARROW1\0\0"),
            ("a.jsonl", b"{\"date\":\"2024-01-01\"}\n"),
            ("a.csv.bz2", b"BZh91AY&SY"),
        ] {
            std::fs::write(at(name), bytes).unwrap();
            let text = Place::at(&at(name)).unwrap_err().to_string();
            assert!(text.contains("only into csv, csv.gz and csv.zst"), "{text}");
        }
        for (name, expected) in [
            ("-", "- is no place for that"),
            ("/dev/null", "a pipe or a device"),
            ("", "is empty"),
            ("not/there", "no such file"),
        ] {
            let text = Place::at(name.as_ref()).unwrap_err().to_string();
            assert!(text.contains(expected), "{text}");
        }
        let day = |format: &str| {
            let format: Format = format.parse().unwrap();
            let file = day_file(&at("days"), "2024-01-01".parse().unwrap(), format);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            file
        };
        std::fs::create_dir(at("days")).unwrap();
        let refused = || Place::at(&at("days")).unwrap_err().to_string();
        assert!(refused().contains("a folder without any day"));
        let parquet = day("parquet");
        assert!(refused().contains("is parquet, and"));
        day("csv.gz");
        assert!(refused().contains("days in several formats"));
        std::fs::remove_file(parquet).unwrap();
        let place = Place::at(&at("days")).unwrap();
        assert_eq!((place.format(), place.is_days), (Format::CSV_GZIP, true));
    }

    #[test]
    fn a_seal_tells_bytes_and_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "abc").unwrap();
        let place = Place::at(&path).unwrap();
        let seal = place.seal(None).unwrap().unwrap();
        // FIPS 180-4, the first example.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(seal.sha256, expected);
        place.check(None, Some(&seal)).unwrap();
        // The same bytes in another file.
        let other = folder.path().join("b.csv");
        std::fs::write(&other, "abc").unwrap();
        std::fs::rename(&other, &path).unwrap();
        let text = place.check(None, Some(&seal)).unwrap_err().to_string();
        assert!(text.contains("changed while it was being read"), "{text}");
        std::fs::remove_file(&path).unwrap();
        assert!(place.check(None, Some(&seal)).is_err());
        assert!(place.seal(None).is_err());
    }
}
