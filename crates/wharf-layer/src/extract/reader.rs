//! Members of an archive with long names and extended records applied, in bounded memory.
//!
//! Fields are parsed by the `tar` crate; its own iteration holds header records of any size in memory, and cuts
//! extended records at newlines.
use super::{ExtractError, refused, too_many};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
};
use tar::{EntryType, Header};

/// Size of a block; everything in an archive is a multiple of it.
const BLOCK: u64 = 512;
/// Largest header record (long name, extended records).
const MAX_RECORD: u64 = 1024 * 1024;
/// An entry may be preceded by a long name, a long link name and extended records.
const HEADERS_PER_ENTRY: u64 = 4;
/// Bytes read at once.
const BUFFER: usize = 128 * 1024;

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
    input: BufReader<&'a mut dyn Read>,
    /// Content of the current member that was not read yet, without and with padding.
    content: u64,
    padded: u64,
    headers: u64,
    max_entries: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(input: &'a mut dyn Read, max_entries: u64) -> Self {
        Self {
            input: BufReader::with_capacity(BUFFER, input),
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

    /// Copies the content of the current member.
    pub(super) fn copy_to(&mut self, file: &mut File, path: &Path) -> Result<(), ExtractError> {
        while self.content > 0 {
            let chunk = available(&mut self.input, self.content)?;
            file.write_all(chunk)
                .map_err(|source| ExtractError::Write {
                    action: "write file",
                    path: path.into(),
                    source,
                })?;
            let count = chunk.len();
            self.advance(count);
        }
        Ok(())
    }

    /// Reads what follows the closing blocks, for the sake of a verifying reader below.
    pub(super) fn drain(mut self, limit: u64) -> Result<(), ExtractError> {
        let mut left = limit;
        loop {
            let count = peek(&mut self.input)?.len();
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
            let count = available(&mut self.input, self.padded)?.len();
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
        if peek(&mut self.input)?.is_empty() {
            return Ok(None);
        }
        let block = header.as_mut_bytes();
        self.input.read_exact(block).map_err(ExtractError::Read)?;
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
            let chunk = available(&mut self.input, self.content)?;
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

/// Some of the next `wanted` bytes; their absence is an error.
fn available<'b>(
    input: &'b mut BufReader<&mut dyn Read>,
    wanted: u64,
) -> Result<&'b [u8], ExtractError> {
    let bytes = peek(input)?;
    if bytes.is_empty() {
        return Err(ExtractError::Read(io::ErrorKind::UnexpectedEof.into()));
    }
    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
    Ok(&bytes[..bytes.len().min(wanted)])
}

/// The bytes that were read but not used, after reading some when there were none; empty at the end.
fn peek<'b>(input: &'b mut BufReader<&mut dyn Read>) -> Result<&'b [u8], ExtractError> {
    while input.buffer().is_empty() {
        match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ExtractError::Read(error)),
            Ok(_) => break,
        }
    }
    Ok(input.buffer())
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
