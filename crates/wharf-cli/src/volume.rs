//! What of this machine buildpacks see: `PATH:PATH-INSIDE[:ro|rw]`.
use std::{
    path::{Component, Path, PathBuf},
    str::FromStr,
};
use wharf_sandbox::BindAccess;

/// Directories that belong to the lifecycle or the system.
const RESERVED: [&str; 8] = [
    "/cnb",
    "/layers",
    "/platform",
    "/cache",
    "/run/wharf",
    "/proc",
    "/dev",
    "/sys",
];

/// A directory or file for the phases that run buildpacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Path on this machine.
    pub source: PathBuf,
    /// Path inside.
    pub target: PathBuf,
    /// Whether it can be written to.
    pub access: BindAccess,
}

/// A text that is not a volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VolumeError {
    /// There are not two paths.
    #[error("expected PATH:PATH-INSIDE[:ro|rw]")]
    Form,
    /// The path inside is relative, or has `..` in it.
    #[error("'{0}' is not an absolute path without '..'")]
    Target(String),
    /// The path inside is not the user's to cover.
    #[error("'{0}' is reserved; {RESERVED:?} and '/' are")]
    Reserved(String),
}

impl FromStr for Volume {
    type Err = VolumeError;

    fn from_str(text: &str) -> Result<Self, VolumeError> {
        let (paths, access) = match text.rsplit_once(':') {
            Some((paths, "ro")) => (paths, BindAccess::ReadOnly),
            Some((paths, "rw")) => (paths, BindAccess::ReadWrite),
            _ => (text, BindAccess::ReadOnly),
        };
        let (source, target) = paths.rsplit_once(':').ok_or(VolumeError::Form)?;
        if source.is_empty() || target.is_empty() {
            return Err(VolumeError::Form);
        }
        let path = Path::new(target);
        if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
            return Err(VolumeError::Target(target.to_owned()));
        }
        if path.parent().is_none() || RESERVED.iter().any(|dir| path.starts_with(dir)) {
            return Err(VolumeError::Reserved(target.to_owned()));
        }
        Ok(Self {
            source: source.into(),
            target: path.components().collect(),
            access,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_paths_and_access() {
        let volume = |source: &str, target: &str, access| Volume {
            source: source.into(),
            target: target.into(),
            access,
        };
        let (ro, rw) = (BindAccess::ReadOnly, BindAccess::ReadWrite);
        assert_eq!("a:/b".parse(), Ok(volume("a", "/b", ro)));
        assert_eq!("/a:/b/:ro".parse(), Ok(volume("/a", "/b", ro)));
        assert_eq!("/a:with:/b:rw".parse(), Ok(volume("/a:with", "/b", rw)));
    }

    #[test]
    fn refuses_what_would_cover_the_lifecycle() {
        let error = |text: &str| text.parse::<Volume>().unwrap_err();
        assert_eq!(error("/a"), VolumeError::Form);
        assert_eq!(error(":/b"), VolumeError::Form);
        assert_eq!(error("/a:b"), VolumeError::Target("b".into()));
        assert_eq!(
            error("/a:/b/../cnb"),
            VolumeError::Target("/b/../cnb".into())
        );
        assert_eq!(error("/a:/"), VolumeError::Reserved("/".into()));
        assert_eq!(
            error("/a:/layers/x:rw"),
            VolumeError::Reserved("/layers/x".into())
        );
    }
}
