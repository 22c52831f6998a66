//! Members of an archive with long names and extended records applied, in bounded memory.
//!
//! Fields are parsed by the `tar` crate; its own iteration holds header records of any size in memory, and cuts
//! extended records at newlines.
use super::{
    ExtractError,
    block::{Block, Feed, Piece},
    refused, too_many,
};
use std::{io, sync::Arc};
use tar::{EntryType, Header};

/// Size of a block; everything in an archive is a multiple of it.
const BLOCK: u64 = 512;
/// Largest header record (long name, extended records).
const MAX_RECORD: u64 = 1024 * 1024;
/// An entry may be preceded by a long name, a long link name and extended records.
const HEADERS_PER_ENTRY: u64 = 4;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Symlink,
    HardLink,
    /// Devices and pipes.
    Special,
    Unknown,
}

/// A member of an archive.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) kind: Kind,
    /// Target of a link.
    pub(super) link: Vec<u8>,
    /// Bytes of content; zero for all but files.
    pub(super) size: u64,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    /// Seconds and nanoseconds since the epoch.
    pub(super) time: (i64, u32),
}

/// What the header records before a member say about it.
#[derive(Default)]
struct Records {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
    time: Option<(i64, u32)>,
    sparse: bool,
}

pub(super) struct Reader<'a> {
    input: Input<'a>,
    /// Content of the current member that was not read yet, without and with padding.
    content: u64,
    padded: u64,
    headers: u64,
    max_entries: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(feed: Feed<'a>, max_entries: u64) -> Self {
        Self {
            input: Input {
                feed,
                block: None,
                at: 0,
            },
            content: 0,
            padded: 0,
            headers: 0,
            max_entries,
        }
    }

    /// The next member, or `None` at the closing blocks or the end of the input.
    pub(super) fn next(&mut self) -> Result<Option<Member>, ExtractError> {
        let mut records = Records::default();
        loop {
            self.skip()?;
            let Some(header) = self.header()? else {
                return Ok(None);
            };
            let size = header.entry_size().map_err(ExtractError::Read)?;
            match header.entry_type() {
                EntryType::XHeader => parse_records(&self.record(size)?, &mut records)?,
                EntryType::XGlobalHeader => drop(self.record(size)?),
                EntryType::GNULongName => records.name = Some(self.long(size)?),
                EntryType::GNULongLink => records.link = Some(self.long(size)?),
                _ => return self.member(&header, records).map(Some),
            }
        }
    }

    /// The next bytes of the content of the current member, as many as lie together; none at its end.
    pub(super) fn piece(&mut self) -> Result<Option<Piece>, ExtractError> {
        if self.content == 0 {
            return Ok(None);
        }
        let piece = self.input.piece(self.content)?;
        self.advance(piece.bytes().len());
        Ok(Some(piece))
    }

    /// Reads what follows the closing blocks, for the sake of a verifying reader below.
    pub(super) fn drain(mut self, limit: u64) -> Result<(), ExtractError> {
        let mut left = limit;
        loop {
            let count = self.input.peek()?.len();
            if count == 0 {
                return Ok(());
            }
            self.input.consume(count);
            left = left
                .checked_sub(count as u64)
                .ok_or(ExtractError::TooLarge {
                    what: "bytes",
                    limit,
                })?;
        }
    }

    fn skip(&mut self) -> Result<(), ExtractError> {
        while self.padded > 0 {
            let count = self.input.available(self.padded)?.len();
            self.advance(count);
        }
        Ok(())
    }

    /// Notes that `count` bytes of the current member were used.
    fn advance(&mut self, count: usize) {
        self.input.consume(count);
        self.content = self.content.saturating_sub(count as u64);
        self.padded = self.padded.saturating_sub(count as u64);
    }

    /// One header block; `None` when it is empty or the input ends before it.
    fn header(&mut self) -> Result<Option<Header>, ExtractError> {
        let mut header = Header::new_old();
        if self.input.peek()?.is_empty() {
            return Ok(None);
        }
        let block = header.as_mut_bytes();
        self.input.read_exact(block)?;
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        self.headers += 1;
        if self.headers > self.max_entries.saturating_mul(HEADERS_PER_ENTRY) {
            return Err(too_many(self.max_entries));
        }
        check_sum(&header)?;
        Ok(Some(header))
    }

    fn member(&mut self, header: &Header, records: Records) -> Result<Member, ExtractError> {
        let name = match records.name {
            Some(name) => name,
            None => header.path_bytes().into_owned(),
        };
        if records.sparse {
            return Err(refused(
                &name,
                "is a sparse file, which are never extracted",
            ));
        }
        let link = records
            .link
            .or_else(|| Some(header.link_name_bytes()?.into_owned()));
        let kind = kind(header.entry_type(), &name);
        let number = |record: Option<u64>, field: io::Result<u64>| match record {
            Some(number) => Ok(number),
            None => field.map_err(ExtractError::Read),
        };
        let size = match kind {
            Kind::File | Kind::Unknown => number(records.size, header.entry_size())?,
            _ => 0,
        };
        self.expect(size)?;
        Ok(Member {
            kind,
            link: link.unwrap_or_default(),
            size,
            mode: header.mode().map_err(ExtractError::Read)? & 0o7777,
            uid: number(records.uid, header.uid())?,
            gid: number(records.gid, header.gid())?,
            time: match records.time {
                Some(time) => time,
                None => (i64::try_from(number(None, header.mtime())?).unwrap_or(0), 0),
            },
            name,
        })
    }

    /// A header record as a whole.
    fn record(&mut self, size: u64) -> Result<Vec<u8>, ExtractError> {
        if size > MAX_RECORD {
            return Err(ExtractError::TooLarge {
                what: "bytes in a header record",
                limit: MAX_RECORD,
            });
        }
        self.expect(size)?;
        let mut record = Vec::new();
        while self.content > 0 {
            let chunk = self.input.available(self.content)?;
            record.extend_from_slice(chunk);
            let count = chunk.len();
            self.advance(count);
        }
        Ok(record)
    }

    /// A long name, up to its NUL.
    fn long(&mut self, size: u64) -> Result<Vec<u8>, ExtractError> {
        let mut name = self.record(size)?;
        let end = name.iter().position(|byte| *byte == 0);
        name.truncate(end.unwrap_or(name.len()));
        Ok(name)
    }

    fn expect(&mut self, size: u64) -> Result<(), ExtractError> {
        self.content = size;
        self.padded = size
            .checked_next_multiple_of(BLOCK)
            .ok_or_else(|| malformed("member size overflows"))?;
        Ok(())
    }
}

