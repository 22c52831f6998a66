//! Layers whose files lie on disk under other names than in the image.
//!
//! Owners and modes do not come from disk: who checked the files out, and with which umask, must not matter.
use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Write},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};
use wharf_layer::{
    Blob, Encoder, LayerError, Owner,
    tar::{Entry, EntryKind, TarWriter},
};

/// Root.
pub(crate) const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// One file of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Absolute path in the image.
    pub(crate) path: String,
    /// Owner in the image.
    pub(crate) owner: Owner,
    /// What it is.
    pub(crate) content: Content,
}

/// What a file of a layer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Directory,
    File(PathBuf),
    Text(String),
    Link(OsString),
}

impl Item {
    pub(crate) fn directory(path: impl Into<String>, owner: Owner) -> Self {
        Self {
            path: path.into(),
            owner,
            content: Content::Directory,
        }
    }

    pub(crate) fn text(path: impl Into<String>, text: String) -> Self {
        Self {
            path: path.into(),
            owner: ROOT,
            content: Content::Text(text),
        }
    }
}

/// The content of directory `dir` below `at`, parents first, names in byte order.
pub(crate) fn tree(dir: &Path, at: &str) -> Result<Vec<Item>, LayerError> {
    let failed = |action: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| LayerError::Io {
            action,
            path,
            source,
        }
    };
    let mut names = fs::read_dir(dir)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name()))
                .collect::<io::Result<Vec<_>>>()
        })
        .map_err(failed("read", dir))?;
    names.sort();
    let mut items = Vec::new();
    for name in names {
        let path = dir.join(&name);
        let Some(text) = name.to_str() else {
            return Err(LayerError::Unsupported {
                path,
                reason: "has a name that is not UTF-8",
            });
        };
        let inside = format!("{at}/{text}");
        let kind = fs::symlink_metadata(&path)
            .map_err(failed("read", &path))?
            .file_type();
        let content = if kind.is_dir() {
            Content::Directory
        } else if kind.is_symlink() {
            Content::Link(
                fs::read_link(&path)
                    .map_err(failed("read", &path))?
                    .into_os_string(),
            )
        } else if kind.is_file() {
            Content::File(path.clone())
        } else {
            return Err(LayerError::Unsupported {
                path,
                reason: "is neither a file nor a directory nor a link",
            });
        };
        let is_directory = content == Content::Directory;
        items.push(Item {
            path: inside.clone(),
            owner: ROOT,
            content,
        });
        if is_directory {
            items.extend(tree(&path, &inside)?);
        }
    }
    Ok(items)
}

/// Directories from below `/` down to `path`, owned by root.
pub(crate) fn parents(path: &str) -> Vec<Item> {
    path.match_indices('/')
        .skip(1)
        .map(|(end, _)| Item::directory(&path[..end], ROOT))
        .chain([Item::directory(path, ROOT)])
        .collect()
}

/// The layer with `items`, in their order.
pub(crate) fn encode(encoder: &Encoder, items: &[Item]) -> Result<Blob, LayerError> {
    encoder.encode_with(&mut |out| {
        let mut writer = TarWriter::new(out);
        for item in items {
            append(&mut writer, item)?;
        }
        writer.finish().map_err(LayerError::Write)?;
        Ok(())
    })
}

fn append(writer: &mut TarWriter<&mut dyn Write>, item: &Item) -> Result<(), LayerError> {
    let entry = |kind, mode| Entry {
        name: item.path.clone().into_bytes(),
        kind,
        mode,
        uid: item.owner.uid,
        gid: item.owner.gid,
    };
    let written = match &item.content {
        Content::Directory => writer.append(&entry(EntryKind::Directory, 0o755), &mut io::empty()),
        Content::Text(text) => {
            let size = text.len() as u64;
            writer.append(
                &entry(EntryKind::File { size }, 0o644),
                &mut text.as_bytes(),
            )
        }
        Content::Link(target) => {
            let target = target.as_bytes().to_vec();
            writer.append(
                &entry(EntryKind::Symlink { target }, 0o777),
                &mut io::empty(),
            )
        }
        Content::File(path) => {
            let failed = |source| LayerError::Io {
                action: "read",
                path: path.clone(),
                source,
            };
            let mut file = File::open(path).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            let executable = metadata.permissions().mode() & 0o111 != 0;
            let mode = if executable { 0o755 } else { 0o644 };
            let size = metadata.len();
            writer.append(&entry(EntryKind::File { size }, mode), &mut file)
        }
    };
    written.map_err(LayerError::Write)
}
