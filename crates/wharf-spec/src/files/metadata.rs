//! `config/metadata.toml`: the result of the build phase, read by exporter and launcher.
use super::{
    ParseError,
    group::GroupElement,
    launch::{BomEntry, Command, Label, Slice},
    parse,
};
use crate::{
    api::CommandForm,
    encode::{EncodeError, toml_text},
};
use alloc::{string::String, vec::Vec};

/// The whole file as a value; its text form depends on the [`CommandForm`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BuildMetadata {
    /// Deprecated bill of materials (Platform API < 0.9).
    pub bom: Vec<BomEntry>,
    /// Buildpacks of the group.
    pub buildpacks: Vec<GroupElement>,
    /// Image extensions of the group.
    pub extensions: Vec<GroupElement>,
    /// Image labels in order.
    pub labels: Vec<Label>,
    /// Processes sorted by type.
    pub processes: Vec<Process>,
    /// App slices in order.
    pub slices: Vec<Slice>,
    /// Type of the default process, when a buildpack set one.
    pub buildpack_default_process_type: Option<String>,
}

/// A process as exporter and launcher see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Process type.
    pub r#type: String,
    /// Command words.
    pub command: Vec<String>,
    /// Arguments.
    pub args: Vec<String>,
    /// Without a shell.
    pub direct: bool,
    /// The buildpack that defined it.
    pub buildpack_id: String,
    /// Working directory; empty means the app directory.
    pub working_dir: String,
    /// Execution environments; empty means all.
    pub exec_env: Vec<String>,
}

impl BuildMetadata {
    /// Parses either form of the file.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let wire: wire::File = parse(text)?;
        Ok(Self {
            bom: wire.bom,
            buildpacks: wire.buildpacks,
            extensions: wire.extensions,
            labels: wire.labels,
            processes: wire
                .processes
                .into_iter()
                .map(wire::InProcess::into_process)
                .collect(),
            slices: wire.slices,
            buildpack_default_process_type: wire.buildpack_default_process_type,
        })
    }

    /// The text of the file.
    pub fn encode(&self, form: CommandForm) -> Result<String, EncodeError> {
        let processes = self
            .processes
            .iter()
            .map(|process| wire::out_process(process, form));
        toml_text(&wire::OutFile {
            bom: &self.bom,
            buildpacks: &self.buildpacks,
            extensions: &self.extensions,
            labels: &self.labels,
            processes: processes.collect(),
            slices: &self.slices,
            buildpack_default_process_type: self.buildpack_default_process_type.as_deref(),
        })
    }
}

mod wire {
    use super::{BomEntry, Command, CommandForm, GroupElement, Label, Process, Slice};
    use alloc::{string::String, vec::Vec};
    use serde::{Deserialize, Serialize};

    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "kebab-case")]
    pub(super) struct File {
        pub bom: Vec<BomEntry>,
        pub buildpacks: Vec<GroupElement>,
        pub extensions: Vec<GroupElement>,
        pub labels: Vec<Label>,
        pub processes: Vec<InProcess>,
        pub slices: Vec<Slice>,
        pub buildpack_default_process_type: Option<String>,
    }

    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "kebab-case")]
    pub(super) struct InProcess {
        r#type: String,
        command: Command,
        args: Vec<String>,
        direct: bool,
        buildpack_id: String,
        working_dir: String,
        exec_env: Vec<String>,
    }

    impl InProcess {
        pub(super) fn into_process(self) -> Process {
            Process {
                r#type: self.r#type,
                command: self.command.words,
                args: self.args,
                direct: self.direct,
                buildpack_id: self.buildpack_id,
                working_dir: self.working_dir,
                exec_env: self.exec_env,
            }
        }
    }

    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub(super) struct OutFile<'a> {
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        pub bom: &'a [BomEntry],
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        pub buildpacks: &'a [GroupElement],
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        pub extensions: &'a [GroupElement],
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        pub labels: &'a [Label],
        #[serde(skip_serializing_if = "Vec::is_empty")]
        pub processes: Vec<OutProcess<'a>>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        pub slices: &'a [Slice],
        #[serde(skip_serializing_if = "Option::is_none")]
        pub buildpack_default_process_type: Option<&'a str>,
    }

    /// Field order is the reference's; `command` is one string or a list.
    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub(super) struct OutProcess<'a> {
        r#type: &'a str,
        command: OutCommand<'a>,
        args: &'a [String],
        direct: bool,
        buildpack_id: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        working_dir: &'a str,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        exec_env: &'a [String],
    }

    pub(super) enum OutCommand<'a> {
        Single(&'a str),
        List(&'a [String]),
    }

    impl Serialize for OutCommand<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self {
                Self::Single(word) => word.serialize(serializer),
                Self::List(words) => words.serialize(serializer),
            }
        }
    }

    pub(super) fn out_process(process: &Process, form: CommandForm) -> OutProcess<'_> {
        OutProcess {
            r#type: &process.r#type,
            command: match form {
                CommandForm::Single => {
                    OutCommand::Single(process.command.first().map_or("", String::as_str))
                }
                CommandForm::List => OutCommand::List(&process.command),
            },
            args: &process.args,
            direct: process.direct,
            buildpack_id: &process.buildpack_id,
            working_dir: &process.working_dir,
            exec_env: &process.exec_env,
        }
    }
}
