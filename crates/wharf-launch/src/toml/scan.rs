//! Characters, strings and bare words.
use super::{Fault, Value};
use alloc::string::String;

/// A place in a text.
pub(super) struct Scanner<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let offset = if text.starts_with('\u{feff}') { 3 } else { 0 };
        Self { text, offset }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn fault(&self, message: &'static str) -> Fault {
        Fault {
            offset: self.offset,
            message,
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    /// Goes past `byte` if it is next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.offset += usize::from(found);
        found
    }

    fn take_text(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.offset += if found { text.len() } else { 0 };
        found
    }

    /// Goes past `byte`, which must be next.
    pub(super) fn expect(&mut self, byte: u8, message: &'static str) -> Result<(), Fault> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.fault(message))
        }
    }

    fn take_while(&mut self, keep: impl Fn(u8) -> bool) -> &'a str {
        let start = self.offset;
        while self.peek().is_some_and(&keep) {
            self.offset += 1;
        }
        self.text.get(start..self.offset).unwrap_or_default()
    }

    pub(super) fn skip_space(&mut self) {
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
    }

    fn newline(&mut self) -> bool {
        self.take(b'\n') || self.take_text("\r\n")
    }

    fn comment(&mut self) -> Result<(), Fault> {
        if self.take(b'#') {
            self.take_while(|byte| byte == b'\t' || !byte.is_ascii_control());
            if !matches!(self.peek(), None | Some(b'\n' | b'\r')) {
                return Err(self.fault("control character in a comment"));
            }
        }
        Ok(())
    }

    /// Goes past spaces, comments and newlines.
    pub(super) fn skip_blank_lines(&mut self) -> Result<(), Fault> {
        loop {
            self.skip_space();
            self.comment()?;
            if !self.newline() {
                return Ok(());
            }
        }
    }

    /// Nothing but a comment may follow on this line.
    pub(super) fn end_of_line(&mut self) -> Result<(), Fault> {
        self.skip_space();
        self.comment()?;
        if self.peek().is_none() || self.newline() {
            Ok(())
        } else {
            Err(self.fault("expected the end of the line"))
        }
    }

    /// One part of a key.
    pub(super) fn key(&mut self) -> Result<String, Fault> {
        if matches!(self.peek(), Some(b'"' | b'\'')) {
            let start = self.fault("a key may not span lines");
            let is_multi_line = ["\"\"\"", "'''"]
                .iter()
                .any(|quotes| self.rest().starts_with(quotes));
            return if is_multi_line {
                Err(start)
            } else {
                self.string()
            };
        }
        let bare =
            self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if bare.is_empty() {
            Err(self.fault("expected a key"))
        } else {
            Ok(bare.into())
        }
    }

    /// A string of any of the four notations.
    pub(super) fn string(&mut self) -> Result<String, Fault> {
        if self.take_text("\"\"\"") {
            self.newline();
            self.quoted("\"\"\"")
        } else if self.take_text("'''") {
            self.newline();
            self.quoted("'''")
        } else if self.take(b'"') {
            self.quoted("\"")
        } else {
            self.take(b'\'');
            self.quoted("'")
        }
    }

    /// The inside of a string up to its closing quotes.
    fn quoted(&mut self, quotes: &'static str) -> Result<String, Fault> {
        let is_multi_line = quotes.len() == 3;
        let is_basic = quotes.starts_with('"');
        let mut text = String::new();
        loop {
            if self.take_text(quotes) {
                self.extra_quotes(quotes, &mut text);
                return Ok(text);
            }
            let Some(character) = self.rest().chars().next() else {
                return Err(self.fault("the string does not end"));
            };
            match character {
                '\\' if is_basic => self.escape(is_multi_line, &mut text)?,
                '\n' if is_multi_line => self.keep(character, &mut text),
                '\r' if is_multi_line && self.rest().starts_with("\r\n") => {
                    self.keep(character, &mut text);
                }
                '\n' | '\r' => return Err(self.fault("the string does not end on its line")),
                '\t' => self.keep(character, &mut text),
                control if control.is_ascii_control() => {
                    return Err(self.fault("control character in a string"));
                }
                _ => self.keep(character, &mut text),
            }
        }
    }

    fn keep(&mut self, character: char, text: &mut String) {
        self.offset += character.len_utf8();
        text.push(character);
    }

    /// Up to two quotes may stand right before the three that close a multi-line string.
    fn extra_quotes(&mut self, quotes: &'static str, text: &mut String) {
        let quote = quotes.chars().next().filter(|_| quotes.len() == 3);
        for _ in 0..2 {
            match quote {
                Some(quote) if self.rest().starts_with(quote) => self.keep(quote, text),
                _ => return,
            }
        }
    }

    fn escape(&mut self, is_multi_line: bool, text: &mut String) -> Result<(), Fault> {
        let start = self.fault("unknown escape in a string");
        self.take(b'\\');
        let Some(kind) = self.peek() else {
            return Err(start);
        };
        if is_multi_line && matches!(kind, b' ' | b'\t' | b'\n' | b'\r') {
            return self.line_continuation(start);
        }
        self.offset += usize::from(kind.is_ascii());
        text.push(match kind {
            b'b' => '\u{8}',
            b't' => '\t',
            b'n' => '\n',
            b'f' => '\u{c}',
            b'r' => '\r',
            b'e' => '\u{1b}',
            b'"' => '"',
            b'\\' => '\\',
            b'x' => self.code_point(2)?,
            b'u' => self.code_point(4)?,
            b'U' => self.code_point(8)?,
            _ => return Err(start),
        });
        Ok(())
    }

    /// A backslash at the end of a line takes the newline and all blanks after it away.
    fn line_continuation(&mut self, start: Fault) -> Result<(), Fault> {
        self.skip_space();
        if !self.newline() {
            return Err(start);
        }
        loop {
            self.skip_space();
            if !self.newline() {
                return Ok(());
            }
        }
    }

    fn code_point(&mut self, digits: usize) -> Result<char, Fault> {
        let fault = self.fault("not the number of a character");
        let number = self.rest().get(..digits).ok_or(fault)?;
        if !number.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(fault);
        }
        self.offset += digits;
        let number = u32::from_str_radix(number, 16).ok();
        number.and_then(char::from_u32).ok_or(fault)
    }

    /// A boolean, number or time. Only the look of the latter two is judged.
    pub(super) fn scalar(&mut self) -> Result<Value, Fault> {
        let start = self.fault("expected a value");
        let word = |scanner: &mut Self| {
            scanner.take_while(|byte| byte.is_ascii_alphanumeric() || b"+-_.:".contains(&byte))
        };
        let text = word(self);
        match text {
            "true" => return Ok(Value::Flag(true)),
            "false" => return Ok(Value::Flag(false)),
            _ => {}
        }
        let unsigned = text.trim_start_matches(['+', '-']);
        let is_number = unsigned.starts_with(|first: char| first.is_ascii_digit());
        if !is_number && !matches!(unsigned, "inf" | "nan") {
            return Err(start);
        }
        // A time may stand one space after its date.
        let is_date = text.len() == 10 && text.as_bytes()[4] == b'-';
        if is_date
            && self.rest().starts_with(' ')
            && self.rest()[1..].starts_with(|next: char| next.is_ascii_digit())
        {
            self.take(b' ');
            word(self);
        }
        Ok(Value::Scalar)
    }
}
