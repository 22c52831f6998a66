//! `bin/build` and what it leaves.
use crate::ground::{Ground, broken, close, remove};
use spec_tests::{image::Image, read};

const BUILD: &str = "cnb/buildpacks/example_first/1.2.3/bin/build";

#[test]
fn a_missing_or_unusable_bin_build_names_its_path() {
    let words = ["/cnb/buildpacks/example_first/1.2.3/bin/build"];
    broken("builder", 52, &words, |stage| remove(stage, BUILD));
    broken("builder", 52, &words, |stage| close(stage, BUILD));
}

#[test]
fn a_failing_build_shows_the_buildpacks_own_words() {
    let words = ["cannot compile", "example/first@1.2.3", "status 9"];
    broken("builder", 51, &words, |stage| {
        stage.write(BUILD, "#!/bin/sh\necho 'cannot compile' >&2; exit 9\n");
    });
}

#[test]
fn duplicate_process_types_of_one_buildpack_are_refused() {
    let words = ["web", "example_second/launch.toml"];
    broken("builder", 52, &words, |stage| {
        let process = "[[processes]]\ntype = \"web\"\ncommand = [\"a\"]\n";
        let script =
            format!("#!/bin/sh\nprintf '{process}{process}' >\"$CNB_LAYERS_DIR/launch.toml\"\n");
        stage.write("cnb/buildpacks/example_second/0.0.1/bin/build", &script);
    });
}

#[test]
fn reserved_layer_names_are_refused() {
    for name in ["launch", "build", "store"] {
        broken("builder", 52, &[name, "example_first"], |stage| {
            let script = format!("#!/bin/sh\nmkdir \"$CNB_LAYERS_DIR/{name}\"\n");
            stage.write(BUILD, &script);
        });
    }
}

#[test]
fn a_layer_name_that_is_not_utf_8_is_refused() {
    broken("builder", 52, &["example_first", "not UTF-8"], |stage| {
        let name = "$(printf 'na\\357ve')";
        let script = format!("#!/bin/sh\ntouch \"$CNB_LAYERS_DIR/{name}.toml\"\n");
        stage.write(BUILD, &script);
    });
}

#[test]
fn a_repaired_build_goes_on_after_a_failure() {
    let ground = Ground::new();
    let (stage, image) = (&ground.stage, ground.image());
    let args = ground.before("builder");
    let good = read(&stage.path(BUILD));
    stage.write(BUILD, "#!/bin/sh\nexit 1\n");
    ground.fails("builder", &args, 51, &["example/first"]);
    stage.write(BUILD, &good);
    stage.build(&image);
    Image::pull(&format!("docker://{image}"));
}
