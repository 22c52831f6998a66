use crate::support::Stage;
use wharf_spec::api::CommandForm;

/// One process; `*` behind the type marks it as default, `[…]` lists execution environments.
fn launch(processes: &[&str]) -> String {
    let texts = processes.iter().map(|text| {
        let (text, exec_env) = text.split_once('[').unwrap_or((text, "]"));
        let exec_env = exec_env.trim_end_matches(']').split_whitespace();
        let exec_env: Vec<String> = exec_env.map(|one| format!("'{one}'")).collect();
        format!(
            "[[processes]]\ntype = '{}'\ncommand = ['run', 'it']\nargs = ['x']\ndefault = {}\nexec-env = [{}]\n",
            text.trim_end_matches('*'),
            text.ends_with('*'),
            exec_env.join(", ")
        )
    });
    texts.collect()
}

/// Processes as `<type>[<execution environments>] of <buildpack>`, and the default.
fn built(stage: &Stage) -> (Vec<String>, Option<String>) {
    let metadata = stage.build().unwrap();
    let processes = metadata.processes.iter().map(|one| {
        format!(
            "{}[{}] of {}",
            one.r#type,
            one.exec_env.join(" "),
            one.buildpack_id
        )
    });
    (processes.collect(), metadata.buildpack_default_process_type)
}

fn stage(buildpacks: &[&[&str]]) -> Stage {
    let mut stage = Stage::new();
    for (id, processes) in ["a", "b", "c"].into_iter().zip(buildpacks) {
        stage.buildpack(id, &[("launch.toml", &launch(processes))]);
    }
    stage
}

fn expected(processes: &[&str], default: Option<&str>) -> (Vec<String>, Option<String>) {
    let processes = processes.iter().map(|&text| text.to_owned());
    (processes.collect(), default.map(str::to_owned))
}

#[test]
fn a_later_definition_replaces_an_earlier_one_and_types_are_sorted() {
    let stage = stage(&[&["worker", "web"], &["web", "cron"]]);
    assert_eq!(
        built(&stage),
        expected(&["cron[] of b", "web[] of b", "worker[] of a"], None)
    );
}

#[test]
fn processes_of_one_type_stand_side_by_side_for_different_environments() {
    let one = stage(&[&["web[production]", "web[test]"]]);
    assert_eq!(
        built(&one),
        expected(&["web[production] of a", "web[test] of a"], None)
    );
    let shared = stage(&[&["web[production test]"], &["web[test ci]"]]);
    assert_eq!(
        built(&shared),
        expected(&["web[production] of a", "web[test ci] of b"], None)
    );
    let everything = stage(&[&["web[production]", "web[test]"], &["web[*]"]]);
    assert_eq!(built(&everything), expected(&["web[*] of b"], None));
}

#[test]
fn a_platform_without_execution_environments_builds_for_production() {
    let mut stage = stage(&[&["web[production]", "web[test]", "check[test]", "worker"]]);
    stage.inputs.context.exec_env = None;
    assert_eq!(
        built(&stage),
        expected(&["web[] of a", "worker[] of a"], None)
    );
}

#[test]
fn the_last_default_wins() {
    let stage = stage(&[&["web*", "worker"], &["worker*"], &["cron"]]);
    assert_eq!(
        built(&stage),
        expected(
            &["cron[] of c", "web[] of a", "worker[] of b"],
            Some("worker")
        )
    );
    assert_eq!(stage.warnings(), [""; 0]);
}

#[test]
fn redefining_the_default_type_without_a_mark_leaves_no_default_and_a_warning() {
    let redefined = stage(&[&["web*"], &["web"]]);
    assert_eq!(built(&redefined), expected(&["web[] of b"], None));
    assert_eq!(
        redefined.warnings(),
        [
            "redefining the following default process types with processes not marked as default: [web]"
        ]
    );
    let elsewhere = stage(&[&["web*[production]"], &["web[test]"]]);
    assert_eq!(
        built(&elsewhere),
        expected(&["web[production] of a", "web[test] of b"], Some("web"))
    );
    assert_eq!(elsewhere.warnings(), [""; 0]);
}

#[test]
fn old_platforms_get_the_rest_of_the_command_as_arguments() {
    let mut stage = stage(&[&["web"]]);
    stage.inputs.command_form = CommandForm::Single;
    let process = &stage.build().unwrap().processes[0];
    assert_eq!(process.command, ["run"]);
    assert_eq!(process.args, ["it", "x"]);
}
