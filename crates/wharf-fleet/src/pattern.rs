//! Patterns for names: `*` is any text without a slash, `**` any text, `?` one character that is no slash. A pattern
//! always has to match the whole name: what merely contains an allowed name is another name.
use serde::{Deserialize, Serialize};
use std::fmt;

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern; every text is one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether it matches all of `name`.
    pub fn matches(&self, name: &str) -> bool {
        let pattern: Vec<char> = self.0.chars().collect();
        let name: Vec<char> = name.chars().collect();
        matches(&pattern, &name)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Row by row: after each piece of the pattern, at which places of the name it may end. Time is the product of both
/// lengths, whatever the pattern.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let mut ends = vec![false; name.len() + 1];
    ends[0] = true;
    let mut rest = pattern;
    while let Some((first, tail)) = rest.split_first() {
        let mut next = vec![false; name.len() + 1];
        if *first == '*' {
            let crosses = tail.first() == Some(&'*');
            rest = if crosses { &tail[1..] } else { tail };
            let mut open = false;
            for at in 0..=name.len() {
                open = (open && (crosses || name[at - 1] != '/')) || ends[at];
                next[at] = open;
            }
        } else {
            rest = tail;
            for (at, char) in name.iter().enumerate() {
                let fits = *first == *char || (*first == '?' && *char != '/');
                next[at + 1] = ends[at] && fits;
            }
        }
        ends = next;
    }
    ends[name.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_whole_names_only() {
        let cases = [
            ("tool-*", "tool-a", true),
            ("tool-*", "tool-", true),
            ("tool-*", "my-tool-a", false),
            ("tool-*", "tool-a/b", false),
            ("tool-**", "tool-a/b", true),
            ("**/app", "r.example/x/app", true),
            ("**/app", "r.example/x/app2", false),
            ("a|b", "a", false),
            ("r.example/*", "rxexample/a", false),
            ("v?", "v1", true),
            ("v?", "v10", false),
            ("*-*-*", "a-b-c-d", true),
            ("", "", true),
            ("", "a", false),
            ("**", "", true),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(
                Pattern::new(pattern).matches(name),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn hostile_patterns_take_no_longer_than_their_length_says() {
        let pattern = "*a".repeat(200);
        assert!(!Pattern::new(pattern).matches(&"a".repeat(150)));
    }
}
