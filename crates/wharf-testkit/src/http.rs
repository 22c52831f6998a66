//! A small HTTP/1.1 server on threads: what tests need, and nothing that hides what is on the wire.
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

const HEAD_LIMIT: u64 = 64 << 10;
const LINGER: Duration = Duration::from_secs(5);

/// The head of a request; its body is read only when asked for.
#[derive(Debug)]
pub struct Request {
    /// `GET`, `PUT` …
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Names in lower case with their values, in the order they came.
    pub headers: Vec<(String, String)>,
    stream: BufReader<TcpStream>,
    unread: u64,
    /// A body in chunks waits to be read.
    chunked: bool,
}

impl Request {
    /// The first header of a name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Decoded query parameters in their order.
    pub fn query(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        parse_form(query)
    }

    /// The whole body.
    pub fn body(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        while std::mem::take(&mut self.chunked) {
            self.chunked = self.chunk(&mut body)?;
        }
        self.stream
            .by_ref()
            .take(self.unread)
            .read_to_end(&mut body)?;
        self.unread = self.unread.saturating_sub(body.len() as u64);
        Ok(body)
    }

    /// Reads one chunk; false when it was the last.
    fn chunk(&mut self, body: &mut Vec<u8>) -> io::Result<bool> {
        let mut line = String::new();
        self.stream.by_ref().take(HEAD_LIMIT).read_line(&mut line)?;
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(size, 16)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a chunk without a size"))?;
        self.stream.by_ref().take(size).read_to_end(body)?;
        // The line that ends the chunk, or the empty list of trailers.
        self.stream.by_ref().take(HEAD_LIMIT).read_line(&mut line)?;
        Ok(size > 0)
    }

    /// Reads the body away and tells its length.
    pub fn discard_body(&mut self) -> io::Result<u64> {
        if self.chunked {
            return Ok(self.body()?.len() as u64);
        }
        let length = io::copy(&mut self.stream.by_ref().take(self.unread), &mut io::sink())?;
        self.unread -= length;
        Ok(length)
    }
}

/// An answer, which may be a lie.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Headers; `Content-Length` is added unless it is among them.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer without a body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// An answer with a JSON document.
    pub fn json(status: u16, document: &serde_json::Value) -> Self {
        Self::status(status)
            .header("Content-Type", "application/json")
            .body(document.to_string())
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// What answers requests.
pub(crate) type Handler = dyn Fn(&mut Request) -> Response + Send + Sync;

/// A listening server; it stops when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(listen: SocketAddr, handler: Arc<Handler>) -> io::Result<Self> {
        let listener = TcpListener::bind(listen)?;
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = stopping.clone();
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let handler = handler.clone();
                if let Ok(stream) = stream {
                    // A client that breaks off is no matter to the others.
                    std::thread::spawn(move || serve(&stream, &*handler).ok());
                }
            }
        });
        Ok(Self {
            address,
            stopping,
            thread: Some(thread),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread up; when that fails it has ended already.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            thread.join().ok();
        }
    }
}

fn serve(stream: &TcpStream, handler: &Handler) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(mut request) = read_head(reader)? {
        let response = handler(&mut request);
        let complete = write(stream, &request.method, &response)?;
        let has_more = request.unread > 0 || request.chunked;
        reader = request.stream;
        if has_more || !complete {
            return linger(stream);
        }
    }
    Ok(())
}

/// Closes as well-behaved servers do: the answer must not be lost because unread bytes reset the connection.
fn linger(mut stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(LINGER))?;
    io::copy(&mut stream, &mut io::sink())?;
    Ok(())
}

fn read_head(mut stream: BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut lines = Vec::new();
    let mut head = stream.by_ref().take(HEAD_LIMIT);
    loop {
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut lines = lines.into_iter();
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(' ').map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let headers: Vec<_> = lines
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let unread = length
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    let chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    Ok(Some(Request {
        method,
        target,
        headers,
        stream,
        unread,
        chunked,
    }))
}

/// Writes an answer; false when it promises more than it has, so that the connection must end.
fn write(mut stream: &TcpStream, method: &str, response: &Response) -> io::Result<bool> {
    let mut head = format!("HTTP/1.1 {} Scripted\r\n", response.status);
    for (name, value) in &response.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let mut headers = response.headers.iter();
    let promised = headers.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let actual = response.body.len().to_string();
    let complete = promised.is_none_or(|(_, value)| *value == actual || method == "HEAD");
    if promised.is_none() && response.status != 204 {
        head.extend(["Content-Length: ", &actual, "\r\n"]);
    }
    head.push_str("\r\n");
    // In one piece: two would wait for the other side's acknowledgement.
    let mut answer = head.into_bytes();
    if method != "HEAD" {
        answer.extend_from_slice(&response.body);
    }
    stream.write_all(&answer)?;
    Ok(complete)
}

/// Decodes `a=b&c=d`.
pub(crate) fn parse_form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |digit: Option<u8>| char::from(digit?).to_digit(16);
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match (hex(rest.next()), hex(rest.next())) {
                (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or(b'?'),
                _ => b'?',
            },
            other => other,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::parse_form;

    #[test]
    fn decodes_queries() {
        let expected = [
            ("scope", "repository:a/b:pull,push"),
            ("x", "a b"),
            ("y", ""),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            parse_form("scope=repository%3Aa%2Fb%3Apull,push&x=a+b&y"),
            expected
        );
    }
}
