//! The recorded inputs of the reference with real processes.
use wharf_buildpack::{BuildpackStore, Cancel, Context, ProcessRunner};
use wharf_detect::{DetectInputs, detect};
use wharf_spec::{
    api::{Extensions, PlatformApi},
    files::{analyzed::Analyzed, group::Group, parse, plan::Plan, system::SystemBuildpacks},
};
use wharf_testkit::{RecordingLog, golden};

#[test]
fn group_and_plan_are_those_of_the_reference() {
    for api in golden::APIS {
        let temp = tempfile::tempdir().unwrap();
        let features = api.parse::<PlatformApi>().unwrap().features();
        let analyzed: Analyzed =
            parse(&golden::text(api, "first/1-analyzer/analyzed.toml")).unwrap();
        let inputs = DetectInputs {
            context: Context {
                app_dir: golden::path(api, "inputs/workspace"),
                platform_dir: golden::path(api, "inputs/platform"),
                user_env: features.user_env,
                build_config_dir: None,
                temp_dir: temp.path().to_owned(),
                process_env: [("PATH", "/usr/bin:/bin")].into_iter().collect(),
                target: analyzed.run_image.unwrap().target,
                exec_env: features.exec_env.then(|| "production".parse().unwrap()),
            },
            stack: None,
            order: parse(&golden::text(api, "inputs/cnb/order.toml")).unwrap(),
            system: SystemBuildpacks::default(),
            extensions: Extensions::Stable,
            concurrency: 2,
        };
        let buildpacks = temp.path().join("buildpacks");
        golden::copy_buildpacks(api, &buildpacks);
        let store = BuildpackStore::new(buildpacks);
        let runner = ProcessRunner::new(Cancel::new());
        let detected = detect(&inputs, &store, &runner, &RecordingLog::new()).unwrap();
        let group: Group = parse(&golden::text(api, "first/2-detector/group.toml")).unwrap();
        let plan: Plan = parse(&golden::text(api, "first/2-detector/plan.toml")).unwrap();
        assert_eq!(detected.group, group);
        assert_eq!(detected.plan, plan);
    }
}
