//! What this machine could do at all.
use super::{
    Bench,
    measure::{Program, Run, Stages},
};
use anyhow::Result;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// The larger of the slowest stage that cannot be split and the CPU time of all stages over the cores.
///
/// The hash of one layer cannot be split, whatever else can; layers are independent of each other.
pub(super) fn export(layers: &[Stages], cores: usize) -> f64 {
    let chain = |layer: &Stages| layer.tar_hash.max(layer.blob_hash);
    larger(layers, cores, all, chain)
}

/// CPU time of all stages of all layers.
pub(super) fn work(layers: &[Stages]) -> f64 {
    layers.iter().map(all).sum()
}

fn all(layer: &Stages) -> f64 {
    layer.tar + layer.tar_hash + layer.encode + layer.blob_hash + layer.write
}

/// The same for telling whether layers have changed by reading them.
pub(super) fn hash(layers: &[Stages], cores: usize) -> f64 {
    larger(
        layers,
        cores,
        |layer| layer.tar + layer.tar_hash,
        |layer| layer.tar_hash,
    )
}

fn larger(
    layers: &[Stages],
    cores: usize,
    all: impl Fn(&Stages) -> f64,
    chain: impl Fn(&Stages) -> f64,
) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 cores")]
    let shared = layers.iter().map(all).sum::<f64>() / cores as f64;
    layers.iter().map(chain).fold(shared, f64::max)
}

/// Wall time of `find -ls` of directories.
pub(super) fn find(bench: &Bench, temp: &Path, roots: &[PathBuf]) -> Result<Run> {
    let mut args: Vec<OsString> = roots.iter().map(Into::into).collect();
    args.push("-ls".into());
    tool(bench, temp, "find", args)
}

/// Wall time of unpacking all archives in `from` below `to` with `tar` or `bsdtar`, one process per core.
pub(super) fn unpack(bench: &Bench, temp: &Path, program: &str, from: &Path) -> Result<Run> {
    let to = temp.join("unpacked");
    super::empty(&to)?;
    std::os::unix::fs::chown(&to, Some(bench.user), Some(bench.user))?;
    bench.settle()?;
    let script = "ls \"$1\"/*.tar | xargs -P \"$3\" -I{} \"$0\" -xf {} -C \"$2\"";
    let args: Vec<OsString> = vec![
        "-c".into(),
        script.into(),
        program.into(),
        from.into(),
        to.clone().into(),
        bench.cores.to_string().into(),
    ];
    let run = tool(bench, temp, "sh", args)?;
    fs::remove_dir_all(&to)?;
    Ok(run)
}

fn tool(bench: &Bench, temp: &Path, program: &str, args: Vec<OsString>) -> Result<Run> {
    let path = crate::packages::find(program).unwrap_or_else(|| program.into());
    let path_variable = std::env::var("PATH").unwrap_or_default();
    bench.helper.run(&Program {
        path: &path,
        args,
        env: &BTreeMap::from([("PATH".to_owned(), path_variable)]),
        temp,
        log: None,
        user: bench.user,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(tar_hash: f64, encode: f64) -> Stages {
        Stages {
            tar: 1.0,
            tar_hash,
            encode,
            blob_hash: 1.0,
            write: 1.0,
            bytes: 0.0,
            blob: 0.0,
        }
    }

    #[test]
    fn the_limit_is_all_work_over_the_cores_unless_one_hash_takes_longer() {
        let split = [layer(2.0, 4.0), layer(2.0, 5.0)];
        assert_eq!(export(&split, 2).to_string(), "9.5");
        let chain = [layer(20.0, 4.0), layer(2.0, 5.0)];
        assert_eq!(export(&chain, 2).to_string(), "20");
        assert_eq!(hash(&split, 2).to_string(), "3");
    }
}
