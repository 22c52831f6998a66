//! The app's source: a copy of what `project.toml` lets in.
use crate::files;
use anyhow::{Context, Result, bail};
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use wharf_sandbox::tree;

/// `project.toml`, the parts that concern a build, in both of its schemas.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Project {
    io: Option<Io>,
    build: Section,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Io {
    buildpacks: Section,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Section {
    include: Vec<String>,
    exclude: Vec<String>,
    env: Vec<Variable>,
    build: Nested,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Nested {
    env: Vec<Variable>,
}

/// A variable for the buildpacks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Variable {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) value: String,
}

impl Project {
    /// Reads `project.toml` of the app; an app without one has an empty one.
    pub(crate) fn load(app: &Path) -> Result<Self> {
        if !app.is_dir() {
            bail!("read the app: '{}' is not a directory", app.display());
        }
        let path = app.join("project.toml");
        if !path.is_file() {
            return Ok(Self::default());
        }
        let project: Self = files::read_toml(&path)?;
        let section = project.section();
        if !section.include.is_empty() && !section.exclude.is_empty() {
            bail!("use '{}': it has both include and exclude", path.display());
        }
        Ok(project)
    }

    fn section(&self) -> &Section {
        self.io.as_ref().map_or(&self.build, |io| &io.buildpacks)
    }

    /// Variables for the buildpacks.
    pub(crate) fn variables(&self) -> Vec<Variable> {
        let section = self.section();
        section
            .env
            .iter()
            .chain(&section.build.env)
            .cloned()
            .collect()
    }

    /// Whether a path of the app is part of the source.
    fn filter(&self) -> Result<impl Fn(&Path, bool) -> bool + use<>> {
        let section = self.section();
        let include = matcher(&section.include)?;
        let exclude = matcher(&section.exclude)?;
        Ok(move |path: &Path, is_directory: bool| {
            if let Some(include) = &include {
                // A directory may hold something that is included; it is left empty otherwise.
                return is_directory
                    || include
                        .matched_path_or_any_parents(path, is_directory)
                        .is_ignore();
            }
            let excluded = exclude.as_ref().is_some_and(|exclude| {
                exclude
                    .matched_path_or_any_parents(path, is_directory)
                    .is_ignore()
            });
            !excluded
        })
    }
}

fn matcher(patterns: &[String]) -> Result<Option<Gitignore>> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder
            .add_line(None, pattern)
            .with_context(|| format!("use pattern '{pattern}' of project.toml"))?;
    }
    Ok(Some(
        builder.build().context("use patterns of project.toml")?,
    ))
}

/// Copies the source of the app; the original is only read. Directories of our own, which may lie within it, are no part
/// of it: each build would contain the one before.
pub(crate) fn copy(
    app: &Path,
    destination: &Path,
    project: &Project,
    own: &[PathBuf],
) -> Result<()> {
    let included = project.filter()?;
    let root = app
        .canonicalize()
        .with_context(|| format!("read the app '{}'", app.display()))?;
    let own: Vec<PathBuf> = own
        .iter()
        .filter_map(|dir| dir.canonicalize().ok())
        .collect();
    let wanted = |path: &Path, is_directory: bool| {
        included(path, is_directory) && !(is_directory && own.contains(&root.join(path)))
    };
    tree::copy(app, destination, &mut |path, is_directory| {
        wanted(path, is_directory)
    })
    .with_context(|| format!("copy the app from '{}'", app.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use tempfile::TempDir;

    fn copied(project: &str) -> Vec<String> {
        copied_without(project, None)
    }

    fn copied_without(project: &str, own: Option<&str>) -> Vec<String> {
        let temp = TempDir::new().unwrap();
        let (app, copy_dir) = (temp.path().join("app"), temp.path().join("copy"));
        for file in [
            "main.py",
            "node_modules/a/b.js",
            "docs/keep.md",
            "docs/x.txt",
            ".git/HEAD",
        ] {
            let path = app.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        if !project.is_empty() {
            fs::write(app.join("project.toml"), project).unwrap();
        }
        let own: Vec<PathBuf> = own.iter().map(|name| app.join(name)).collect();
        copy(&app, &copy_dir, &Project::load(&app).unwrap(), &own).unwrap();
        let mut files = Vec::new();
        let mut open = vec![copy_dir.clone()];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let relative = path.strip_prefix(&copy_dir).unwrap();
                    files.push(relative.display().to_string());
                }
            }
        }
        files.sort();
        files
    }

    #[test]
    fn copies_everything_without_a_project_file() {
        let expected = [
            ".git/HEAD",
            "docs/keep.md",
            "docs/x.txt",
            "main.py",
            "node_modules/a/b.js",
        ];
        assert_eq!(copied(""), expected);
    }

    #[test]
    fn leaves_out_directories_of_our_own() {
        assert_eq!(
            copied_without("", Some("docs")),
            [".git/HEAD", "main.py", "node_modules/a/b.js"]
        );
    }

    #[test]
    fn leaves_out_what_is_excluded() {
        let project = "[_]\nschema-version = \"0.2\"\n[io.buildpacks]\nexclude = [\".git\", \"/node_modules/\", \"docs/*\", \"!docs/keep.md\"]\n";
        assert_eq!(copied(project), ["docs/keep.md", "main.py", "project.toml"]);
    }

    #[test]
    fn takes_only_what_is_included() {
        let project = "[build]\ninclude = [\"*.py\", \"docs/\"]\n";
        assert_eq!(copied(project), ["docs/keep.md", "docs/x.txt", "main.py"]);
    }

    #[test]
    fn reads_variables_of_both_schemas() {
        let names = |text: &str| {
            let project: Project = wharf_spec::files::parse(text).unwrap();
            let names = project
                .variables()
                .into_iter()
                .map(|variable| variable.name);
            names.collect::<Vec<_>>()
        };
        assert_eq!(names("[[build.env]]\nname = \"A\"\nvalue = \"1\"\n"), ["A"]);
        assert_eq!(names("[[io.buildpacks.build.env]]\nname = \"B\"\n"), ["B"]);
    }
}
