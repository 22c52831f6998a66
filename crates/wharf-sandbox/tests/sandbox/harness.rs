//! Starting a sandbox in a process of its own.
use crate::programs;
use nix::unistd::{Uid, chown};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
};
use tempfile::TempDir;
use wharf_sandbox::{BindAccess, Exit, Root, Sandbox, Stacking, User, tree};

/// First argument of a process that reads a [`Request`].
pub(crate) const INSIDE: &str = "--inside";
/// An id that no account of the host needs to have.
const ORDINARY: u32 = 54_321;

/// Who starts the sandbox.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Caller {
    /// Whoever runs the tests, root or not.
    Itself,
    /// Never root: another id when root runs the tests.
    Ordinary,
}

impl Caller {
    pub(crate) const ALL: [Self; 2] = [Self::Itself, Self::Ordinary];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Itself => "as_the_caller",
            Self::Ordinary => "as_an_ordinary_user",
        }
    }

    fn other_id(self) -> Option<u32> {
        match self {
            Self::Ordinary if Uid::effective().is_root() => Some(ORDINARY),
            _ => None,
        }
    }

    /// The id that files of this caller have on the host.
    pub(crate) fn uid(self) -> u32 {
        self.other_id().unwrap_or_else(|| Uid::effective().as_raw())
    }
}

/// What the process shall do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    sandbox: Sandbox,
    program: String,
    argument: String,
}

/// What the process answers on its standard error.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// The sandbox ran.
    Ended(Exit),
    /// It could not be set up.
    Failed(String),
}

/// A shared root, directories for sandboxes, and who owns them.
#[derive(Debug)]
pub(crate) struct Place {
    caller: Caller,
    dir: TempDir,
}

impl Place {
    pub(crate) fn new(caller: Caller) -> Self {
        let place = Self {
            caller,
            dir: TempDir::with_prefix("odd:name,here ").unwrap(),
        };
        place.own(place.dir.path());
        place.directory("lower");
        place
    }

    fn own(&self, path: &Path) {
        if let Some(id) = self.caller.other_id() {
            chown(path, Some(id.into()), Some(id.into())).unwrap();
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).unwrap();
        self.own(&path);
        path
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        self.own(&path);
        path
    }

    /// A sandbox over the shared root with a fresh scratch directory.
    pub(crate) fn sandbox(&self, scratch: &str) -> Sandbox {
        let root = Root {
            lower: self.path("lower"),
            scratch: self.directory(scratch),
            stacking: Stacking::Overlay,
        };
        let user = User {
            uid: 1000,
            gid: 1001,
        };
        Sandbox::new(root, user)
            .variable("PATH", "/usr/bin:/bin")
            .variable("GIVEN", "by the caller")
            .variable("NOT=LEGAL", "left out")
    }

    pub(crate) fn start(&self, sandbox: &Sandbox, program: &str, argument: &str) -> Child {
        // By this name the executable is found whoever may read its directory.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg(INSIDE)
            .env_clear()
            .env("SECRET", "of the caller")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(id) = self.caller.other_id() {
            command.uid(id).gid(id);
        }
        let mut child = command.spawn().unwrap();
        let request = Request {
            sandbox: sandbox.clone(),
            program: program.into(),
            argument: argument.into(),
        };
        let mut stdin = child.stdin.take().unwrap();
        stdin
            .write_all(&serde_json::to_vec(&request).unwrap())
            .unwrap();
        child
    }

    /// Runs a program inside; its output and how the sandbox ended.
    pub(crate) fn run(&self, sandbox: &Sandbox, program: &str, argument: &str) -> (String, Answer) {
        finish(self.start(sandbox, program, argument))
    }

    /// Runs a shell script with the programs of the host inside.
    pub(crate) fn shell(&self, sandbox: Sandbox, script: &str) -> (String, Answer) {
        self.run(&with_host_programs(sandbox), "shell", script)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Overlay leaves directories without permissions behind.
        let _ = tree::remove(self.dir.path());
    }
}

pub(crate) fn with_host_programs(sandbox: Sandbox) -> Sandbox {
    ["/usr", "/bin", "/lib", "/lib64"]
        .into_iter()
        .filter(|path| Path::new(path).exists())
        .fold(sandbox, |sandbox, path| {
            sandbox.bind(path, path, BindAccess::ReadOnly)
        })
}

pub(crate) fn finish(child: Child) -> (String, Answer) {
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let last = errors.lines().last().unwrap_or_default();
    let answer = serde_json::from_str(last).unwrap_or_else(|_| panic!("{errors}"));
    (String::from_utf8_lossy(&output.stdout).into_owned(), answer)
}

pub(crate) fn ended(text: &str, code: u8) -> (String, Answer) {
    (text.into(), Answer::Ended(Exit::Code(code)))
}

pub(crate) fn owner(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().uid()
}

/// The other side of [`Place::start`].
pub(crate) fn run_request() -> ExitCode {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let request: Request = serde_json::from_str(&text).unwrap();
    let program = programs::find(&request.program);
    let answer = match request.sandbox.run(|| program(&request.argument)) {
        Ok(exit) => Answer::Ended(exit),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            Answer::Failed(format!("{error}{}", cause.unwrap_or_default()))
        }
    };
    eprintln!("{}", serde_json::to_string(&answer).unwrap());
    ExitCode::SUCCESS
}
