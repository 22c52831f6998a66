//! Images as a reader sees them that knows nothing of wharf: straight from the registry, every byte hashed.
use anyhow::{Context, Result, ensure};
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    fmt::Write as _,
    io::{self, Read},
};
use ureq::Agent;

const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// Reads from one registry over plain HTTP.
#[derive(Debug)]
pub(super) struct Reader {
    host: String,
    agent: Agent,
    /// Repository and digest of blobs that are right.
    verified: HashSet<String>,
}

impl Reader {
    pub(super) fn new(host: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).build();
        Self {
            host: host.to_owned(),
            agent: config.into(),
            verified: HashSet::new(),
        }
    }

    /// Digest of the manifest at a tag, computed from its bytes; none when there is no such tag.
    pub(super) fn digest(&self, repository: &str, tag: &str) -> Result<Option<String>> {
        let manifest = self.get(repository, &format!("manifests/{tag}"))?;
        manifest.map(|mut body| sha256(&mut body)).transpose()
    }

    /// The same, after everything that belongs to the image was read and hashed.
    pub(super) fn verified_digest(
        &mut self,
        repository: &str,
        tag: &str,
    ) -> Result<Option<String>> {
        let Some(mut body) = self.get(repository, &format!("manifests/{tag}"))? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).context("read a manifest")?;
        let manifest: Value = serde_json::from_slice(&bytes).context("parse a manifest")?;
        let config = self.config(repository, &manifest["config"])?;
        let layers = list(&manifest["layers"], "layers")?;
        let diff_ids = list(&config["rootfs"]["diff_ids"], "diff IDs")?;
        ensure!(
            layers.len() == diff_ids.len(),
            "layers and diff IDs are not as many"
        );
        for (layer, diff_id) in layers.iter().zip(diff_ids) {
            self.layer(repository, layer, diff_id.as_str().unwrap_or_default())?;
        }
        Ok(Some(sha256(&mut bytes.as_slice())?))
    }

    fn config(&self, repository: &str, descriptor: &Value) -> Result<Value> {
        let (digest, size) = place(descriptor)?;
        let mut bytes = Vec::new();
        self.blob(repository, digest)?.read_to_end(&mut bytes)?;
        ensure!(
            bytes.len() as u64 == size,
            "{digest} has {} bytes, not {size}",
            bytes.len()
        );
        let actual = sha256(&mut bytes.as_slice())?;
        ensure!(actual == digest, "{digest} has bytes of {actual}");
        serde_json::from_slice(&bytes).context("parse a config")
    }

    fn layer(&mut self, repository: &str, descriptor: &Value, diff_id: &str) -> Result<()> {
        let (digest, size) = place(descriptor)?;
        let key = format!("{repository} {digest} {diff_id}");
        if self.verified.contains(&key) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        self.blob(repository, digest)?.read_to_end(&mut bytes)?;
        ensure!(
            bytes.len() as u64 == size,
            "{digest} has {} bytes, not {size}",
            bytes.len()
        );
        let actual = sha256(&mut bytes.as_slice())?;
        ensure!(actual == digest, "{digest} has bytes of {actual}");
        let archive = match bytes.as_slice() {
            packed @ [0x1f, 0x8b, ..] => sha256(&mut MultiGzDecoder::new(packed))?,
            mut plain => sha256(&mut plain)?,
        };
        ensure!(
            archive == diff_id,
            "the archive in {digest} is {archive}, not {diff_id}"
        );
        self.verified.insert(key);
        Ok(())
    }

    fn blob(&self, repository: &str, digest: &str) -> Result<Box<dyn Read>> {
        let blob = self.get(repository, &format!("blobs/{digest}"))?;
        blob.with_context(|| format!("{repository} has no blob {digest}"))
    }

    /// None for what is not there.
    fn get(&self, repository: &str, path: &str) -> Result<Option<Box<dyn Read>>> {
        let url = format!("http://{}/v2/{repository}/{path}", self.host);
        let request = self.agent.get(&url).header("Accept", ACCEPTED);
        let answer = request.call().with_context(|| format!("ask for {url}"))?;
        match answer.status().as_u16() {
            200 => Ok(Some(Box::new(answer.into_body().into_reader()))),
            404 => Ok(None),
            status => anyhow::bail!("{url} is answered with {status}"),
        }
    }
}

fn place(descriptor: &Value) -> Result<(&str, u64)> {
    let digest = descriptor["digest"].as_str();
    let size = descriptor["size"].as_u64();
    digest
        .zip(size)
        .context("a descriptor has no digest or size")
}

fn list<'a>(value: &'a Value, what: &str) -> Result<&'a Vec<Value>> {
    value
        .as_array()
        .with_context(|| format!("there is no list of {what}"))
}

fn sha256(bytes: &mut dyn Read) -> Result<String> {
    let mut hash = Sha256::new();
    io::copy(bytes, &mut HashWriter(&mut hash)).context("read bytes to hash")?;
    let mut text = "sha256:".to_owned();
    for byte in hash.finalize() {
        write!(text, "{byte:02x}")?;
    }
    Ok(text)
}

struct HashWriter<'a>(&'a mut Sha256);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};
    use wharf_image::Image;
    use wharf_registry::{RegistryOptions, RegistryStore};
    use wharf_testkit::{ImageRecipe, RegistryServer, RegistryServerOptions};

    fn blob(data: &Path, digest: &str) -> std::path::PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        data.join(format!(
            "docker/registry/v2/blobs/sha256/{}/{hex}/data",
            &hex[..2]
        ))
    }

    #[test]
    fn a_byte_that_is_wrong_is_seen_wherever_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let registry = RegistryServer::start(&RegistryServerOptions {
            data: Some(dir.path().to_path_buf()),
            ..RegistryServerOptions::default()
        })
        .unwrap();
        let store = RegistryStore::new(RegistryOptions::default()).unwrap();
        let name = format!("{}/a/b:1", registry.host()).parse().unwrap();
        let image = ImageRecipe::new()
            .layer(&[("a", b"a", 0o644)])
            .push(&store, &[&name]);
        let read = || Reader::new(&registry.host()).verified_digest("a/b", "1");
        let whole = Some(image.digest().to_string());
        assert_eq!(read().unwrap(), whole);
        assert_eq!(
            Reader::new(&registry.host()).digest("a/b", "2").unwrap(),
            None
        );

        let layer = image.layers()[0].descriptor.digest.to_string();
        let config = Image::config_descriptor(image.manifest_bytes()).unwrap();
        for digest in [layer, config.digest.to_string()] {
            let path = blob(dir.path(), &digest);
            let right = fs::read(&path).unwrap();
            let mut wrong = right.clone();
            *wrong.last_mut().unwrap() ^= 1;
            fs::write(&path, wrong).unwrap();
            let said = read().unwrap_err().to_string();
            assert!(
                said.starts_with(&format!("{digest} has bytes of sha256:")),
                "{said}"
            );
            fs::write(&path, &right[1..]).unwrap();
            let said = read().unwrap_err().to_string();
            let sizes = format!(
                "{digest} has {} bytes, not {}",
                right.len() - 1,
                right.len()
            );
            assert_eq!(said, sizes);
            fs::write(&path, right).unwrap();
        }
        assert_eq!(read().unwrap(), whole);
    }
}
