//! The standard directories of a build, and running a phase in them.
//!
//! A phase runs under bubblewrap: a user namespace in which it is user 1000 without capabilities, with the machine's
//! system directories read-only and the standard directories of the specification from a temporary directory.
use crate::{fixture, lifecycle_dir, read};
use std::{
    cell::RefCell,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    rc::Rc,
};
use tempfile::TempDir;

/// The registry in the recorded files.
pub const RECORDED_REGISTRY: &str = "127.0.0.1:5055";

/// The standard directories.
const DIRS: [&str; 7] = [
    "layers",
    "workspace",
    "platform",
    "cnb",
    "cache",
    "tmp",
    "record",
];

/// Commands that ran, as a shell takes them, each followed by its exit status.
pub type Journal = Rc<RefCell<Vec<String>>>;

/// What a program left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Exit status.
    pub code: i32,
    /// Standard output and standard error.
    pub output: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Ends the test unless the status is `code`.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Self {
        assert!(
            self.code == code,
            "a step that the test needs\n  expected: exit status {code}\n  seen: {} with the output\n{}",
            self.code,
            self.output
        );
        self
    }

    /// Ends the test unless the output contains every part.
    #[track_caller]
    pub fn expect_words(&self, parts: &[&str]) -> &Self {
        for part in parts {
            assert!(
                self.output.contains(part),
                "'{part}' is not in:\n{}",
                self.output
            );
        }
        self
    }
}

/// The directories of one build.
#[derive(Debug)]
pub struct Stage {
    dir: TempDir,
    env: Vec<(String, String)>,
    lifecycle: PathBuf,
    journal: Journal,
}

impl Stage {
    /// Empty directories, and the lifecycle under `/cnb/lifecycle`.
    pub fn new(platform_api: &str) -> Self {
        Self::with_lifecycle(platform_api, &lifecycle_dir())
    }

    /// The same with the lifecycle in a directory of the caller's choice.
    pub fn with_lifecycle(platform_api: &str, lifecycle: &Path) -> Self {
        let dir = TempDir::new().expect("make a temporary directory");
        for name in DIRS {
            let path = dir.path().join(name);
            fs::create_dir(&path).expect("make a standard directory");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set its mode");
        }
        fs::create_dir(dir.path().join("cnb/lifecycle")).expect("make the lifecycle's directory");
        let mut stage = Self {
            dir,
            env: Vec::new(),
            lifecycle: lifecycle.to_path_buf(),
            journal: Journal::default(),
        };
        stage.set("CNB_PLATFORM_API", platform_api);
        stage.set("CNB_USER_ID", "1000");
        stage.set("CNB_GROUP_ID", "1000");
        stage.set("PATH", "/usr/local/bin:/usr/bin:/bin");
        stage.set("HOME", "/tmp");
        stage
    }

    /// The recorded app and buildpacks of the reference's builds, with `registry` in the place of theirs.
    #[must_use]
    pub fn sample(api: &str, registry: &str) -> Self {
        let mut stage = Self::new(api);
        stage.set("CNB_STACK_ID", "example.stack");
        let inputs = fixture("golden/reference").join(api).join("inputs");
        stage.copy(&inputs.join("cnb"), "cnb");
        stage.copy(&inputs.join("platform"), "platform");
        stage.copy(&inputs.join("workspace"), "workspace");
        stage.copy(
            &inputs.join("project-metadata.toml"),
            "layers/project-metadata.toml",
        );
        fs::remove_file(stage.path("workspace/link"))
            .expect("remove the recorded stand-in of the link");
        stage.link("main.txt", "workspace/link");
        for file in ["cnb/run.toml", "cnb/stack.toml"] {
            let text = read(&stage.path(file)).replace(RECORDED_REGISTRY, registry);
            stage.write(file, &text);
        }
        stage
    }

    /// Runs the five phases as most platforms do; each must succeed.
    pub fn build(&self, image: &str) {
        for (phase, args) in self.phases(image) {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            self.phase(phase, &args).expect_code(0);
        }
    }

    /// The five phases with their arguments.
    pub fn phases(&self, image: &str) -> [(&'static str, Vec<String>); 5] {
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
        [
            ("analyzer", words(&["-layers=/layers", image])),
            ("detector", words(&["-layers=/layers", "-app=/workspace"])),
            ("restorer", words(&["-layers=/layers", "-cache-dir=/cache"])),
            ("builder", words(&["-layers=/layers", "-app=/workspace"])),
            (
                "exporter",
                words(&[
                    "-layers=/layers",
                    "-app=/workspace",
                    "-cache-dir=/cache",
                    "-launcher=/cnb/launcher",
                    image,
                ]),
            ),
        ]
    }

    /// Writes commands into a journal from now on; with `keep` the directories stay after the test.
    pub fn keep_journal(&mut self, journal: &Journal, keep: bool) {
        self.journal = Rc::clone(journal);
        self.dir.disable_cleanup(keep);
    }

    /// Sets a variable for every phase.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
    }

    /// Removes a variable.
    pub fn unset(&mut self, name: &str) {
        self.env.retain(|(known, _)| known != name);
    }

    /// Gives this machine another name within the stage: one that no client takes for the machine itself.
    pub fn name_this_machine(&self, name: &str) {
        self.write("hosts", &format!("127.0.0.1 localhost\n127.0.0.1 {name}\n"));
    }

