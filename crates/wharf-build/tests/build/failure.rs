use crate::support::Stage;
use std::fs;
use wharf_build::BuildError;
use wharf_buildpack::Exit;

#[test]
fn a_failing_buildpack_ends_the_build_and_its_output_comes_through() {
    let mut stage = Stage::new();
    stage
        .buildpack("a", &[])
        .buildpack("b", &[])
        .buildpack("c", &[]);
    stage.exits("b", Exit::Code(3));
    let mut out = Vec::new();
    let error = stage.build_to(&mut out).unwrap_err();
    assert_eq!(
        error.to_string(),
        "build with buildpack 'b@1': exit status 3; its output above tells why"
    );
    assert!(matches!(
        error,
        BuildError::Buildpack {
            exit: Exit::Code(3),
            ..
        }
    ));
    assert_eq!(out, b"building abuilding b");
}

#[test]
fn a_missing_program_is_named() {
    let stage = {
        let mut stage = Stage::new();
        stage.buildpack("a", &[]);
        stage
    };
    let store = wharf_buildpack::BuildpackStore::new(stage.dir.path().join("buildpacks"));
    let runner = wharf_buildpack::ProcessRunner::new(wharf_buildpack::Cancel::new());
    let error = wharf_build::build(&stage.inputs, &store, &runner, &stage.log, &mut Vec::new())
        .unwrap_err();
    assert_eq!(
        wharf_testkit::chain(&error),
        format!(
            "build with buildpack 'a@1': run '{}': there is no such file; a buildpack without an order needs it",
            stage.dir.path().join("buildpacks/a/1/bin/build").display()
        )
    );
}

#[test]
fn nothing_runs_when_a_buildpack_is_missing_or_speaks_an_unknown_api() {
    let mut stage = Stage::new();
    stage.buildpack("a", &[]).buildpack("b", &[]);
    stage.inputs.group.group[1].api = "0.99".into();
    assert!(matches!(stage.build(), Err(BuildError::GroupApi { .. })));
    assert_eq!(
        stage.message(),
        "use buildpack 'b@1' of the group: Buildpack API '0.99' is not supported, supported are 0.7 to 0.12"
    );
    let descriptor = stage.dir.path().join("buildpacks/b/1/buildpack.toml");
    fs::write(&descriptor, "api = '0.99'\n").unwrap();
    assert!(matches!(stage.build(), Err(BuildError::BuildpackApi(_))));
    fs::remove_file(&descriptor).unwrap();
    assert!(matches!(stage.build(), Err(BuildError::Store(_))));
    assert_eq!(*stage.runner.seen.lock().unwrap(), []);
}

#[test]
fn a_missing_app_directory_is_named() {
    let mut stage = Stage::new();
    stage.buildpack("a", &[]);
    let app = stage.inputs.context.app_dir.clone();
    fs::remove_dir(&app).unwrap();
    let text = stage.message();
    assert!(
        text.starts_with(&format!("list app directory '{}': ", app.display())),
        "{text}"
    );
}

#[test]
fn a_layers_directory_that_cannot_be_written_is_named() {
    let mut stage = Stage::new();
    stage.buildpack("a", &[]);
    let file = stage.dir.path().join("file");
    fs::write(&file, "").unwrap();
    stage.inputs.layers_dir = file.join("layers");
    let text = stage.message();
    assert!(text.contains(&format!("'{}", file.display())), "{text}");
    assert_eq!(*stage.runner.seen.lock().unwrap(), []);
}
