//! The recorded build of the reference with real processes.
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use wharf_build::{BuildInputs, build};
use wharf_buildpack::{BuildpackStore, Cancel, Context, ProcessRunner};
use wharf_spec::{
    api::PlatformApi,
    files::{metadata::BuildMetadata, parse},
};
use wharf_testkit::{RecordingLog, golden};

/// Every file below `directory` that was recorded: TOML and SBOM files.
fn recorded_files(directory: &Path) -> BTreeMap<PathBuf, String> {
    fn collect(directory: &Path, root: &Path, files: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, root, files);
            } else if path.extension().is_some_and(|end| end == "toml")
                || path.starts_with(root.join("sbom"))
            {
                let name = path.strip_prefix(root).unwrap().to_owned();
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut files = BTreeMap::new();
    collect(directory, directory, &mut files);
    files
}

#[test]
fn metadata_layers_and_sboms_are_those_of_the_reference() {
    for api in golden::APIS {
        let temp = tempfile::tempdir().unwrap();
        let buildpacks = temp.path().join("buildpacks");
        golden::copy_buildpacks(api, &buildpacks);
        let layers_dir = temp.path().join("layers");
        let features = api.parse::<PlatformApi>().unwrap().features();
        let inputs = BuildInputs {
            context: Context {
                app_dir: golden::path(api, "inputs/workspace"),
                platform_dir: golden::path(api, "inputs/platform"),
                temp_dir: temp.path().to_owned(),
                process_env: [("PATH", "/usr/bin:/bin")].into_iter().collect(),
                exec_env: features.exec_env.then(|| "production".parse().unwrap()),
                ..Context::default()
            },
            layers_dir: layers_dir.clone(),
            group: parse(&golden::text(api, "first/2-detector/group.toml")).unwrap(),
            plan: parse(&golden::text(api, "first/2-detector/plan.toml")).unwrap(),
            command_form: features.command_form,
            legacy_bom: features.legacy_bom,
            sbom_paths: features.sbom_paths,
        };
        let runner = ProcessRunner::new(Cancel::new());
        let store = BuildpackStore::new(buildpacks);
        let mut out = Vec::new();
        let metadata = build(&inputs, &store, &runner, &RecordingLog::new(), &mut out).unwrap();

        let text = golden::text(api, "first/4-builder/config/metadata.toml");
        assert_eq!(metadata.encode(features.command_form).unwrap(), text);
        assert_eq!(BuildMetadata::parse(&text).unwrap(), metadata);

        let mut expected = recorded_files(&golden::path(api, "first/4-builder"));
        // Those of other phases, and the one the caller writes.
        expected.retain(|path, _| path.components().count() > 1 && !path.starts_with("config"));
        assert_eq!(recorded_files(&layers_dir), expected);
    }
}
