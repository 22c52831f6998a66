//! What is built: made once from packages and seeds, and kept below the target directory.
mod fetch;
mod pick;
mod seed;

use super::empty;
use anyhow::{Context, Result, bail};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// Where corpora are kept.
#[derive(Debug)]
pub(super) struct Corpora {
    dir: PathBuf,
    quick: bool,
}

/// One of them: layers as directories, and an app.
#[derive(Debug, Clone)]
pub(super) struct Corpus {
    /// `a` to `e`, or what grows and how far.
    pub(super) name: String,
    dir: PathBuf,
}

impl Corpora {
    pub(super) fn new(dir: &Path, quick: bool) -> Self {
        let dir = dir.join(if quick { "quick" } else { "full" });
        Self { dir, quick }
    }

    /// A corpus, made if it is not there yet.
    pub(super) fn get(&self, name: &str) -> Result<Corpus> {
        let corpus = Corpus {
            name: name.to_owned(),
            dir: self.dir.join(name),
        };
        let done = corpus.dir.join("done");
        if done.exists() {
            return Ok(corpus);
        }
        println!("bench: making corpus {name}");
        empty(&corpus.dir)?;
        fs::create_dir_all(corpus.layers())?;
        self.make(&corpus)
            .with_context(|| format!("make corpus {name}"))?;
        if !corpus.app().exists() {
            seed::app(&corpus.app(), 20)?;
        }
        fs::write(&done, "").context("mark a corpus as done")?;
        Ok(corpus)
    }

    fn make(&self, corpus: &Corpus) -> Result<()> {
        let sources = self.dir.with_file_name("sources");
        let part = if self.quick { 4 } else { 1 };
        let layers = corpus.layers();
        match corpus.name.as_str() {
            "a" => fetch::flask(&layers.join("venv")),
            "b" => pick::every(
                &fetch::node_modules(&sources)?,
                &layers.join("modules"),
                40_000,
                part,
            ),
            "c" => pick::binaries(&fetch::binaries(&sources)?, &layers.join("binaries"), part),
            "d" => {
                let from = self.get("c")?.layers().join("binaries");
                pick::layers(&from, &layers, 10, (100 << 20) / part as u64)
            }
            "e" => {
                seed::tree(&layers.join("small"), 10, 4096, 1)?;
                seed::app(&corpus.app(), 5000)
            }
            "small" => seed::tree(&layers.join("small"), 10, 4096, 1),
            name => self.grown(name, &layers),
        }
    }

    /// `files-N`, `bytes-N`, `layers-N`: N times as much of one thing.
    fn grown(&self, name: &str, layers: &Path) -> Result<()> {
        let Some((kind, times)) = name.split_once('-') else {
            bail!("there is no corpus {name}");
        };
        let times: usize = times.parse().context("read how far a corpus grows")?;
        let scale = if self.quick { 1 } else { 2 };
        match kind {
            "files" => seed::tree(&layers.join("files"), 5000 * scale * times, 2048, 2),
            "bytes" => seed::tree(&layers.join("bytes"), 4, (16 << 20) * scale * times, 3),
            "layers" => (0..10 * scale * times).try_for_each(|at| {
                seed::tree(
                    &layers.join(format!("layer{at:03}")),
                    20,
                    1 << 17,
                    at as u64,
                )
            }),
            _ => bail!("there is no corpus {name}"),
        }
    }
}

impl Corpus {
    /// The directory of layers.
    pub(super) fn layers(&self) -> PathBuf {
        self.dir.join("layers")
    }

    /// The app.
    pub(super) fn app(&self) -> PathBuf {
        self.dir.join("app")
    }

    /// A `bin/build` that makes the layers unless they have been restored, and keeps them.
    pub(super) fn build_script(&self) -> String {
        let slices = if self.name == "e" {
            "[[slices]]\npaths = [\"part0*\"]\n[[slices]]\npaths = [\"part1*\"]\n"
        } else {
            ""
        };
        format!(
            "#!/bin/sh
set -e
for from in '{}'/*; do
  to=$CNB_LAYERS_DIR/${{from##*/}}
  [ -d \"$to\" ] || cp -R --preserve=mode,timestamps,links \"$from\" \"$to\"
  printf '[types]\\nlaunch = true\\ncache = true\\n' > \"$to.toml\"
done
cat > \"$CNB_LAYERS_DIR/launch.toml\" <<end
[[processes]]
type = \"web\"
command = [\"/bin/busybox\"]
args = [\"true\"]
default = true
{slices}end
",
            self.layers().display()
        )
    }
}

/// Regular files and symbolic links below a directory, in order of their paths.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![dir.to_path_buf()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(&dir).with_context(|| format!("list {}", dir.display()))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                pending.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Puts a file of `from` to the same place below `to`.
fn take(from: &Path, file: &Path, to: &Path) -> Result<()> {
    let to = to.join(file.strip_prefix(from)?);
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    if file.is_symlink() {
        symlink(fs::read_link(file)?, &to)?;
        return Ok(());
    }
    fs::copy(file, &to).with_context(|| format!("copy {}", file.display()))?;
    Ok(())
}
