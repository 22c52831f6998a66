//! A registry with a large fleet, and the same requests that a rebase of it needs from a client that does nothing else.
use anyhow::{Context, Result, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};
use wharf_fleet::NewBase;
use wharf_image::{Image, SealedImage, TagRace};
use wharf_rebase::{Base, RebaseInputs, prepare};
use wharf_registry::{Credentials, RegistryOptions, RegistryStore};
use wharf_spec::{api::PlatformApi, digest::Digest, reference::Reference};
use wharf_testkit::{
    HarborOptions, HarborServer, ImageRecipe,
    fleet::base,
    harbor::{Account, Fabricated, Kind},
    image_recipe::digest,
};

/// The account.
const USER: &str = "admin";
const PASSWORD: &str = "secret-word";
/// Projects of the fleet.
const PROJECTS: u64 = 100;
/// Bytes that the metadata of a real image have beyond those that are looked at.
const PADDING: usize = 4000;

/// Serves `count` images until its input ends. Prints the host; answers `counts` with a line of JSON.
pub(crate) fn serve(count: u64) -> Result<Value> {
    let server = HarborServer::start(HarborOptions {
        accounts: vec![Account::admin(USER, PASSWORD)],
        ..HarborOptions::default()
    })?;
    server.add_project("base", true);
    for project in 0..PROJECTS {
        server.add_project(&format!("team-{project}"), true);
    }
    let host = server.host();
    let store = store(&host)?;
    let push = |version: &str| -> Result<Image> {
        let tag: Reference = format!("{host}/base/run:{version}").parse()?;
        Ok(run_image(version).push(&store, &[&tag]))
    };
    let old = push("1")?;
    push("2")?;
    let name = format!("{host}/base/run:1");
    server.fabricate(count, move |index| app(index, &old, &name));
    server.reset_counts();
    let mut out = io::stdout();
    writeln!(out, "{host}")?;
    for line in io::stdin().lock().lines() {
        match line?.as_str() {
            "reset" => server.reset_counts(),
            "counts" => writeln!(out, "{}", counts(&server))?,
            other => bail!("'{other}' is no question"),
        }
        out.flush()?;
    }
    Ok(Value::Null)
}

fn run_image(version: &str) -> ImageRecipe {
    base(version, "amd64").layer(&[("/usr/lib/libc.so", b"the same in all", 0o755)])
}

fn counts(server: &HarborServer) -> Value {
    let kinds = [
        ("base", Kind::Base),
        ("token", Kind::Token),
        ("head-blob", Kind::HeadBlob),
        ("get-blob", Kind::GetBlob),
        ("start-upload", Kind::StartUpload),
        ("mount", Kind::Mount),
        ("put-blob", Kind::PutBlob),
        ("cancel-upload", Kind::CancelUpload),
        ("head-manifest", Kind::HeadManifest),
        ("get-manifest", Kind::GetManifest),
        ("put-manifest", Kind::PutManifest),
        ("api-read", Kind::ApiRead),
        ("other", Kind::Other),
    ];
    let mut counts: BTreeMap<&str, u64> = kinds
        .iter()
        .map(|(name, kind)| (*name, server.count(*kind)))
        .collect();
    counts.insert("total", counts.values().sum());
    counts.insert("received", server.bytes().0);
    json!(counts)
}

fn store(host: &str) -> Result<RegistryStore> {
    Ok(RegistryStore::new(RegistryOptions {
        credentials: Credentials::anonymous().with_password(host, USER, PASSWORD),
        ..RegistryOptions::default()
    })?)
}

