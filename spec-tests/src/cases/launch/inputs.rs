//! What the launcher takes from variables, and what it leaves of them to the process.
use super::stand::{Launch, Process, metadata};
use crate::{suite::Case, tests};

tests! {
    the_app_directory_is_the_given_one_or_workspace: ["P-LIN-001", "P-LAUNCH-009"];
    the_layers_directory_is_the_given_one_or_layers: ["P-LIN-003", "P-LIN-004", "P-LAUNCH-002"];
    layers_lie_below_the_directory_of_their_buildpack: ["P-LIN-005", "B-LPATH-002"];
    the_execution_environment_is_the_given_one_or_production: ["P-LIN-002"] .platform(15, 15);
    the_process_inherits_variables_but_for_the_launchers_own:
        ["P-ENV-016", "P-ENV-017", "P-ENV-018", "P-ENV-019"] .each_of_both();
    the_process_does_not_find_other_processes_on_its_path: ["P-ENV-020"] .each_of_both();
}

fn the_app_directory_is_the_given_one_or_workspace(case: &Case<'_>) {
    let mut launch = Launch::new(case, &[Process::new("web", &["pwd", "-P"])]);
    launch.stage.write("tmp/app/file", "");
    launch.stage.set("CNB_APP_DIR", "/tmp/app");
    case.equal("P-LIN-001 P-LAUNCH-009", launch.web(&[]), "/tmp/app\n");
    launch.stage.unset("CNB_APP_DIR");
    case.equal("P-LIN-001 P-LAUNCH-009", launch.web(&[]), "/workspace\n");
}

fn the_layers_directory_is_the_given_one_or_layers(case: &Case<'_>) {
    let says = |word: &str| Process::new("web", &["echo", word]);
    let mut launch = Launch::new(case, &[says("default")]);
    let other = metadata(case, &["example/one"], &[says("other")]);
    launch
        .stage
        .write("tmp/layers/config/metadata.toml", &other);
    launch.stage.set("CNB_LAYERS_DIR", "/tmp/layers");
    case.equal(
        "P-LIN-003 P-LIN-004 P-LAUNCH-002",
        launch.web(&[]),
        "other\n",
    );
    launch.stage.unset("CNB_LAYERS_DIR");
    case.equal(
        "P-LIN-003 P-LIN-004 P-LAUNCH-002",
        launch.web(&[]),
        "default\n",
    );
}

fn layers_lie_below_the_directory_of_their_buildpack(case: &Case<'_>) {
    let mut launch = Launch::showing_env(case, &["example/one", "plain"]);
    for layers in ["layers", "tmp/layers"] {
        for layer in ["example_one/a", "plain/b", "stranger/c", "config/d"] {
            let path = format!("{layers}/{layer}/bin/tool");
            launch.stage.write(&path, "#!/bin/sh\n");
        }
    }
    let found = |launch: &Launch| -> Vec<String> {
        let env = launch.env();
        let directories = env["PATH"].split(':');
        let of_layers = directories.filter(|directory| directory.ends_with("/bin"));
        let mut found: Vec<String> = of_layers
            .filter(|directory| directory.contains("layers"))
            .map(str::to_owned)
            .collect();
        found.sort();
        found
    };
    case.equal(
        "P-LIN-005 B-LPATH-002",
        found(&launch),
        ["/layers/example_one/a/bin", "/layers/plain/b/bin"],
    );
    let metadata = crate::read(&launch.stage.path("layers/config/metadata.toml"));
    launch
        .stage
        .write("tmp/layers/config/metadata.toml", &metadata);
    launch.stage.set("CNB_LAYERS_DIR", "/tmp/layers");
    case.equal(
        "P-LIN-005 B-LPATH-002",
        found(&launch),
        ["/tmp/layers/example_one/a/bin", "/tmp/layers/plain/b/bin"],
    );
}

fn the_execution_environment_is_the_given_one_or_production(case: &Case<'_>) {
    let says =
        |word: &str| Process::new("web", &["echo", word]).line(&format!("exec-env = [\"{word}\"]"));
    let mut launch = Launch::new(case, &[says("test"), says("production")]);
    case.equal("P-LIN-002", launch.web(&[]), "production\n");
    launch.stage.set("CNB_EXEC_ENV", "test");
    case.equal("P-LIN-002", launch.web(&[]), "test\n");
}

fn the_process_inherits_variables_but_for_the_launchers_own(case: &Case<'_>) {
    let mut launch = Launch::showing_env(case, &["example/one"]);
    launch.stage.set("OF_BASE_IMAGE", "a b");
    launch.stage.set("OF_USER", "c=d\ne $HOME");
    launch.stage.set("EMPTY", "");
    launch.stage.set("CNB_PROCESS_TYPE", "web");
    let env = launch.env();
    let value = |name: &str| env.get(name).map(String::as_str);
    case.equal(
        "P-ENV-016",
        [value("OF_BASE_IMAGE"), value("OF_USER"), value("EMPTY")],
        [Some("a b"), Some("c=d\ne $HOME"), Some("")],
    );
    case.equal("P-ENV-017", value("CNB_APP_DIR"), None::<&str>);
    case.equal("P-ENV-018", value("CNB_LAYERS_DIR"), None::<&str>);
    case.equal("P-ENV-019", value("CNB_PROCESS_TYPE"), None::<&str>);
}

fn the_process_does_not_find_other_processes_on_its_path(case: &Case<'_>) {
    let launch = Launch::showing_env(case, &["example/one"]);
    case.equal(
        "P-ENV-020",
        launch.env()["PATH"].as_str(),
        "/usr/local/bin:/usr/bin:/bin",
    );
}
