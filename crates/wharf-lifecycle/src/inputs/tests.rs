use super::*;
use crate::{
    environment::Environment,
    exit::chain,
    flags::{self, Asked, RawInputs},
    phase::Phase,
};
use std::path::{Path, PathBuf};
use wharf_spec::api::PlatformApi;

fn raw(phase: Phase, api: &str, arguments: &[&str], environment: &[(&str, &str)]) -> RawInputs {
    let api: PlatformApi = api.parse().unwrap();
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let Asked::Run(parsed) = flags::parse(&flags::flags_of(phase, api), &arguments).unwrap() else {
        panic!("no phase is asked for");
    };
    let environment: Environment = environment.iter().copied().collect();
    RawInputs::new(phase, api, environment, parsed)
}

fn with<T>(raw: &RawInputs, resolve: impl FnOnce(&Resolver<'_>) -> T) -> T {
    let surroundings = Surroundings {
        working_dir: PathBuf::from("/here"),
        exists: |path| path == Path::new("/ordered/order.toml"),
    };
    resolve(&Resolver {
        raw,
        surroundings: &surroundings,
    })
}

fn paths(detect: &Detect) -> [&Path; 5] {
    [
        &detect.order,
        &detect.analyzed,
        &detect.group,
        &detect.plan,
        &detect.buildpacks.app,
    ]
}

fn fault<T: std::fmt::Debug>(result: Result<T, InputError>) -> String {
    chain(&result.unwrap_err())
}

#[test]
fn defaults_hang_on_the_layers_directory() {
    let inputs = with(
        &raw(Phase::Detect, "0.15", &["-layers=/l/"], &[]),
        Detect::resolve,
    );
    let expected = [
        "/cnb/order.toml",
        "/l/analyzed.toml",
        "/l/group.toml",
        "/l/plan.toml",
        "/workspace",
    ];
    assert_eq!(paths(&inputs.unwrap()), expected.map(Path::new));
}

#[test]
fn an_order_in_the_layers_directory_wins_over_the_default_but_not_over_a_flag() {
    let order = |arguments: &[&str]| {
        let raw = raw(Phase::Detect, "0.15", arguments, &[]);
        with(&raw, Detect::resolve).unwrap().order
    };
    assert_eq!(
        order(&["-layers=/ordered"]),
        Path::new("/ordered/order.toml")
    );
    assert_eq!(
        order(&["-layers=/ordered", "-order=mine"]),
        Path::new("/here/mine")
    );
}

#[test]
fn flags_win_over_variables_and_empty_values_are_none() {
    let app = |arguments: &[&str], environment: &[(&str, &str)]| {
        let raw = raw(Phase::Detect, "0.15", arguments, environment);
        with(&raw, Detect::resolve).unwrap().buildpacks.app
    };
    assert_eq!(app(&["-app=/a"], &[("CNB_APP_DIR", "/b")]), Path::new("/a"));
    assert_eq!(
        app(&["-app="], &[("CNB_APP_DIR", "b/../c/./")]),
        Path::new("/here/c")
    );
    assert_eq!(
        app(&["-app="], &[("CNB_APP_DIR", " ")]),
        Path::new("/workspace")
    );
}

#[test]
fn the_creator_knows_paths_by_variable_that_it_has_no_flag_for() {
    let environment = [
        ("CNB_GROUP_PATH", "/g"),
        ("CNB_PLAN_PATH", "/p"),
        ("CNB_ANALYZED_PATH", "/a"),
    ];
    let inputs = with(
        &raw(Phase::Create, "0.7", &["x"], &environment),
        Detect::resolve,
    );
    let inputs = inputs.unwrap();
    assert_eq!(
        [&inputs.group, &inputs.plan, &inputs.analyzed],
        [Path::new("/g"), Path::new("/p"), Path::new("/a")]
    );
}

#[test]
fn typos_in_variables_name_the_variable() {
    let ids = |name, value| {
        let raw = raw(Phase::Analyze, "0.12", &["x"], &[(name, value)]);
        Ids::resolve(&raw).map_err(InputError::from)
    };
    assert_eq!(
        fault(ids("CNB_USER_ID", "root")),
        "CNB_USER_ID is 'root', expected a number from 0 to 4294967295"
    );
    assert_eq!(
        ids("CNB_GROUP_ID", " 7 ").unwrap(),
        Ids {
            uid: None,
            gid: Some(7)
        }
    );
    let skip = raw(Phase::Restore, "0.12", &[], &[("CNB_SKIP_LAYERS", "yes")]);
    assert_eq!(
        fault(with(&skip, Restore::resolve)),
        "CNB_SKIP_LAYERS is 'yes', expected true or false"
    );
}

#[test]
fn where_images_live_is_a_registry_or_a_named_layout() {
    let images = |arguments: &[&str], environment: &[(&str, &str)]| {
        with(
            &raw(Phase::Analyze, "0.13", arguments, environment),
            Images::resolve,
        )
    };
    assert!(
        fault(images(&["-daemon", "x"], &[]))
            .starts_with("use a Docker daemon (-daemon): it is not supported")
    );
    assert!(
        fault(images(&["x"], &[("CNB_USE_DAEMON", "1")]))
            .starts_with("use a Docker daemon (CNB_USE_DAEMON)")
    );
    assert!(fault(images(&["-layout", "x"], &[])).starts_with("use experimental feature"));
    let mode = |mode| [("CNB_EXPERIMENTAL_MODE", mode)];
    assert_eq!(
        fault(images(&["-layout", "x"], &mode("quiet"))),
        "use OCI layouts (-layout): -layout-dir or CNB_LAYOUT_DIR must name their directory"
    );
    assert_eq!(
        fault(images(&["-layout", "x"], &mode("yes"))),
        "CNB_EXPERIMENTAL_MODE is 'yes', expected quiet, silent, warn or error"
    );
    let found = images(
        &["-layout", "-layout-dir=l", "-launch-cache=c", "x"],
        &mode("warn"),
    );
    assert_eq!(
        found.unwrap(),
        Images {
            layout: Some("/here/l".into()),
            insecure: Vec::new(),
            harbor: wharf_harbor::Mode::Auto,
            chunk_size: None,
            transfer_timeout: None,
            warnings: vec![
                "Ignoring -launch-cache, only intended for use with -daemon".into(),
                "Platform requested experimental feature 'export to OCI layout format'".into(),
            ],
        }
    );
}

#[test]
fn insecure_registries_are_those_of_the_variable_and_of_every_flag() {
    let raw = raw(
        Phase::Analyze,
        "0.13",
        &[
            "-insecure-registry=c",
            "-insecure-registry",
            "",
            "-insecure-registry",
            "d",
            "x",
        ],
        &[("CNB_INSECURE_REGISTRIES", "a, b,")],
    );
    assert_eq!(
        with(&raw, Images::resolve).unwrap().insecure,
        ["a", "b", "c", "d"]
    );
}

#[test]
fn outputs_are_arguments_and_tags_of_one_registry() {
    let analyze = |arguments: &[&str]| {
        with(
            &raw(Phase::Analyze, "0.12", arguments, &[]),
            Analyze::resolve,
        )
    };
    let inputs = analyze(&["-tag=r.io/a:2", "-tag", "", "-previous-image=", "r.io/a:1"]).unwrap();
    let shown: Vec<String> = inputs.outputs.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["r.io/a:1", "r.io/a:2"]);
    assert_eq!(inputs.previous_image.to_string(), "r.io/a:1");
    assert_eq!(
        fault(analyze(&["-tag=b", "r.io/a"])),
        "write 'b' and 'r.io/a': writing to multiple registries is unsupported"
    );
    assert!(
        fault(analyze(&["-run-image=A", "r.io/a"]))
            .starts_with("read -run-image: 'A' is not an image reference")
    );
}

