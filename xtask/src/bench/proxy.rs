//! A server before the registry that makes every request wait as long as one to a far registry, and counts.
use anyhow::{Context, Result};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// What has passed.
#[derive(Debug, Clone, Default)]
pub(super) struct Traffic {
    /// Method and path of each request.
    pub(super) requests: Vec<String>,
    /// Bytes of bodies from clients.
    pub(super) uploaded: u64,
    /// Time during which the registry owed an answer, one or several.
    pub(super) served: Duration,
}

impl Traffic {
    /// The requests for people, one a line, digests and sessions shortened.
    pub(super) fn list(&self) -> String {
        let mut text = String::new();
        for request in &self.requests {
            let request = request.split('?').next().unwrap_or_default();
            let (start, end) = request.rsplit_once('/').unwrap_or((request, ""));
            let end: String = end.chars().take(19).collect();
            text += &format!("    {start}/{end}\n");
        }
        text
    }
}

#[derive(Debug, Default)]
struct State {
    delay: Duration,
    traffic: Traffic,
    /// Answers the registry owes, and since when.
    owed: usize,
    since: Option<Instant>,
}

/// A proxy on a loopback port; it ends with this process.
#[derive(Debug)]
pub(super) struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// Starts one before the registry on a port.
    pub(super) fn start(registry: u16) -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("bind a port for the proxy")?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that goes away in between is none of our business.
                thread::spawn(move || connection(&client, registry, &state));
            }
        });
        Ok(Self { port, state })
    }

    /// `127.0.0.1:port`.
    pub(super) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How long every request waits from now on.
    pub(super) fn set_delay(&self, delay: Duration) {
        lock(&self.state).delay = delay;
    }

    /// What has passed since the last call.
    pub(super) fn take(&self) -> Traffic {
        std::mem::take(&mut lock(&self.state).traffic)
    }
}

impl State {
    fn asked(&mut self) {
        self.owed += 1;
        self.since.get_or_insert_with(Instant::now);
    }

    fn answered(&mut self) {
        self.owed = self.owed.saturating_sub(1);
        if self.owed == 0
            && let Some(since) = self.since.take()
        {
            self.traffic.served += since.elapsed();
        }
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All requests of one connection, over one connection to the registry.
fn connection(client: &TcpStream, registry: u16, state: &Mutex<State>) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, registry))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut from_client = BufReader::with_capacity(1 << 16, client);
    let mut from_server = BufReader::with_capacity(1 << 16, &server);
    while let Some(request) = Head::read(&mut from_client)? {
        let delay = {
            let mut state = lock(state);
            state.traffic.requests.push(request.words(2));
            state.delay
        };
        thread::sleep(delay);
        (&server).write_all(request.text.as_bytes())?;
        let uploaded = request.body(&mut from_client, &server)?;
        lock(state).asked();
        let answer = loop {
            let Some(answer) = Head::read(&mut from_server)? else {
                lock(state).answered();
                return Ok(());
            };
            let interim = answer.words(2).contains(" 1");
            let mut client = client;
            client.write_all(answer.text.as_bytes())?;
            if !interim {
                break answer;
            }
        };
        if !answer.is_bodiless(&request) {
            answer.body(&mut from_server, client)?;
        }
        let mut state = lock(state);
        state.traffic.uploaded += uploaded;
        state.answered();
    }
    Ok(())
}

/// Start line and fields of a message, with the line ends and the empty line.
struct Head {
    text: String,
}

impl Head {
    /// None at the end of the connection.
    fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut text = String::new();
        loop {
            match from.read_line(&mut text)? {
                0 => return Ok(None),
                1 | 2 => return Ok(Some(Self { text })),
                _ => {}
            }
        }
    }

    fn words(&self, count: usize) -> String {
        let words: Vec<&str> = self.text.split_whitespace().take(count).collect();
        words.join(" ")
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.text.lines().filter_map(|line| line.split_once(':'));
        fields.find_map(|(field, value)| field.eq_ignore_ascii_case(name).then(|| value.trim()))
    }

    fn is_bodiless(&self, request: &Self) -> bool {
        let status = self.words(2);
        request.text.starts_with("HEAD ") || status.ends_with(" 204") || status.ends_with(" 304")
    }

    /// Copies the body and gives its length.
    fn body(&self, from: &mut impl BufRead, mut to: &TcpStream) -> io::Result<u64> {
        if self
            .field("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
        {
            return chunked(from, to);
        }
        let length = self
            .field("content-length")
            .and_then(|value| value.parse().ok());
        io::copy(&mut from.take(length.unwrap_or(0)), &mut to)
    }
}

/// Copies a body in chunks and gives the length of what is in them.
fn chunked(from: &mut impl BufRead, mut to: &TcpStream) -> io::Result<u64> {
    let mut sum = 0;
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        to.write_all(line.as_bytes())?;
        let digits = line.trim().split(';').next().unwrap_or_default();
        let size = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        // The chunk with its line end; after the last one there may be fields.
        if size == 0 {
            loop {
                let mut line = String::new();
                let count = from.read_line(&mut line)?;
                to.write_all(line.as_bytes())?;
                if count <= 2 {
                    return Ok(sum);
                }
            }
        }
        sum += io::copy(&mut from.take(size + 2), &mut to)?.saturating_sub(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one request with its body in chunks.
    fn echo(listener: &TcpListener) {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(&stream);
        let head = Head::read(&mut reader).unwrap().unwrap();
        let mut body = vec![0; head.field("Content-Length").unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        );
        (&stream).write_all(answer.as_bytes()).unwrap();
    }

    #[test]
    fn messages_pass_as_they_are_and_are_counted() {
        let registry = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::start(registry.local_addr().unwrap().port()).unwrap();
        let server = thread::spawn(move || echo(&registry));
        let client = TcpStream::connect(proxy.host()).unwrap();
        let request =
            "PUT /v2/a/blobs/uploads/7?state=x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
        (&client).write_all(request.as_bytes()).unwrap();
        let expected =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let mut answer = vec![0; expected.len()];
        (&client).read_exact(&mut answer).unwrap();
        assert_eq!(String::from_utf8(answer).unwrap(), expected);
        server.join().unwrap();
        // The registry has closed its end, so the proxy has counted when it closes ours.
        drop(client.shutdown(std::net::Shutdown::Write));
        (&client).read_to_end(&mut Vec::new()).unwrap();
        let traffic = proxy.take();
        assert_eq!(traffic.list(), "    PUT /v2/a/blobs/uploads/7\n");
        assert_eq!(traffic.uploaded, 5);
    }
}
