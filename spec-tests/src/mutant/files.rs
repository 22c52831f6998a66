//! Spoiling files.
use std::{
    fs,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// Changes a TOML file if it is there and holds what the change needs.
pub(super) fn toml(path: &Path, change: impl FnOnce(&mut Table) -> Option<()>) {
    let Ok(text) = fs::read_to_string(path) else {
        return;
    };
    let Ok(mut table) = text.parse::<Table>() else {
        return;
    };
    if change(&mut table).is_some() {
        let _ = fs::write(path, table.to_string());
    }
}

/// A table inside a table.
pub(super) fn inner<'a>(table: &'a mut Table, keys: &[&str]) -> Option<&'a mut Table> {
    keys.iter()
        .try_fold(table, |table, key| table.get_mut(*key)?.as_table_mut())
}

/// A list inside a table.
pub(super) fn list<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Vec<Value>> {
    table.get_mut(key)?.as_array_mut()
}

/// Changes the text of a file if it is there.
pub(super) fn text(path: &Path, change: impl FnOnce(String) -> String) {
    if let Ok(text) = fs::read_to_string(path) {
        let _ = fs::write(path, change(text));
    }
}

/// Every path below a directory that the test accepts; links are not followed.
pub(super) fn below(dir: &Path, accept: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if accept(&path) {
            found.push(path.clone());
        }
        if path.symlink_metadata().is_ok_and(|kind| kind.is_dir()) {
            found.extend(below(&path, accept));
        }
    }
    found
}

/// Whether the file name ends so.
pub(super) fn ends(path: &Path, end: &str) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().ends_with(end))
}

/// Puts shell lines in front of every `bin/build`.
pub(super) fn in_front_of_builds(buildpacks: &Path, lines: &str) {
    for path in below(buildpacks, &|path| path.ends_with("bin/build")) {
        text(&path, |script| match script.split_once('\n') {
            Some((first, rest)) if !rest.starts_with(lines) => {
                format!("{first}\n{lines}\n{rest}")
            }
            _ => script,
        });
    }
}
