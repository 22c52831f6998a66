//! A server shaped as Harbor as a process of its own, for tests of executables and for trying things out.
//!
//! `harbor PORT PROJECT LIMIT` listens on loopback until its standard input ends, with one project whose limit is in
//! bytes (-1 for none), an account `admin`, and robots `builder` and `keeper` of the project; the password of all is
//! `wharf-testkit`. It then prints what it saw: used bytes, uploads left open, violations.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]
use std::{
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr},
};
use wharf_testkit::{HarborOptions, HarborServer, harbor::Account};

const PASSWORD: &str = "wharf-testkit";

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().and_then(|port| port.parse().ok());
    let project = arguments.next().unwrap_or_else(|| "team".to_owned());
    let limit: i64 = arguments
        .next()
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(-1);
    let server = HarborServer::start(HarborOptions {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0))),
        accounts: vec![
            Account::admin("admin", PASSWORD),
            Account::builder(&project, "builder", PASSWORD),
            Account::keeper(&project, "keeper", PASSWORD),
        ],
        ..HarborOptions::default()
    })?;
    server.add_project(&project, false);
    server.set_limit(&project, u64::try_from(limit).ok());
    println!("{}", server.host());
    io::stdin().read_to_end(&mut Vec::new())?;
    println!("used {} bytes in {project}", server.used(&project));
    println!("uploads left open: {}", server.open_uploads());
    for violation in server.violations() {
        println!("violation: {violation}");
    }
    Ok(())
}
