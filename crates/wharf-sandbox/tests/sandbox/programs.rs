//! What runs inside.
use nix::{
    sys::{
        resource::{Resource, setrlimit},
        signal::{Signal, raise},
    },
    unistd::{getgid, getpid, getuid, pause},
};
use std::{
    fs,
    io::{Read, Write},
    os::unix::process::CommandExt,
    process::Command,
};

type Program = fn(&str) -> u8;

pub(crate) fn find(name: &str) -> Program {
    match name {
        "ids" => ids,
        "exit" => |code| code.parse().unwrap(),
        "panic" => |_| panic!("as asked"),
        "raise" => raise_terminate,
        "privileges" => privileges,
        "processes" => processes,
        "write" => write,
        "read" => read,
        "list" => list,
        "environment" => environment,
        "stdin" => stdin,
        "wait" => wait,
        "shell" => shell,
        other => panic!("no program {other}"),
    }
}

fn ids(_: &str) -> u8 {
    println!("{}:{}", getuid(), getgid());
    0
}

fn raise_terminate(_: &str) -> u8 {
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _ = raise(Signal::SIGTERM);
    0
}

fn privileges(_: &str) -> u8 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    for name in [
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "CapAmb",
        "NoNewPrivs",
    ] {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        println!("{}", line.split_whitespace().collect::<String>());
    }
    0
}

fn processes(_: &str) -> u8 {
    let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.unwrap().file_name();
        name.to_str().unwrap().parse::<u32>().ok()
    });
    println!("{} of {}", getpid(), numbers.count());
    0
}

fn write(path: &str) -> u8 {
    match fs::write(path, "written inside") {
        Ok(()) => 0,
        Err(error) => {
            println!("{:?}", error.kind());
            1
        }
    }
}

fn read(path: &str) -> u8 {
    match fs::read_to_string(path) {
        Ok(text) => {
            print!("{text}");
            0
        }
        Err(error) => {
            println!("{:?}", error.kind());
            1
        }
    }
}

fn list(path: &str) -> u8 {
    let mut names: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    for name in names {
        println!("{}", name.display());
    }
    0
}

fn environment(_: &str) -> u8 {
    let mut variables: Vec<_> = std::env::vars().collect();
    variables.sort();
    for (name, value) in variables {
        println!("{name}={value}");
    }
    0
}

fn stdin(_: &str) -> u8 {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).unwrap();
    u8::try_from(bytes.len()).unwrap()
}

fn wait(_: &str) -> u8 {
    println!("ready");
    std::io::stdout().flush().unwrap();
    loop {
        pause();
    }
}

fn shell(script: &str) -> u8 {
    println!("{}", Command::new("sh").arg("-c").arg(script).exec());
    127
}
