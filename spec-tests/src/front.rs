//! A server before a registry that answers some requests itself and changes some answers.
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

/// What becomes of a request.
#[derive(Debug)]
pub enum Verdict {
    /// The registry answers.
    Pass,
    /// The registry answers, but where its answer has the first bytes it gets the second, as many.
    Replace(Vec<u8>, Vec<u8>),
    /// No: status 403 and the words of the specification of registries.
    Deny,
}

/// A front on a loopback port; it ends with the test's process.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
}

impl Front {
    /// Starts one before the registry at `host:port`; `judge` gets method and path.
    pub fn start(
        registry: String,
        judge: impl Fn(&str, &str) -> Verdict + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
        let address = listener.local_addr().expect("read the port");
        let judge = Arc::new(judge);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (registry, judge) = (registry.clone(), Arc::clone(&judge));
                thread::spawn(move || serve(connection, &registry, judge.as_ref()));
            }
        });
        Self { address }
    }

    /// `127.0.0.1:port/name`.
    pub fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }
}

/// One request; a client that goes away in between is none of our business.
fn serve(
    client: TcpStream,
    registry: &str,
    judge: &dyn Fn(&str, &str) -> Verdict,
) -> std::io::Result<()> {
    let mut from_client = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while from_client.read_line(&mut head)? > 2 {}
    let mut words = head.split(' ');
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let verdict = judge(method, path);
    if matches!(verdict, Verdict::Deny) {
        return deny(client);
    }
    let mut to_registry = TcpStream::connect(registry)?;
    let once = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    to_registry.write_all(once.as_bytes())?;
    let mut answer = to_registry.try_clone()?;
    thread::spawn(move || std::io::copy(&mut from_client, &mut to_registry));
    let mut bytes = Vec::new();
    answer.read_to_end(&mut bytes)?;
    if let Verdict::Replace(old, new) = verdict {
        replace(&mut bytes, &old, &new);
    }
    (&client).write_all(&bytes)?;
    client.shutdown(Shutdown::Both)
}

fn deny(mut client: TcpStream) -> std::io::Result<()> {
    let body =
        r#"{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}"#;
    write!(
        client,
        "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    client.shutdown(Shutdown::Write)
}

fn replace(bytes: &mut [u8], old: &[u8], new: &[u8]) {
    assert_eq!(old.len(), new.len(), "the length is announced before");
    for at in 0..=bytes.len().saturating_sub(old.len()) {
        if bytes[at..].starts_with(old) {
            bytes[at..at + old.len()].copy_from_slice(new);
        }
    }
}
