use wharf_buildpack::{
    BuildpackStore,
    target::{complete, describe, describe_supported, is_supported},
};
use wharf_spec::target::{Distro, SupportedTarget, Target};
use wharf_testkit::files::write;

fn distro(name: &str, version: &str) -> Distro {
    Distro {
        name: name.into(),
        version: version.into(),
    }
}

fn target(arch: &str, distro: Option<Distro>) -> Target {
    Target {
        os: "linux".into(),
        arch: arch.into(),
        distro,
        ..Target::default()
    }
}

fn supported(os: &str, arch: &str, distros: &[Distro]) -> SupportedTarget {
    SupportedTarget {
        os: os.into(),
        arch: arch.into(),
        variant: String::new(),
        distros: distros.to_vec(),
    }
}

/// The targets of a buildpack with this API, this text, and these programs in `bin`.
fn targets_of(api: &str, text: &str, programs: &[&str]) -> Vec<SupportedTarget> {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("a/1");
    let text = format!("api = '{api}'\n{text}\n[buildpack]\nid = 'a'\nversion = '1'\n");
    write(&root.join("buildpack.toml"), &text);
    for program in programs {
        write(&root.join("bin").join(program), "");
    }
    let store = BuildpackStore::new(dir.path());
    store.load(&"a".parse().unwrap(), "1").unwrap().targets
}

#[test]
fn targets_follow_from_stacks_and_from_the_build_program() {
    let linux = [supported("linux", "", &[])];
    let bionic = [supported("linux", "amd64", &[distro("ubuntu", "18.04")])];
    let bionic_stack = "[[stacks]]\nid = 'io.buildpacks.stacks.bionic'\n";
    let two_stacks = "[[stacks]]\nid = 'io.buildpacks.stacks.bionic'\n[[stacks]]\nid = 'other'\n";
    let windows = [supported("windows", "", &[])];
    let both = [linux[0].clone(), windows[0].clone()];
    let (none, build) = (&[][..], &["build"][..]);
    let declared = "[[targets]]\nos = 'linux'\narch = 'arm64'\n";
    let order = "[[order]]\n[[order.group]]\nid = 'b'\nversion = '1'\n";
    for (api, text, programs, expected) in [
        (
            "0.10",
            declared,
            build,
            &[supported("linux", "arm64", &[])][..],
        ),
        ("0.10", "", build, &linux),
        ("0.8", "", build, &linux),
        ("0.10", "", none, &[]),
        ("0.10", "", &["build.bat"], &windows),
        ("0.10", "", &["build.bat", "build.exe"], &windows),
        ("0.10", "", &["build", "build.exe"], &both),
        ("0.10", bionic_stack, build, &bionic),
        ("0.8", bionic_stack, build, &bionic),
        ("0.10", two_stacks, build, &bionic),
        ("0.8", two_stacks, build, &linux),
        (
            "0.10",
            "[[stacks]]\nid = '*'\n",
            build,
            &[SupportedTarget::default()],
        ),
        ("0.10", order, none, &[]),
    ] {
        assert_eq!(targets_of(api, text, programs), expected, "{api} {text}");
    }
}

#[test]
fn an_empty_field_on_either_side_matches_but_a_distribution_must_be_known() {
    let debian = target("amd64", Some(distro("debian", "12")));
    let unknown = target("amd64", None);
    for (target, one, expected) in [
        (&debian, supported("linux", "amd64", &[]), true),
        (&debian, supported("", "", &[]), true),
        (&debian, supported("linux", "arm64", &[]), false),
        (&debian, supported("windows", "", &[]), false),
        (
            &debian,
            supported("linux", "", &[distro("debian", "12")]),
            true,
        ),
        (
            &debian,
            supported("linux", "", &[distro("debian", "")]),
            true,
        ),
        (
            &debian,
            supported(
                "linux",
                "",
                &[distro("ubuntu", "24.04"), distro("debian", "12")],
            ),
            true,
        ),
        (
            &debian,
            supported("linux", "", &[distro("debian", "11")]),
            false,
        ),
        (
            &unknown,
            supported("linux", "", &[distro("debian", "12")]),
            false,
        ),
        (&unknown, supported("linux", "amd64", &[]), true),
        (&Target::default(), supported("linux", "amd64", &[]), true),
    ] {
        assert_eq!(
            is_supported(target, std::slice::from_ref(&one)),
            expected,
            "{one:?}"
        );
    }
    assert!(is_supported(&debian, &[]));
}

#[test]
fn the_distribution_comes_from_os_release_when_the_image_has_none() {
    let text = "PRETTY_NAME=\"Debian\"\nID=debian\nVERSION_ID=\"12\"\n";
    let known = target("amd64", Some(distro("debian", "12")));
    assert_eq!(complete(target("amd64", None), Some(text)), known);
    let ubuntu = target("amd64", Some(distro("ubuntu", "24.04")));
    assert_eq!(complete(ubuntu.clone(), Some(text)), ubuntu);
    assert_eq!(complete(target("amd64", None), None), target("amd64", None));
    assert_eq!(
        complete(target("amd64", None), Some("x")),
        target("amd64", None)
    );
}

#[test]
fn messages_name_targets_like_platforms() {
    let mut variant = target("arm64", Some(distro("debian", "12")));
    variant.arch_variant = "v8".into();
    assert_eq!(describe(&variant), "linux/arm64/v8 debian 12");
    assert_eq!(
        describe_supported(&[
            supported("linux", "", &[distro("ubuntu", ""), distro("debian", "12")]),
            supported("", "", &[])
        ]),
        "linux/any ubuntu any or debian 12, any/any"
    );
}
