//! Archives back into directories, confined beneath a root whatever names and links the archive holds.
//!
//! Every path is opened relative to the destination's file descriptor, with `openat2` where the kernel has it and
//! component by component without following links where not. Links are replaced, never written through.
//!
//! | module | what |
//! |---|---|
//! | `block` | the bytes of the archive, shared by who reads, hashes and writes |
//! | `reader` | members with long names and extended records applied |
//! | `name` | where a name lands |
//! | `root` | directories and links, beneath the destination |
//! | `dispatch` | which files may be written by others, and when to wait for them |
//! | `flight` | what the others are at, and how it went |
//! | `writers` | the threads |
//! | `file` | one file |
//! | `whiteout`, `remove` | what an image takes away |
mod block;
mod dispatch;
mod file;
mod flight;
mod name;
mod reader;
mod remove;
mod root;
mod whiteout;
mod writers;

pub use writers::Writers;

use crate::checksum::{Checksum, Hasher};
use block::{Block, Feed, Witness};
use dispatch::Dispatch;
use file::{LargeFile, OpenFile, SmallFile};
use name::Place;
use reader::{Kind, Member, Reader};
use root::{Attributes, Root};
use rustix::io::Errno;
use std::{
    collections::BTreeSet,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc::channel},
    thread,
};

/// Blocks of one archive that wait to be hashed or written: 6 MiB, whatever the size of the archive.
const BLOCKS: usize = 24;
/// Blocks where nothing waits: the one that is looked at, and one to spare.
const FEW_BLOCKS: usize = 2;
/// Largest file that is handed over as a whole.
const SMALL: u64 = 256 * 1024;

/// What an archive may do.
#[derive(Debug, Clone)]
pub struct ExtractOptions {
    /// Archive path that lands on the destination. Ancestors of it are skipped, anything else is refused.
    /// `/` takes everything, with or without a leading slash or `./`.
    pub strip: PathBuf,
    /// Whether `.wh.` entries remove what lower layers put there (image file systems).
    pub whiteouts: bool,
    /// Whether owner ids are applied (needs the right to).
    pub owners: bool,
    /// Whether modification times of the archive are applied to files; otherwise "now".
    pub times: bool,
    /// Largest number of entries.
    pub max_entries: u64,
    /// Largest sum of file sizes.
    pub max_bytes: u64,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Entries.
    pub entries: u64,
    /// Sum of file sizes.
    pub bytes: u64,
}

