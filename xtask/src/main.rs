//! The front door: `cargo xtask <task>`. CI and README use the same tasks.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task talks to the person at the terminal"
)]

mod bases;
mod bench;
mod check;
mod conformance;
mod container;
mod demo;
mod dist;
mod docs;
mod harbor_smoke;
mod layers;
mod packages;
mod podman;
mod process;
mod soak;
mod suite;
mod workspace;

use anyhow::{Result, bail};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <task>

  demo     build real apps into images in a local registry, run them, rebuild, rebase
  pods     build the demo's Flask app as the Pods of docs/examples, and compare the images
  test     install what is missing and run every test
  conformance
           judge wharf, or any lifecycle with --lifecycle DIR, by the specification
  bench    what builds cost, against this machine's limits and, with --peer DIR, another lifecycle;
           bench fleet: what a security response costs
  soak     builds and rebases on a way to the registry that loses, delays and refuses, with processes killed in
           between: --seed N --builds N [--fault-rate P] [--dist DIR]
  check    format, clippy, licences, layers, generated docs
  dist     static executables, lifecycle.toml, tarball and lifecycle image below target/dist; --verify compares with
           what a copy of the checkout in another place gives
  harbor-smoke
           push, mount, quota, immutable tag, prune and rebase on a real Harbor; see examples/harbor
  layers   check which crate may depend on which
  docs     write the generated pages of docs/
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let task = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    match run(&task, &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {task}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &str, args: &[String]) -> Result<()> {
    match task {
        "demo" => demo::run(args),
        "pods" => demo::pods::run(),
        "test" => suite::run(args),
        "conformance" => conformance::run(args),
        "check" => check::run(),
        "bench" => bench::run(args),
        "soak" => soak::run(args),
        "dist" => dist::task(args),
        "harbor-smoke" => harbor_smoke::run(),
        "layers" => layers::run(),
        "docs" => docs::write(),
        "" | "help" | "-h" | "--help" => {
            print!("{USAGE}");
            Ok(())
        }
        other => bail!("there is no task '{other}'\n\n{USAGE}"),
    }
}
