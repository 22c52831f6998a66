//! Whether two directories hold the same bytes.
use anyhow::{Context, Result, ensure};
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// Ends with an error that names the first file, link or mode of `made` that `known` does not have exactly so; the
/// number of files and links otherwise. `known` may have more.
pub(super) fn expect(made: &Path, known: &Path) -> Result<usize> {
    let mut count = 0;
    let mut names = fs::read_dir(made)
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<Result<Vec<_>, _>>()
        })
        .with_context(|| format!("list {}", made.display()))?;
    names.sort();
    for name in names {
        let (made, known) = (made.join(&name), known.join(&name));
        let kind =
            fs::symlink_metadata(&made).with_context(|| format!("look at {}", made.display()))?;
        if kind.is_dir() {
            count += expect(&made, &known)?;
            continue;
        }
        ensure!(
            content(&made)? == content(&known)?,
            "{} and {} differ",
            made.display(),
            known.display()
        );
        count += 1;
    }
    Ok(count)
}

/// Mode and bytes of a file, or the target of a link.
fn content(path: &Path) -> Result<(u32, Vec<u8>)> {
    let read = || {
        let metadata = fs::symlink_metadata(path)?;
        let mode = metadata.permissions().mode();
        if metadata.is_symlink() {
            let target = fs::read_link(path)?.into_os_string();
            return Ok((mode, target.into_encoded_bytes()));
        }
        Ok::<_, std::io::Error>((mode, fs::read(path)?))
    };
    read().with_context(|| format!("read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn tree(content: &str, target: &str, mode: u32) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("below")).unwrap();
        let file = dir.path().join("below/file");
        fs::write(&file, content).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        symlink(target, dir.path().join("link")).unwrap();
        dir
    }

    #[test]
    fn counts_what_is_the_same_and_names_what_is_not() {
        let made = tree("a", "b", 0o644);
        let against = |known: &tempfile::TempDir| {
            expect(made.path(), known.path()).map_err(|error| {
                let text = error.to_string();
                let name = |dir: &Path| format!("{}/", dir.display());
                text.replace(&name(made.path()), "made/")
                    .replace(&name(known.path()), "known/")
            })
        };
        assert_eq!(against(&tree("a", "b", 0o644)), Ok(2));
        let file = Err("made/below/file and known/below/file differ".to_owned());
        assert_eq!(against(&tree("x", "b", 0o644)), file);
        assert_eq!(against(&tree("a", "b", 0o755)), file);
        assert_eq!(
            against(&tree("a", "x", 0o644)),
            Err("made/link and known/link differ".to_owned())
        );
    }
}
