//! Which targets a buildpack supports, and whether an image is one of them (buildpack spec, "Targets").
use std::{fmt::Write, path::Path};
use wharf_spec::{
    api::BuildpackApi,
    files::descriptor::{BuildpackDescriptor, SupportedStack},
    target::{BIONIC_STACK, Distro, SupportedTarget, Target},
};

/// Adds the distribution of the build image to a target without one.
///
/// `os_release` is the text of `/etc/os-release` where the phase runs: build and run image are of one distribution.
pub fn complete(mut target: Target, os_release: Option<&str>) -> Target {
    if target.distro.is_none() {
        target.distro = os_release.and_then(parse_os_release);
    }
    target
}

fn parse_os_release(text: &str) -> Option<Distro> {
    let value_of = |key: &str| {
        text.lines()
            .filter_map(|line| line.trim().split_once('='))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.trim_matches(['"', '\'']).to_owned())
            .unwrap_or_default()
    };
    let distro = Distro {
        name: value_of("ID"),
        version: value_of("VERSION_ID"),
    };
    (distro != Distro::default()).then_some(distro)
}

/// The targets a descriptor declares, or what follows from its stacks and from the programs in `dir`.
///
/// Empty for composite buildpacks and for those that say nothing at all: any target will do.
pub(crate) fn supported(
    descriptor: &BuildpackDescriptor,
    api: BuildpackApi,
    dir: &Path,
) -> Vec<SupportedTarget> {
    if !descriptor.targets.is_empty() || !descriptor.order.is_empty() {
        return descriptor.targets.clone();
    }
    let stacks = &descriptor.stacks;
    let may_translate = api.features().targets || stacks.len() == 1;
    let from_stacks: Vec<SupportedTarget> = stacks
        .iter()
        .filter_map(|stack| of_stack(stack, may_translate))
        .collect();
    if from_stacks.is_empty() {
        return of_programs(dir);
    }
    from_stacks
}

fn of_programs(dir: &Path) -> Vec<SupportedTarget> {
    let programs = [
        ("linux", &["bin/build"][..]),
        ("windows", &["bin/build.bat", "bin/build.exe"]),
    ];
    programs
        .into_iter()
        .filter(|(_, files)| files.iter().any(|file| dir.join(file).exists()))
        .map(|(os, _)| SupportedTarget {
            os: os.into(),
            ..SupportedTarget::default()
        })
        .collect()
}

fn of_stack(stack: &SupportedStack, may_translate: bool) -> Option<SupportedTarget> {
    match stack.id.as_str() {
        "*" => Some(SupportedTarget::default()),
        BIONIC_STACK if may_translate => Some(SupportedTarget {
            os: "linux".into(),
            arch: "amd64".into(),
            variant: String::new(),
            distros: vec![Distro::bionic()],
        }),
        _ => None,
    }
}

/// Whether `target` is one of `supported`; an empty list admits every target.
pub fn is_supported(target: &Target, supported: &[SupportedTarget]) -> bool {
    supported.is_empty() || supported.iter().any(|one| matches(target, one))
}

fn matches(target: &Target, supported: &SupportedTarget) -> bool {
    let agree = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
    let has_distro = |target: &Distro| {
        supported
            .distros
            .iter()
            .any(|one| agree(&target.name, &one.name) && agree(&target.version, &one.version))
    };
    agree(&target.os, &supported.os)
        && agree(&target.arch, &supported.arch)
        && agree(&target.arch_variant, &supported.variant)
        && (supported.distros.is_empty() || target.distro.as_ref().is_some_and(has_distro))
}

/// `linux/arm64/v8 debian 12`, as messages name a target.
pub fn describe(target: &Target) -> String {
    let distros: Vec<Distro> = target.distro.iter().cloned().collect();
    describe_parts([&target.os, &target.arch, &target.arch_variant], &distros)
}

/// The supported targets as messages name them.
pub fn describe_supported(supported: &[SupportedTarget]) -> String {
    let texts: Vec<String> = supported
        .iter()
        .map(|one| describe_parts([&one.os, &one.arch, &one.variant], &one.distros))
        .collect();
    texts.join(", ")
}

fn describe_parts(platform: [&str; 3], distros: &[Distro]) -> String {
    let mut text = String::new();
    for (index, part) in platform.into_iter().enumerate() {
        match (index, part) {
            (2, "") => {}
            (0, _) => text.push_str(or_any(part)),
            _ => {
                let _ = write!(text, "/{}", or_any(part));
            }
        }
    }
    for (index, distro) in distros.iter().enumerate() {
        let separator = if index == 0 { "" } else { " or" };
        let _ = write!(
            text,
            "{separator} {} {}",
            distro.name,
            or_any(&distro.version)
        );
    }
    text
}

fn or_any(part: &str) -> &str {
    if part.is_empty() { "any" } else { part }
}
