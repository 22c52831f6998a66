//! The conformance suite as a program; `cargo xtask conformance` builds and calls it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it talks to the person at the terminal"
)]
use clap::Parser;
use spec_tests::{
    cases, mutant,
    suite::{
        Minor, Test, bite,
        ground::Ground,
        map::Map,
        report, requirements,
        runner::{self, Finished, Plan, Verdict},
        subject::Subject,
    },
};
use std::{collections::BTreeSet, fs, path::PathBuf, process::ExitCode};

/// Judges a lifecycle by the specification.
#[derive(Debug, Parser)]
#[command(name = "conformance")]
struct Options {
    /// Directory with the executables of the lifecycle
    #[arg(long)]
    lifecycle: PathBuf,
    /// Only this Platform API, such as 0.12
    #[arg(long, value_parser = minor)]
    platform_api: Option<Minor>,
    /// Only this Buildpack API, such as 0.10
    #[arg(long, value_parser = minor)]
    buildpack_api: Option<Minor>,
    /// Only tests whose name contains the text, or that show the requirement of that name; `=NAME` is one test
    #[arg(long)]
    filter: Option<String>,
    /// Write the results to this file
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write the map of requirements and tests to this file
    #[arg(long)]
    map: Option<PathBuf>,
    /// Leave the directories of the tests and print every command
    #[arg(long)]
    keep: bool,
    /// Stop at the first failure
    #[arg(long)]
    fail_fast: bool,
    /// Plant faults one at a time, those whose name contains the text, and see whether a test fails
    #[arg(long, num_args = 0..=1, default_missing_value = "")]
    mutants: Option<String>,
    /// Cases at once; 0 is twice the number of processors
    #[arg(long, default_value_t = 0)]
    jobs: usize,
}

fn main() -> ExitCode {
    if let Some(code) = mutant::run_as_mutant() {
        return code;
    }
    match judge(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
    }
}

fn judge(options: &Options) -> Result<bool, String> {
    let requirements = requirements::read()?;
    let subject = Subject::open(&options.lifecycle)?;
    if let Some(filter) = &options.mutants {
        let tests: Vec<Test> = cases::all()
            .into_iter()
            .filter(|test| !test.is_our_own())
            .collect();
        let caught = bite::run(&subject, &tests, filter)?;
        print!("{}", bite::text(&caught));
        return Ok(bite::all_caught(&caught));
    }
    let plan = plan(options, &subject);
    if plan.cases.is_empty() {
        return Err("no test matches".to_owned());
    }
    let mut finished = runner::run(&plan, &subject, &Ground::new());
    let whole = options.filter.is_none()
        && options.platform_api.is_none()
        && options.buildpack_api.is_none()
        && !options.fail_fast;
    if whole {
        hold_to_table(&mut finished, &requirements);
    }
    let map = Map::new(requirements, &finished);
    if options.keep {
        for case in &finished {
            print_commands(case);
        }
    }
    print!("{}", report::text(&finished, &map, whole));
    if let Some(path) = &options.json {
        write(path, &format!("{:#}\n", report::json(&finished, &map)))?;
    }
    if let Some(path) = &options.map {
        write(path, &map.page())?;
    }
    Ok(report::counts(&finished).1 == 0)
}

fn plan(options: &Options, subject: &Subject) -> Plan {
    let wanted = |test: &Test| match options.filter.as_deref() {
        None => true,
        Some(filter) => match filter.strip_prefix('=') {
            Some(name) => test.name == name,
            None => test.name.contains(filter) || test.covers.contains(&filter),
        },
    };
    let cases = cases::all()
        .into_iter()
        .filter(|test| subject.is_wharf || !test.is_our_own())
        .filter(wanted)
        .flat_map(|test| test.pairs().into_iter().map(move |pair| (test, pair)))
        .filter(|(_, pair)| options.platform_api.is_none_or(|api| api == pair.platform))
        .filter(|(_, pair)| {
            options
                .buildpack_api
                .is_none_or(|api| api == pair.buildpack)
        })
        .collect();
    Plan {
        cases,
        jobs: options.jobs,
        keep: options.keep,
        fail_fast: options.fail_fast,
    }
}

/// Fails tests whose table row and assertions do not name the same requirements, or unknown ones.
fn hold_to_table(
    finished: &mut [Finished],
    requirements: &std::collections::BTreeMap<&'static str, requirements::Requirement>,
) {
    let names: BTreeSet<&str> = finished.iter().map(|case| case.test.name).collect();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    for name in names {
        let mut cases: Vec<&mut Finished> = finished
            .iter_mut()
            .filter(|case| case.test.name == name)
            .collect();
        if cases.iter().any(|case| case.verdict != Verdict::Passed) {
            continue;
        }
        let declared: BTreeSet<&str> = cases[0].test.covers.iter().copied().collect();
        let mut touched = BTreeSet::new();
        let mut effective = BTreeSet::new();
        for case in &cases {
            for id in &case.touched {
                touched.insert(id.clone());
                if requirements
                    .get(id.as_str())
                    .is_some_and(|row| row.applies(case.pair))
                {
                    effective.insert(id.clone());
                }
            }
        }
        let idle: Vec<&&str> = declared
            .iter()
            .filter(|id| !effective.contains(**id))
            .collect();
        let undeclared: Vec<&String> = touched
            .iter()
            .filter(|id| !declared.contains(id.as_str()))
            .collect();
        if !idle.is_empty() || !undeclared.is_empty() {
            cases[0].verdict = Verdict::Failed {
                message: format!(
                    "the test's table row and its assertions differ\n  \
                     named in the row, but by no assertion at versions where they are in force: {idle:?}\n  \
                     named by assertions, but not in the row: {undeclared:?}"
                ),
            };
        }
    }
}

fn print_commands(case: &Finished) {
    println!("{} [{}]", case.test.name, case.pair);
    for command in &case.commands {
        println!("  {command}");
    }
}

fn write(path: &PathBuf, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn minor(text: &str) -> Result<Minor, String> {
    text.strip_prefix("0.")
        .and_then(|minor| minor.parse().ok())
        .ok_or_else(|| "an API version is written 0.<minor>".to_owned())
}