/// The block that is being looked at, and those to come.
struct Input<'a> {
    feed: Feed<'a>,
    block: Option<Arc<Block>>,
    /// Bytes of the block that were used.
    at: usize,
}

impl Input<'_> {
    /// The bytes that were read but not used, after reading some when there were none; empty at the end.
    fn peek(&mut self) -> Result<&[u8], ExtractError> {
        let used_up = |block: &Arc<Block>| block.bytes().len() == self.at;
        if self.block.as_ref().is_none_or(used_up) {
            // Gone before the next one is filled, so that it can be that one.
            self.block = None;
            self.at = 0;
            self.block = self.feed.next().map_err(ExtractError::Read)?;
        }
        let bytes = self.block.as_ref().map_or(&[][..], |block| block.bytes());
        Ok(&bytes[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }

    /// Some of the next `wanted` bytes; their absence is an error.
    fn available(&mut self, wanted: u64) -> Result<&[u8], ExtractError> {
        let bytes = self.peek()?;
        if bytes.is_empty() {
            return Err(ExtractError::Read(io::ErrorKind::UnexpectedEof.into()));
        }
        let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
        Ok(&bytes[..bytes.len().min(wanted)])
    }

    /// The same, not copied but held.
    fn piece(&mut self, wanted: u64) -> Result<Piece, ExtractError> {
        let count = self.available(wanted)?.len();
        let absent = || ExtractError::Read(io::ErrorKind::UnexpectedEof.into());
        let block = self.block.as_ref().ok_or_else(absent)?;
        Ok(Piece::new(block, self.at..self.at + count))
    }

    fn read_exact(&mut self, mut wanted: &mut [u8]) -> Result<(), ExtractError> {
        while !wanted.is_empty() {
            let bytes = self.available(wanted.len() as u64)?;
            let count = bytes.len();
            let (now, later) = wanted.split_at_mut(count);
            now.copy_from_slice(bytes);
            self.consume(count);
            wanted = later;
        }
        Ok(())
    }
}

fn kind(entry_type: EntryType, name: &[u8]) -> Kind {
    match entry_type {
        // Before USTAR a trailing slash was what made a directory.
        EntryType::Regular if name.ends_with(b"/") => Kind::Directory,
        EntryType::Regular | EntryType::Continuous => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Symlink,
        EntryType::Link => Kind::HardLink,
        EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Special,
        _ => Kind::Unknown,
    }
}

fn check_sum(header: &Header) -> Result<(), ExtractError> {
    let bytes = header.as_bytes().iter().enumerate();
    let sum: u32 = bytes
        .map(|(at, byte)| {
            u32::from(if (148..156).contains(&at) {
                b' '
            } else {
                *byte
            })
        })
        .sum();
    if header.cksum().map_err(ExtractError::Read)? == sum {
        Ok(())
    } else {
        Err(malformed("header checksum does not match"))
    }
}

/// `<length> <key>=<value>\n` again and again; of equal keys the last counts.
fn parse_records(mut rest: &[u8], records: &mut Records) -> Result<(), ExtractError> {
    let bad = || malformed("malformed extended header");
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ').ok_or_else(bad)?;
        let length: usize = text(&rest[..space])?.parse().map_err(|_| bad())?;
        let record = rest.get(space + 1..length).ok_or_else(bad)?;
        let record = record.strip_suffix(b"\n").ok_or_else(bad)?;
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or_else(bad)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        let number = || text(value)?.parse().map(Some).map_err(|_| bad());
        match key {
            _ if value.is_empty() => {}
            b"path" => records.name = Some(value.to_vec()),
            b"linkpath" => records.link = Some(value.to_vec()),
            b"size" => records.size = number()?,
            b"uid" => records.uid = number()?,
            b"gid" => records.gid = number()?,
            b"mtime" => records.time = Some(time(text(value)?).ok_or_else(bad)?),
            _ if key.starts_with(b"GNU.sparse.") => records.sparse = true,
            _ => {}
        }
        rest = &rest[length..];
    }
    Ok(())
}

/// `<seconds>[.<fraction>]`, which may be negative; the fraction then counts towards the past.
fn time(text: &str) -> Option<(i64, u32)> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.get(..fraction.len().min(9))?;
    let nanoseconds: u32 = format!("{digits:0<9}").parse().ok()?;
    let whole: i64 = seconds.parse().ok()?;
    if seconds.starts_with('-') && nanoseconds > 0 {
        Some((whole.checked_sub(1)?, 1_000_000_000 - nanoseconds))
    } else {
        Some((whole, nanoseconds))
    }
}

fn text(bytes: &[u8]) -> Result<&str, ExtractError> {
    std::str::from_utf8(bytes).map_err(|_| malformed("malformed extended header"))
}

fn malformed(message: &'static str) -> ExtractError {
    ExtractError::Read(io::Error::new(io::ErrorKind::InvalidData, message))
}
