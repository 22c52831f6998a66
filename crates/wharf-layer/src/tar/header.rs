//! Header blocks of one entry: which format, which fields, which extended records.
use super::{Entry, EntryKind, MTIME};
use std::io;

/// Size of a block; everything in an archive is a multiple of it.
pub(super) const BLOCK: usize = 512;
/// The two empty blocks that end an archive.
pub(crate) const CLOSING: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// What follows a content of `size` bytes to fill its last block.
pub(crate) fn padding(size: u64) -> &'static [u8] {
    let over = usize::try_from(size % BLOCK as u64).unwrap_or(0);
    &CLOSING[..(BLOCK - over) % BLOCK]
}

const NAME: Field = Field { at: 0, len: 100 };
const MODE: Field = Field { at: 100, len: 8 };
const UID: Field = Field { at: 108, len: 8 };
const GID: Field = Field { at: 116, len: 8 };
const SIZE: Field = Field { at: 124, len: 12 };
const TIME: Field = Field { at: 136, len: 12 };
const CHECKSUM: Field = Field { at: 148, len: 8 };
const TYPE: usize = 156;
const LINK: Field = Field { at: 157, len: 100 };
const MAGIC: Field = Field { at: 257, len: 8 };
const MAJOR: Field = Field { at: 329, len: 8 };
const MINOR: Field = Field { at: 337, len: 8 };
const PREFIX: Field = Field { at: 345, len: 155 };

const MAGIC_USTAR: &[u8] = b"ustar\x0000";
const MAGIC_GNU: &[u8] = b"ustar  \0";

#[derive(Clone, Copy)]
struct Field {
    at: usize,
    len: usize,
}

/// The three ways to write a header, in order of preference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Ustar,
    Pax,
    Gnu,
}

/// The values of an entry as header fields.
struct Values<'a> {
    name: &'a [u8],
    link: &'a [u8],
    type_flag: u8,
    size: u64,
    mode: u64,
    uid: u64,
    gid: u64,
    major: u64,
    minor: u64,
}

impl<'a> Values<'a> {
    fn of(entry: &'a Entry) -> Self {
        let mut values = Self {
            name: &entry.name,
            link: &[],
            type_flag: b'0',
            size: 0,
            mode: u64::from(entry.mode),
            uid: u64::from(entry.uid),
            gid: u64::from(entry.gid),
            major: 0,
            minor: 0,
        };
        let device = match &entry.kind {
            EntryKind::File { size } => {
                values.size = *size;
                return values;
            }
            EntryKind::Directory => {
                values.type_flag = b'5';
                return values;
            }
            EntryKind::Fifo => {
                values.type_flag = b'6';
                return values;
            }
            EntryKind::Symlink { target } => {
                values.type_flag = b'2';
                values.link = target;
                return values;
            }
            EntryKind::CharDevice { major, minor } => (b'3', *major, *minor),
            EntryKind::BlockDevice { major, minor } => (b'4', *major, *minor),
        };
        values.type_flag = device.0;
        values.major = u64::from(device.1);
        values.minor = u64::from(device.2);
        values
    }

    fn format(&self) -> Format {
        if !fits_octal(MAJOR.len, self.major)
            || !fits_octal(MINOR.len, self.minor)
            || !fits_octal(MODE.len, self.mode)
        {
            return Format::Gnu;
        }
        let name_fits = fits_text(NAME, self.name) || split(self.name).is_some();
        let ids_fit = fits_octal(UID.len, self.uid) && fits_octal(GID.len, self.gid);
        if name_fits && fits_text(LINK, self.link) && ids_fit && fits_octal(SIZE.len, self.size) {
            Format::Ustar
        } else {
            Format::Pax
        }
    }

