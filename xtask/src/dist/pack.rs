//! From executables to what is shipped: descriptor, tarball and lifecycle image.
use super::executables::{Executables, PHASES};
use anyhow::{Context, Result};
use flate2::{Compression as GzipLevel, GzBuilder};
use serde_json::json;
use std::{
    fs::{self, File},
    io::{self, Write},
    num::NonZeroUsize,
    path::Path,
};
use wharf_image::{DraftLayer, Family, ImageDraft, ImageStore, Platform};
use wharf_layer::{
    Encoder, LayerError, Method,
    sbom::SbomFormat,
    tar::{Entry, EntryKind, TarWriter},
};
use wharf_layout::LayoutStore;
use wharf_spec::{
    encode::{json_text, toml_text},
    files::lifecycle::LifecycleDescriptor,
    labels::{
        self,
        builder::{LifecycleEntry, lifecycle_labels},
    },
    reference::Reference,
};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const CREATED: &str = "1980-01-01T00:00:01Z";

/// Packs `executables` into `to`: `lifecycle.toml`, the tarball and the image. The result depends on the executables
/// alone, not on the number of `workers`.
pub(super) fn pack(executables: &Executables, to: &Path, workers: NonZeroUsize) -> Result<()> {
    let descriptor_file = to.join("lifecycle.toml");
    fs::write(&descriptor_file, toml_text(&descriptor())?)
        .with_context(|| format!("write {}", descriptor_file.display()))?;
    tarball(executables, to)?;
    image(executables, to, workers)
}

/// What `lifecycle.toml` says, by which pack knows what it has (P-17).
fn descriptor() -> LifecycleDescriptor {
    let formats = SbomFormat::ALL.map(SbomFormat::media_type);
    LifecycleDescriptor::new(VERSION, &formats)
}

/// The tarball `pack builder create` takes as `[lifecycle] uri`.
fn tarball(executables: &Executables, to: &Path) -> Result<()> {
    let path = to.join(format!(
        "lifecycle-v{VERSION}-linux.{}.tgz",
        std::env::consts::ARCH
    ));
    let file = File::create(&path).with_context(|| format!("create {}", path.display()))?;
    let gzip = GzBuilder::new().mtime(0).write(file, GzipLevel::best());
    let mut archive = TarWriter::new(gzip);
    append_file(
        &mut archive,
        &to.join("lifecycle.toml"),
        "lifecycle.toml",
        0o644,
    )?;
    append_lifecycle(&mut archive, executables, "lifecycle")?;
    archive
        .finish()?
        .finish()?
        .flush()
        .with_context(|| format!("write {}", path.display()))
}

/// The lifecycle image (P-16) as an OCI layout.
fn image(executables: &Executables, to: &Path, workers: NonZeroUsize) -> Result<()> {
    let layout = to.join("lifecycle-image");
    if layout.exists() {
        fs::remove_dir_all(&layout).with_context(|| format!("remove {}", layout.display()))?;
    }
    let encoder = Encoder::new(workers, to, Method::default());
    let blob = encoder.encode_with(&mut |out: &mut dyn Write| {
        let mut archive = TarWriter::new(out);
        let written = append_directory(&mut archive, "/cnb")
            .and_then(|()| {
                append_file(
                    &mut archive,
                    &to.join("lifecycle.toml"),
                    "/cnb/lifecycle.toml",
                    0o644,
                )
            })
            .and_then(|()| append_lifecycle(&mut archive, executables, "/cnb/lifecycle"));
        written
            .and_then(|()| archive.finish())
            .map(|_| ())
            .map_err(LayerError::Write)
    })?;
    let platform = Platform {
        os: "linux".into(),
        architecture: architecture().into(),
        variant: None,
    };
    let mut draft = ImageDraft::empty(&platform, Family::Oci, CREATED);
    draft.push_layer(DraftLayer::from_blob(
        blob,
        Family::Oci,
        Some("lifecycle".into()),
    ));
    let descriptor = descriptor();
    let metadata = json!({ "lifecycle": LifecycleEntry::from(&descriptor) });
    draft.set_env("PATH", "/cnb/lifecycle");
    draft.set_label(labels::BUILDER_METADATA, &json_text(&metadata)?);
    for (name, value) in lifecycle_labels(&descriptor)? {
        draft.set_label(name, &value);
    }
    let name: Reference = format!("wharf/lifecycle:{VERSION}").parse()?;
    let store = LayoutStore::single(&layout);
    let sealed = draft.seal()?;
    for layer in &sealed.layers {
        store.put_layer(&name, layer)?;
    }
    store.put_image(&sealed, &[name])?;
    Ok(())
}

/// The architecture in OCI spelling.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn append_lifecycle<W: Write>(
    archive: &mut TarWriter<W>,
    executables: &Executables,
    root: &str,
) -> io::Result<()> {
    append_directory(archive, root)?;
    for (name, path) in [
        ("launcher", &executables.launcher),
        ("lifecycle", &executables.lifecycle),
    ] {
        append_file(archive, path, &format!("{root}/{name}"), 0o755)?;
    }
    for phase in PHASES {
        let kind = EntryKind::Symlink {
            target: b"lifecycle".to_vec(),
        };
        archive.append(
            &entry(&format!("{root}/{phase}"), kind, 0o777),
            &mut io::empty(),
        )?;
    }
    Ok(())
}

fn append_directory<W: Write>(archive: &mut TarWriter<W>, name: &str) -> io::Result<()> {
    archive.append(&entry(name, EntryKind::Directory, 0o755), &mut io::empty())
}

fn append_file<W: Write>(
    archive: &mut TarWriter<W>,
    path: &Path,
    name: &str,
    mode: u32,
) -> io::Result<()> {
    let mut file = File::open(path)?;
    let kind = EntryKind::File {
        size: file.metadata()?.len(),
    };
    archive.append(&entry(name, kind, mode), &mut file)
}

fn entry(name: &str, kind: EntryKind, mode: u32) -> Entry {
    Entry {
        name: name.as_bytes().to_vec(),
        kind,
        mode,
        uid: 0,
        gid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::same;

    #[test]
    fn packing_twice_gives_the_same_bytes_whatever_the_modes_times_and_workers() {
        use std::os::unix::fs::PermissionsExt;
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        // Several blocks of the encoder, and not compressible to nothing.
        let content: Vec<u8> = (0u32..1 << 20)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        for (dir, mode, workers) in [(&one, 0o755, 1), (&two, 0o600, 5)] {
            let made = dir.path().join("made");
            fs::create_dir(&made).unwrap();
            let executables = Executables::below(&made);
            fs::create_dir(made.join("lifecycle")).unwrap();
            for path in [&executables.lifecycle, &executables.launcher] {
                fs::write(path, &content).unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            }
            let to = dir.path().join("packed");
            fs::create_dir(&to).unwrap();
            pack(&executables, &to, NonZeroUsize::new(workers).unwrap()).unwrap();
        }
        let count = same::expect(&one.path().join("packed"), &two.path().join("packed")).unwrap();
        // Descriptor, tarball; in the layout its marker, index, manifest, config and layer.
        assert_eq!(count, 7);
    }
}
