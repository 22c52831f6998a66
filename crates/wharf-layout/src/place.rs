//! Which directory a reference means, and back.
use std::path::{Component, Path, PathBuf};
use wharf_spec::{digest::Digest, reference::Reference};

/// How references map to layout directories.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// One directory per tag or digest below a root (platform spec, "Map an image reference to a path").
    Tree(PathBuf),
    /// One directory for everything; tags are annotations in its index.
    Single(PathBuf),
}

impl Place {
    /// The directory of `reference` itself.
    pub(crate) fn directory(&self, reference: &Reference) -> PathBuf {
        match self {
            Self::Single(dir) => dir.clone(),
            Self::Tree(_) => {
                let repository = self.repository(reference);
                match (reference.tag(), reference.digest()) {
                    (Some(tag), _) => repository.join(tag),
                    (None, Some(digest)) => repository.join("sha256").join(digest.hex()),
                    (None, None) => repository,
                }
            }
        }
    }

    /// All directories of the repository that exist, that of `reference` itself first.
    pub(crate) fn directories(&self, reference: &Reference) -> Vec<PathBuf> {
        let own = self.directory(reference);
        let mut found = Vec::new();
        if let Self::Tree(_) = self {
            let repository = self.repository(reference);
            for parent in [repository.join("sha256"), repository] {
                found.extend(layouts_in(&parent));
            }
        }
        found.retain(|dir| *dir != own);
        found.sort();
        if is_layout(&own) {
            found.insert(0, own);
        }
        found
    }

    /// How handoff files name the image with `digest` at `reference`.
    pub(crate) fn identifier(&self, reference: &Reference, digest: Digest) -> String {
        format!("{}@{digest}", self.directory(reference).display())
    }

    /// The reference that a path, with or without a digest, stands for; `None` when it lies elsewhere.
    pub(crate) fn reference(&self, identifier: &str) -> Option<Reference> {
        let (path, digest) = match identifier.rsplit_once("@sha256:") {
            Some((path, hex)) => (path, Some(format!("sha256:{hex}").parse::<Digest>().ok()?)),
            None => (identifier, None),
        };
        let name = match self {
            Self::Single(dir) => (Path::new(path) == dir).then(|| "localhost/layout".to_owned()),
            Self::Tree(root) => name_of(Path::new(path).strip_prefix(root).ok()?),
        }?;
        match digest {
            // A digest that the path names already is not named twice.
            Some(digest) if !name.contains('@') => format!("{name}@{digest}").parse().ok(),
            _ => name.parse().ok(),
        }
    }

    fn repository(&self, reference: &Reference) -> PathBuf {
        match self {
            Self::Single(dir) => dir.clone(),
            Self::Tree(root) => root.join(reference.registry()).join(reference.repository()),
        }
    }
}

/// Whether there is a layout directory, perhaps one that is only being filled.
pub(crate) fn is_layout(dir: &Path) -> bool {
    dir.join("blobs").is_dir() || dir.join("index.json").is_file()
}

fn layouts_in(parent: &Path) -> Vec<PathBuf> {
    let entries = parent.read_dir().into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| is_layout(path))
        .collect()
}

/// `registry/repository:tag` or `registry/repository@sha256:hex` of a path below the root.
fn name_of(relative: &Path) -> Option<String> {
    let part = |component| match component {
        Component::Normal(part) => std::ffi::OsStr::to_str(part),
        _ => None,
    };
    let parts = relative
        .components()
        .map(part)
        .collect::<Option<Vec<&str>>>()?;
    match parts.as_slice() {
        [repository @ .., "sha256", hex] if repository.len() > 1 && hex.len() == 64 => {
            Some(format!("{}@sha256:{hex}", repository.join("/")))
        }
        [repository @ .., tag] if repository.len() > 1 => {
            Some(format!("{}:{tag}", repository.join("/")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Place {
        Place::Tree("/layouts".into())
    }

    fn hex() -> String {
        "ab".repeat(32)
    }

    #[test]
    fn maps_references_to_paths_as_the_specification_says() {
        let path = |text: &str| {
            tree()
                .directory(&text.parse().unwrap())
                .display()
                .to_string()
        };
        let by_digest = format!("busybox@sha256:{}", hex());
        assert_eq!(
            path("busybox"),
            "/layouts/index.docker.io/library/busybox/latest"
        );
        assert_eq!(path("r.io:5000/a/b:1"), "/layouts/r.io:5000/a/b/1");
        assert_eq!(
            path(&by_digest),
            format!("/layouts/index.docker.io/library/busybox/sha256/{}", hex())
        );
    }

    #[test]
    fn maps_paths_back_to_references() {
        let back = |text: &str| {
            tree()
                .reference(text)
                .map(|reference| reference.to_string())
        };
        let digest = format!("sha256:{}", hex());
        assert_eq!(back("/layouts/r.io/a/b/1").as_deref(), Some("r.io/a/b:1"));
        assert_eq!(
            back(&format!("/layouts/r.io/a/b/1@{digest}")),
            Some(format!("r.io/a/b:1@{digest}"))
        );
        assert_eq!(
            back(&format!("/layouts/r.io/a/sha256/{}@{digest}", hex())),
            Some(format!("r.io/a@{digest}"))
        );
        for elsewhere in [
            "/other/r.io/a/1",
            "r.io/a:1",
            "/layouts/r.io/1",
            "/layouts/r.io/a/../1",
        ] {
            assert_eq!(back(elsewhere), None, "{elsewhere}");
        }
    }
}
