//! Variables for the buildpacks: from `project.toml`, files and the command line, the latter winning.
use super::source::Project;
use crate::{arguments::BuildArguments, environment, files};
use anyhow::{Context, Result, bail};
use std::{collections::BTreeMap, path::Path};

/// Gathers the variables of a build.
pub(crate) fn gather(
    arguments: &BuildArguments,
    project: &Project,
) -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for variable in project.variables() {
        insert(&mut variables, &variable.name, Some(variable.value))
            .context("use project.toml of the app")?;
    }
    for path in &arguments.env_file {
        for (index, line) in files::read_text(path)?.lines().enumerate() {
            let line = line.trim_start();
            if !line.is_empty() && !line.starts_with('#') {
                add(&mut variables, line)
                    .with_context(|| format!("use '{}' line {}", path.display(), index + 1))?;
            }
        }
    }
    for text in &arguments.env {
        add(&mut variables, text).context("use --env")?;
    }
    Ok(variables)
}

/// `NAME=VALUE`, or `NAME` for the value in our own environment.
fn add(variables: &mut BTreeMap<String, String>, text: &str) -> Result<()> {
    match text.split_once('=') {
        Some((name, value)) => insert(variables, name, Some(value.to_owned())),
        None => insert(variables, text, environment::text(text)),
    }
}

fn insert(
    variables: &mut BTreeMap<String, String>,
    name: &str,
    value: Option<String>,
) -> Result<()> {
    // It becomes the name of a file.
    if name.is_empty() || name.contains(['/', '\0']) || name.starts_with('.') {
        bail!("'{name}' is not the name of a variable");
    }
    if let Some(value) = value {
        variables.insert(name.to_owned(), value);
    }
    Ok(())
}

/// Writes the variables to `<platform>/env`.
pub(crate) fn write(platform: &Path, variables: &BTreeMap<String, String>) -> Result<()> {
    let dir = platform.join("env");
    std::fs::create_dir_all(&dir).with_context(|| format!("create '{}'", dir.display()))?;
    variables
        .iter()
        .try_for_each(|(name, value)| files::write(&dir.join(name), value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_values_with_equals_signs_and_blanks_as_they_are() {
        let mut variables = BTreeMap::new();
        add(&mut variables, "A=b=c d").unwrap();
        add(&mut variables, "EMPTY=").unwrap();
        add(&mut variables, "SURELY_NOT_SET_ANYWHERE").unwrap();
        let expected = [
            ("A".to_owned(), "b=c d".to_owned()),
            ("EMPTY".to_owned(), String::new()),
        ];
        assert_eq!(variables, BTreeMap::from(expected));
    }

    #[test]
    fn refuses_names_that_are_paths() {
        for name in ["=x", "../A=x", "a/b=x"] {
            assert!(add(&mut BTreeMap::new(), name).is_err(), "{name}");
        }
    }
}
