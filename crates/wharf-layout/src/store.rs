//! The image store.
use crate::{
    directory::{Directory, REF_NAME, io_error, is_missing},
    place::Place,
};
use nix::unistd::{AccessFlags, access as may};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::Read,
    path::PathBuf,
};
use wharf_image::{
    Access, Descriptor, DraftLayer, Family, Image, ImageError, ImageStore, Platform, SealedImage,
    StoreError, StoreErrorKind, Stored, Transfer, Written, image::MAX_MANIFEST_BYTES,
    index::IndexEntry,
};
use wharf_layer::VerifyingReader;
use wharf_spec::{digest::Digest, encode, reference::Reference};

/// Images in OCI layout directories.
///
/// Blobs are written to a temporary file, verified, synced and renamed; an index is replaced as a whole under the lock
/// of its directory. A sparse layout, whose layers are elsewhere, is fine as long as they are not read: images built on
/// it are sparse in the same layers. New images are written in the OCI family, for that is what others read here; what
/// comes sealed in Docker's is kept as it is. Images that lost their tag stay, to be found by their digest.
#[derive(Debug, Clone)]
pub struct LayoutStore {
    pub(crate) place: Place,
}

impl LayoutStore {
    /// One directory per image: `<root>/<registry>/<repository>/<tag>`, and `…/sha256/<hex>` for digest references.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            place: Place::Tree(root.into()),
        }
    }

    /// One directory for all images. Registry and repository of references do not matter; tags are the annotation
    /// `org.opencontainers.image.ref.name`, as skopeo and umoci write it in `oci:DIR:tag`.
    ///
    /// A directory whose only image has no such annotation is found by the tag `latest`.
    pub fn single(dir: impl Into<PathBuf>) -> Self {
        Self {
            place: Place::Single(dir.into()),
        }
    }

    /// The layout directory of `reference`.
    pub fn directory(&self, reference: &Reference) -> PathBuf {
        self.place.directory(reference)
    }

    pub(crate) fn own(&self, reference: &Reference) -> Directory {
        Directory(self.place.directory(reference))
    }

    /// Every directory of the repository, the own first.
    pub(crate) fn all(&self, reference: &Reference) -> impl Iterator<Item = Directory> {
        self.place.directories(reference).into_iter().map(Directory)
    }

    fn find_here(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<Image>, StoreErrorKind> {
        if let Some(digest) = reference.digest() {
            for directory in self.all(reference) {
                if let Some(image) = directory.find_by_digest(digest, platform)? {
                    return Ok(Some(image));
                }
            }
            return Ok(None);
        }
        let directory = self.own(reference);
        let Some(entries) = directory.entries()? else {
            return Ok(None);
        };
        let entries = self.tagged(entries, reference);
        if entries.is_empty() {
            return Ok(None);
        }
        directory.select(entries, platform).map(Some)
    }

    fn read_manifest_here(&self, reference: &Reference) -> Result<Option<Stored>, StoreErrorKind> {
        let read = |directory: &Directory, digest, size| {
            directory.read_document("manifest", digest, size, MAX_MANIFEST_BYTES)
        };
        if let Some(digest) = reference.digest() {
            for directory in self.all(reference) {
                if let Some(bytes) = read(&directory, digest, None)? {
                    return Ok(Some(Stored::new(bytes, Family::Oci.manifest())));
                }
            }
            return Ok(None);
        }
        let directory = self.own(reference);
        let entries = directory.entries()?.unwrap_or_default();
        match self.tagged(entries, reference).as_slice() {
            [] => Ok(None),
            [one] => {
                let descriptor = &one.descriptor;
                let bytes = read(&directory, descriptor.digest, Some(descriptor.size))?;
                let bytes = bytes.ok_or(StoreErrorKind::NotFound)?;
                Ok(Some(Stored::new(bytes, &descriptor.media_type)))
            }
            several => Ok(Some(index_of(several)?)),
        }
    }

    /// The entries of an index that `reference` means.
    fn tagged(&self, entries: Vec<IndexEntry>, reference: &Reference) -> Vec<IndexEntry> {
        let full = format!(
            "{}:{}",
            reference.name(),
            reference.tag().unwrap_or_default()
        );
        let named = |entry: &&IndexEntry| {
            let name = entry.annotation(REF_NAME);
            name.is_some_and(|name| Some(name) == reference.tag() || name == full)
        };
        let own: Vec<IndexEntry> = entries.iter().filter(named).cloned().collect();
        let untagged = || {
            entries
                .iter()
                .all(|entry| entry.annotation(REF_NAME).is_none())
        };
        let whole = match self.place {
            Place::Tree(_) => own.is_empty(),
            Place::Single(_) => reference.tag() == Some("latest") && untagged(),
        };
        if whole { entries } else { own }
    }

    fn check_here(&self, reference: &Reference, access: Access) -> Result<(), StoreErrorKind> {
        let (mut path, flags) = match access {
            Access::Read => (self.own(reference).0, AccessFlags::R_OK | AccessFlags::X_OK),
            Access::Write => (self.own(reference).0, AccessFlags::W_OK | AccessFlags::X_OK),
        };
        // What is not there yet is made in the nearest directory that is.
        while !path.exists() && path.pop() {}
        if path.as_os_str().is_empty() {
            path.push(".");
        }
        may(&path, flags).map_err(|errno| io_error("access", &path, errno.into()))
    }

    fn delete_here(&self, reference: &Reference, digest: Digest) -> Result<(), StoreErrorKind> {
        for directory in self.all(reference) {
            if directory.index_path().exists() {
                let text = Value::from(digest.to_string());
                directory.update_index(&mut |entries| {
                    entries.retain(|entry| entry.get("digest") != Some(&text));
                })?;
            }
            let path = directory.blob_path(digest);
            match fs::remove_file(&path) {
                Err(error) if !is_missing(&error) => return Err(io_error("remove", &path, error)),
                _ => {}
            }
            if matches!(self.place, Place::Tree(_)) {
                remove_if_empty(&directory)?;
            }
        }
        Ok(())
    }
}

