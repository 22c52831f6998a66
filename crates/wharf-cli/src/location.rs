//! Where an image is.
use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};
use wharf_spec::reference::{DEFAULT_TAG, Reference, ReferenceError};

/// A registry or an OCI layout directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A reference to a registry.
    Registry(Reference),
    /// `oci:DIR[:TAG]`.
    Layout(LayoutImage),
}

/// An image in an OCI layout directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutImage {
    /// The directory with `index.json`.
    pub dir: PathBuf,
    /// The value of the annotation `org.opencontainers.image.ref.name`.
    pub tag: String,
}

/// A text that is not a location.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Neither `oci:` nor a reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// `oci:` without a directory.
    #[error("'{0}' names no directory, expected oci:DIR[:TAG]")]
    NoDirectory(String),
    /// What follows the last colon is not a tag.
    #[error("'{tag}' in '{text}' is not a tag")]
    Tag {
        /// The text.
        text: String,
        /// The part that is wrong.
        tag: String,
    },
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let Some(rest) = text.strip_prefix("oci:") else {
            let reference = text.strip_prefix("docker://").unwrap_or(text);
            return Ok(Self::Registry(reference.parse()?));
        };
        let (dir, tag) = match rest.rsplit_once(':') {
            Some((dir, tag)) if !tag.contains('/') => (dir, tag),
            _ => (rest, DEFAULT_TAG),
        };
        if dir.is_empty() {
            return Err(LocationError::NoDirectory(text.to_owned()));
        }
        let image = LayoutImage {
            dir: dir.into(),
            tag: tag.to_owned(),
        };
        match image.reference() {
            Ok(_) => Ok(Self::Layout(image)),
            Err(_) => Err(LocationError::Tag {
                text: text.to_owned(),
                tag: tag.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => reference.fmt(f),
            Self::Layout(image) => write!(f, "oci:{}:{}", image.dir.display(), image.tag),
        }
    }
}

impl LayoutImage {
    /// A reference for stores and phases, which know nothing of directories: the directory's name on a host that does
    /// not exist.
    pub fn reference(&self) -> Result<Reference, ReferenceError> {
        format!("layout.invalid/{}:{}", repository_name(&self.dir), self.tag).parse()
    }
}

/// The last component of `path` as a repository may be called.
fn repository_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mapped: String = name
        .to_ascii_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    match mapped.trim_matches('-') {
        "" => "image".into(),
        trimmed => trimmed
            .chars()
            .take(100)
            .collect::<String>()
            .trim_matches('-')
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(dir: &str, tag: &str) -> Location {
        Location::Layout(LayoutImage {
            dir: dir.into(),
            tag: tag.into(),
        })
    }

    #[test]
    fn tells_layouts_from_references() {
        let reference = Location::Registry("localhost:5000/app:v1".parse().unwrap());
        assert_eq!("localhost:5000/app:v1".parse(), Ok(reference.clone()));
        assert_eq!("docker://localhost:5000/app:v1".parse(), Ok(reference));
        assert_eq!("oci:out".parse(), Ok(layout("out", "latest")));
        assert_eq!("oci:/a/b:v1".parse(), Ok(layout("/a/b", "v1")));
        assert_eq!("oci:a:b/c".parse(), Ok(layout("a:b/c", "latest")));
    }

    #[test]
    fn refuses_what_is_neither() {
        let error = |text: &str| text.parse::<Location>().unwrap_err().to_string();
        assert_eq!(
            error("oci:"),
            "'oci:' names no directory, expected oci:DIR[:TAG]"
        );
        assert_eq!(error("oci:a:-x"), "'-x' in 'oci:a:-x' is not a tag");
        assert!(error("No Reference").starts_with("'No Reference' is not an image reference"));
    }

    #[test]
    fn any_directory_name_makes_a_reference() {
        let reference = |dir: &str| {
            let image = LayoutImage {
                dir: dir.into(),
                tag: "t".into(),
            };
            image.reference().unwrap().to_string()
        };
        assert_eq!(reference("/x/My App!"), "layout.invalid/my-app:t");
        assert_eq!(reference("/"), "layout.invalid/image:t");
        assert_eq!(reference("--"), "layout.invalid/image:t");
        assert_eq!(reference("ä_b"), "layout.invalid/b:t");
    }
}
