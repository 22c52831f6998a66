//! Writing the commit into an executable, so that a commit alone compiles and links nothing.
use anyhow::{Result, ensure};
use wharf_lifecycle::version::{COMMIT_AT, UNSTAMPED};

/// Writes `commit` into each room that `bytes` have for one.
pub(super) fn write(bytes: &mut [u8], commit: &str) -> Result<()> {
    ensure!(
        commit.len() <= UNSTAMPED.len() - COMMIT_AT,
        "the commit '{commit}' is too long"
    );
    let rooms: Vec<usize> = bytes
        .windows(UNSTAMPED.len())
        .enumerate()
        .filter_map(|(at, window)| (window == UNSTAMPED).then_some(at + COMMIT_AT))
        .collect();
    ensure!(!rooms.is_empty(), "it has no room for a commit");
    for at in rooms {
        bytes[at..at + commit.len()].copy_from_slice(commit.as_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commit_fills_each_room_and_nothing_else_changes() {
        let mut bytes = [b"\x7fELF".as_slice(), &UNSTAMPED, b"\0between", &UNSTAMPED].concat();
        write(&mut bytes, "0123456789ab").unwrap();
        let stamped = b"wharf-commit=0123456789ab                            ";
        assert_eq!(
            bytes,
            [b"\x7fELF".as_slice(), stamped, b"\0between", stamped].concat()
        );
    }

    #[test]
    fn an_executable_without_room_and_a_long_commit_are_errors() {
        let text = |result: Result<()>| result.unwrap_err().to_string();
        assert_eq!(
            text(write(&mut b"\x7fELF".to_vec(), "0123")),
            "it has no room for a commit"
        );
        let commit = "0".repeat(41);
        assert_eq!(
            text(write(&mut UNSTAMPED.to_vec(), &commit)),
            format!("the commit '{commit}' is too long")
        );
    }
}