#[test]
fn a_cache_image_wins_over_a_cache_directory() {
    let cache = |arguments: &[&str]| {
        with(
            &raw(Phase::Restore, "0.12", arguments, &[]),
            CacheChoice::resolve,
        )
        .unwrap()
    };
    assert_eq!(cache(&["-cache-image="]), CacheChoice::Nothing);
    assert_eq!(
        cache(&["-cache-dir=c"]),
        CacheChoice::Directory("/here/c".into())
    );
    assert_eq!(
        cache(&["-cache-dir=c", "-cache-image=r.io/c"]),
        CacheChoice::Image("r.io/c".parse().unwrap())
    );
}

#[test]
fn the_exporter_bears_a_run_image_that_platforms_always_give() {
    let export = |arguments: &[&str], environment: &[(&str, &str)]| {
        with(
            &raw(Phase::Export, "0.12", arguments, environment),
            Export::resolve,
        )
        .map(|export| export.run_image.map(|image| image.to_string()))
    };
    let none = export(&["-run-image=", "-image=", "-process-type=", "r.io/a"], &[]);
    assert_eq!(none.unwrap(), None);
    let variable = [("CNB_RUN_IMAGE", "run")];
    let as_variable = export(&["-run-image=run", "r.io/a"], &variable);
    assert_eq!(as_variable.unwrap(), None);
    let to_check = export(&["-run-image=r.io/run:1", "r.io/a"], &variable);
    assert_eq!(to_check.unwrap(), Some("r.io/run:1".to_owned()));
    let image = export(&["-image=run", "r.io/a"], &[]);
    assert!(matches!(image, Err(InputError::ImageUnsupported)));
}

