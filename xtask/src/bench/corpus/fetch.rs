//! Trees of real packages.
//!
//! Versions are fixed, so that the corpora of two machines differ in little but what their dependencies allow. Where
//! no package can be had, seeded trees of the same shape take their place, and the bench says so.
use super::seed;
use crate::process;
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

const MODULES: &str = r#"{"name": "bench", "version": "1.0.0", "private": true, "dependencies": {
"@babel/core": "7.26.0", "@babel/preset-env": "7.26.0", "@babel/preset-react": "7.26.3", "express": "4.21.2",
"lodash": "4.17.21", "winston": "3.17.0", "typescript": "5.7.2", "webpack": "5.97.1", "webpack-cli": "6.0.1",
"eslint": "9.17.0", "jest": "29.7.0", "react": "18.3.1", "react-dom": "18.3.1", "next": "14.2.21",
"@mui/material": "6.3.0", "date-fns": "4.1.0", "rxjs": "7.8.1", "core-js": "3.39.0", "aws-sdk": "2.1692.0",
"mathjs": "14.0.1", "ramda": "0.30.1", "prettier": "3.4.2", "@fortawesome/fontawesome-free": "6.7.1"}}"#;

const WHEELS: [&str; 10] = [
    "numpy==2.2.0",
    "scipy==1.14.1",
    "pandas==2.2.3",
    "pyarrow==18.1.0",
    "tensorflow-cpu==2.18.0",
    "opencv-python-headless==4.10.0.84",
    "polars==1.17.1",
    "duckdb==1.1.3",
    "scikit-learn==1.6.0",
    "llvmlite==0.43.0",
];

/// A virtual environment with Flask.
pub(super) fn flask(to: &Path) -> Result<()> {
    process::run(process::command("python3", ["-m", "venv", "--without-pip"]).arg(to))?;
    let site = fs::read_dir(to.join("lib"))?
        .next()
        .context("the environment has no lib")??;
    let mut pip = process::command(
        "pip",
        [
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
        ],
    );
    pip.arg(site.path().join("site-packages")).args([
        "flask==3.1.0",
        "gunicorn==23.0.0",
        "pip==24.3.1",
    ]);
    process::run(&mut pip).or_else(|error| {
        instead(&error, || {
            seed::tree(&to.join("seeded"), 1500, 12 << 10, 11)
        })
    })
}

/// About 41,000 small files.
pub(super) fn node_modules(sources: &Path) -> Result<PathBuf> {
    once(&sources.join("node"), |dir| {
        fs::write(dir.join("package.json"), MODULES)?;
        let args = [
            "install",
            "--ignore-scripts",
            "--omit=optional",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ];
        process::run(process::command("npm", args).current_dir(dir)).or_else(|error| {
            instead(&error, || {
                seed::tree(&dir.join("node_modules"), 40_000, 9_700, 12)
            })
        })
    })
    .map(|dir| dir.join("node_modules"))
}

/// The files of large wheels.
pub(super) fn binaries(sources: &Path) -> Result<PathBuf> {
    once(&sources.join("wheels"), |dir| {
        let wheels = dir.join("wheels");
        let machine = std::env::consts::ARCH;
        let mut pip = process::command(
            "pip",
            ["download", "--quiet", "--no-deps", "--only-binary=:all:"],
        );
        pip.args(["--python-version=3.11", "--implementation=cp"])
            .arg(format!("--platform=manylinux2014_{machine}"))
            .arg(format!("--platform=manylinux_2_17_{machine}"))
            .arg("--dest")
            .arg(&wheels)
            .args(WHEELS);
        let to = dir.join("files");
        if let Err(error) = process::run(&mut pip) {
            return instead(&error, || seed::tree(&to, 1100, 1_120_000, 13));
        }
        for wheel in super::files(&wheels)? {
            process::run(
                process::command("python3", ["-m", "zipfile", "-e"])
                    .arg(wheel)
                    .arg(&to),
            )?;
        }
        fs::remove_dir_all(&wheels).context("remove the wheels")
    })
    .map(|dir| dir.join("files"))
}

fn instead(error: &anyhow::Error, make: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("bench: a seeded tree instead of packages, since {error:#}");
    make()
}

/// Makes a directory unless it is there already.
fn once(dir: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let done = dir.join("done");
    if !done.exists() {
        super::empty(dir)?;
        make(dir)?;
        fs::write(done, "")?;
    }
    Ok(dir.to_path_buf())
}
