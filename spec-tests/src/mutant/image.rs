//! Spoiling the image that a phase left in a registry.
use super::Call;
use crate::{
    client::Client,
    image::{decompress, digest},
    recipe::compress,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, io::Read};

/// An image taken apart.
pub(super) struct Parts {
    /// Config.
    pub(super) config: Value,
    /// Uncompressed archives, lowest first.
    pub(super) archives: Vec<Vec<u8>>,
}

impl Parts {
    /// A label that is JSON.
    pub(super) fn change_label(&mut self, name: &str, change: impl FnOnce(&mut Value)) {
        let label = &mut self.config["config"]["Labels"][name];
        let Some(mut value) = label
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok())
        else {
            return;
        };
        change(&mut value);
        *label = json!(value.to_string());
    }

    /// Removes a label.
    pub(super) fn drop_label(&mut self, name: &str) {
        if let Some(labels) = self.config["config"]["Labels"].as_object_mut() {
            labels.remove(name);
        }
    }
}

/// Takes the image at the call's last argument apart, changes it, puts it back, and corrects the report's digest.
///
/// Only on success, and only for images in a registry on this machine that asks for no password.
pub(super) fn spoil(call: &Call, change: impl FnOnce(&mut Parts)) {
    if call.code != 0 {
        return;
    }
    let Some((host, name)) = call.args.last().and_then(|last| last.split_once('/')) else {
        return;
    };
    if !host.starts_with("127.0.0.1:") || name.contains('@') {
        return;
    }
    let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
    let client = Client::new(host, None);
    let Some((media_type, bytes)) = client.manifest(repository, tag) else {
        return;
    };
    let Ok(mut manifest) = serde_json::from_slice::<Value>(&bytes) else {
        return;
    };
    let Some(mut parts) = take_apart(&client, repository, &manifest) else {
        return;
    };
    let before: Vec<String> = parts
        .archives
        .iter()
        .map(|archive| digest(archive))
        .collect();
    change(&mut parts);
    put_together(&client, repository, &mut manifest, &parts, &before);
    let spoiled = client.push_manifest(
        repository,
        tag,
        &media_type,
        manifest.to_string().as_bytes(),
    );
    let report = call.value("report", "CNB_REPORT_PATH", "/layers/report.toml");
    if let Ok(text) = fs::read_to_string(&report) {
        let _ = fs::write(&report, text.replace(&digest(&bytes), &spoiled));
    }
}

fn take_apart(client: &Client, repository: &str, manifest: &Value) -> Option<Parts> {
    let config = client.blob(repository, manifest["config"]["digest"].as_str()?);
    let archives = manifest["layers"]
        .as_array()?
        .iter()
        .map(|layer| {
            Some(decompress(
                &client.blob(repository, layer["digest"].as_str()?),
            ))
        })
        .collect::<Option<_>>()?;
    Some(Parts {
        config: serde_json::from_slice(&config).ok()?,
        archives,
    })
}

fn put_together(
    client: &Client,
    repository: &str,
    manifest: &mut Value,
    parts: &Parts,
    before: &[String],
) {
    let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
    let known: BTreeMap<&String, &Value> = before.iter().zip(&layers).collect();
    let mut descriptors = Vec::new();
    let mut diff_ids = Vec::new();
    for archive in &parts.archives {
        let diff_id = digest(archive);
        let descriptor = known.get(&diff_id).map_or_else(
            || {
                let blob = compress(archive);
                client.push_blob(repository, &blob);
                json!({"mediaType": layers[0]["mediaType"], "digest": digest(&blob), "size": blob.len()})
            },
            |known| (*known).clone(),
        );
        descriptors.push(descriptor);
        diff_ids.push(json!(diff_id));
    }
    let mut config = parts.config.clone();
    config["rootfs"]["diff_ids"] = json!(diff_ids);
    let config = config.to_string().into_bytes();
    client.push_blob(repository, &config);
    manifest["layers"] = json!(descriptors);
    manifest["config"]["digest"] = json!(digest(&config));
    manifest["config"]["size"] = json!(config.len());
}

/// Rewrites every header of an archive.
pub(super) fn headers(archive: &[u8], change: impl Fn(&mut tar::Header)) -> Vec<u8> {
    rebuild(archive, |entries| {
        for (header, _) in entries.iter_mut() {
            change(header);
            header.set_cksum();
        }
    })
}

/// The same entries in reverse order.
pub(super) fn reversed(archive: &[u8]) -> Vec<u8> {
    rebuild(archive, |entries| entries.reverse())
}

fn rebuild(archive: &[u8], change: impl FnOnce(&mut Vec<(tar::Header, Vec<u8>)>)) -> Vec<u8> {
    let mut entries = Vec::new();
    let mut reader = tar::Archive::new(archive);
    let raw = reader.entries().map(|entries| entries.raw(true));
    for mut entry in raw.into_iter().flatten().flatten() {
        let mut content = Vec::new();
        let _ = entry.read_to_end(&mut content);
        entries.push((entry.header().clone(), content));
    }
    change(&mut entries);
    let mut builder = tar::Builder::new(Vec::new());
    for (header, content) in entries {
        let _ = builder.append(&header, content.as_slice());
    }
    builder.into_inner().unwrap_or_default()
}
