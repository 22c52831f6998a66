//! `docker-credential-*` helpers.
//!
//! Run here rather than by a library: the answer must never reach an error text, its size and time are bounded, and
//! the search path is the caller's.
use crate::{credentials::Account, secret::Secret};
use serde::Deserialize;
use std::{
    ffi::OsStr,
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

const LIMIT: u64 = 1 << 20;
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

/// Asks `docker-credential-<name>` for the account at `address`. `None` when it has none. The error says why in words
/// without secrets.
pub(crate) fn ask(
    name: &str,
    address: &str,
    search_path: Option<&OsStr>,
) -> Result<Option<Account>, String> {
    if name.contains('/') {
        return Err("its name contains '/'".to_owned());
    }
    let mut command = Command::new(format!("docker-credential-{name}"));
    if let Some(path) = search_path {
        command.env("PATH", path);
    }
    let mut child = command
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    let answer = converse(&mut child, address);
    if answer.is_err() {
        // Ends a helper that hangs; one that is gone already is no matter.
        child.kill().ok();
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    let output = answer?;
    if !status.success() {
        let none = String::from_utf8_lossy(&output).contains("credentials not found");
        return if none {
            Ok(None)
        } else {
            Err(format!("it ended with {status}"))
        };
    }
    parse(&output)
}

fn converse(child: &mut Child, address: &str) -> Result<Vec<u8>, String> {
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("it has no pipes".to_owned());
    };
    // A helper that does not read its input is fine; its answer counts.
    input.write_all(address.as_bytes()).ok();
    drop(input);
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let result = output.take(LIMIT).read_to_end(&mut bytes);
        sender.send(result.map(|_| bytes)).ok();
    });
    match receiver.recv_timeout(PATIENCE) {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it gave no answer in {} s", PATIENCE.as_secs())),
    }
}

fn parse(output: &[u8]) -> Result<Option<Account>, String> {
    let answer: Answer = serde_json::from_slice(output)
        .map_err(|_| "its answer is not JSON with Username and Secret".to_owned())?;
    Ok(match answer.username.as_str() {
        "" if answer.secret.is_empty() => None,
        "<token>" => Some(Account::IdentityToken(Secret::new(answer.secret))),
        user => Some(Account::password(user, &answer.secret)),
    })
}
