//! Image layers unpacked once into a content-addressed store.
use crate::tree;
use nix::fcntl::{Flock, FlockArg};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use wharf_image::{Image, ImageStore, StoreError, image::Layer};
use wharf_layer::{
    VerifyingReader,
    blob::decompress,
    extract::{ExtractError, ExtractOptions, extract},
};
use wharf_spec::{digest::Digest, reference::Reference};

/// Largest number of entries of one layer.
const MAX_ENTRIES: u64 = 4_000_000;
/// Largest sum of file sizes of one layer.
const MAX_BYTES: u64 = 64 << 30;

/// Where unpacked images are: one directory per chain of layers.
#[derive(Debug, Clone)]
pub struct RootFsStore {
    dir: PathBuf,
}

/// An image that could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum RootFsError {
    /// The image has no layers.
    #[error("unpack '{reference}': it has no layers")]
    Empty {
        /// The image.
        reference: String,
    },
    /// A layer could not be read.
    #[error("read layer of image")]
    Store(#[from] StoreError),
    /// A layer is not an archive of a known compression.
    #[error("decompress layer {diff_id}")]
    Decompress {
        /// The layer.
        diff_id: Digest,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A layer could not be extracted.
    #[error("extract layer {diff_id}")]
    Extract {
        /// The layer.
        diff_id: Digest,
        /// Why.
        #[source]
        source: ExtractError,
    },
    /// The store could not be written.
    #[error("{action} '{}'", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What an interrupted run left could not be removed.
    #[error("clean store")]
    Clean(#[from] tree::TreeError),
}

impl RootFsStore {
    /// A store at `dir`, which is made when needed.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Whether `image` is unpacked.
    pub fn has(&self, image: &Image) -> bool {
        chain_id(image).is_some_and(|chain| self.dir.join(chain.hex()).is_dir())
    }

    /// The directory with the root file system of `image`, which was found at `reference` in `images`. Unpacks it
    /// when it is not there; others that want the same wait for it. What is there is complete: it got its name when
    /// the last byte was on disk.
    pub fn unpack(
        &self,
        images: &dyn ImageStore,
        reference: &Reference,
        image: &Image,
    ) -> Result<PathBuf, RootFsError> {
        let chain = chain_id(image).ok_or_else(|| RootFsError::Empty {
            reference: reference.to_string(),
        })?;
        let dir = self.dir.join(chain.hex());
        if dir.is_dir() {
            return Ok(dir);
        }
        on("create", &self.dir, fs::create_dir_all(&self.dir))?;
        // What is setuid in an image must not be so for others on this machine.
        let private = fs::Permissions::from_mode(0o700);
        on(
            "set mode of",
            &self.dir,
            fs::set_permissions(&self.dir, private),
        )?;
        let _lock = self.lock(chain)?;
        if dir.is_dir() {
            return Ok(dir);
        }
        let unfinished = self.dir.join(format!("{}.unfinished", chain.hex()));
        tree::remove(&unfinished)?;
        on("create", &unfinished, fs::create_dir(&unfinished))?;
        for layer in image.layers() {
            extract_layer(images, reference, layer, &unfinished)?;
        }
        on("flush", &unfinished, flush(&unfinished))?;
        on("rename", &unfinished, fs::rename(&unfinished, &dir))?;
        on("flush", &self.dir, flush(&self.dir))?;
        Ok(dir)
    }

    fn lock(&self, chain: Digest) -> Result<Flock<File>, RootFsError> {
        let path = self.dir.join(format!("{}.lock", chain.hex()));
        let file = on("create", &path, File::create(&path))?;
        Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, error)| error.into())
            .or_else(|error| on("lock", &path, Err(error)))
    }
}

/// The content of file `path` in the root file system at `root`, links resolved as a process inside would; `None` when
/// there is no such file or it is larger than `limit` bytes.
pub fn read_file(root: &Path, path: &Path, limit: u64) -> Option<Vec<u8>> {
    let root = File::open(root).ok()?;
    let fd = openat2(
        &root,
        path,
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
        Mode::empty(),
        ResolveFlags::IN_ROOT,
    );
    let mut content = Vec::new();
    let size = File::from(fd.ok()?)
        .take(limit + 1)
        .read_to_end(&mut content)
        .ok()?;
    (size as u64 <= limit).then_some(content)
}

/// The identity of a stack of layers, as the OCI image specification defines `ChainID`.
fn chain_id(image: &Image) -> Option<Digest> {
    let mut diff_ids = image.layers().iter().map(|layer| layer.diff_id);
    let first = diff_ids.next()?;
    Some(diff_ids.fold(first, |chain, diff_id| {
        Digest::from_bytes(Sha256::digest(format!("{chain} {diff_id}")).into())
    }))
}

fn extract_layer(
    images: &dyn ImageStore,
    reference: &Reference,
    layer: &Layer,
    destination: &Path,
) -> Result<(), RootFsError> {
    let diff_id = layer.diff_id;
    let bytes = images.open_blob(reference, &layer.descriptor)?;
    let archive =
        decompress(bytes).map_err(|source| RootFsError::Decompress { diff_id, source })?;
    // The blob is verified by the store; this also ties the archive to the name the directory gets.
    let mut archive = VerifyingReader::new(archive, diff_id, None);
    let options = ExtractOptions {
        strip: PathBuf::from("/"),
        whiteouts: true,
        owners: false,
        times: true,
        max_entries: MAX_ENTRIES,
        max_bytes: MAX_BYTES,
    };
    extract(&mut archive, destination, &options)
        .map_err(|source| RootFsError::Extract { diff_id, source })?;
    Ok(())
}

/// Waits until everything below `dir` is on disk.
fn flush(dir: &Path) -> io::Result<()> {
    rustix::fs::syncfs(File::open(dir)?).map_err(io::Error::from)
}

fn on<T>(action: &'static str, path: &Path, result: io::Result<T>) -> Result<T, RootFsError> {
    result.map_err(|source| RootFsError::Io {
        action,
        path: path.into(),
        source,
    })
}
