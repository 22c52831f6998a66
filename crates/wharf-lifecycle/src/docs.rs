//! Pages of the documentation that are printed from tables.
use crate::{
    flags::{ROWS, default_text},
    phase::Phase,
};
use std::fmt::Write;
use wharf_spec::{
    api::{BuildpackApi, PlatformApi},
    exit_code::ExitCode,
};

const GENERATED: &str = "<!-- Generated from the tables by `cargo xtask docs`. -->\n";

/// `docs/flags.md`: every flag with its variables, default, executables and Platform APIs.
pub fn flags_markdown() -> String {
    let mut page = format!(
        "{GENERATED}# Flags and variables\n\n\
         A flag wins over its variables, a variable over the default. An empty value counts as none. Flags are written \
         `-name value`, `-name=value` or with two dashes; booleans take a value only after `=`. Flags come before the \
         first argument. Where an executable has no flag, the variable alone holds.\n\n\
         | flag | variables | default | executables (Platform APIs) | meaning |\n|---|---|---|---|---|\n"
    );
    for row in ROWS {
        let variables: Vec<String> = row
            .variables
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let uses: Vec<String> = row
            .uses
            .iter()
            .map(|one| {
                let names: Vec<_> = one.phases.iter().map(|phase| phase.executable()).collect();
                let note = if one.flag { "" } else { ", variable only" };
                format!("{} ({}{note})", names.join(", "), one.apis)
            })
            .collect();
        let default = default_text(row.default).map(|text| format!("`{text}`"));
        let _ = writeln!(
            page,
            "| `-{}` | {} | {} | {} | {} |",
            row.name,
            variables.join(", "),
            default.unwrap_or_default(),
            uses.join("; "),
            row.doc
        );
    }
    page.push_str(
        "\nEvery executable also takes `-version` and `-h`.\n\n\
         | executable | arguments |\n|---|---|\n",
    );
    for phase in Phase::ALL {
        let arguments = match phase {
            Phase::Analyze | Phase::Create => "the image to write",
            Phase::Export | Phase::Rebase => "the image to write, then further tags",
            Phase::Detect | Phase::Restore | Phase::Build | Phase::Extend => "none",
        };
        let _ = writeln!(
            page,
            "| `{phase}`, `lifecycle {}` | {arguments} |",
            phase.verb()
        );
    }
    page
}

/// `docs/exit-codes.md`: every status and what it means.
pub fn exit_codes_markdown() -> String {
    let mut page = format!("{GENERATED}# Exit codes\n\n| code | meaning |\n|---|---|\n");
    for (code, meaning) in EXIT_CODES {
        let _ = writeln!(page, "| {} | {meaning} |", code.code());
    }
    page.push_str(
        "\nA phase that SIGINT or SIGTERM ends has status 130 or 143. A cache that cannot be written is a warning.\n",
    );
    page
}

const EXIT_CODES: &[(ExitCode, &str)] = &[
    (ExitCode::Success, "success; also `-h` and `-version`"),
    (
        ExitCode::Failed,
        "anything without a code of its own: a handoff file that cannot be read, refusal to run as root, credentials, cache, log level, an experimental feature without consent",
    ),
    (ExitCode::Usage, "the command line could not be parsed"),
    (
        ExitCode::InvalidArgs,
        "an argument, flag or variable has a wrong value; no accessible run image; images on several registries; `-daemon`",
    ),
    (
        ExitCode::IncompatiblePlatformApi,
        "`CNB_PLATFORM_API` is malformed or not supported",
    ),
    (
        ExitCode::IncompatibleBuildpackApi,
        "a buildpack has a Buildpack API that is not supported",
    ),
    (ExitCode::NoGroupDetected, "no group passed detection"),
    (
        ExitCode::NoGroupDetectedWithErrors,
        "no group passed detection, and at least one buildpack errored",
    ),
    (ExitCode::DetectFailed, "any other detection failure"),
    (ExitCode::AnalyzeFailed, "analysis failed"),
    (ExitCode::RestoreFailed, "restoration failed"),
    (
        ExitCode::BuildpackBuildFailed,
        "`bin/build` of a buildpack failed",
    ),
    (ExitCode::BuildFailed, "any other build failure"),
    (
        ExitCode::ExportFailed,
        "export failed, or its report could not be written",
    ),
    (
        ExitCode::RebaseFailed,
        "rebase failed, or its report could not be written",
    ),
    (
        ExitCode::LaunchFailed,
        "the launcher failed before the process was started",
    ),
    (
        ExitCode::ExtensionGenerateFailed,
        "`bin/generate` of an extension failed",
    ),
    (ExitCode::GenerateFailed, "any other generation failure"),
    (
        ExitCode::ExtendFailed,
        "extending failed; image extensions are not supported yet",
    ),
];

/// `docs/api-versions.md`: what each API version chooses.
pub fn api_versions_markdown() -> String {
    let mut page = format!(
        "{GENERATED}# API versions\n\n\
         Unset, `CNB_PLATFORM_API` means {} with a warning. Phases never see a version, only these choices.\n",
        PlatformApi::DEFAULT
    );
    let platform = PlatformApi::ALL.map(|api| (api.to_string(), format!("{:#?}", api.features())));
    choices(&mut page, "Platform API", &platform);
    let buildpack =
        BuildpackApi::ALL.map(|api| (api.to_string(), format!("{:#?}", api.features())));
    choices(&mut page, "Buildpack API", &buildpack);
    page
}

/// One row per choice, one column per version, read off the features as they print themselves.
fn choices(page: &mut String, title: &str, versions: &[(String, String)]) {
    let names: Vec<&str> = versions
        .iter()
        .map(|(version, _)| version.as_str())
        .collect();
    let _ = writeln!(page, "\n## {title}\n\n| choice | {} |", names.join(" | "));
    let _ = writeln!(page, "|---|{}", "---|".repeat(versions.len()));
    let columns: Vec<Vec<(&str, &str)>> = versions
        .iter()
        .map(|(_, features)| {
            features
                .lines()
                .filter_map(|line| line.trim().trim_end_matches(',').split_once(": "))
                .collect()
        })
        .collect();
    let Some(first) = columns.first() else {
        return;
    };
    for (index, (choice, _)) in first.iter().enumerate() {
        let values: Vec<&str> = columns
            .iter()
            .map(|column| match column.get(index) {
                Some((_, "true")) => "yes",
                Some((_, "false")) => "–",
                Some((_, value)) => value,
                None => "",
            })
            .collect();
        let _ = writeln!(
            page,
            "| {} | {} |",
            choice.replace('_', " "),
            values.join(" | ")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_a_row_per_flag_code_and_choice() {
        let flags = flags_markdown();
        assert!(
            ROWS.iter()
                .all(|row| flags.contains(&format!("| `-{}` |", row.name)))
        );
        let codes = exit_codes_markdown();
        assert!(codes.contains("| 20 | no group passed detection |"));
        let versions = api_versions_markdown();
        assert!(versions.contains(
            "| command form | Single | Single | Single | List | List | List | List | List | List |"
        ));
        assert!(versions.contains("| exec env | – | – | – | – | – | yes |"));
    }
}
