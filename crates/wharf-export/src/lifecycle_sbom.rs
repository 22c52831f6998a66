//! SBOM files of lifecycle and launcher (platform spec, "exporter > Outputs").
use crate::{ExportError, ExportInputs, files};
use wharf_layer::sbom::SbomFormat;

/// The directory that stands for the lifecycle among buildpacks.
const DIRECTORY: &str = "buildpacksio_lifecycle";

/// Copies those that exist: the launcher's into the launch SBOM, the lifecycle's into the build SBOM.
pub fn copy(inputs: &ExportInputs) -> Result<(), ExportError> {
    if !inputs.platform_api.features().lifecycle_sboms {
        return Ok(());
    }
    let sbom = inputs.layers_root().join("sbom");
    let targets = [
        (
            "launcher",
            sbom.join("launch").join(DIRECTORY).join("launcher"),
        ),
        ("lifecycle", sbom.join("build").join(DIRECTORY)),
    ];
    for (name, target) in targets {
        for extension in SbomFormat::ALL.map(SbomFormat::extension) {
            let from = inputs
                .launcher_sbom_dir
                .join(format!("{name}.sbom.{extension}"));
            if from.is_file() {
                files::copy(&from, &target.join(format!("sbom.{extension}")))?;
            }
        }
    }
    Ok(())
}