    /// Extended records in order of their keys. A name that USTAR would split is repeated here once PAX is
    /// chosen for another reason.
    fn records(&self) -> Vec<u8> {
        let mut out = Vec::new();
        number_record(&mut out, "gid", self.gid, GID);
        for (key, text, field) in [("linkpath", self.link, LINK), ("path", self.name, NAME)] {
            if !fits_text(field, text) {
                record(&mut out, key, text);
            }
        }
        number_record(&mut out, "size", self.size, SIZE);
        number_record(&mut out, "uid", self.uid, UID);
        out
    }
}

/// All bytes that precede the content of `entry`.
pub(crate) fn blocks(entry: &Entry) -> io::Result<Vec<u8>> {
    let values = Values::of(entry);
    let is_directory_or_link = matches!(values.type_flag, b'5' | b'2');
    if values.name.contains(&0) || values.link.contains(&0) {
        return Err(invalid("entry name or link target contains a NUL byte"));
    }
    if values.name.is_empty() || (!is_directory_or_link && values.name.ends_with(b"/")) {
        return Err(invalid("entry name is empty or ends in a slash"));
    }
    Ok(match values.format() {
        Format::Ustar => ustar(&values),
        Format::Pax => pax(&values),
        Format::Gnu => gnu(&values),
    })
}

fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

fn ustar(values: &Values<'_>) -> Vec<u8> {
    let (prefix, name) = split(values.name).unwrap_or((&[], values.name));
    let mut block = [0; BLOCK];
    put_fields(&mut block, values, put_octal);
    block[NAME.at..NAME.at + NAME.len].fill(0);
    put_text(&mut block, NAME, name);
    put_text(&mut block, LINK, values.link);
    put_text(&mut block, PREFIX, prefix);
    put_text(&mut block, MAGIC, MAGIC_USTAR);
    seal(&mut block);
    block.to_vec()
}

fn pax(values: &Values<'_>) -> Vec<u8> {
    let mut out = special(
        &pax_header_name(values.name),
        &values.records(),
        b'x',
        MAGIC_USTAR,
    );
    let mut block = [0; BLOCK];
    put_fields(&mut block, values, put_octal);
    put_text(&mut block, NAME, &ascii_only(values.name));
    put_text(&mut block, LINK, &ascii_only(values.link));
    put_text(&mut block, MAGIC, MAGIC_USTAR);
    seal(&mut block);
    out.extend_from_slice(&block);
    out
}

fn gnu(values: &Values<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for (text, flag) in [(values.name, b'L'), (values.link, b'K')] {
        if text.len() > NAME.len {
            let data = [text, b"\0"].concat();
            out.extend(special(b"././@LongLink", &data, flag, MAGIC_GNU));
        }
    }
    let mut block = [0; BLOCK];
    put_fields(&mut block, values, put_numeric);
    put_text(&mut block, NAME, values.name);
    put_text(&mut block, LINK, values.link);
    put_text(&mut block, MAGIC, MAGIC_GNU);
    seal(&mut block);
    out.extend_from_slice(&block);
    out
}

/// A header that describes the entry after it: header block, data, padding.
fn special(name: &[u8], data: &[u8], flag: u8, magic: &[u8]) -> Vec<u8> {
    let mut block = [0; BLOCK];
    let name = ascii_only(name);
    let cut = &name[..name.len().min(NAME.len)];
    put_text(&mut block, NAME, trim_slashes(cut));
    for field in [MODE, UID, GID, TIME] {
        put_octal(&mut block, field, 0);
    }
    put_octal(&mut block, SIZE, data.len() as u64);
    block[TYPE] = flag;
    put_text(&mut block, MAGIC, magic);
    seal(&mut block);
    let mut out = block.to_vec();
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(BLOCK), 0);
    out
}

fn put_fields(block: &mut [u8; BLOCK], values: &Values<'_>, put: fn(&mut [u8; BLOCK], Field, u64)) {
    block[TYPE] = values.type_flag;
    put(block, MODE, values.mode);
    put(block, UID, values.uid);
    put(block, GID, values.gid);
    put(block, SIZE, values.size);
    put(block, TIME, MTIME);
    put(block, MAJOR, values.major);
    put(block, MINOR, values.minor);
}

