//! One connection of a client: its requests one after the other, with what is to happen to them.
use super::{
    fault::Fault,
    message::{Body, Head, Sink, reset},
    state::Shared,
    traffic::Exchange,
};
use std::{
    borrow::Cow,
    io::{self, BufReader, Write},
    net::{Ipv4Addr, Shutdown, TcpStream},
    thread,
    time::Duration,
};

/// How long a client that was refused may go on sending.
const LINGER: Duration = Duration::from_secs(5);
const BUFFER: usize = 1 << 16;

/// How a connection goes on after a request.
enum Next {
    Request,
    /// Ends as if that were all.
    Close,
    /// Ends with a reset.
    Reset,
    /// Ends once the client has stopped sending.
    Linger,
}

struct Relay<'a> {
    client: &'a TcpStream,
    server: &'a TcpStream,
    from_client: BufReader<&'a TcpStream>,
    from_server: BufReader<&'a TcpStream>,
    shared: &'a Shared,
}

/// All requests of one connection, over one connection to the registry.
pub(super) fn connection(client: &TcpStream, registry: u16, shared: &Shared) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, registry))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let mut relay = Relay {
        client,
        server: &server,
        from_client: BufReader::with_capacity(BUFFER, client),
        from_server: BufReader::with_capacity(BUFFER, &server),
        shared,
    };
    while let Some(request) = Head::read(&mut relay.from_client)? {
        let (delay, fault) = shared.arrived(&request);
        thread::sleep(delay);
        let mut exchange = Exchange {
            method: request.word(0).to_owned(),
            target: request.word(1).to_owned(),
            promised: match request.body() {
                Body::Length(length) => length,
                Body::Chunked => 0,
            },
            fault,
            ..Exchange::default()
        };
        let next = relay.exchange(&request, fault, &mut exchange);
        let next = match next {
            Ok(Next::Linger) => relay.linger(&mut exchange),
            next => next,
        };
        shared.ended(exchange);
        match next? {
            Next::Request => {}
            Next::Reset => {
                reset(client);
                reset(&server);
                return Ok(());
            }
            Next::Close | Next::Linger => return Ok(()),
        }
    }
    Ok(())
}

impl Relay<'_> {
    fn exchange(
        &mut self,
        request: &Head,
        fault: Option<Fault>,
        exchange: &mut Exchange,
    ) -> io::Result<Next> {
        match fault {
            Some(Fault::Late(time)) => thread::sleep(time),
            Some(Fault::Refused(status)) => return self.refuse(status, ""),
            Some(Fault::RateLimited(seconds)) => {
                return self.refuse(429, &format!("Retry-After: {seconds}\r\n"));
            }
            _ => {}
        }
        let text = self.below_prefix(request);
        self.server.write_all(text.as_bytes())?;
        let passed = self.pass_request(request.body(), fault, exchange);
        if fault == Some(Fault::ResetInRequest) && !request.body().is_empty() {
            return Ok(Next::Reset);
        }
        // A registry that refuses early does not read on; its answer is what the client must see.
        let is_early = match passed {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(error),
            passed => passed.is_err(),
        };
        self.shared.asked();
        let answer = self.answer(request, fault, exchange);
        self.shared.answered();
        match answer? {
            Next::Request if is_early => Ok(Next::Linger),
            next => Ok(next),
        }
    }

    /// A request as the registry is to see it.
    fn below_prefix<'r>(&self, request: &'r Head) -> Cow<'r, str> {
        let prefix = &self.shared.lock().prefix;
        if prefix.is_empty() || !request.word(1).starts_with("/v2/") {
            return Cow::Borrowed(&request.text);
        }
        Cow::Owned(request.text.replacen(" /v2/", &format!(" {prefix}/v2/"), 1))
    }

    /// Passes the body of a request, as far as it is to come.
    fn pass_request(
        &mut self,
        body: Body,
        fault: Option<Fault>,
        exchange: &mut Exchange,
    ) -> io::Result<()> {
        let mut to = Sink {
            stream: self.server,
            count: &mut exchange.received,
        };
        match fault {
            _ if body.is_empty() => Ok(()),
            Some(Fault::ResetInRequest) => body.pass_half(&mut self.from_client, &mut to).map(drop),
            Some(Fault::Stalled(time)) if body != Body::Chunked => {
                let (_, rest) = body.pass_half(&mut self.from_client, &mut to)?;
                thread::sleep(time);
                rest.pass(&mut self.from_client, &mut to).map(drop)
            }
            _ => body.pass(&mut self.from_client, &mut to).map(drop),
        }
    }

    /// Passes the answer, as far as it is to come.
    fn answer(
        &mut self,
        request: &Head,
        fault: Option<Fault>,
        exchange: &mut Exchange,
    ) -> io::Result<Next> {
        let answer = loop {
            let Some(answer) = Head::read(&mut self.from_server)? else {
                return Ok(Next::Close);
            };
            if !(100..200).contains(&answer.status()) {
                break answer;
            }
            self.client.write_all(answer.text.as_bytes())?;
        };
        exchange.status = Some(answer.status());
        exchange.location = answer.field("location").map(str::to_owned);
        let body = answer.answer_body(request);
        match fault {
            Some(Fault::ResetBeforeAnswer | Fault::ResetInRequest) => return Ok(Next::Reset),
            Some(Fault::ResetInAnswer) => return self.cut(&answer, body, exchange, Next::Reset),
            Some(Fault::Truncated) => return self.cut(&answer, body, exchange, Next::Close),
            _ => {}
        }
        self.client.write_all(answer.text.as_bytes())?;
        if let Some(Fault::Stalled(time)) = fault {
            thread::sleep(time);
        }
        let mut to = Sink {
            stream: self.client,
            count: &mut exchange.sent,
        };
        body.pass(&mut self.from_server, &mut to)?;
        exchange.complete = true;
        let ends = answer
            .field("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Ok(if ends { Next::Linger } else { Next::Request })
    }

    /// Passes half of an answer; where it has no body, half of its head.
    fn cut(
        &mut self,
        answer: &Head,
        body: Body,
        exchange: &mut Exchange,
        end: Next,
    ) -> io::Result<Next> {
        if body.is_empty() {
            let (half, _) = answer.text.as_bytes().split_at(answer.text.len() / 2);
            self.client.write_all(half)?;
            return Ok(end);
        }
        self.client.write_all(answer.text.as_bytes())?;
        let mut to = Sink {
            stream: self.client,
            count: &mut exchange.sent,
        };
        body.pass_half(&mut self.from_server, &mut to)?;
        Ok(end)
    }

    /// Answers in the place of the registry.
    fn refuse(&self, status: u16, field: &str) -> io::Result<Next> {
        let body = "the proxy refuses";
        let answer = format!(
            "HTTP/1.1 {status} Refused\r\n{field}Content-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut client = self.client;
        client.write_all(answer.as_bytes())?;
        Ok(Next::Linger)
    }

    /// Closes as well-behaved servers do: the answer must not be lost because unread bytes reset the connection.
    fn linger(&mut self, exchange: &mut Exchange) -> io::Result<Next> {
        self.client.shutdown(Shutdown::Write)?;
        self.client.set_read_timeout(Some(LINGER))?;
        exchange.received += io::copy(&mut self.from_client, &mut io::sink()).unwrap_or(0);
        Ok(Next::Close)
    }
}
