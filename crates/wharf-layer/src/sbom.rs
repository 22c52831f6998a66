//! SBOM files: which exist beside layers, and where below `<layers>/sbom` they go (platform spec, "exporter >
//! Outputs"; buildpack spec, "Software-Bill-of-Materials").
use crate::{
    LayerError,
    layers_dir::{BuildpackLayer, open_file},
};
use std::{
    ffi::OsStr,
    fs,
    io::{self, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use wharf_spec::id::{BuildpackId, LayerName};

/// Largest SBOM file.
const MAX_SBOM: u64 = 256 * 1024 * 1024;

/// The three formats with their file extension and media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SbomFormat {
    /// `CycloneDX`.
    CycloneDx,
    /// SPDX.
    Spdx,
    /// Syft.
    Syft,
}

impl SbomFormat {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::CycloneDx, Self::Spdx, Self::Syft];

    /// The part of a file name after `.sbom.`.
    pub fn extension(self) -> &'static str {
        match self {
            Self::CycloneDx => "cdx.json",
            Self::Spdx => "spdx.json",
            Self::Syft => "syft.json",
        }
    }

    /// What `sbom-formats` in `buildpack.toml` calls the format.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::CycloneDx => "application/vnd.cyclonedx+json",
            Self::Spdx => "application/spdx+json",
            Self::Syft => "application/vnd.syft+json",
        }
    }

    /// The format of a media type.
    pub fn from_media_type(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|format| format.media_type() == text)
    }
}

/// The directories below `<layers>/sbom`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SbomKind {
    /// Goes into the app image.
    Launch,
    /// Stays in the layers directory for the platform.
    Build,
    /// Goes into the cache.
    Cache,
}

impl SbomKind {
    /// Name of the directory.
    pub fn dir_name(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::Build => "build",
            Self::Cache => "cache",
        }
    }
}

/// What an SBOM file beside the layers is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SbomSubject {
    /// The app image, as far as the buildpack made it.
    Launch,
    /// The build.
    Build,
    /// One layer.
    Layer(LayerName),
}

/// An SBOM file beside the layers of a buildpack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SbomFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is about.
    pub subject: SbomSubject,
    /// Its format.
    pub format: SbomFormat,
}

/// `<layers>/sbom/<kind>/<escaped id>[/<layer>]/sbom.<ext>`.
pub fn target(
    layers_dir: &Path,
    kind: SbomKind,
    buildpack: &BuildpackId,
    layer: Option<&LayerName>,
    format: SbomFormat,
) -> PathBuf {
    let mut path = layers_dir.join("sbom").join(kind.dir_name());
    path.push(buildpack.dir_name());
    if let Some(layer) = layer {
        path.push(layer.as_str());
    }
    path.push(format!("sbom.{}", format.extension()));
    path
}

/// The SBOM files in `dir` (`<layers>/<escaped buildpack id>`), sorted by name: `launch.sbom.<ext>`,
/// `build.sbom.<ext>` and `<layer>.sbom.<ext>` of layers that have metadata. Names may contain dots; of all layers
/// a name could belong to the longest wins. Files about unknown layers are left alone; an extension that stands
/// for no format is an error.
pub fn find(dir: &Path, layers: &[BuildpackLayer]) -> Result<Vec<SbomFile>, LayerError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| failed("read directory", dir, error))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed("read directory", dir, error))?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let Some((subject, extension)) = parse_name(&name, layers) else {
            continue;
        };
        let path = entry.path();
        let format = SbomFormat::ALL
            .into_iter()
            .find(|format| format.extension() == extension);
        let Some(format) = format else {
            return Err(LayerError::UnknownSbomFormat { path });
        };
        files.push(SbomFile {
            path,
            subject,
            format,
        });
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// After `bin/build` of `buildpack`: copies its SBOM files below `<layers>/sbom`, and returns what was written.
///
/// Files about launch layers go to `launch`, about other layers to `build`; those of cached layers also to `cache`.
/// `declared` are the formats `buildpack.toml` lists. Nothing is written when one file is not in order.
pub fn collect(
    layers_dir: &Path,
    buildpack: &BuildpackId,
    layers: &[BuildpackLayer],
    declared: &[SbomFormat],
) -> Result<Vec<PathBuf>, LayerError> {
    let files = find(&layers_dir.join(buildpack.dir_name()), layers)?;
    if let Some(file) = files.iter().find(|file| !declared.contains(&file.format)) {
        return Err(LayerError::UndeclaredSbomFormat {
            path: file.path.clone(),
            media_type: file.format.media_type(),
        });
    }
    let mut written = Vec::new();
    for file in &files {
        let (kinds, layer) = destinations(&file.subject, layers);
        for kind in kinds {
            let target = target(layers_dir, kind, buildpack, layer, file.format);
            copy(&file.path, &target)?;
            written.push(target);
        }
    }
    Ok(written)
}