/// Octal digits that fill the field but for one NUL; a number that does not fit is zero, for a record carries it.
fn put_octal(block: &mut [u8; BLOCK], field: Field, number: u64) {
    let number = if fits_octal(field.len, number) {
        number
    } else {
        0
    };
    let mut rest = number;
    for digit in block[field.at..field.at + field.len - 1].iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest & 7).unwrap_or(0);
        rest >>= 3;
    }
}

/// Octal, or big-endian with the top bit set where octal has too few digits.
fn put_numeric(block: &mut [u8; BLOCK], field: Field, number: u64) {
    if fits_octal(field.len, number) {
        return put_octal(block, field, number);
    }
    let bytes = number.to_be_bytes();
    let target = &mut block[field.at..field.at + field.len];
    let shared = bytes.len().min(target.len());
    let at = target.len() - shared;
    target[at..].copy_from_slice(&bytes[bytes.len() - shared..]);
    target[0] |= 0x80;
}

/// The text cut to the field. A cut that ends in a slash loses it, or old readers would see a directory.
fn put_text(block: &mut [u8; BLOCK], field: Field, text: &[u8]) {
    let target = &mut block[field.at..field.at + field.len];
    let shared = text.len().min(target.len());
    target[..shared].copy_from_slice(&text[..shared]);
    if text.len() > field.len && target[field.len - 1] == b'/' {
        let kept = trim_slashes(&text[..field.len - 1]).len();
        target[kept] = 0;
    }
}

fn seal(block: &mut [u8; BLOCK]) {
    block[CHECKSUM.at..CHECKSUM.at + CHECKSUM.len].fill(b' ');
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    let digits = Field {
        len: CHECKSUM.len - 1,
        ..CHECKSUM
    };
    put_octal(block, digits, sum);
    block[digits.at + digits.len - 1] = 0;
}

fn fits_octal(width: usize, number: u64) -> bool {
    number < 1 << ((width - 1) * 3)
}

fn fits_text(field: Field, text: &[u8]) -> bool {
    text.is_ascii() && text.len() <= field.len
}

/// Prefix and name of a long name, parted at the last slash that leaves both short enough.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= NAME.len || !name.is_ascii() {
        return None;
    }
    let window = if name.len() > PREFIX.len + 1 {
        PREFIX.len + 1
    } else {
        name.len() - usize::from(name.ends_with(b"/"))
    };
    let slash = name[..window].iter().rposition(|byte| *byte == b'/')?;
    let (prefix, rest) = (&name[..slash], &name[slash + 1..]);
    let fits = !prefix.is_empty() && !rest.is_empty() && rest.len() <= NAME.len;
    fits.then_some((prefix, rest))
}

/// `dir/PaxHeaders.0/file` for `dir/file`.
fn pax_header_name(name: &[u8]) -> Vec<u8> {
    let file = name
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(0, |slash| slash + 1);
    [&name[..file], b"PaxHeaders.0/", &name[file..]].concat()
}

fn number_record(out: &mut Vec<u8>, key: &str, number: u64, field: Field) {
    if !fits_octal(field.len, number) {
        record(out, key, number.to_string().as_bytes());
    }
}

/// `<length> <key>=<value>\n`, where the length counts its own digits.
fn record(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut total = rest + decimal_digits(rest);
    total = rest + decimal_digits(total);
    out.extend_from_slice(format!("{total} {key}=").as_bytes());
    out.extend_from_slice(value);
    out.push(b'\n');
}

fn decimal_digits(number: usize) -> usize {
    number.to_string().len()
}

fn ascii_only(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(u8::is_ascii).collect()
}

fn trim_slashes(mut text: &[u8]) -> &[u8] {
    while let Some(shorter) = text.strip_suffix(b"/") {
        text = shorter;
    }
    text
}