/// App number `index` on the old base.
fn app(index: u64, old: &Image, name: &str) -> Fabricated {
    let own: Vec<(Digest, u64)> = (0..3)
        .map(|layer| {
            let text = format!("layer {layer} of {index}");
            (digest(text.as_bytes()), 1_000_000 + index)
        })
        .collect();
    let diff_ids: Vec<String> = old
        .layers()
        .iter()
        .map(|layer| layer.diff_id)
        .chain(own.iter().map(|(digest, _)| *digest))
        .map(|digest| digest.to_string())
        .collect();
    let slices: Vec<Value> = diff_ids[old.layers().len()..]
        .iter()
        .map(|sha| json!({ "sha": sha }))
        .collect();
    let top_layer = old.top_layer().map(|layer| layer.to_string());
    let metadata = json!({
        "app": slices,
        "runImage": { "topLayer": top_layer, "reference": name, "image": name },
        "padding": "x".repeat(PADDING),
    });
    let config = json!({
        "architecture": "amd64", "os": "linux", "created": "1980-01-01T00:00:01Z",
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "config": {
            "Env": ["PATH=/cnb/process:/bin", "CNB_PLATFORM_API=0.13"],
            "Labels": {
                "io.buildpacks.lifecycle.metadata": metadata.to_string(),
                "io.buildpacks.base.distro.name": "debian",
                "io.buildpacks.base.distro.version": "12",
            },
        },
    });
    let config = config.to_string().into_bytes();
    let layers: Vec<(Digest, u64)> = old
        .layers()
        .iter()
        .map(|layer| (layer.descriptor.digest, layer.descriptor.size))
        .chain(own)
        .collect();
    let manifest = manifest(&config, &layers);
    Fabricated {
        repository: repository(index),
        tag: Some("latest".into()),
        manifest,
        config,
        layers,
    }
}

fn manifest(config: &[u8], layers: &[(Digest, u64)]) -> Vec<u8> {
    let descriptor = |(digest, size): &(Digest, u64)| {
        json!({
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
            "digest": digest.to_string(), "size": size,
        })
    };
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(config).to_string(), "size": config.len(),
        },
        "layers": layers.iter().map(descriptor).collect::<Vec<_>>(),
    });
    manifest.to_string().into_bytes()
}

fn repository(index: u64) -> String {
    format!("team-{}/app-{index}", index % PROJECTS)
}

/// What the load sends for one image.
struct Job {
    repository: String,
    config: Digest,
    mounts: Vec<Digest>,
    new: SealedImage,
}

/// Sends the requests of a rebase of `count` images from `threads` threads; everything is made before. Seconds.
pub(crate) fn load(host: &str, count: u64, threads: usize) -> Result<Value> {
    let store = store(host)?;
    let run: Reference = format!("{host}/base/run:2").parse()?;
    let new = NewBase::read(&run, &store)?.context("find the run image")?;
    let old: Reference = format!("{host}/base/run:1").parse()?;
    let old = NewBase::read(&old, &store)?.context("find the old run image")?;
    let name = format!("{host}/base/run:1");
    let jobs = (0..count).map(|index| job(index, host, (&old.images[0], &name), (&run, &new)));
    let jobs = jobs.collect::<Result<Vec<_>>>()?;
    let next = AtomicUsize::new(0);
    let begin = Instant::now();
    let results: Vec<Result<()>> = thread::scope(|scope| {
        let work = || -> Result<()> {
            let client = Client::new(host);
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                client.image(job)?;
            }
            Ok(())
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        joined
            .map(|result| result.unwrap_or_else(|_| bail!("a thread ended")))
            .collect()
    });
    let seconds = begin.elapsed().as_secs_f64();
    results.into_iter().collect::<Result<()>>()?;
    Ok(json!(seconds))
}

