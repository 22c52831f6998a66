//! Containers run by runc, as a pod would run them: non-root, no capabilities, no new privileges, read-only root.
use crate::process;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

/// A directory or file of the host in a container.
#[derive(Debug, Clone)]
pub(crate) struct Mount {
    pub source: PathBuf,
    pub target: String,
    pub writable: bool,
}

/// What to run.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    /// Name, unique among running ones; also the name of its bundle and log.
    pub name: String,
    pub rootfs: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<String>,
    pub cwd: String,
    pub uid: u32,
    pub gid: u32,
    pub mounts: Vec<Mount>,
}

/// Where bundles, logs and runc's state are.
#[derive(Debug, Clone)]
pub(crate) struct Runtime {
    pub dir: PathBuf,
}

impl Runtime {
    /// Uses `dir`, which is created.
    pub(crate) fn new(dir: PathBuf) -> Result<Self> {
        for part in ["bundles", "logs", "state"] {
            fs::create_dir_all(dir.join(part))
                .with_context(|| format!("create {}", dir.display()))?;
        }
        Ok(Self { dir })
    }

    /// The log of a container.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }

    /// Runs to the end; an exit status other than zero is an error that shows the end of the log.
    pub(crate) fn run(&self, container: &Container) -> Result<String> {
        let bundle = self.bundle(container)?;
        let log = self.log(&container.name);
        process::run_logged(
            &mut self.runc(&["run", "--bundle"], &bundle, &container.name),
            &log,
        )?;
        fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))
    }

    /// Starts and returns while it runs.
    pub(crate) fn start(&self, container: &Container) -> Result<Running> {
        let bundle = self.bundle(container)?;
        let log = self.log(&container.name);
        let file = File::create(&log).with_context(|| format!("create {}", log.display()))?;
        let child = self
            .runc(&["run", "--bundle"], &bundle, &container.name)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("start runc")?;
        Ok(Running {
            runtime: self.clone(),
            name: container.name.clone(),
            child,
            log,
        })
    }

    fn runc(&self, verb: &[&str], bundle: &Path, name: &str) -> std::process::Command {
        let mut command = process::command("runc", ["--root"]);
        command
            .arg(self.dir.join("state"))
            .args(verb)
            .arg(bundle)
            .arg(name);
        command
    }

    fn bundle(&self, container: &Container) -> Result<PathBuf> {
        let bundle = self.dir.join("bundles").join(&container.name);
        fs::create_dir_all(&bundle).with_context(|| format!("create {}", bundle.display()))?;
        let config = serde_json::to_vec_pretty(&config(container))?;
        fs::write(bundle.join("config.json"), config)
            .with_context(|| format!("write config of {}", container.name))?;
        Ok(bundle)
    }
}

/// A running container; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Running {
    runtime: Runtime,
    name: String,
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Fails when the container has ended.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!(
                "container {} ended with {status}; its log ends:\n{}",
                self.name,
                process::tail(&self.log)
            ),
            None => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut kill = process::command("runc", ["--root"]);
        kill.arg(self.runtime.dir.join("state"))
            .args(["kill", &self.name, "KILL"]);
        // Fails only when the container has ended by itself, which is what is wanted.
        let _ = process::capture(&mut kill);
        let _ = self.child.wait();
    }
}

fn config(container: &Container) -> Value {
    let rootless = !nix::unistd::geteuid().is_root();
    let mut namespaces = vec![
        json!({"type": "pid"}),
        json!({"type": "ipc"}),
        json!({"type": "uts"}),
        json!({"type": "mount"}),
    ];
    let mut linux = json!({
        "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list"],
        "readonlyPaths": ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"],
    });
    if rootless {
        namespaces.push(json!({"type": "user"}));
        let map = |inside: u32, outside: u32| json!([{"containerID": inside, "hostID": outside, "size": 1}]);
        linux["uidMappings"] = map(container.uid, nix::unistd::getuid().as_raw());
        linux["gidMappings"] = map(container.gid, nix::unistd::getgid().as_raw());
    }
    linux["namespaces"] = Value::Array(namespaces);
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": { "uid": container.uid, "gid": container.gid },
            "args": container.args,
            "env": container.env,
            "cwd": container.cwd,
            "capabilities": { "bounding": [], "effective": [], "inheritable": [], "permitted": [], "ambient": [] },
            "noNewPrivileges": true,
        },
        "root": { "path": container.rootfs, "readonly": true },
        "hostname": container.name,
        "mounts": mounts(container),
        "linux": linux,
    })
}

fn mounts(container: &Container) -> Vec<Value> {
    let tmpfs = |target: &str, mode: &str| json!({"destination": target, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", mode]});
    let mut all = vec![
        json!({"destination": "/proc", "type": "proc", "source": "proc"}),
        json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]}),
        tmpfs("/dev/shm", "mode=1777"),
        tmpfs("/tmp", "mode=1777"),
    ];
    for mount in &container.mounts {
        let access = if mount.writable { "rw" } else { "ro" };
        all.push(json!({"destination": mount.target, "type": "bind", "source": mount.source, "options": ["rbind", access]}));
    }
    all
}