#[test]
fn an_image_is_written_to_tags_only() {
    let named = format!("r.io/a@sha256:{}", "0".repeat(64));
    let export = raw(Phase::Export, "0.15", &["r.io/a", &named], &[]);
    let rebase = raw(Phase::Rebase, "0.15", &[&named], &[]);
    let expected = format!(
        "write '{named}': an image is written to a tag, not to a digest; leave the digest out"
    );
    assert_eq!(fault(with(&export, Export::resolve)), expected);
    assert_eq!(fault(with(&rebase, Rebase::resolve)), expected);
}

#[test]
fn a_creation_time_that_is_none_is_a_warning() {
    let created = |api, value| {
        let raw = raw(
            Phase::Export,
            api,
            &["r.io/a"],
            &[("SOURCE_DATE_EPOCH", value)],
        );
        let inputs = with(&raw, Export::resolve).unwrap();
        (inputs.created, inputs.warnings)
    };
    assert_eq!(created("0.9", "17"), (Some(17), vec![]));
    assert_eq!(created("0.8", "17"), (None, vec![]));
    assert_eq!(
        created("0.9", "x"),
        (
            None,
            vec!["Ignoring invalid SOURCE_DATE_EPOCH 'x', expected seconds since 1970".into()]
        )
    );
}

#[test]
fn the_rebaser_takes_the_old_flag_but_not_both() {
    let rebase = |arguments: &[&str]| {
        with(
            &raw(
                Phase::Rebase,
                "0.12",
                arguments,
                &[("CNB_LAYERS_DIR", "/l")],
            ),
            Rebase::resolve,
        )
    };
    let inputs = rebase(&["-image=run", "r.io/a"]).unwrap();
    assert_eq!(inputs.run_image, Some("run".parse().unwrap()));
    assert_eq!(inputs.report, Path::new("/l/report.toml"));
    assert!(matches!(
        rebase(&["-image=run", "-run-image=run", "r.io/a"]),
        Err(InputError::BothRunImages)
    ));
}

#[test]
fn run_images_come_from_stack_or_run_file_by_version() {
    let file = |api| {
        let raw = raw(
            Phase::Analyze,
            api,
            &["x"],
            &[("CNB_RUN_PATH", "/r"), ("CNB_STACK_PATH", "/s")],
        );
        with(&raw, Analyze::resolve).unwrap().run_file
    };
    assert_eq!(file("0.11"), RunFile::Stack("/s".into()));
    assert_eq!(file("0.12"), RunFile::Run("/r".into()));
}
