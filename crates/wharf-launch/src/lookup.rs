//! Finds the program of a command that runs without a shell.
use crate::{LaunchError, display, host::Host, join};
use alloc::vec::Vec;
use wharf_env::Env;

/// The program to execute. A command with a slash is taken as it is, relative to `directory`; any other is looked
/// for on `PATH`, where a relative directory is refused: what it holds depends on where the process happens to be.
pub(crate) fn program(
    host: &dyn Host,
    command: &[u8],
    env: &Env,
    directory: &[u8],
) -> Result<Vec<u8>, LaunchError> {
    if command.contains(&b'/') {
        let path = join(directory, command);
        return if host.is_executable(&path) {
            Ok(command.to_vec())
        } else {
            Err(LaunchError::NotExecutable {
                command: display(command),
                path: display(&path),
            })
        };
    }
    let search = env.get_bytes(b"PATH").unwrap_or_default();
    for place in search.split(|byte| *byte == b':') {
        let place = if place.is_empty() { b"." } else { place };
        let found = join(place, command);
        if place.first() == Some(&b'/') {
            if host.is_executable(&found) {
                return Ok(found);
            }
        } else if host.is_executable(&join(directory, &found)) {
            return Err(LaunchError::CommandInRelativeDirectory {
                command: display(command),
                found: display(&found),
            });
        }
    }
    Err(LaunchError::CommandNotFound {
        command: display(command),
        search: display(search),
    })
}
