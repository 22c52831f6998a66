//! Deprecated bills of materials as files (platform spec, "exporter > Outputs").
use crate::{BuildError, io_error};
use std::{
    fs::{self, Permissions},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
};
use wharf_spec::{encode::json_text, files::launch::BomEntry, labels::build::bom_json};

/// Writes `<layers>/sbom/<kind>/sbom.legacy.json`. It exists even for no entries, as `null`: it is part of a layer,
/// and the layer is to be the same as that of the reference lifecycle.
pub(crate) fn write(layers_dir: &Path, kind: &str, bom: &[BomEntry]) -> Result<(), BuildError> {
    let directory = layers_dir.join("sbom").join(kind);
    fs::create_dir_all(&directory).map_err(|source| io_error("create", &directory, source))?;
    let text = json_text(&bom_json(bom))? + "\n";
    let path = directory.join("sbom.legacy.json");
    let failed = |source| io_error("write", &path, source);
    let mut file = tempfile::Builder::new()
        .tempfile_in(&directory)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    // Readable for the next phase and the same in every layer, whatever the umask.
    file.as_file()
        .set_permissions(Permissions::from_mode(0o644))
        .map_err(failed)?;
    file.persist(&path)
        .map(drop)
        .map_err(|error| failed(error.error))
}
