//! What is measured: plans, applies, plain loads, processes one by one.
use super::{
    PARALLEL,
    server::{AUTH, Server},
    word,
};
use crate::{
    bench::measure::{Helper, Program, Run},
    process,
};
use anyhow::{Context, Result, ensure};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Executables and places.
#[derive(Debug)]
pub(super) struct Work<'a> {
    helper: &'a Helper,
    wharf: PathBuf,
    rebaser: PathBuf,
    dir: &'a Path,
    env: BTreeMap<String, String>,
}

/// A run with the requests it made.
#[derive(Debug)]
pub(super) struct Applied {
    pub(super) run: Run,
    pub(super) counts: BTreeMap<String, u64>,
}

impl<'a> Work<'a> {
    pub(super) fn new(helper: &'a Helper, executables: &Path, dir: &'a Path) -> Result<Self> {
        let rebaser = dir.join("rebaser");
        symlink(executables.join("lifecycle"), &rebaser).context("link the rebaser")?;
        fs::create_dir_all(dir.join("temp"))?;
        let home = dir.to_string_lossy().into_owned();
        let env = [
            ("HOME", home.as_str()),
            ("DOCKER_CONFIG", home.as_str()),
            ("CNB_PLATFORM_API", "0.13"),
            ("PATH", "/usr/bin:/bin"),
        ];
        Ok(Self {
            helper,
            wharf: executables.join("wharf"),
            rebaser,
            dir,
            env: env.map(|(name, value)| (name.into(), value.into())).into(),
        })
    }

    /// A fresh registry that the account of the bench may use.
    pub(super) fn serve(&self, images: u64) -> Result<Server> {
        let server = Server::start(self.helper.executable(), images, &self.dir.join("server"))?;
        let config = format!(
            r#"{{"auths": {{"{}": {{"auth": "{AUTH}"}}}}}}"#,
            server.host
        );
        fs::write(self.dir.join("config.json"), config)?;
        for name in [
            "plan.json.journal",
            "plan.json.lock",
            "plan.json.journal.lock",
        ] {
            fs::remove_file(self.dir.join(name)).ok();
        }
        Ok(server)
    }

    pub(super) fn plan(&self, server: &mut Server) -> Result<Applied> {
        let run_image = format!("{}/base/run:2", server.host);
        let source = format!("harbor://{}/team-*", server.host);
        let plan = word(self.dir, "plan.json");
        let args = [
            "rebase",
            "plan",
            &source,
            "--run-image",
            &run_image,
            "--out",
            &plan,
        ];
        self.wharf(server, &args)
    }

    pub(super) fn apply(&self, server: &mut Server) -> Result<Applied> {
        let plan = word(self.dir, "plan.json");
        let parallel = PARALLEL.to_string();
        let args = [
            "rebase",
            "apply",
            &plan,
            "--parallel",
            &parallel,
            "--per-project",
            &parallel,
        ];
        self.wharf(server, &args)
    }

    fn wharf(&self, server: &mut Server, args: &[&str]) -> Result<Applied> {
        server.reset()?;
        let run = self.helper.run(&Program {
            path: &self.wharf,
            args: args.iter().map(OsString::from).collect(),
            env: &self.env,
            temp: &self.dir.join("temp"),
            log: Some(self.dir.join("log")),
            user: nix::unistd::geteuid().as_raw(),
        })?;
        Ok(Applied {
            run,
            counts: server.counts()?,
        })
    }

    /// Kills an apply with half of the images done; returns its requests.
    pub(super) fn kill_half_way(&self, server: &mut Server, images: u64) -> Result<u64> {
        server.reset()?;
        let parallel = PARALLEL.to_string();
        let mut child = Command::new(&self.wharf)
            .args(["rebase", "apply"])
            .arg(self.dir.join("plan.json"))
            .args(["--parallel", &parallel, "--per-project", &parallel])
            .env_clear()
            .envs(&self.env)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("start an apply")?;
        while server.counts()?["put-manifest"] < images / 2 {
            let ended = child.try_wait()?;
            ensure!(ended.is_none(), "the apply ended before it was killed");
            thread::sleep(Duration::from_millis(2));
        }
        child.kill()?;
        child.wait()?;
        // What was on the way is counted, too.
        thread::sleep(Duration::from_millis(200));
        Ok(server.counts()?["total"])
    }

    /// Seconds of the same requests from a client that does nothing else.
    pub(super) fn load(&self, server: &Server, images: u64) -> Result<f64> {
        let answer = self.dir.join("load");
        let mut command = Command::new(self.helper.executable());
        command
            .arg("fleet-load")
            .arg(&answer)
            .args(["0", &server.host, &images.to_string()])
            .arg(PARALLEL.to_string());
        process::run(&mut command)?;
        let text = fs::read_to_string(&answer)?;
        serde_json::from_str(&text).context("understand the load")
    }

    /// Seconds per image of a process for each.
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    pub(super) fn one_by_one(
        &self,
        server: &Server,
        images: u64,
        peer: Option<&str>,
    ) -> Result<f64> {
        let run_image = format!("{}/base/run:2", server.host);
        let begin = Instant::now();
        for index in 0..images {
            let project = index % super::PROJECTS;
            let image = format!("{}/team-{project}/app-{index}:latest", server.host);
            let mut command = if let Some(peer) = peer {
                let words = peer
                    .replace("{image}", &image)
                    .replace("{run-image}", &run_image);
                let mut command = Command::new("/bin/sh");
                command.args(["-c", &words]);
                command
            } else {
                let mut command = Command::new(&self.rebaser);
                let report = word(self.dir, "report.toml");
                command.args(["-run-image", &run_image, "-report", &report, &image]);
                command
            };
            let output = command.env_clear().envs(&self.env).output()?;
            let said = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "rebasing {image} failed: {said}");
        }
        Ok(begin.elapsed().as_secs_f64() / images as f64)
    }
}