impl ImageStore for LayoutStore {
    fn find(
        &self,
        reference: &Reference,
        platform: &Platform,
    ) -> Result<Option<Image>, StoreError> {
        self.find_here(reference, platform)
            .map_err(fail("read image", reference))
    }

    fn read_manifest(&self, reference: &Reference) -> Result<Option<Stored>, StoreError> {
        self.read_manifest_here(reference)
            .map_err(fail("read image", reference))
    }

    fn write_manifest(&self, manifest: &Stored, tags: &[Reference]) -> Result<(), StoreError> {
        self.write_manifest_here(manifest, tags).map_err(|kind| {
            let names: Vec<String> = tags.iter().map(Reference::to_string).collect();
            fail_on("write image", names.join(", "), kind)
        })
    }

    fn open_blob(
        &self,
        from: &Reference,
        blob: &Descriptor,
    ) -> Result<Box<dyn Read + Send>, StoreError> {
        let error = fail("read blob of", from);
        let directories = || {
            self.all(from)
                .map(|directory| directory.blob_path(blob.digest))
        };
        let Some(path) = directories().find(|path| path.exists()) else {
            return Err(error(StoreErrorKind::NotFound));
        };
        match File::open(&path) {
            Ok(file) => Ok(Box::new(verified(file, blob))),
            Err(source) => Err(error(io_error("open", &path, source))),
        }
    }

    fn check_access(&self, reference: &Reference, access: Access) -> Result<(), StoreError> {
        self.check_here(reference, access)
            .map_err(fail("access", reference))
    }

    fn put_layer(&self, to: &Reference, layer: &DraftLayer) -> Result<Transfer, StoreError> {
        self.put_layer_here(to, layer)
            .map_err(fail("write layer to", to))
    }

    fn put_image(&self, image: &SealedImage, tags: &[Reference]) -> Result<Written, StoreError> {
        self.put_image_here(image, tags).map_err(|kind| {
            let names: Vec<String> = tags.iter().map(Reference::to_string).collect();
            fail_on("write image", names.join(", "), kind)
        })
    }

    fn family(&self, _: Family) -> Family {
        Family::Oci
    }

    fn identify(&self, reference: &Reference, image: &Image) -> String {
        self.place.identifier(reference, image.digest())
    }

    /// Takes paths below the root, with or without a digest, and references.
    fn locate(&self, identifier: &str) -> Result<Reference, StoreError> {
        if let Some(reference) = self.place.reference(identifier) {
            return Ok(reference);
        }
        identifier.parse().map_err(|error| StoreError {
            action: "understand",
            reference: identifier.to_owned(),
            kind: StoreErrorKind::Unsupported(format!(
                "{error}, nor a path in the layout directory"
            )),
        })
    }

    fn delete(&self, reference: &Reference, digest: Digest) -> Result<(), StoreError> {
        self.delete_here(reference, digest)
            .map_err(fail("delete image of", reference))
    }
}

fn fail(action: &'static str, reference: &Reference) -> impl Fn(StoreErrorKind) -> StoreError {
    let reference = reference.to_string();
    move |kind| fail_on(action, reference.clone(), kind)
}

fn fail_on(action: &'static str, reference: String, kind: StoreErrorKind) -> StoreError {
    StoreError {
        action,
        reference,
        kind,
    }
}

pub(crate) fn verified<R: Read>(bytes: R, blob: &Descriptor) -> VerifyingReader<R> {
    VerifyingReader::new(bytes, blob.digest, Some(blob.size))
}

/// Images that share a name in the index of a directory, as the index they would be elsewhere.
fn index_of(entries: &[IndexEntry]) -> Result<Stored, StoreErrorKind> {
    let descriptors = entries.iter().map(|entry| {
        let mut descriptor = entry.descriptor.clone();
        if let Some(Value::Object(annotations)) = descriptor.rest.get_mut("annotations") {
            annotations.shift_remove(REF_NAME);
        }
        descriptor.to_json()
    });
    let document = json!({
        "schemaVersion": 2,
        "mediaType": Family::Oci.index(),
        "manifests": descriptors.collect::<Vec<_>>(),
    });
    let text = encode::json_text(&document).map_err(|error| {
        StoreErrorKind::Image(ImageError::Malformed {
            document: "index",
            reason: error.to_string(),
        })
    })?;
    Ok(Stored::new(text.into_bytes(), Family::Oci.index()))
}

/// Removes a layout without images. Directories of deeper repositories may lie within; they stay.
fn remove_if_empty(directory: &Directory) -> Result<(), StoreErrorKind> {
    let entries = directory.entries()?;
    if entries.is_none_or(|entries| !entries.is_empty()) {
        return Ok(());
    }
    let blobs = directory.0.join("blobs");
    fs::remove_dir_all(&blobs).map_err(|source| io_error("remove", &blobs, source))?;
    for name in ["index.json", "oci-layout"] {
        let path = directory.0.join(name);
        match fs::remove_file(&path) {
            Err(error) if !is_missing(&error) => return Err(io_error("remove", &path, error)),
            _ => {}
        }
    }
    // Fails when something else lies there, which is meant to stay.
    let _ = fs::remove_dir(&directory.0);
    Ok(())
}
