//! Messages of HTTP/1.1 that pass through: their heads are read, their bodies are copied.
use std::{
    io::{self, BufRead, Read, Write},
    net::TcpStream,
};

/// Longest head that is taken.
const HEAD_LIMIT: u64 = 64 << 10;

/// Start line and fields of a message, with the line ends and the empty line.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) text: String,
}

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    Chunked,
}

impl Head {
    /// None at the end of the connection.
    pub(super) fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut text = String::new();
        let mut from = from.take(HEAD_LIMIT);
        loop {
            match from.read_line(&mut text)? {
                0 => return Ok(None),
                1 | 2 => return Ok(Some(Self { text })),
                _ => {}
            }
        }
    }

    /// A word of the start line, the first is 0.
    pub(super) fn word(&self, index: usize) -> &str {
        self.text.split_whitespace().nth(index).unwrap_or_default()
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.text.lines().filter_map(|line| line.split_once(':'));
        fields.find_map(|(field, value)| field.eq_ignore_ascii_case(name).then(|| value.trim()))
    }

    /// The status of an answer.
    pub(super) fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or(0)
    }

    /// What follows a request.
    pub(super) fn body(&self) -> Body {
        let coding = self.field("transfer-encoding");
        if coding.is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Body::Chunked;
        }
        let length = self.field("content-length");
        Body::Length(length.and_then(|value| value.parse().ok()).unwrap_or(0))
    }

    /// What follows an answer to `request`.
    pub(super) fn answer_body(&self, request: &Self) -> Body {
        if request.word(0) == "HEAD" || matches!(self.status(), 204 | 304) {
            return Body::Length(0);
        }
        self.body()
    }
}

impl Body {
    pub(super) fn is_empty(self) -> bool {
        self == Self::Length(0)
    }

    /// About half of it; never all of it.
    pub(super) fn half(self) -> u64 {
        match self {
            Self::Length(length) => length / 2,
            // Nobody knows how much there is.
            Self::Chunked => 1,
        }
    }

    /// Copies it whole and gives its length.
    pub(super) fn pass(self, from: &mut impl BufRead, to: &mut Sink<'_>) -> io::Result<u64> {
        match self {
            Self::Length(length) => match io::copy(&mut from.take(length), to)? {
                count if count < length => Err(io::ErrorKind::UnexpectedEof.into()),
                count => Ok(count),
            },
            Self::Chunked => chunked(from, to),
        }
    }

    /// Copies its first half and gives what is left.
    pub(super) fn pass_half(
        self,
        from: &mut impl BufRead,
        to: &mut Sink<'_>,
    ) -> io::Result<(u64, Self)> {
        let half = self.half();
        match self {
            Self::Length(length) => {
                Self::Length(half).pass(from, to)?;
                Ok((half, Self::Length(length - half)))
            }
            Self::Chunked => {
                // A chunk may be cut only by whoever breaks the connection, so what is left is not copied on.
                frame(from, to)?;
                Ok((Self::Length(half).pass(from, to)?, Self::Length(0)))
            }
        }
    }
}

/// Copies a body in chunks and gives the length of what is in them.
fn chunked(from: &mut impl BufRead, to: &mut Sink<'_>) -> io::Result<u64> {
    let mut sum = 0;
    loop {
        let line = frame(from, to)?;
        let digits = line.trim().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        if size == 0 {
            // There may be fields, and there is an empty line.
            while frame(from, to)?.len() > 2 {}
            return Ok(sum);
        }
        sum += Body::Length(size).pass(from, to)?;
        frame(from, to)?;
    }
}

/// Copies a line around chunks.
fn frame(from: &mut impl BufRead, to: &Sink<'_>) -> io::Result<String> {
    let mut line = String::new();
    from.take(HEAD_LIMIT).read_line(&mut line)?;
    let mut stream = to.stream;
    stream.write_all(line.as_bytes())?;
    Ok(line)
}

/// Where a body goes; counts its bytes, also when a later one fails.
pub(super) struct Sink<'a> {
    pub(super) stream: &'a TcpStream,
    pub(super) count: &'a mut u64,
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.stream.write(bytes)?;
        *self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Ends a connection at once: the other side gets a reset, not an end.
pub(super) fn reset(stream: &TcpStream) {
    // Where that fails the connection is over already.
    let _ = socket2::SockRef::from(stream).set_linger(Some(std::time::Duration::ZERO));
}
