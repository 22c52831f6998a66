//! Pod manifests played by podman, with storage of its own so that the machine's podman is left alone.
use crate::process;
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A podman whose images, volumes and secrets are below one directory; dropping it removes them.
#[derive(Debug)]
pub(crate) struct Podman {
    dir: PathBuf,
}

impl Podman {
    /// Uses `dir`; what an earlier run left there goes, except logs.
    pub(crate) fn new(dir: PathBuf) -> Result<Self> {
        let podman = Self { dir };
        podman.clear()?;
        for part in ["manifests", "logs", "networks"] {
            fs::create_dir_all(podman.dir.join(part))
                .with_context(|| format!("create {}", podman.dir.display()))?;
        }
        podman.configure()?;
        Ok(podman)
    }

    /// Registries on loopback are reached without proxies; limits stay, since raising them is not allowed everywhere.
    fn configure(&self) -> Result<()> {
        let networks = self.dir.join("networks");
        let text = format!(
            "[containers]\ndefault_ulimits = []\nhttp_proxy = false\n\n[engine]\ncgroup_manager = \"cgroupfs\"\n\
             events_logger = \"file\"\nlock_type = \"file\"\n\n[network]\nnetwork_config_dir = \"{}\"\n",
            networks.display()
        );
        fs::write(self.configuration(), text).context("write containers.conf")
    }

    /// Pulls an image from a registry that speaks plain http.
    pub(crate) fn pull(&self, image: &str, auth_file: &Path) -> Result<()> {
        let mut pull = self.command(&["pull", "--quiet", "--tls-verify=false", "--authfile"]);
        process::run_logged(pull.arg(auth_file).arg(image), &self.log("pull"))
    }

    /// Makes a secret with one key.
    pub(crate) fn create_secret(&self, name: &str, key: &str, value: &str) -> Result<()> {
        let version =
            process::capture(&mut self.command(&["version", "--format", "{{.Client.Version}}"]))?;
        let mut numbers = version
            .trim()
            .split('.')
            .map(|part| part.parse().unwrap_or(0));
        let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        // Before 4.4 podman mounts `data` as it stands, without decoding it, and does not know `stringData`.
        let field = if version < (4, 4) {
            "data"
        } else {
            "stringData"
        };
        let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, field: { key: value } });
        let file = self.write(name, &secret.to_string())?;
        process::capture(self.command(&["secret", "create", name]).arg(file)).map(|_| ())
    }

    /// Writes a `ConfigMap` for [`play`](Self::play).
    pub(crate) fn config_map(&self, name: &str, data: Vec<(String, String)>) -> Result<PathBuf> {
        let data: Map<String, Value> = data
            .into_iter()
            .map(|(key, value)| (key, Value::String(value)))
            .collect();
        let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": data });
        self.write(name, &map.to_string())
    }

    /// Plays the manifest of a Pod whose last container is named by `last`, to its end; then removes the Pod.
    pub(crate) fn play(&self, pod: &Pod<'_>, config_maps: &[PathBuf]) -> Result<Played> {
        let file = self.write(pod.run, pod.manifest)?;
        let mut play = self.command(&["kube", "play"]);
        for map in config_maps {
            play.arg("--configmap").arg(map);
        }
        let ended = process::run_logged(play.arg(file), &self.log(&format!("{}-play", pod.run)))
            .and_then(|()| self.wait(&format!("{}-{}", pod.name, pod.last)));
        let played = self.collect(pod);
        let removed = process::capture(&mut self.command(&["pod", "rm", "--force", pod.name]));
        let played = match (ended, played) {
            (Ok(()), Ok(played)) => played,
            (Err(error), Ok(played)) => bail!("{error:#}{}", played.first_failure()),
            (Err(error), Err(_)) | (Ok(()), Err(error)) => return Err(error),
        };
        removed?;
        Ok(played)
    }

    fn wait(&self, container: &str) -> Result<()> {
        let code = process::capture(&mut self.command(&["wait", container]))?;
        match code.trim() {
            "0" => Ok(()),
            code => bail!("container {container} ended with exit code {code}"),
        }
    }

    /// Keeps the log of every container of the Pod in a file.
    fn collect(&self, pod: &Pod<'_>) -> Result<Played> {
        let filter = format!("pod={}", pod.name);
        let format = "{{.Names}} {{.ExitCode}}";
        let list = process::capture(&mut self.command(&[
            "ps", "--all", "--sort", "created", "--filter", &filter, "--format", format,
        ]))?;
        let mut steps = Vec::new();
        for line in list.lines() {
            let mut words = line.split_whitespace();
            let (Some(container), Some(code)) = (words.next(), words.next()) else {
                continue;
            };
            let Some(name) = container.strip_prefix(&format!("{}-", pod.name)) else {
                continue;
            };
            let log = self.log(&format!("{}-{name}", pod.run));
            process::run_logged(&mut self.command(&["logs", container]), &log)?;
            steps.push(Step {
                name: name.to_owned(),
                failed: code != "0",
                log,
            });
        }
        Ok(Played { steps })
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.dir.join("manifests").join(format!("{name}.yaml"));
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.dir.join("logs").join(format!("{name}.log"))
    }

    fn configuration(&self) -> PathBuf {
        self.dir.join("containers.conf")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = process::command("podman", ["--runtime", "runc"]);
        for (option, part) in [
            ("--root", "root"),
            ("--runroot", "run"),
            ("--tmpdir", "tmp"),
        ] {
            command.arg(option).arg(self.dir.join(part));
        }
        command
            .args(args)
            .env("CONTAINERS_CONF", self.configuration());
        command
    }

    /// Ends what runs and removes everything but logs. `podman system reset` would remove the machine's networks, too.
    fn clear(&self) -> Result<()> {
        if !self.dir.join("root").exists() {
            return Ok(());
        }
        // Fails on the state of a run that was killed. If anything is still mounted, removing says so.
        let _ = process::capture(&mut self.command(&["pod", "rm", "--all", "--force"]));
        for part in ["root", "run", "tmp"] {
            let path = self.dir.join(part);
            if path.exists() {
                fs::remove_dir_all(&path).with_context(|| format!("remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // What cannot be removed now is reported by the next run, which tries again.
        let _ = self.clear();
    }
}

/// A Pod to play.
#[derive(Debug)]
pub(crate) struct Pod<'a> {
    /// Name of this run: of the copy of the manifest and of the logs.
    pub run: &'a str,
    /// Name in the manifest.
    pub name: &'a str,
    /// Its only container that is no init container.
    pub last: &'a str,
    pub manifest: &'a str,
}

/// Containers of a Pod that has ended.
#[derive(Debug)]
pub(crate) struct Played {
    steps: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    failed: bool,
    log: PathBuf,
}

impl Played {
    /// What a container has said.
    pub(crate) fn said(&self, step: &str) -> Result<String> {
        let step = self
            .steps
            .iter()
            .find(|known| known.name == step)
            .with_context(|| format!("the pod has no container '{step}'"))?;
        fs::read_to_string(&step.log).with_context(|| format!("read {}", step.log.display()))
    }

    fn first_failure(&self) -> String {
        let failed = self.steps.iter().find(|step| step.failed);
        failed.map_or_else(String::new, |step| {
            format!(
                "\nstep '{}' failed; its log {} ends:\n{}",
                step.name,
                step.log.display(),
                process::tail(&step.log)
            )
        })
    }
}