/// After the SBOM layer of the previous image (`launch`) or of the cache (`cache`) was extracted: copies the files
/// about `layer` from below `<layers>/sbom` to beside the layer, and returns what was written.
pub fn distribute(
    layers_dir: &Path,
    kind: SbomKind,
    buildpack: &BuildpackId,
    layer: &LayerName,
) -> Result<Vec<PathBuf>, LayerError> {
    let mut written = Vec::new();
    for format in SbomFormat::ALL {
        let from = target(layers_dir, kind, buildpack, Some(layer), format);
        if !is_below_real_directories(layers_dir, &from) {
            continue;
        }
        let name = format!("{layer}.sbom.{}", format.extension());
        let to = layers_dir.join(buildpack.dir_name()).join(name);
        copy(&from, &to)?;
        written.push(to);
    }
    Ok(written)
}

/// Splits `<subject>.sbom.<extension>` at the last place where the subject is known.
fn parse_name<'a>(name: &'a str, layers: &[BuildpackLayer]) -> Option<(SbomSubject, &'a str)> {
    const SEPARATOR: &str = ".sbom.";
    let is_json = |extension: &OsStr| extension == "json";
    Path::new(name).extension().filter(|e| is_json(e))?;
    // Separators may overlap: a layer may be called `lib.sbom`.
    let dots = name.rmatch_indices('.').map(|(at, _)| at);
    let mut splits = dots.filter(|at| name[*at..].starts_with(SEPARATOR));
    splits.find_map(|at| {
        let subject = match &name[..at] {
            "launch" => SbomSubject::Launch,
            "build" => SbomSubject::Build,
            layer => {
                let known = |candidate: &&BuildpackLayer| {
                    candidate.has_metadata && candidate.name.as_str() == layer
                };
                SbomSubject::Layer(layers.iter().find(known)?.name.clone())
            }
        };
        Some((subject, &name[at + SEPARATOR.len()..]))
    })
}

fn destinations<'a>(
    subject: &'a SbomSubject,
    layers: &[BuildpackLayer],
) -> (Vec<SbomKind>, Option<&'a LayerName>) {
    let name = match subject {
        SbomSubject::Launch => return (vec![SbomKind::Launch], None),
        SbomSubject::Build => return (vec![SbomKind::Build], None),
        SbomSubject::Layer(name) => name,
    };
    let layer = layers.iter().find(|layer| layer.name == *name);
    let types = layer.map_or_else(Default::default, |layer| layer.metadata.layer_types());
    let mut kinds = vec![if types.launch {
        SbomKind::Launch
    } else {
        SbomKind::Build
    }];
    if types.cache {
        kinds.push(SbomKind::Cache);
    }
    (kinds, Some(name))
}

/// What lies below `<layers>/sbom` came out of an image or a cache: no link in it is followed.
fn is_below_real_directories(layers_dir: &Path, file: &Path) -> bool {
    let parents = file.ancestors().skip(1);
    let mut parents = parents.take_while(|parent| *parent != layers_dir);
    let is = |path: &Path, kind: fn(&fs::Metadata) -> bool| {
        fs::symlink_metadata(path).is_ok_and(|metadata| kind(&metadata))
    };
    is(file, fs::Metadata::is_file) && parents.all(|parent| is(parent, fs::Metadata::is_dir))
}

/// The whole file or nothing, with mode 0644 whatever the umask.
fn copy(from: &Path, to: &Path) -> Result<(), LayerError> {
    let error = |error| failed("write", to, error);
    let source = open_file(from)?;
    let parent = to.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(|error| failed("create directory", parent, error))?;
    let mut copy = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(parent)
        .map_err(error)?;
    let copied = io::copy(&mut source.take(MAX_SBOM + 1), &mut copy);
    if copied.map_err(error)? > MAX_SBOM {
        return Err(LayerError::TooLarge {
            path: from.into(),
            limit: MAX_SBOM,
        });
    }
    let mode = fs::Permissions::from_mode(0o644);
    copy.as_file().set_permissions(mode).map_err(error)?;
    copy.persist(to).map_err(|failure| error(failure.error))?;
    Ok(())
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> LayerError {
    LayerError::Io {
        action,
        path: path.into(),
        source,
    }
}
