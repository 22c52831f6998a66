//! What the launcher reads of `config/metadata.toml` (platform spec, "metadata.toml").
use crate::toml::{self, Table, TomlError, Value};
use alloc::{string::String, vec::Vec};

/// Buildpacks in build order and their processes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Buildpacks.
    pub buildpacks: Vec<Buildpack>,
    /// Processes.
    pub processes: Vec<Process>,
}

/// A buildpack of the build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Buildpack {
    /// Id.
    pub id: String,
    /// Buildpack API as text; empty when missing.
    pub api: String,
}

/// A process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Process type.
    pub r#type: String,
    /// Command; written as one string or as a list.
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

impl Metadata {
    /// Parses the text of the file. Members the launcher does not need are not judged.
    pub fn parse(text: &str) -> Result<Self, TomlError> {
        let root = View {
            text,
            table: &toml::parse(text)?,
        };
        let buildpack = |view: &View<'_>| {
            Ok(Buildpack {
                id: view.text("id")?,
                api: view.text("api")?,
            })
        };
        Ok(Self {
            buildpacks: root.each("buildpacks", buildpack)?,
            processes: root.each("processes", process)?,
        })
    }
}

fn process(view: &View<'_>) -> Result<Process, TomlError> {
    Ok(Process {
        r#type: view.text("type")?,
        command: view.words("command")?,
        args: view.words("args")?,
        direct: view.flag("direct")?,
        buildpack_id: view.text("buildpack-id")?,
        working_dir: view.text("working-dir")?,
        exec_env: view.words("exec-env")?,
    })
}

/// A table with the text it came from, for the positions in errors.
struct View<'a> {
    text: &'a str,
    table: &'a Table,
}

impl View<'_> {
    fn error<T>(&self, offset: usize, message: &'static str) -> Result<T, TomlError> {
        Err(TomlError::at(self.text, offset, message))
    }

    fn text(&self, key: &str) -> Result<String, TomlError> {
        match self.table.get(key) {
            None => Ok(String::new()),
            Some((_, Value::Text(text))) => Ok(text.clone()),
            Some((offset, _)) => self.error(offset, "expected a string"),
        }
    }

    fn flag(&self, key: &str) -> Result<bool, TomlError> {
        match self.table.get(key) {
            None => Ok(false),
            Some((_, Value::Flag(flag))) => Ok(*flag),
            Some((offset, _)) => self.error(offset, "expected true or false"),
        }
    }

    /// A list of strings; one string is a list of one, an empty string a list of none.
    fn words(&self, key: &str) -> Result<Vec<String>, TomlError> {
        let Some((offset, value)) = self.table.get(key) else {
            return Ok(Vec::new());
        };
        match value {
            Value::Text(text) if text.is_empty() => Ok(Vec::new()),
            Value::Text(text) => Ok([text.clone()].to_vec()),
            Value::List(items) => items
                .iter()
                .map(|item| match item {
                    Value::Text(text) => Ok(text.clone()),
                    _ => self.error(offset, "expected a list of strings"),
                })
                .collect(),
            _ => self.error(offset, "expected a list of strings"),
        }
    }

    /// The tables of an array, written with headers or inline.
    fn each<T>(
        &self,
        key: &str,
        read: impl Fn(&View<'_>) -> Result<T, TomlError>,
    ) -> Result<Vec<T>, TomlError> {
        let read = |table| {
            read(&View {
                text: self.text,
                table,
            })
        };
        match self.table.get(key) {
            None => Ok(Vec::new()),
            Some((_, Value::Tables(tables))) => tables.iter().map(read).collect(),
            Some((offset, Value::List(items))) => items
                .iter()
                .map(|item| match item {
                    Value::Table(table) => read(table),
                    _ => self.error(offset, "expected an array of tables"),
                })
                .collect(),
            Some((offset, _)) => self.error(offset, "expected an array of tables"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::ToString, vec};

    #[test]
    fn reads_both_forms_of_a_command_and_skips_the_rest() {
        let text = r#"
buildpack-default-process-type = "web"
[[buildpacks]]
  id = "a/b"
  version = "1.2.3"
  api = "0.12"
[[labels]]
  key = "k"
  value = 'v'
[[processes]]
  type = "web"
  command = ["bin/web", "-x"]
  args = ["a b"]
  direct = true
  buildpack-id = "a/b"
  working-dir = "/tmp"
  exec-env = ["test"]
[[processes]]
  type = "old"
  command = "echo a && echo b"
[[processes]]
  type = "none"
  command = ""
"#;
        let web = Process {
            r#type: "web".into(),
            command: vec!["bin/web".into(), "-x".into()],
            args: vec!["a b".into()],
            direct: true,
            buildpack_id: "a/b".into(),
            working_dir: "/tmp".into(),
            exec_env: vec!["test".into()],
        };
        let old = Process {
            r#type: "old".into(),
            command: vec!["echo a && echo b".into()],
            ..Process::default()
        };
        let none = Process {
            r#type: "none".into(),
            ..Process::default()
        };
        let expected = Metadata {
            buildpacks: vec![Buildpack {
                id: "a/b".into(),
                api: "0.12".into(),
            }],
            processes: vec![web, old, none],
        };
        assert_eq!(Metadata::parse(text), Ok(expected));
    }

    #[test]
    fn a_member_of_the_wrong_type_is_named_by_its_place() {
        let error = |text: &str| Metadata::parse(text).unwrap_err().to_string();
        assert_eq!(
            error("[[processes]]\ntype = 3\n"),
            "line 2, column 1: expected a string"
        );
        assert_eq!(
            error("[[processes]]\n  args = [1]\n"),
            "line 2, column 3: expected a list of strings"
        );
        assert_eq!(
            error("processes = 1\n"),
            "line 1, column 1: expected an array of tables"
        );
        assert_eq!(
            error("[[processes]]\ndirect = \"yes\"\n"),
            "line 2, column 1: expected true or false"
        );
    }
}
