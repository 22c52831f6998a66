//! Where an archive name lands.
use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// Directories within directories; deeper trees would need more open files than a process has.
const MAX_DEPTH: usize = 256;
/// Longest path a system call takes.
const MAX_LENGTH: usize = 4095;

/// Where a name lies relative to the path that is stripped.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At the destination (empty) or below it.
    Below(PathBuf),
    /// A directory above the destination.
    Ancestor,
}

/// `name` without leading slash, `.` and doubled slashes, or why it is refused.
pub(super) fn components(name: &[u8]) -> Result<PathBuf, &'static str> {
    let mut path = PathBuf::new();
    let mut depth = 0;
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err("contains '..'"),
            part if part.contains(&0) => return Err("contains a NUL byte"),
            part => {
                path.push(OsStr::from_bytes(part));
                depth += 1;
            }
        }
    }
    if depth > MAX_DEPTH {
        return Err("is nested more than 256 directories deep");
    }
    if path.as_os_str().len() > MAX_LENGTH {
        return Err("is longer than 4095 bytes");
    }
    Ok(path)
}

/// Where `name` lands when `strip` is the destination, or why it is refused.
pub(super) fn place(name: &[u8], strip: &Path) -> Result<Place, &'static str> {
    let path = components(name)?;
    if let Ok(below) = path.strip_prefix(strip) {
        Ok(Place::Below(below.into()))
    } else if strip.starts_with(&path) {
        Ok(Place::Ancestor)
    } else {
        Err("lies outside the directory that is extracted")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_land_at_one_place() {
        let strip = components(b"/layers/x").unwrap();
        for name in ["/layers/x/a/b", "./layers/x/a/b", "layers//x/./a/b/"] {
            let place = place(name.as_bytes(), &strip);
            assert_eq!(place, Ok(Place::Below("a/b".into())));
        }
    }

    #[test]
    fn everything_is_below_the_root() {
        let strip = components(b"/").unwrap();
        assert_eq!(
            place(b"etc/passwd", &strip),
            Ok(Place::Below("etc/passwd".into()))
        );
        assert_eq!(place(b"./", &strip), Ok(Place::Below("".into())));
    }

    #[test]
    fn ancestors_are_told_apart_from_neighbours() {
        let strip = components(b"/layers/x").unwrap();
        assert_eq!(place(b"/", &strip), Ok(Place::Ancestor));
        assert_eq!(place(b"/layers", &strip), Ok(Place::Ancestor));
        assert_eq!(place(b"/layers/x", &strip), Ok(Place::Below("".into())));
        for name in ["/layers/xy", "/lay", "/etc"] {
            place(name.as_bytes(), &strip).unwrap_err();
        }
    }

    #[test]
    fn names_that_climb_or_sink_too_deep_are_refused() {
        assert_eq!(components(b"a/../b"), Err("contains '..'"));
        assert_eq!(components(b"a\0b"), Err("contains a NUL byte"));
        components(&b"a/".repeat(256)).unwrap();
        components(&b"a/".repeat(257)).unwrap_err();
        components(&[b'a'; 4096]).unwrap_err();
    }
}