fn job(
    index: u64,
    host: &str,
    (old, name): (&Image, &str),
    (run, new): (&Reference, &NewBase),
) -> Result<Job> {
    let made = app(index, old, name);
    let app = Image::parse(made.manifest, made.config)?;
    let reference: Reference = format!("{host}/{}:latest", made.repository).parse()?;
    let inputs = RebaseInputs {
        app_image: reference.clone(),
        outputs: vec![reference],
        run_image: Some(run.clone()),
        force: false,
        tag_race: TagRace::default(),
        platform: app.platform(),
        features: PlatformApi::LATEST.features(),
    };
    let image = &new.images[0];
    let base = Base {
        image,
        reference: run,
        identifier: run.with_digest(image.digest()).to_string(),
    };
    let config = app.config_digest();
    let prepared = prepare(&inputs, &app, &base, &|family| family)?;
    let has = |digest: Digest| {
        app.layers()
            .iter()
            .any(|layer| layer.descriptor.digest == digest)
    };
    let digests = image.layers().iter().map(|layer| layer.descriptor.digest);
    Ok(Job {
        repository: made.repository,
        config,
        mounts: digests.filter(|digest| !has(*digest)).collect(),
        new: prepared.sealed,
    })
}

/// A client that knows what to say.
struct Client {
    agent: ureq::Agent,
    host: String,
}

impl Client {
    fn new(host: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        Self {
            agent: ureq::Agent::new_with_config(config.build()),
            host: host.to_owned(),
        }
    }

    fn image(&self, job: &Job) -> Result<()> {
        let Job {
            repository,
            config,
            mounts,
            new,
        } = job;
        let at = format!("http://{}/v2/{repository}", self.host);
        let scopes =
            format!("scope=repository:{repository}:pull,push&scope=repository:base/run:pull");
        let token = format!(
            "http://{}/service/token?service=harbor-registry&{scopes}",
            self.host
        );
        let basic = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
        let answer: Value = serde_json::from_slice(&self.get(&token, &basic)?)?;
        let bearer = answer["token"].as_str().context("find the token")?;
        let bearer = format!("Bearer {bearer}");
        self.get(&format!("{at}/manifests/latest"), &bearer)?;
        self.get(&format!("{at}/blobs/{config}"), &bearer)?;
        for mount in mounts {
            let url = format!("{at}/blobs/uploads/?mount={mount}&from=base/run");
            self.post(&url, &bearer)?;
        }
        let location = self.post(&format!("{at}/blobs/uploads/"), &bearer)?;
        let location = location.context("find where to upload to")?;
        let join = if location.contains('?') { '&' } else { '?' };
        let bytes = new.image.config_bytes();
        let url = format!("{location}{join}digest={}", new.image.config_digest());
        self.put(&url, &bearer, ("application/octet-stream", bytes))?;
        let media_type = new.image.family().manifest();
        let manifest = new.image.manifest_bytes();
        let tag = format!("{at}/manifests/latest");
        self.put(&tag, &bearer, (media_type, manifest))?;
        let back = self.get(&tag, &bearer)?;
        ensure!(back == manifest, "another manifest came back");
        Ok(())
    }

    fn get(&self, url: &str, authorization: &str) -> Result<Vec<u8>> {
        let request = self.agent.get(url).header("Authorization", authorization);
        let accept = "application/vnd.oci.image.manifest.v1+json";
        let mut answer = request.header("Accept", accept).call()?;
        ensure!(answer.status() == 200, "{url}: {}", answer.status());
        Ok(answer.body_mut().read_to_vec()?)
    }

    fn post(&self, url: &str, authorization: &str) -> Result<Option<String>> {
        let request = self.agent.post(url).header("Authorization", authorization);
        let mut answer = request.send_empty()?;
        ensure!(answer.status().is_success(), "{url}: {}", answer.status());
        let location = answer.headers().get("Location");
        let location = location.and_then(|value| Some(value.to_str().ok()?.to_owned()));
        answer.body_mut().read_to_vec()?;
        Ok(location)
    }

    fn put(&self, url: &str, authorization: &str, (kind, body): (&str, &[u8])) -> Result<()> {
        let request = self.agent.put(url).header("Authorization", authorization);
        let mut answer = request.header("Content-Type", kind).send(body)?;
        ensure!(answer.status() == 201, "{url}: {}", answer.status());
        answer.body_mut().read_to_vec()?;
        Ok(())
    }
}
