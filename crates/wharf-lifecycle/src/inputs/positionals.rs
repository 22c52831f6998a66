//! How many arguments a phase takes.
use crate::phase::Phase;

/// The wrong number of arguments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentsError {
    /// The phase takes none.
    #[error("received unexpected arguments: {}", .0.join(" "))]
    Unexpected(Vec<String>),
    /// The phase takes one.
    #[error("received {0} arguments, but expected 1: the image to write")]
    NotOne(usize),
    /// The phase takes at least one.
    #[error("at least one image argument is required")]
    None,
}

/// Checks the number of arguments.
pub(crate) fn check(phase: Phase, arguments: &[String]) -> Result<(), ArgumentsError> {
    match (phase, arguments.len()) {
        (Phase::Analyze | Phase::Create, 1) => Ok(()),
        (Phase::Analyze | Phase::Create, count) => Err(ArgumentsError::NotOne(count)),
        (Phase::Export | Phase::Rebase, 0) => Err(ArgumentsError::None),
        (Phase::Export | Phase::Rebase, _) | (_, 0) => Ok(()),
        (Phase::Detect | Phase::Restore | Phase::Build | Phase::Extend, _) => {
            Err(ArgumentsError::Unexpected(arguments.to_vec()))
        }
    }
}

/// Arguments that look like flags: whoever wrote them may have meant something else.
pub(crate) fn warn_of_dashes(arguments: &[String]) -> impl Iterator<Item = String> + '_ {
    arguments
        .iter()
        .filter(|argument| argument.starts_with('-'))
        .map(|argument| {
            format!(
                "unconsumed flag-like positional arg: {argument}; it is not taken as a flag, flags come before the first positional argument"
            )
        })
}
