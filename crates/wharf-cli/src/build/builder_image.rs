//! The builder image: unpacked, and what its labels and variables say.
use crate::{
    console::{self, Hint},
    local::LocalStore,
    location::Location,
    stores::{Found, Stores},
};
use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use wharf_sandbox::{User, rootfs};
use wharf_spec::{
    api::PlatformApi,
    digest::Digest,
    env_var,
    files::run::{RunImageMetadata, RunImages},
    labels::{BUILDER_METADATA, LIFECYCLE_APIS},
    paths,
};

/// Larger files of a builder are not read.
const LARGEST: u64 = 4 << 20;

/// A builder that can be run.
#[derive(Debug)]
pub(crate) struct BuilderImage {
    found: Found,
    /// Its files.
    pub(crate) root: PathBuf,
    /// The user of builds.
    pub(crate) user: User,
    /// Newest Platform API that both sides know.
    pub(crate) platform_api: PlatformApi,
    /// Run images, the default first.
    pub(crate) run_images: Vec<RunImageMetadata>,
}

/// The part of the labels that names API versions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Apis {
    platform: Versions,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Versions {
    deprecated: Option<Vec<String>>,
    supported: Option<Vec<String>>,
}

impl BuilderImage {
    /// Finds and unpacks the image at `location`.
    pub(crate) fn open(stores: &Stores, local: &LocalStore, location: &Location) -> Result<Self> {
        let found = stores.require(location, "builder")?;
        let user = user(&found)?;
        let platform_api = platform_api(&found)?;
        let root_file_systems = local.root_file_systems();
        if !root_file_systems.has(&found.image) {
            let bytes = found
                .image
                .layers()
                .iter()
                .map(|layer| layer.descriptor.size)
                .sum();
            console::line(format_args!(
                "Unpacking builder {location} ({})",
                console::size(bytes)
            ));
        }
        let root = root_file_systems
            .unpack(found.store.as_ref(), &found.reference, &found.image)
            .with_context(|| format!("unpack builder '{location}'"))?;
        Ok(Self {
            run_images: run_images(&found, &root),
            found,
            root,
            user,
            platform_api,
        })
    }

    /// Digest of the manifest.
    pub(crate) fn digest(&self) -> Digest {
        self.found.image.digest()
    }

    /// The variables of the image, and the home of its user.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let list = self
            .found
            .image
            .config()
            .get("config")
            .and_then(|config| config.get("Env"));
        let pairs = list.and_then(Value::as_array).into_iter().flatten();
        let mut environment: Vec<(String, String)> = pairs
            .filter_map(|pair| pair.as_str()?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut add = |name: &str, value: String| {
            if !environment.iter().any(|(other, _)| other == name) {
                environment.push((name.to_owned(), value));
            }
        };
        add(
            "PATH",
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into(),
        );
        add("HOME", self.home().unwrap_or_else(|| "/home/cnb".into()));
        environment
    }

    fn home(&self) -> Option<String> {
        let passwd = rootfs::read_file(&self.root, Path::new("/etc/passwd"), LARGEST)?;
        let text = String::from_utf8(passwd).ok()?;
        let uid = self.user.uid.to_string();
        text.lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields.get(2) == Some(&uid.as_str()))
            .and_then(|fields| fields.get(5).map(ToString::to_string))
            .filter(|home| home.starts_with('/'))
    }
}

fn user(found: &Found) -> Result<User> {
    let id = |name: &str| -> Result<u32> {
        let value = found.image.env(name).unwrap_or_default();
        value.parse().map_err(|_| {
            anyhow!("use '{}' as builder: its {name} is '{value}', not a number", found.reference).context(Hint(
                "a builder image is made by `wharf builder create`, and not the same as a run or build image".into(),
            ))
        })
    };
    Ok(User {
        uid: id(env_var::USER_ID)?,
        gid: id(env_var::GROUP_ID)?,
    })
}

fn platform_api(found: &Found) -> Result<PlatformApi> {
    let Some(label) = found.image.label(LIFECYCLE_APIS) else {
        return Ok(PlatformApi::LATEST);
    };
    let apis: Apis = serde_json::from_str(label).with_context(|| {
        format!(
            "use '{}' as builder: parse label {LIFECYCLE_APIS}",
            found.reference
        )
    })?;
    let known: Vec<String> = [apis.platform.supported, apis.platform.deprecated]
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let newest = PlatformApi::ALL
        .into_iter()
        .rfind(|api| known.iter().any(|version| version == api.as_str()));
    newest.ok_or_else(|| {
        anyhow!(
            "use '{}' as builder: its lifecycle knows Platform API {}, wharf {} to {}",
            found.reference,
            known.join(", "),
            PlatformApi::ALL[0],
            PlatformApi::LATEST
        )
    })
}

/// From `run.toml`, else from the label; a builder of old has only the latter.
fn run_images(found: &Found, root: &Path) -> Vec<RunImageMetadata> {
    let file = rootfs::read_file(root, Path::new(paths::RUN), LARGEST)
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| wharf_spec::files::parse::<RunImages>(&text).ok())
        .filter(|run| !run.images.is_empty());
    if let Some(run) = file {
        return run.images;
    }
    let label = found.image.label(BUILDER_METADATA).unwrap_or_default();
    let metadata: Value = serde_json::from_str(label).unwrap_or_default();
    let listed = metadata.get("images").cloned().unwrap_or_default();
    let old = metadata
        .pointer("/stack/runImage")
        .cloned()
        .unwrap_or_default();
    serde_json::from_value(listed)
        .or_else(|_| serde_json::from_value(old).map(|image| vec![image]))
        .unwrap_or_default()
}
