//! A slice path: one glob per path component, taken from the app directory.
use super::Glob;
use crate::LayerError;
use std::path::Path;

/// A path pattern below the app directory. Without components it is the app directory itself.
#[derive(Debug)]
pub(super) struct Pattern {
    components: Vec<Glob>,
}

/// How far a pattern goes along with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    No,
    /// The name is a directory on the way to what the pattern matches.
    Partly,
    Whole,
}

impl Pattern {
    /// Compiles `text` for the app at `root`. An absolute pattern must spell the app directory.
    pub(super) fn new(text: &str, root: &Path) -> Result<Self, LayerError> {
        let error = |reason| LayerError::SlicePattern {
            pattern: text.to_owned(),
            reason,
        };
        let leaves = || error("leaves the app directory");
        let absolute = text.starts_with('/');
        let mut parts: Vec<&str> = Vec::new();
        for part in text.split('/') {
            match part {
                // Above the root of the file system is the root again.
                ".." if parts.pop().is_none() && !absolute => return Err(leaves()),
                "" | "." | ".." => {}
                part => parts.push(part),
            }
        }
        if absolute {
            let mut app = root.iter().skip(1);
            let above = parts.iter().map(Some).chain(std::iter::repeat(None));
            let spelled = app
                .by_ref()
                .zip(above)
                .all(|(name, part)| part.is_some_and(|part| name == *part));
            if !spelled {
                return Err(leaves());
            }
            parts.drain(..root.iter().skip(1).count());
        }
        let components = parts.into_iter().map(Glob::new);
        let components = components.collect::<Result<_, _>>();
        Ok(Self {
            components: components.map_err(|_| error("is malformed"))?,
        })
    }

    /// Whether the pattern is the app directory.
    pub(super) fn is_root(&self) -> bool {
        self.components.is_empty()
    }

    /// Judges a name `depth` components below the app, when the pattern went along so far.
    pub(super) fn fit(&self, depth: usize, name: &[u8]) -> Fit {
        match self.components.get(depth) {
            Some(glob) if glob.matches(name) => {
                if depth + 1 == self.components.len() {
                    Fit::Whole
                } else {
                    Fit::Partly
                }
            }
            _ => Fit::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<usize, String> {
        let pattern = Pattern::new(text, Path::new("/work space/app"));
        pattern
            .map(|pattern| pattern.components.len())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn patterns_stay_inside_the_app() {
        assert_eq!(parse("a/./b//c/"), Ok(3));
        assert_eq!(parse("a/../b"), Ok(1));
        assert_eq!(parse("."), Ok(0));
        assert_eq!(parse("/work space/app/*/x"), Ok(2));
        assert_eq!(parse("/work space/app"), Ok(0));
        for text in [
            "..",
            "a/../../b",
            "/etc/*",
            "/",
            "/work space",
            "/work space/app/../x",
        ] {
            let message = format!("slice pattern '{text}' leaves the app directory");
            assert_eq!(parse(text), Err(message));
        }
    }

    #[test]
    fn malformed_patterns_are_named() {
        for text in ["[", "a/[]a]", "x[a-", "[a/b]", "a\\/b"] {
            let message = format!("slice pattern '{text}' is malformed");
            assert_eq!(parse(text), Err(message));
        }
    }
}