/// Why an archive was not extracted. What was written before is the caller's to remove.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// The archive or a verifying reader below it failed.
    #[error("read archive")]
    Read(#[source] io::Error),
    /// The archive is another one.
    #[error("read archive: expected {expected}, got bytes of {actual}")]
    WrongDigest {
        /// What was asked for.
        expected: Checksum,
        /// What was read.
        actual: Checksum,
    },
    /// An entry leaves the destination, or is of a kind that is never extracted.
    #[error("entry '{name}' {reason}")]
    Refused {
        /// Name as the archive has it.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// A limit was exceeded.
    #[error("archive exceeds {limit} {what}")]
    TooLarge {
        /// "entries" or "bytes".
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Writing failed.
    #[error("{action} '{}'", path.display())]
    Write {
        /// What was tried.
        action: &'static str,
        /// Path below the destination.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// Extracts the uncompressed archive `tar` into the directory `destination`, which is created when missing.
/// Reads `tar` to its end, so that a verifying reader has seen every byte when this returns.
///
/// Modes are those of the archive whatever the umask; those of directories are applied last, so that read-only
/// directories can be filled. What is in the way of an entry is replaced. With `whiteouts`, the archive is a layer
/// of an image: a linked directory on the way to an entry is followed within the destination, as runtimes do, and
/// devices and pipes are left out, for nobody without privileges can make them.
pub fn extract(
    tar: &mut dyn Read,
    destination: &Path,
    options: &ExtractOptions,
) -> Result<Extracted, ExtractError> {
    extract_from(
        Feed::new(tar, FEW_BLOCKS, Witness::None),
        (destination, options),
        None,
        || Ok(()),
    )
}

/// The same with the same result, side by side: `tar` is verified to have the checksum `expected`, `writers` write the
/// files of this and other archives, and the caller's thread reads and makes directories and links. Archives with
/// whiteouts are written by the caller's thread. When this returns, nothing is written any more.
pub fn extract_verified(
    writers: &Writers,
    (tar, expected): (&mut dyn Read, &Checksum),
    destination: &Path,
    options: &ExtractOptions,
) -> Result<Extracted, ExtractError> {
    let writers = (!options.whiteouts).then_some(writers);
    let to = (destination, options);
    let verify = |actual: Checksum| {
        let expected = expected.clone();
        let wrong = (actual != expected).then_some(ExtractError::WrongDigest { expected, actual });
        wrong.map_or(Ok(()), Err)
    };
    let mut hasher = expected.hasher();
    if let Hasher::Seal(_) = hasher {
        let hasher = Arc::new(Mutex::new(hasher));
        let feed = Feed::new(tar, BLOCKS, Witness::Here(Arc::clone(&hasher)));
        return extract_from(feed, to, writers, || {
            verify(block::lock(&hasher).checksum())
        });
    }
    thread::scope(|scope| {
        let (sender, blocks) = channel::<Arc<Block>>();
        let thread = thread::Builder::new().name("hash-layer".to_owned());
        let hashed = thread.spawn_scoped(scope, move || {
            for block in blocks {
                hasher.update(block.bytes());
            }
            hasher.checksum()
        });
        let hashed = hashed.map_err(ExtractError::Read)?;
        let feed = Feed::new(tar, BLOCKS, Witness::Elsewhere(sender));
        extract_from(feed, to, writers, || match hashed.join() {
            Ok(actual) => verify(actual),
            Err(_) => Err(ExtractError::Read(io::Error::other("hashing panicked"))),
        })
    })
}

fn extract_from(
    feed: Feed<'_>,
    (destination, options): (&Path, &ExtractOptions),
    writers: Option<&Writers>,
    verify: impl FnOnce() -> Result<(), ExtractError>,
) -> Result<Extracted, ExtractError> {
    let root =
        Root::open(destination, options.whiteouts, Dispatch::new(writers)).map_err(|source| {
            ExtractError::Write {
                action: "open directory",
                path: destination.into(),
                source: source.into(),
            }
        })?;
    let strip = options.strip.as_os_str().as_encoded_bytes();
    let mut extraction = Extraction {
        options,
        strip: name::components(strip).map_err(|reason| refused(strip, reason))?,
        root,
        placed: BTreeSet::new(),
        seen: 0,
        done: Extracted::default(),
    };
    let read = extraction.all(Reader::new(feed, options.max_entries));
    extraction.finish(read, verify)
}

struct Extraction<'o, 'w> {
    options: &'o ExtractOptions,
    strip: PathBuf,
    root: Root<'w>,
    /// What this archive brought; whiteouts only hide what was there before it.
    placed: BTreeSet<PathBuf>,
    /// Entries, whether written or not.
    seen: u64,
    done: Extracted,
}

impl Extraction<'_, '_> {
    fn all(&mut self, mut reader: Reader<'_>) -> Result<(), ExtractError> {
        while let Some(member) = reader.next()? {
            self.member(&member, &mut reader)?;
            if self.is_failed() {
                return Ok(());
            }
        }
        reader.drain(self.options.max_bytes)
    }

    /// Whether a file could not be written, so that there is no need to read on.
    fn is_failed(&self) -> bool {
        self.root.dispatch.flight.is_failed_before(u64::MAX)
    }

    fn member(&mut self, member: &Member, reader: &mut Reader<'_>) -> Result<(), ExtractError> {
        self.seen += 1;
        if self.seen > self.options.max_entries {
            return Err(too_many(self.options.max_entries));
        }
        let refuse = |reason| refused(&member.name, reason);
        let place = name::place(&member.name, &self.strip).map_err(refuse)?;
        let path = match place {
            Place::Ancestor if member.kind == Kind::Directory => return Ok(()),
            Place::Ancestor => return Err(refuse("stands for a directory but is none")),
            Place::Below(path) => path,
        };
        if self.options.whiteouts && self.whiteout(member, &path)? {
            return Ok(());
        }
        if path.as_os_str().is_empty() && member.kind != Kind::Directory {
            return Err(refuse("stands for a directory but is none"));
        }
        self.root.catch_up_with(&path);
        self.write(member, &path, reader)?;
        self.done.entries += 1;
        if self.options.whiteouts {
            self.placed.insert(path);
        }
        Ok(())
    }

    fn write(
        &mut self,
        member: &Member,
        path: &Path,
        reader: &mut Reader<'_>,
    ) -> Result<(), ExtractError> {
        let attributes = self.attributes(member)?;
        match member.kind {
            Kind::Directory => {
                let made = self.root.make_directory(path, attributes);
                made.map_err(failed("create directory", path))
            }
            Kind::File => self.file(member, path, attributes, reader),
            Kind::Symlink if member.link.is_empty() => {
                Err(refused(&member.name, "is a symbolic link to nothing"))
            }
            Kind::Symlink => {
                let made = self.root.make_symlink(path, &member.link, attributes);
                made.map_err(failed("create symbolic link", path))
            }
            Kind::HardLink => self.hard_link(member, path),
            Kind::Special if self.options.whiteouts => Ok(()),
            Kind::Special => Err(refused(
                &member.name,
                "is a device or a pipe, which are never extracted",
            )),
            Kind::Unknown => Err(refused(&member.name, "is of an unknown kind")),
        }
    }

    fn file(
        &mut self,
        member: &Member,
        path: &Path,
        attributes: Attributes,
        reader: &mut Reader<'_>,
    ) -> Result<(), ExtractError> {
        let limit = self.options.max_bytes;
        let bytes = self.done.bytes.checked_add(member.size);
        self.done.bytes = bytes
            .filter(|bytes| *bytes <= limit)
            .ok_or(ExtractError::TooLarge {
                what: "bytes",
                limit,
            })?;
        if !self.root.dispatch.is_parallel() {
            self.file_here(path, attributes, reader)
        } else if member.size <= SMALL {
            self.small_file(path, attributes, reader)
        } else {
            self.large_file(path, attributes, reader)
        }
    }

    fn file_here(
        &mut self,
        path: &Path,
        attributes: Attributes,
        reader: &mut Reader<'_>,
    ) -> Result<(), ExtractError> {
        let file = self.root.make_file(path, attributes);
        let mut file = OpenFile::new(file.map_err(failed("create file", path))?, path);
        while let Some(piece) = reader.piece()? {
            file.write(piece.bytes())?;
        }
        file.close(attributes)
    }

    fn small_file(
        &mut self,
        path: &Path,
        attributes: Attributes,
        reader: &mut Reader<'_>,
    ) -> Result<(), ExtractError> {
        let parent = self.root.parent(path);
        let parent = parent.map_err(failed("create file", path))?;
        let mut content = Vec::new();
        while let Some(piece) = reader.piece()? {
            content.push(piece);
        }
        self.root.dispatch.small(SmallFile {
            entry: self.seen,
            path: path.into(),
            parent,
            attributes,
            content,
        });
        Ok(())
    }

    fn large_file(
        &mut self,
        path: &Path,
        attributes: Attributes,
        reader: &mut Reader<'_>,
    ) -> Result<(), ExtractError> {
        let file = self.root.make_file(path, attributes);
        let file = file.map_err(failed("create file", path))?;
        self.root.dispatch.large(path);
        let file = Arc::new(LargeFile::new(self.seen, path, (file, attributes)));
        while let Some(piece) = reader.piece()? {
            self.root.dispatch.piece(&file, Some(piece));
            if self.is_failed() {
                return Ok(());
            }
        }
        self.root.dispatch.piece(&file, None);
        Ok(())
    }

    fn hard_link(&mut self, member: &Member, path: &Path) -> Result<(), ExtractError> {
        let outside = || refused(&member.name, "is a hard link to outside");
        let target = match name::place(&member.link, &self.strip).map_err(|_| outside())? {
            Place::Below(target) if !target.as_os_str().is_empty() => target,
            _ => return Err(outside()),
        };
        if target == path {
            return Err(refused(&member.name, "is a hard link to itself"));
        }
        self.root.catch_up_with(&target);
        let made = self.root.make_hard_link(path, &target);
        if !made.map_err(failed("create hard link", path))? {
            let reason = "is a hard link to a file that is not there";
            return Err(refused(&member.name, reason));
        }
        Ok(())
    }

    fn attributes(&self, member: &Member) -> Result<Attributes, ExtractError> {
        let id = |id: u64| {
            let too_large = |_| refused(&member.name, "has an owner id above 4294967295");
            u32::try_from(id).map_err(too_large)
        };
        Ok(Attributes {
            mode: member.mode,
            owner: if self.options.owners {
                Some((id(member.uid)?, id(member.gid)?))
            } else {
                None
            },
            time: self.options.times.then_some(member.time),
        })
    }

    /// Waits for what is still being written. Of errors the one that comes first in the archive counts, and reading
    /// is always further on than writing.
    fn finish(
        mut self,
        read: Result<(), ExtractError>,
        verify: impl FnOnce() -> Result<(), ExtractError>,
    ) -> Result<Extracted, ExtractError> {
        self.root.settle();
        if let Some(error) = self.root.dispatch.flight.take_failure() {
            return Err(error);
        }
        read?;
        verify()?;
        let done = self.done;
        self.root
            .finish()
            .map_err(|(path, errno)| failed("set mode or owner of", &path)(errno))?;
        Ok(done)
    }
}

fn too_many(limit: u64) -> ExtractError {
    ExtractError::TooLarge {
        what: "entries",
        limit,
    }
}

fn refused(name: &[u8], reason: &'static str) -> ExtractError {
    ExtractError::Refused {
        name: String::from_utf8_lossy(name).into_owned(),
        reason,
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(Errno) -> ExtractError {
    move |errno| ExtractError::Write {
        action,
        path: path.into(),
        source: errno.into(),
    }
}
