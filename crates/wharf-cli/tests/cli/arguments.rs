//! The command line.
use crate::place::Place;

#[test]
fn wrong_command_lines_are_refused_before_anything_happens() {
    let cases: [(&[&str], &str); 6] = [
        (&["build"], "--builder"),
        (&["build", "--builder", "b", "--tag", "t"], "--publish"),
        (
            &["build", "--builder", "No Reference", "--output", "oci:x"],
            "is not an image reference",
        ),
        (
            &[
                "build",
                "--builder",
                "b",
                "--output",
                "oci:x",
                "--tag",
                "t",
                "--publish",
            ],
            "cannot be used with",
        ),
        (&["builder", "create", "b.toml"], "--output"),
        (&["inspect"], "oci:DIR"),
    ];
    for (arguments, expected) in cases {
        let place = Place::new();
        let error = place.wharf(arguments).failure(2);
        assert!(error.contains(expected), "{expected}\n{error}");
    }
}

#[test]
fn an_output_that_is_no_directory_is_named_with_advice() {
    let place = Place::with_builder_sources();
    let arguments = [
        "builder",
        "create",
        "source/builder.toml",
        "--output",
        "registry.example/x",
    ];
    let error = place.wharf(&arguments).failure(1);
    assert_eq!(
        error,
        "error: failed to write to 'registry.example/x': --output takes oci:DIR[:TAG]\nhint: a registry is written to with --tag and --publish\n"
    );
}