    /// A path as the phase sees it, on this machine: `/layers/x` is `<dir>/layers/x`.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside.trim_start_matches('/'))
    }

    /// Writes a file with its parents; executables by their place under a `bin` directory or a leading `#!`.
    pub fn write(&self, inside: &str, text: &str) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().expect("a file has a parent")).expect("make parents");
        fs::write(&path, text).unwrap_or_else(|error| panic!("write {inside}: {error}"));
        let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set the mode");
    }

    /// Makes a symbolic link.
    pub fn link(&self, target: &str, inside: &str) {
        symlink(target, self.path(inside)).unwrap_or_else(|error| panic!("link {inside}: {error}"));
    }

    /// Copies a fixture tree with the modes every test may rely on: 755 for directories and scripts, else 644.
    pub fn copy(&self, from: &Path, inside: &str) {
        copy_tree(from, &self.path(inside));
    }

    /// Runs an executable of the lifecycle with arguments.
    pub fn phase(&self, phase: &str, args: &[&str]) -> Outcome {
        let executable = self.lifecycle.join(phase);
        assert!(
            executable.exists(),
            "an executable that the test needs\n  expected: {phase} in the lifecycle's directory\n  seen: no {}",
            executable.display()
        );
        self.run(&format!("/cnb/lifecycle/{phase}"), args)
    }

    /// Runs any program in the stage.
    pub fn run(&self, program: &str, args: &[&str]) -> Outcome {
        let mut bwrap = self.bwrap();
        bwrap.arg(program).args(args);
        self.finish(bwrap)
    }

    /// Runs a command made by [`Stage::bwrap_with`] to its end.
    pub fn finish(&self, mut command: Command) -> Outcome {
        let output = command
            .stdin(Stdio::null())
            .output()
            .expect("start bwrap; cargo xtask test installs it");
        let code = output.status.code().unwrap_or(-1);
        let line = shell_line(&command);
        self.journal
            .borrow_mut()
            .push(format!("{line}  # exit status {code}"));
        Outcome {
            code,
            output: lossy(&[output.stdout.as_slice(), &output.stderr].concat()),
            stdout: lossy(&output.stdout),
            stderr: lossy(&output.stderr),
        }
    }

    /// The command that enters the stage, without the program.
    pub fn bwrap(&self) -> Command {
        self.bwrap_with(&[])
    }

    /// The same with more options of bubblewrap.
    pub fn bwrap_with(&self, options: &[&str]) -> Command {
        let mut bwrap = sandbox();
        for name in DIRS {
            bwrap
                .arg("--bind")
                .arg(self.dir.path().join(name))
                .arg(format!("/{name}"));
        }
        bwrap
            .arg("--ro-bind")
            .arg(&self.lifecycle)
            .arg("/cnb/lifecycle");
        if self.path("hosts").exists() {
            bwrap
                .arg("--ro-bind")
                .arg(self.path("hosts"))
                .arg("/etc/hosts");
        }
        for (name, value) in &self.env {
            bwrap.args(["--setenv", name, value]);
        }
        bwrap.args(options).args(["--chdir", "/", "--"]);
        bwrap
    }
}

/// Bubblewrap as user 1000 without variables, who sees the system's directories of this machine and nothing else.
pub fn sandbox() -> Command {
    let mut bwrap = Command::new("bwrap");
    bwrap.args(["--unshare-user", "--uid", "1000", "--gid", "1000"]);
    bwrap.args(["--unshare-pid", "--unshare-ipc", "--die-with-parent"]);
    bwrap.args(["--clearenv", "--dev", "/dev", "--proc", "/proc"]);
    for system in ["/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64"] {
        bwrap.args(["--ro-bind-try", system, system]);
    }
    bwrap
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn shell_line(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let words: Vec<String> = words
        .map(|word| {
            let word = word.to_string_lossy();
            let plain =
                |letter: char| letter.is_ascii_alphanumeric() || "-_=./:,@+".contains(letter);
            if !word.is_empty() && word.chars().all(plain) {
                word.into_owned()
            } else {
                format!("'{}'", word.replace('\'', r"'\''"))
            }
        })
        .collect();
    words.join(" ")
}

fn copy_tree(from: &Path, to: &Path) {
    let kind = fs::symlink_metadata(from)
        .unwrap_or_else(|error| panic!("look at {}: {error}", from.display()));
    if kind.is_dir() {
        fs::create_dir_all(to).expect("make a directory");
        fs::set_permissions(to, fs::Permissions::from_mode(0o755)).expect("set its mode");
        for entry in fs::read_dir(from).expect("list a directory") {
            let entry = entry.expect("read a directory entry");
            copy_tree(&entry.path(), &to.join(entry.file_name()));
        }
    } else if kind.is_symlink() {
        symlink(fs::read_link(from).expect("read a link"), to).expect("copy a link");
    } else {
        let content = fs::read(from).expect("read a file");
        let script = content.starts_with(b"#!");
        fs::write(to, content).expect("write a file");
        fs::set_permissions(
            to,
            fs::Permissions::from_mode(if script { 0o755 } else { 0o644 }),
        )
        .expect("set its mode");
    }
}
