//! What one buildpack has written, checked (buildpack spec, "launch.toml", "build.toml").
use crate::{
    BuildError, OutputProblem,
    processes::{self, NewProcess, overlap},
};
use std::path::Path;
use wharf_buildpack::file;
use wharf_spec::{
    api::BuildpackApi,
    files::{
        build::Build,
        group::GroupElement,
        launch::{BomBuildpack, BomEntry, Label, Launch, LaunchProcess, Slice},
        metadata::Process,
        plan::BuildpackPlan,
    },
    id::{ProcessType, full_name},
};

/// The files of one buildpack as values.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Output {
    pub processes: Vec<NewProcess>,
    pub labels: Vec<Label>,
    pub slices: Vec<Slice>,
    pub launch_bom: Vec<BomEntry>,
    pub build_bom: Vec<BomEntry>,
    /// Names of unmet requirements.
    pub unmet: Vec<String>,
    pub warnings: Vec<String>,
}

impl Output {
    /// Reads both files below `dir`; missing ones are empty.
    pub(crate) fn read(
        dir: &Path,
        element: &GroupElement,
        api: BuildpackApi,
        requested: &BuildpackPlan,
    ) -> Result<Self, BuildError> {
        let mut output = Self::default();
        let path = dir.join("launch.toml");
        let launch: Launch = file::read_toml(&path)?.unwrap_or_default();
        output
            .take_launch(launch, element, api)
            .map_err(|problem| BuildError::Output { path, problem })?;
        let path = dir.join("build.toml");
        let build: Build = file::read_toml(&path)?.unwrap_or_default();
        output
            .take_build(build, element, requested)
            .map_err(|problem| BuildError::Output { path, problem })?;
        Ok(output)
    }

    fn take_launch(
        &mut self,
        launch: Launch,
        element: &GroupElement,
        api: BuildpackApi,
    ) -> Result<(), OutputProblem> {
        for process in launch.processes {
            let process = self.check_process(process, element, api)?;
            let twin = self.processes.iter().find(|other| {
                other.process.r#type == process.process.r#type
                    && overlap(&other.process.exec_env, &process.process.exec_env)
            });
            if twin.is_some() {
                return Err(OutputProblem::DuplicateProcess(process.process.r#type));
            }
            self.processes.push(process);
        }
        processes::check_defaults(&self.processes)?;
        if launch.labels.iter().any(|label| label.key.is_empty()) {
            return Err(OutputProblem::LabelWithoutKey);
        }
        self.labels = launch.labels;
        self.slices = launch.slices;
        self.launch_bom = self.check_bom("launch.toml", launch.bom, element)?;
        Ok(())
    }

    fn check_process(
        &mut self,
        process: LaunchProcess,
        element: &GroupElement,
        api: BuildpackApi,
    ) -> Result<NewProcess, OutputProblem> {
        let features = api.features();
        let _: ProcessType = process.r#type.parse()?;
        if process.command.words.is_empty() {
            return Err(OutputProblem::NoCommand(process.r#type));
        }
        if process.command.is_list != features.command_list {
            return Err(OutputProblem::CommandForm {
                process: process.r#type,
                expected: if features.command_list {
                    "a list of strings"
                } else {
                    "one string"
                },
                api: api.to_string(),
            });
        }
        if features.command_list && process.direct.is_some() {
            return Err(OutputProblem::Direct {
                process: process.r#type,
                api: api.to_string(),
            });
        }
        let mut working_dir = process.working_dir;
        if !features.process_working_dir && !working_dir.is_empty() {
            self.warnings.push(format!(
                "Buildpack API {api} has no working directory for processes, ignoring that of process '{}'",
                process.r#type
            ));
            working_dir.clear();
        }
        let process_env = process.exec_env;
        Ok(NewProcess {
            default: process.default,
            process: Process {
                r#type: process.r#type,
                command: process.command.words,
                args: process.args,
                direct: features.command_list || process.direct.unwrap_or_default(),
                buildpack_id: element.id.to_string(),
                working_dir,
                exec_env: if features.exec_env {
                    process_env
                } else {
                    Vec::new()
                },
            },
        })
    }

    fn take_build(
        &mut self,
        build: Build,
        element: &GroupElement,
        requested: &BuildpackPlan,
    ) -> Result<(), OutputProblem> {
        for unmet in build.unmet {
            if unmet.name.is_empty() {
                return Err(OutputProblem::UnmetWithoutName);
            }
            if !requested
                .entries
                .iter()
                .any(|entry| entry.name == unmet.name)
            {
                return Err(OutputProblem::UnmetNotRequested(unmet.name));
            }
            self.unmet.push(unmet.name);
        }
        self.build_bom = self.check_bom("build.toml", build.bom, element)?;
        Ok(())
    }

    fn check_bom(
        &mut self,
        file: &str,
        mut bom: Vec<BomEntry>,
        element: &GroupElement,
    ) -> Result<Vec<BomEntry>, OutputProblem> {
        if !bom.is_empty() {
            self.warnings.push(format!(
                "buildpack {} writes 'bom' in {file}, which is deprecated; write <layer>.sbom.<ext>, launch.sbom.<ext> or build.sbom.<ext> instead",
                full_name(&element.id, &element.version)
            ));
        }
        for entry in &mut bom {
            if entry.name.is_empty() {
                return Err(OutputProblem::BomWithoutName);
            }
            if !entry.version.is_empty() {
                return Err(OutputProblem::BomVersion(entry.name.clone()));
            }
            entry.buildpack = Some(BomBuildpack {
                id: element.id.to_string(),
                version: element.version.clone(),
            });
        }
        Ok(bom)
    }
}
