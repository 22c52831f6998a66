//! Weaknesses of the reference that belong to no single phase, and those of its rebaser, mended.
use crate::{
    cases::{
        analyze::{named, run_with},
        build::{layer, typed},
        create::found,
        rebase::{Ground, patched},
    },
    flow::Flow,
    image::Image,
    probe::Probe,
    read,
    recipe::Recipe,
    suite::Case,
    tests,
};
use serde_json::json;
use std::fs;

tests! {
    buildpacks_of_one_directory_export_what_lies_there: [] .once();
    a_pipe_in_the_cache_costs_only_its_layer: [] .once();
    layouts_need_their_directory: [] .platform(12, 15);
    no_phase_leaves_a_temporary_file: [] .once();
    a_signal_reaches_a_lifecycle_that_is_process_1: [] .once();
    typos_in_variables_are_refused: [] .once();
    insecure_prefixes_may_name_repositories: [] .once();
    a_rebased_image_has_media_types_of_one_family: [] .once();
    the_variant_of_the_machine_outlives_a_rebase: [] .once();
    a_top_layer_that_is_there_twice_is_found: [] .once();
    a_base_that_cannot_be_read_is_no_empty_base: [] .once();
    images_of_every_platform_api_are_rebased_by_every_other: [];
    a_rebase_reports_into_the_directory_of_layers: [] .once();
    a_rebase_takes_neither_a_time_nor_layouts: [] .once();
}

/// `a/b` and `a_b` have the same layers directory, and the same name in the reference's temporary archives.
fn buildpacks_of_one_directory_export_what_lies_there(case: &Case<'_>) {
    let one = Probe::new(case, "a/b").build(&layer("x", "launch", &[("file", "first")]));
    let script = layer("x", "launch", &[("file", "second")]) + &layer("y", "launch", &[]);
    let two = Probe::new(case, "a_b").version("2.0").build(&script);
    let flow = Flow::with(case, &[&one, &two]);
    flow.create(&[]).expect_code(0);
    let image = flow.pull();
    let label = image.json_label("io.buildpacks.lifecycle.metadata");
    let buildpacks = label["buildpacks"].as_array().expect("it lists buildpacks");
    case.equal("", buildpacks.len(), 2);
    for buildpack in buildpacks {
        let sha = buildpack["layers"]["x"]["sha"].as_str().unwrap_or_default();
        let entries = image.layer(sha);
        let mut files = entries.iter();
        let file = files.find(|entry| entry.path == "/layers/a_b/x/file");
        let content = file.map(|entry| entry.content.as_slice());
        case.equal("", content, Some("second".as_bytes()));
    }
}

/// Pipes are archived but not made again.
fn a_pipe_in_the_cache_costs_only_its_layer(case: &Case<'_>) {
    let script = found()
        + &layer("pipe", "cache", &[])
        + "mkfifo \"$LAYERS/pipe/pipe\"\n"
        + &layer("good", "cache", &[("file", "content")]);
    let flow = Flow::with(case, &[&Probe::new(case, "example/one").build(&script)]);
    flow.create(&[]).expect_code(0);
    let outcome = flow.next().create(&[]);
    case.succeeds("", &outcome);
    case.contains("", &outcome.output, "Warning: ");
    case.contains("", &outcome.output, "example/one:pipe");
    let found = read(&flow.stage.path("record/found"));
    case.contains("", &found, "./good/file");
    case.lacks("", &found, "./pipe/pipe");
}

fn layouts_need_their_directory(case: &Case<'_>) {
    let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
    flow.until_build();
    flow.stage.set("CNB_EXPERIMENTAL_MODE", "quiet");
    for (phase, has_image) in [
        ("analyzer", true),
        ("restorer", false),
        ("exporter", true),
        ("creator", true),
    ] {
        let image = has_image.then_some(flow.image.as_str());
        let args: Vec<&str> = ["-layout"].into_iter().chain(image).collect();
        let outcome = flow.stage.phase(phase, &args);
        case.equal("", (phase, outcome.code), (phase, 3));
        case.contains("", &outcome.output, "-layout-dir");
    }
    case.equal("", case.find(&flow.image).is_none(), true);
}

