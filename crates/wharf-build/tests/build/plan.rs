use crate::support::Stage;
use wharf_spec::files::parse;

const PLAN: &str = "
[[entries]]
[[entries.providers]]
id = 'a'
version = '1'
[[entries.providers]]
id = 'b'
version = '1'
[[entries.requires]]
name = 'x'
[entries.requires.metadata]
n = 1
[[entries.requires]]
name = 'x'
version = '2'

[[entries]]
[[entries.providers]]
id = 'a'
version = '1'
[[entries.providers]]
id = 'c'
version = '1'
[[entries.requires]]
name = 'y'

[[entries]]
[[entries.providers]]
id = 'e'
version = '1'
extension = true
[[entries.providers]]
id = 'a'
version = '2'
[[entries.requires]]
name = 'z'
";

fn plans(build_toml: &str) -> Vec<(String, String)> {
    let mut stage = Stage::new();
    stage.inputs.plan = parse(PLAN).unwrap();
    stage
        .buildpack("a", &[("build.toml", build_toml)])
        .buildpack("b", &[])
        .buildpack("c", &[]);
    stage.build().unwrap();
    let seen = stage.runner.seen.lock().unwrap();
    seen.iter()
        .map(|run| (run.id.clone(), run.plan.clone()))
        .collect()
}

const X: &str = "[[entries]]\n  name = \"x\"\n  [entries.metadata]\n    n = 1\n\n[[entries]]\n  name = \"x\"\n  [entries.metadata]\n    version = \"2\"\n";
const Y: &str = "[[entries]]\n  name = \"y\"\n";

fn expected(of_b: &str, of_c: &str) -> Vec<(String, String)> {
    let of_a = format!("{X}\n{Y}");
    [("a", of_a.as_str()), ("b", of_b), ("c", of_c)]
        .map(|(id, plan)| (id.to_owned(), plan.to_owned()))
        .to_vec()
}

#[test]
fn what_a_buildpack_meets_is_not_asked_of_the_next() {
    assert_eq!(plans(""), expected("", ""));
}

#[test]
fn what_a_buildpack_does_not_meet_is_asked_of_the_next_provider() {
    assert_eq!(plans("[[unmet]]\nname = 'y'\n"), expected("", Y));
    assert_eq!(plans("[[unmet]]\nname = 'x'\n"), expected(X, ""));
}

#[test]
fn an_unmet_requirement_must_have_been_asked_for() {
    for (text, problem) in [
        (
            "[[unmet]]\nname = 'z'\n",
            "unmet requirement 'z' is not in the buildpack plan",
        ),
        ("[[unmet]]\n", "an 'unmet' entry has no name"),
    ] {
        let mut stage = Stage::new();
        stage.inputs.plan = parse(PLAN).unwrap();
        stage.buildpack("a", &[("build.toml", text)]);
        assert_eq!(
            stage.message(),
            format!(
                "use '{}': {problem}",
                stage.layers("a/build.toml").display()
            )
        );
    }
}
