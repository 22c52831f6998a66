//! Go's `filepath.Match`: `*` and `?` within one path component, classes, backslash as escape, bytes that are not
//! UTF-8 as characters of their own.

/// A pattern that can be asked about names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    /// Runs of single characters; all but perhaps the first stand after a star.
    runs: Vec<Run>,
}

/// The pattern does not follow the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub struct SyntaxError;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Run {
    after_star: bool,
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Byte(u8),
    AnyButSlash,
    Class {
        negated: bool,
        ranges: Vec<(u32, u32)>,
    },
}

impl Glob {
    /// Compiles a pattern.
    pub fn new(pattern: &str) -> Result<Self, SyntaxError> {
        let mut runs = vec![Run::default()];
        let mut rest = pattern.as_bytes();
        while let [first, tail @ ..] = rest {
            rest = tail;
            let token = match first {
                b'*' => {
                    start_run(&mut runs);
                    continue;
                }
                b'?' => Token::AnyButSlash,
                b'[' => class(&mut rest)?,
                b'\\' => {
                    let (escaped, tail) = rest.split_first().ok_or(SyntaxError)?;
                    rest = tail;
                    Token::Byte(*escaped)
                }
                literal => Token::Byte(*literal),
            };
            if let Some(run) = runs.last_mut() {
                run.tokens.push(token);
            }
        }
        Ok(Self { runs })
    }

    /// Whether the pattern matches all of `name`.
    ///
    /// The run after a star takes the first place where it fits, and is not tried again further on; only the last
    /// run has to fit at the end.
    pub fn matches(&self, name: &[u8]) -> bool {
        let mut rest = name;
        for (index, run) in self.runs.iter().enumerate() {
            let is_last = index + 1 == self.runs.len();
            match run.find(rest, is_last) {
                Some(tail) => rest = tail,
                None => return false,
            }
        }
        rest.is_empty()
    }
}

/// Stars that follow each other are one.
fn start_run(runs: &mut Vec<Run>) {
    match runs.last_mut() {
        Some(run) if run.tokens.is_empty() => run.after_star = true,
        _ => runs.push(Run {
            after_star: true,
            tokens: Vec::new(),
        }),
    }
}

impl Run {
    /// What is left of `name` behind this run.
    fn find<'a>(&self, name: &'a [u8], is_last: bool) -> Option<&'a [u8]> {
        if !self.after_star {
            return self.at(name);
        }
        if self.tokens.is_empty() {
            return (!name.contains(&b'/')).then_some(&[]);
        }
        let mut start = name;
        loop {
            match self.at(start) {
                Some(rest) if !is_last || rest.is_empty() => return Some(rest),
                _ => {}
            }
            match start {
                [] | [b'/', ..] => return None,
                [_, tail @ ..] => start = tail,
            }
        }
    }

    /// What is left when the run starts exactly here.
    fn at<'a>(&self, mut name: &'a [u8]) -> Option<&'a [u8]> {
        for token in &self.tokens {
            name = match token {
                Token::Byte(byte) => name.strip_prefix(&[*byte])?,
                Token::AnyButSlash if name.first() == Some(&b'/') => return None,
                Token::AnyButSlash => next_char(name)?.1,
                Token::Class { negated, ranges } => {
                    let (character, tail) = next_char(name)?;
                    let inside = |(low, high): &(u32, u32)| (*low..=*high).contains(&character);
                    if ranges.iter().any(inside) == *negated {
                        return None;
                    }
                    tail
                }
            };
        }
        Some(name)
    }
}

/// After `[`: `^`, then at least one character or range, then `]`.
fn class(rest: &mut &[u8]) -> Result<Token, SyntaxError> {
    let negated = rest.first() == Some(&b'^');
    *rest = &rest[usize::from(negated)..];
    let mut ranges = Vec::new();
    while ranges.is_empty() || rest.first() != Some(&b']') {
        let low = class_char(rest)?;
        let high = match rest.strip_prefix(b"-") {
            Some(tail) => {
                *rest = tail;
                class_char(rest)?
            }
            None => low,
        };
        if rest.is_empty() {
            return Err(SyntaxError);
        }
        ranges.push((low, high));
    }
    *rest = &rest[1..];
    Ok(Token::Class { negated, ranges })
}

fn class_char(rest: &mut &[u8]) -> Result<u32, SyntaxError> {
    match *rest {
        [] | [b'-' | b']', ..] => return Err(SyntaxError),
        [b'\\', tail @ ..] => *rest = tail,
        _ => {}
    }
    let (character, tail) = next_char(rest).ok_or(SyntaxError)?;
    *rest = tail;
    Ok(character)
}

/// The first character and the rest; a byte that begins no character is U+FFFD.
fn next_char(bytes: &[u8]) -> Option<(u32, &[u8])> {
    for length in 1..=bytes.len().min(4) {
        let (head, tail) = bytes.split_at(length);
        if let Some(character) = std::str::from_utf8(head)
            .ok()
            .and_then(|s| s.chars().next())
        {
            return Some((character.into(), tail));
        }
    }
    bytes.split_first().map(|(_, tail)| (0xfffd, tail))
}
