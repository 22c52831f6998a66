use super::*;
use crate::scripted_server::{Response, ScriptedServer};
use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
};

const REQUEST: &str =
    "PUT /v2/a/blobs/uploads/7?state=x HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789";
const BODY: &str = "abcdefghij";
const SHORT: Duration = Duration::from_millis(1);

/// A registry that answers a body of ten bytes, and a proxy before it that does something to the first request.
fn ground(fault: Fault) -> (ScriptedServer, FaultProxy) {
    let registry = ScriptedServer::start(|request| match request.body() {
        Ok(body) if body == b"0123456789" => {
            let answer = Response::status(200).header("Location", "/v2/a/blobs/b");
            answer.body(BODY)
        }
        _ => Response::status(400),
    })
    .unwrap();
    let port = registry.host().rsplit(':').next().unwrap().parse().unwrap();
    let plan = FaultPlan::scripted(move |asked| (asked.earlier == 0).then_some(fault));
    let proxy = FaultProxy::start(port, plan).unwrap();
    (registry, proxy)
}

/// Sends the request; gives the answer up to where it is whole or breaks off, and how it broke off.
fn ask(proxy: &FaultProxy) -> (String, Option<ErrorKind>) {
    let mut client = TcpStream::connect(proxy.host()).unwrap();
    client.write_all(REQUEST.as_bytes()).unwrap();
    let mut answer = String::new();
    let mut buffer = [0; 512];
    while !answer.ends_with(BODY) && !answer.ends_with("refuses") {
        match client.read(&mut buffer) {
            Ok(0) => return (answer, None),
            Ok(count) => answer += &String::from_utf8_lossy(&buffer[..count]),
            Err(error) => return (answer, Some(error.kind())),
        }
    }
    (answer, None)
}

/// What the proxy tells of the request that met a fault, once another one went well.
fn told(proxy: &FaultProxy) -> Exchange {
    let (answer, error) = ask(proxy);
    assert!(answer.ends_with(BODY), "{answer:?} {error:?}");
    let mut exchanges = Vec::new();
    while exchanges.len() < 2 {
        exchanges.extend(proxy.take().exchanges);
        thread::yield_now();
    }
    let met = exchanges.into_iter().find(|one| one.fault.is_some());
    met.unwrap()
}

/// Bytes that came and went, the registry's status, and whether its answer came through.
fn figures(exchange: &Exchange) -> (u64, u64, Option<u16>, bool) {
    (
        exchange.received,
        exchange.sent,
        exchange.status,
        exchange.complete,
    )
}

#[test]
fn a_reset_before_the_answer_comes_after_the_registry_has_done_its_work() {
    let (registry, proxy) = ground(Fault::ResetBeforeAnswer);
    assert_eq!(
        ask(&proxy),
        (String::new(), Some(ErrorKind::ConnectionReset))
    );
    let exchange = told(&proxy);
    assert_eq!(figures(&exchange), (10, 0, Some(200), false));
    assert_eq!(exchange.location.as_deref(), Some("/v2/a/blobs/b"));
    assert_eq!((exchange.promised, exchange.repository()), (10, Some("a")));
    assert_eq!(registry.count("PUT", "/v2/a/"), 2);
    assert_eq!(proxy.requests_to("a"), 2);
}

#[test]
fn a_reset_in_the_request_lets_half_of_its_body_through() {
    let (_registry, proxy) = ground(Fault::ResetInRequest);
    assert_eq!(
        ask(&proxy),
        (String::new(), Some(ErrorKind::ConnectionReset))
    );
    assert_eq!(figures(&told(&proxy)), (5, 0, None, false));
}

#[test]
fn an_answer_that_is_cut_has_half_of_its_body() {
    for (fault, end) in [
        (Fault::ResetInAnswer, Some(ErrorKind::ConnectionReset)),
        (Fault::Truncated, None),
    ] {
        let (_registry, proxy) = ground(fault);
        let (answer, error) = ask(&proxy);
        // A reset may overtake what was sent before it.
        assert!(!answer.contains("abcdef"), "{answer}");
        assert_eq!(error, end);
        if end.is_none() {
            assert!(
                answer.contains("Content-Length: 10\r\n\r\nabcde"),
                "{answer}"
            );
        }
        assert_eq!(figures(&told(&proxy)), (10, 5, Some(200), false));
    }
}

#[test]
fn what_is_late_or_stands_still_comes_whole() {
    for fault in [Fault::Late(SHORT), Fault::Stalled(SHORT)] {
        let (_registry, proxy) = ground(fault);
        let (answer, _) = ask(&proxy);
        assert!(
            answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(BODY),
            "{answer}"
        );
        assert_eq!(figures(&told(&proxy)), (10, 10, Some(200), true));
    }
}

#[test]
fn what_is_refused_never_reaches_the_registry() {
    for (fault, start) in [
        (
            Fault::Refused(502),
            "HTTP/1.1 502 Refused\r\nContent-Type: ",
        ),
        (
            Fault::RateLimited(3),
            "HTTP/1.1 429 Refused\r\nRetry-After: 3\r\nContent-Type: ",
        ),
    ] {
        let (registry, proxy) = ground(fault);
        let (answer, _) = ask(&proxy);
        assert!(answer.starts_with(start), "{answer}");
        assert_eq!(figures(&told(&proxy)), (10, 0, None, false));
        assert_eq!(registry.count("PUT", "/"), 1);
    }
}

#[test]
fn without_a_plan_everything_passes_as_it_is_and_is_counted() {
    let registry = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = registry.local_addr().unwrap().port();
    let proxy = FaultProxy::start(port, FaultPlan::none()).unwrap();
    let expected =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n";
    let server = thread::spawn(move || {
        let (mut stream, _) = registry.accept().unwrap();
        let mut request = vec![0; REQUEST.len()];
        stream.read_exact(&mut request).unwrap();
        stream.write_all(expected.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    let mut client = TcpStream::connect(proxy.host()).unwrap();
    client.write_all(REQUEST.as_bytes()).unwrap();
    let mut answer = vec![0; expected.len()];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(String::from_utf8(answer).unwrap(), expected);
    assert_eq!(server.join().unwrap(), REQUEST);
    // The registry has closed its end, so the proxy has counted when it closes ours.
    client.shutdown(std::net::Shutdown::Write).unwrap();
    client.read_to_end(&mut Vec::new()).unwrap();
    let traffic = proxy.take();
    assert_eq!(traffic.list(), "    PUT /v2/a/blobs/uploads/7\n");
    assert_eq!((traffic.uploaded, traffic.downloaded), (10, 10));
    assert!(traffic.faults().is_empty());
}