fn leftovers(flow: &Flow<'_>) -> Vec<String> {
    let entries = fs::read_dir(flow.stage.path("tmp")).expect("list /tmp");
    let names = entries.map(|entry| entry.expect("read a directory entry").file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

fn no_phase_leaves_a_temporary_file(case: &Case<'_>) {
    let one = || Probe::new(case, "example/one");
    let lacking = typed("absent", "launch");
    for (probe, codes) in [
        (one(), 0..=0),
        (one().detect("exit 1"), 21..=21),
        (one().build("exit 1"), 51..=51),
        (one().build(&lacking), 62..=62),
    ] {
        let flow = Flow::with(case, &[&probe]);
        case.exit("", &flow.create(&[]), codes);
        case.equal("", leftovers(&flow), Vec::<String>::new());
    }
    let ground = Ground::new(case);
    ground.patch(case, &patched());
    case.succeeds("", &ground.rebase(&[]));
    case.fails("", &ground.rebase(&["-run-image=127.0.0.1:1/none"]));
    case.equal("", leftovers(&ground.flow), Vec::<String>::new());
}

/// The kernel keeps signals without a handler from the first process of a container.
fn a_signal_reaches_a_lifecycle_that_is_process_1(case: &Case<'_>) {
    let script = "kill -TERM 1\nsleep 30\necho late > /record/late";
    let one = || Probe::new(case, "example/one");
    for probe in [one().detect(script), one().build(script)] {
        let flow = Flow::with(case, &[&probe]);
        let outcome = run_with(&flow, &["--as-pid-1"], &["creator", &flow.image]);
        case.exit("", &outcome, 143..=143);
        case.equal("", flow.stage.path("record/late").exists(), false);
        case.equal("", leftovers(&flow), Vec::<String>::new());
        case.equal("", case.find(&flow.image).is_none(), true);
    }
}

fn typos_in_variables_are_refused(case: &Case<'_>) {
    for (phase, variable, value) in [
        ("creator", "CNB_SKIP_RESTORE", "ture"),
        ("creator", "CNB_USE_LAYOUT", "yes"),
        ("creator", "CNB_USER_ID", "1o00"),
        ("rebaser", "CNB_FORCE_REBASE", "ture"),
        ("rebaser", "CNB_USE_DAEMON", "no"),
        ("rebaser", "CNB_GROUP_ID", "x"),
    ] {
        let mut flow = Flow::with(case, &[&Probe::new(case, "example/one")]);
        flow.stage.set(variable, value);
        let outcome = flow.stage.phase(phase, &[&flow.image]);
        case.equal("", (variable, outcome.code), (variable, 3));
        case.contains("", &outcome.output, variable);
        case.contains("", &outcome.output, &format!("'{value}'"));
    }
}

/// Whether one prefix holds does not depend on others, nor on their order.
fn insecure_prefixes_may_name_repositories(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    let here = case.ground.registry.address();
    let host = here.replace("127.0.0.1", "app.example");
    flow.image = flow.image.replace(&here, &host);
    let hosts = named(&flow, &["app.example"]);
    let (repository, _) = flow.image.rsplit_once('/').expect("a name has a slash");
    let own = format!("-insecure-registry={repository}");
    let others = [
        format!("-insecure-registry={host}/other"),
        format!("-insecure-registry={}", &repository[..repository.len() - 1]),
    ];
    let [other, half] = others.each_ref().map(String::as_str);
    for (flags, expected) in [
        (vec![own.as_str()], true),
        (vec![other], false),
        (vec![half], false),
        (vec![other, &own, half], true),
        (vec![half, &own, other], true),
    ] {
        let words = [&["analyzer"], &flags[..], &[flow.image.as_str()]].concat();
        let outcome = run_with(&flow, &hosts.each_ref().map(String::as_str), &words);
        case.equal("", (&flags, outcome.code == 0), (&flags, expected));
    }
}

/// Families (`docker` or `oci`) of the manifest and of all it names.
fn families(image: &Image) -> Vec<&'static str> {
    let layers = image.manifest["layers"].as_array().expect("it has layers");
    let parts = layers
        .iter()
        .chain([&image.manifest["config"], &image.manifest]);
    let types = parts.map(|part| part["mediaType"].as_str().unwrap_or_default());
    let families = types.map(|text| {
        if text.starts_with("application/vnd.docker.") {
            "docker"
        } else if text.starts_with("application/vnd.oci.image.") {
            "oci"
        } else {
            "neither"
        }
    });
    let mut families: Vec<&str> = families.collect();
    families.dedup();
    families
}

fn a_rebased_image_has_media_types_of_one_family(case: &Case<'_>) {
    for (old, new) in [(true, false), (false, true), (true, true), (false, false)] {
        let of = |recipe: Recipe, docker| Recipe { docker, ..recipe };
        let ground = Ground::on(case, &of(Recipe::run_image(), old));
        let before = families(&ground.app);
        ground.patch(case, &of(patched(), new));
        let rebased = ground.rebased(&[]);
        case.equal("", (before.len(), families(&rebased)), (1, before));
    }
}

fn the_variant_of_the_machine_outlives_a_rebase(case: &Case<'_>) {
    let of = |mut recipe: Recipe| {
        recipe.config["variant"] = json!("v3");
        recipe
    };
    let ground = Ground::on(case, &of(Recipe::run_image()));
    ground.patch(case, &of(patched()));
    let rebased = ground.rebased(&[]);
    let variants = [&ground.app, &rebased].map(|image| &image.config["variant"]);
    case.equal("", variants, ["v3", "v3"]);
}

fn a_top_layer_that_is_there_twice_is_found(case: &Case<'_>) {
    let twice = [("etc/twice", "twice")];
    let old = Recipe::run_image()
        .layer(&twice)
        .layer(&[("etc/between", "between")])
        .layer(&twice);
    let ground = Ground::on(case, &old);
    let new = ground.patch(case, &patched());
    let app = ground.app.diff_ids().split_off(old.layers.len());
    let expected = [new.diff_ids(), app].concat();
    case.equal("", ground.rebased(&[]).diff_ids(), expected);
}

/// Puts an index without an image for this machine into a repository.
fn index_of_others(case: &Case<'_>) -> String {
    let repository = case.repository("others");
    let mut other = Recipe::run_image();
    other.config["architecture"] = json!("riscv64");
    let digest = other.push(&case.ground.registry, &repository);
    let client = case.ground.registry.client();
    let (media_type, bytes) = client
        .manifest(&repository, &digest)
        .expect("it was pushed");
    let index_type = "application/vnd.oci.image.index.v1+json";
    let index = json!({
        "schemaVersion": 2,
        "mediaType": index_type,
        "manifests": [{
            "mediaType": media_type,
            "digest": digest,
            "size": bytes.len(),
            "platform": {"os": "linux", "architecture": "riscv64"},
        }],
    });
    client.push_manifest(
        &repository,
        "latest",
        index_type,
        index.to_string().as_bytes(),
    );
    case.ground.registry.name(&repository)
}

fn a_base_that_cannot_be_read_is_no_empty_base(case: &Case<'_>) {
    let ground = Ground::new(case);
    for base in [
        case.reference("missing"),
        case.ground.guarded.name(&case.repository("hidden")),
        case.ground.private.name("shared/run:base"),
        index_of_others(case),
    ] {
        let outcome = ground.rebase(&["-force", &format!("-run-image={base}")]);
        case.fails("", &outcome);
        case.contains("", &outcome.output, &base);
        case.lacks("", &outcome.output, "no layers");
    }
    case.equal("", ground.flow.pull().digest, ground.app.digest);
}

fn a_rebase_reports_into_the_directory_of_layers(case: &Case<'_>) {
    let mut ground = Ground::new(case);
    ground.patch(case, &patched());
    let elsewhere = ground.flow.stage.path("record/report.toml");
    ground.flow.stage.set("CNB_LAYERS_DIR", "/record");
    case.succeeds("", &ground.rebase(&[]));
    case.contains("", &read(&elsewhere), "digest = ");
}

fn a_rebase_takes_neither_a_time_nor_layouts(case: &Case<'_>) {
    let mut ground = Ground::new(case);
    ground.patch(case, &patched());
    ground.flow.stage.set("SOURCE_DATE_EPOCH", "1000000000");
    let times = [&ground.app, &ground.rebased(&[])].map(|image| image.config["created"].clone());
    case.equal("", &times[0], &times[1]);
    for flag in ["-layout", "-layout-dir=/tmp", "-layers=/record"] {
        let code = ground.rebase(&[flag]).code;
        case.equal("", (flag, code), (flag, 2));
    }
}

/// The rules are those of the Platform API that built the image; those for run images are the rebaser's.
fn images_of_every_platform_api_are_rebased_by_every_other(case: &Case<'_>) {
    let mut ground = Ground::new(case);
    let other = if case.platform < 12 {
        ("io.buildpacks.stack.id", "other.stack")
    } else {
        ("io.buildpacks.base.distro.version", "99")
    };
    for (number, api) in ["0.7", "0.12", "0.15"].into_iter().enumerate() {
        ground.flow.stage.set("CNB_PLATFORM_API", api);
        ground.patch(case, &patched().label(other.0, other.1));
        case.fails("", &ground.rebase(&[]));
        let base = patched().layer(&[("etc/number", &number.to_string())]);
        let new = ground.patch(case, &base);
        let rebased = ground.rebased(&[]);
        let lowest = rebased.diff_ids()[..base.layers.len()].to_vec();
        case.equal("", (api, lowest), (api, new.diff_ids()));
    }
}
