use crate::support::Stage;
use std::fs;
use wharf_spec::{
    api::{BuildpackApi, LegacyBom},
    files::{
        launch::{BomBuildpack, BomEntry, Label, Slice},
        metadata::Process,
    },
};

fn problem(api: &str, launch: &str) -> String {
    let mut stage = Stage::new();
    stage.buildpack_of("a", api, &[("launch.toml", launch)]);
    let text = stage.message();
    let start = format!("use '{}': ", stage.layers("a/launch.toml").display());
    text.strip_prefix(&start).unwrap_or(&text).to_owned()
}

#[test]
fn labels_and_slices_of_all_buildpacks_stand_in_order() {
    let mut stage = Stage::new();
    let launch = |key: &str| {
        format!("[[labels]]\nkey = '{key}'\nvalue = ''\n[[slices]]\npaths = ['{key}/*']\n")
    };
    stage
        .buildpack("a", &[("launch.toml", &launch("x"))])
        .buildpack("b", &[("launch.toml", &launch("x"))]);
    let metadata = stage.build().unwrap();
    let label = Label {
        key: "x".into(),
        value: String::new(),
    };
    let slice = Slice {
        paths: vec!["x/*".into()],
    };
    assert_eq!(metadata.labels, [label.clone(), label]);
    assert_eq!(metadata.slices, [slice.clone(), slice]);
    let listed: Vec<_> = metadata
        .buildpacks
        .iter()
        .map(|one| one.id.as_str())
        .collect();
    assert_eq!(listed, ["a", "b"]);
}

#[test]
fn a_process_is_read_as_its_api_writes_it() {
    for api in BuildpackApi::ALL {
        let features = api.features();
        let command = if features.command_list {
            "['run', 'it']"
        } else {
            "'run it'"
        };
        let direct = if features.command_list {
            ""
        } else {
            "direct = true\n"
        };
        let launch = format!(
            "[[processes]]\ntype = 'web'\ncommand = {command}\nargs = ['x']\nworking-dir = '/w'\nexec-env = ['production']\n{direct}"
        );
        let mut stage = Stage::new();
        stage.buildpack_of("a", api.as_str(), &[("launch.toml", &launch)]);
        let command: &[&str] = if features.command_list {
            &["run", "it"]
        } else {
            &["run it"]
        };
        let expected = Process {
            r#type: "web".into(),
            command: command.iter().map(|&word| word.into()).collect(),
            args: vec!["x".into()],
            direct: true,
            buildpack_id: "a".into(),
            working_dir: if features.process_working_dir {
                "/w".into()
            } else {
                String::new()
            },
            exec_env: if features.exec_env {
                vec!["production".into()]
            } else {
                Vec::new()
            },
        };
        assert_eq!(stage.build().unwrap().processes, [expected], "{api}");
        assert_eq!(stage.warnings().is_empty(), features.process_working_dir);
    }
}

#[test]
fn what_makes_no_sense_is_named() {
    let process = |rest: &str| format!("[[processes]]\ntype = 'web'\n{rest}");
    let twice = process("command = ['a']\n") + &process("command = ['b']\n");
    let defaults = "[[processes]]\ntype = 'a'\ncommand = ['a']\ndefault = true\n\
                    [[processes]]\ntype = 'b'\ncommand = ['b']\ndefault = true\n";
    for (api, launch, expected) in [
        (
            "0.12",
            twice.as_str(),
            "process type 'web' is defined twice; types are unique within a buildpack, except for different execution environments",
        ),
        ("0.12", &process(""), "process 'web' has no command"),
        (
            "0.9",
            &process("command = 'a'\n"),
            "the command of process 'web' must be a list of strings in Buildpack API 0.9",
        ),
        (
            "0.8",
            &process("command = ['a']\n"),
            "the command of process 'web' must be one string in Buildpack API 0.8",
        ),
        (
            "0.10",
            &process("command = ['a']\ndirect = false\n"),
            "process 'web' sets 'direct', which Buildpack API 0.10 does not have; processes are always direct, use [\"bash\", \"-c\", …] for a shell",
        ),
        (
            "0.12",
            "[[processes]]\ntype = 'a/b'\ncommand = ['a']\n",
            "'a/b' is not a process type: it must not be empty and must not contain any of / > < : | & \\",
        ),
        (
            "0.12",
            defaults,
            "more than one process is marked as default: 'a' and 'b'",
        ),
        ("0.12", "[[labels]]\nvalue = 'v'\n", "a label has no key"),
        (
            "0.8",
            "[[bom]]\nversion = '1'\n",
            "a 'bom' entry has no name",
        ),
        (
            "0.8",
            "[[bom]]\nname = 'x'\nversion = '1'\n",
            "'bom' entry 'x' has a top-level version, which belongs into its metadata",
        ),
    ] {
        assert_eq!(problem(api, launch), expected);
    }
}

#[test]
fn a_launch_file_that_is_not_toml_is_named_with_line_and_column() {
    let mut stage = Stage::new();
    stage.buildpack(
        "a",
        &[("launch.toml", "[[processes]]\ntype = 'web'\nargs = 'x'\n")],
    );
    let text = stage.message();
    let start = format!(
        "read output of buildpack: read '{}': TOML parse error at line 3, column 8\n",
        stage.layers("a/launch.toml").display()
    );
    assert!(text.starts_with(&start), "{text}");
}

#[test]
fn bills_of_materials_go_where_the_platform_looks_for_them() {
    let bom = "[[bom]]\nname = 'x<'\n[bom.metadata]\nversion = '1'\n";
    let mut stage = Stage::new();
    stage.buildpack_of("a", "0.8", &[("launch.toml", bom), ("build.toml", bom)]);
    assert_eq!(stage.build().unwrap().bom, []);
    let json = "[{\"name\":\"x\\u003c\",\"metadata\":{\"version\":\"1\"},\"buildpack\":{\"id\":\"a\",\"version\":\"1\"}}]\n";
    for kind in ["launch", "build"] {
        let path = stage.layers("sbom").join(kind).join("sbom.legacy.json");
        assert_eq!(fs::read_to_string(path).unwrap(), json);
    }
    assert_eq!(stage.warnings().len(), 2);

    stage.inputs.legacy_bom = LegacyBom::Label;
    let metadata = stage.build().unwrap();
    let entry = &metadata.bom[0];
    assert_eq!(metadata.bom.len(), 1);
    assert_eq!(entry.name, "x<");
    let expected = BomEntry {
        name: "x<".into(),
        version: String::new(),
        metadata: entry.metadata.clone(),
        buildpack: Some(BomBuildpack {
            id: "a".into(),
            version: "1".into(),
        }),
    };
    assert_eq!(*entry, expected);
    assert!(!stage.layers("sbom").exists());
}
