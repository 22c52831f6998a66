//! The grammar of Go's `flag` package, which platforms write for: `-name value`, `-name=value`, `--name`; a boolean
//! takes its value only after `=`; parsing ends at the first argument that is no flag, or after `--`.
use super::{Kind, Row};

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Run the phase.
    Run(Parsed),
    /// Print the usage.
    Help,
    /// Print the version.
    Version,
}

/// A parsed command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// Values in the order they were given, by name of the flag.
    pub(crate) flags: Vec<(&'static str, String)>,
    /// What is no flag.
    pub(crate) positionals: Vec<String>,
}

/// A command line that is none. The usage goes with it; the exit status is 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// There is no such flag.
    #[error("flag provided but not defined: -{0}")]
    Unknown(String),
    /// No flag has such a name.
    #[error("bad flag syntax: {0}")]
    Syntax(String),
    /// The value is missing.
    #[error("flag needs an argument: -{0}")]
    NeedsValue(String),
    /// The value is of the wrong kind.
    #[error("invalid value \"{value}\" for flag -{flag}: {expected}")]
    Value {
        /// Name.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// Parses `arguments`, without the name of the executable, by the flags in `rows`.
pub(crate) fn parse(rows: &[&'static Row], arguments: &[String]) -> Result<Asked, UsageError> {
    let mut parsed = Parsed::default();
    let mut version = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let Some(text) = flag_text(argument) else {
            parsed.positionals.push(argument.clone());
            break;
        };
        if text.is_empty() {
            break;
        }
        let (name, value) = split(argument, text)?;
        match name {
            "h" | "help" => return Ok(Asked::Help),
            "version" => version = bool_value("version", value)?,
            _ => {
                let row = *rows
                    .iter()
                    .find(|row| row.name == name)
                    .ok_or_else(|| UsageError::Unknown(name.to_owned()))?;
                let value = match (value, row.kind) {
                    (Some(value), _) => value.to_owned(),
                    (None, Kind::Bool) => "true".to_owned(),
                    (None, _) => rest
                        .next()
                        .ok_or_else(|| UsageError::NeedsValue(name.to_owned()))?
                        .clone(),
                };
                check(row, &value)?;
                parsed.flags.push((row.name, value));
            }
        }
    }
    parsed.positionals.extend(rest.cloned());
    // Scripts of platforms quote what may be empty.
    parsed.positionals.retain(|argument| !argument.is_empty());
    Ok(if version {
        Asked::Version
    } else {
        Asked::Run(parsed)
    })
}

/// What follows the dashes; `None` for what is no flag. Empty for `--`.
fn flag_text(argument: &str) -> Option<&str> {
    let text = argument.strip_prefix('-')?;
    let text = match text.strip_prefix('-') {
        Some(text) => return Some(text),
        None => text,
    };
    // A single dash is an argument.
    (!text.is_empty()).then_some(text)
}

fn split<'a>(argument: &str, text: &'a str) -> Result<(&'a str, Option<&'a str>), UsageError> {
    if text.starts_with(['-', '=']) {
        return Err(UsageError::Syntax(argument.to_owned()));
    }
    Ok(match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    })
}

fn check(row: &'static Row, value: &str) -> Result<(), UsageError> {
    let expected = match row.kind {
        // An empty value means that nothing was given.
        _ if value.is_empty() => return Ok(()),
        Kind::Bool if parse_bool(value).is_none() => "true or false expected",
        Kind::Number if value.parse::<u32>().is_err() => "a number expected",
        _ => return Ok(()),
    };
    Err(UsageError::Value {
        flag: row.name,
        value: value.to_owned(),
        expected,
    })
}

fn bool_value(flag: &'static str, value: Option<&str>) -> Result<bool, UsageError> {
    let value = value.unwrap_or("true");
    parse_bool(value).ok_or_else(|| UsageError::Value {
        flag,
        value: value.to_owned(),
        expected: "true or false expected",
    })
}

/// Go's spellings of a boolean.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{flags::flags_of, phase::Phase};
    use wharf_spec::api::PlatformApi;

    fn parsed(arguments: &[&str]) -> Result<Asked, UsageError> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        parse(&flags_of(Phase::Analyze, PlatformApi::LATEST), &arguments)
    }

    fn run(flags: &[(&'static str, &str)], positionals: &[&str]) -> Asked {
        Asked::Run(Parsed {
            flags: flags
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            positionals: positionals.iter().map(ToString::to_string).collect(),
        })
    }

    #[test]
    fn values_follow_a_blank_or_an_equals_sign_after_one_dash_or_two() {
        let all = parsed(&[
            "-layers",
            "/a",
            "--layers=/b",
            "-layers=",
            "-tag",
            "-x",
            "image",
        ]);
        let flags = [
            ("layers", "/a"),
            ("layers", "/b"),
            ("layers", ""),
            ("tag", "-x"),
        ];
        assert_eq!(all, Ok(run(&flags, &["image"])));
    }

    #[test]
    fn booleans_take_no_word_after_them() {
        assert_eq!(
            parsed(&["-skip-layers", "false"]),
            Ok(run(&[("skip-layers", "true")], &["false"]))
        );
        assert_eq!(
            parsed(&["-skip-layers=False", "-layout=1"]),
            Ok(run(&[("skip-layers", "False"), ("layout", "1")], &[]))
        );
    }

    #[test]
    fn parsing_ends_at_the_first_positional_and_after_two_dashes() {
        assert_eq!(
            parsed(&["image", "-layers", "/a"]),
            Ok(run(&[], &["image", "-layers", "/a"]))
        );
        assert_eq!(
            parsed(&["--", "-layers", "/a"]),
            Ok(run(&[], &["-layers", "/a"]))
        );
        assert_eq!(parsed(&["-", "-h"]), Ok(run(&[], &["-", "-h"])));
    }

    #[test]
    fn help_and_version_are_flags_of_every_phase() {
        assert_eq!(parsed(&["-layers=/a", "-h", "-nonsense"]), Ok(Asked::Help));
        assert_eq!(parsed(&["--help"]), Ok(Asked::Help));
        assert_eq!(parsed(&["-version"]), Ok(Asked::Version));
        assert_eq!(parsed(&["-version=false"]), Ok(run(&[], &[])));
    }

    #[test]
    fn faults_name_the_flag() {
        assert_eq!(
            parsed(&["-nonsense=1"]),
            Err(UsageError::Unknown("nonsense".into()))
        );
        assert_eq!(
            parsed(&["---layers"]),
            Err(UsageError::Syntax("---layers".into()))
        );
        assert_eq!(parsed(&["-=x"]), Err(UsageError::Syntax("-=x".into())));
        assert_eq!(
            parsed(&["-layers"]),
            Err(UsageError::NeedsValue("layers".into()))
        );
        let texts: Vec<String> = [&["-uid=root"], &["-layout=yes"], &["-uid=-1"]]
            .iter()
            .map(|arguments| parsed(*arguments).unwrap_err().to_string())
            .collect();
        assert_eq!(
            texts,
            [
                "invalid value \"root\" for flag -uid: a number expected",
                "invalid value \"yes\" for flag -layout: true or false expected",
                "invalid value \"-1\" for flag -uid: a number expected"
            ]
        );
    }
}
