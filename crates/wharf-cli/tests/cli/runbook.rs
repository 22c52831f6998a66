//! The commands of docs/guides/security-response.md, from top to bottom, with the output that stands there.
//! `WHARF_UPDATE_DOCS=1` writes the output anew.
use crate::fleet::{World, world};
use std::{fs, path::PathBuf};
use wharf_testkit::fleet::Kind;

/// What the registry is called in the guide.
const HOST: &str = "harbor.example";

fn guide() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/security-response.md")
}

fn prepare() -> World {
    let world = world(42, 11, &Kind::ALL);
    let policy =
        "[[run-images]]\nname = \"HOST/base/run:*\"\n[[projects]]\nname = \"HOST/team-*\"\n";
    let policy = policy.replace("HOST", &world.server.host());
    world.place.write("wharf-policy.toml", &policy);
    world.place.program("smoke-test", "#!/bin/sh\nexit 0\n");
    world
}

/// Output as the guide has it: without what differs from run to run.
fn normal(text: &str, host: &str) -> String {
    let text = text.replace(host, HOST);
    let mut out = String::new();
    for line in text.lines() {
        let words: Vec<String> = line.split(' ').map(normal_word).collect();
        out.push_str(words.join(" ").trim_end());
        out.push('\n');
    }
    out
}

fn normal_word(word: &str) -> String {
    let Some((before, rest)) = word.split_once("sha256:") else {
        let is_time = word.len() == 20 && word.ends_with('Z') && word.contains('T');
        return if is_time { "TIME".into() } else { word.into() };
    };
    let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
    format!("{before}sha256:...{}", &rest[digits..])
}

/// Runs the lines of a block that begin with `$`; `? N` after one is its exit status.
fn play(world: &World, block: &str) -> String {
    let host = world.server.host();
    let mut out = String::new();
    let lines: Vec<&str> = block.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some(command) = line.strip_prefix("$ ") else {
            continue;
        };
        let words = shell_words(&command.replace(HOST, &host));
        assert_eq!(words[0], "wharf", "{command}");
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let run = world.place.wharf(&arguments);
        let status = lines.get(at + 1).and_then(|next| next.strip_prefix("? "));
        let expected = status.map_or(0, |status| status.parse().unwrap());
        assert_eq!(
            run.code,
            Some(expected),
            "{command}\n{}{}",
            run.out,
            run.err
        );
        out.push_str(line);
        out.push('\n');
        if let Some(status) = status {
            out.push_str(&format!("? {status}\n"));
        }
        out.push_str(&normal(&run.out, &host));
    }
    out
}

fn shell_words(text: &str) -> Vec<String> {
    let words = text.split(' ').filter(|word| !word.is_empty());
    words
        .map(|word| word.trim_matches('\'').to_owned())
        .collect()
}

#[test]
fn the_runbook_does_what_it_says() {
    let world = prepare();
    let text = fs::read_to_string(guide()).unwrap();
    let mut played = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("```console\n") {
        let (block, after) = after.split_once("```\n").unwrap();
        played.push_str(before);
        played.push_str("```console\n");
        played.push_str(&play(&world, block));
        played.push_str("```\n");
        rest = after;
    }
    played.push_str(rest);
    if std::env::var_os("WHARF_UPDATE_DOCS").is_some() {
        fs::write(guide(), &played).unwrap();
    }
    assert_eq!(played, text);
}
