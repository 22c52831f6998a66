//! The next cache.
use crate::common::Stage;
use std::{
    fs::{self, FileTimes, OpenOptions},
    io::{self, Read},
    time::{Duration, SystemTime},
};
use wharf_cache::{Cache, CacheError, CacheLayer, CacheTransaction, CacheWrite, Held, VolumeCache};
use wharf_export::{CacheExport, CacheExportError, Change, export_cache};
use wharf_spec::{api::PlatformApi, digest::Digest, labels::lifecycle::CacheMetadata, log::Level};
use wharf_testkit::{ImageRecipe, RecordingLog};

fn stage() -> Stage {
    let base = ImageRecipe::new().layer(&[("/etc/os", b"os", 0o644)]);
    let mut stage = Stage::new(PlatformApi::LATEST, &base);
    stage.set_group("[[group]]\nid = \"some/bp\"\nversion = \"1.2\"\napi = \"0.12\"\n");
    stage.write("layers/some_bp/a/file", "a", 0o644);
    stage.write(
        "layers/some_bp/a.toml",
        "[types]\nlaunch = true\ncache = true\n",
        0o644,
    );
    stage.write("layers/some_bp/b/file", "b", 0o644);
    stage.write(
        "layers/some_bp/b.toml",
        "[types]\nbuild = true\ncache = true\n",
        0o644,
    );
    stage.write("layers/some_bp/uncached/file", "c", 0o644);
    stage.write(
        "layers/some_bp/uncached.toml",
        "[types]\nlaunch = true\n",
        0o644,
    );
    stage
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn cached_layers_are_written_once_and_forgotten_when_they_are_gone() {
    let stage = stage();
    let exported = stage.export(&RecordingLog::new()).unwrap();
    let log = RecordingLog::new();
    let export = || {
        let cache = VolumeCache::open(stage.path("cache"), &log).unwrap();
        let result = export_cache(
            &stage.inputs,
            &stage.group,
            Some(&exported),
            cache.begin().unwrap(),
            &log,
        );
        let layers = cache.metadata().unwrap().buildpacks[0].layers.clone();
        (result.unwrap(), layers.into_keys().collect::<Vec<_>>())
    };
    let (first, layers) = export();
    assert_eq!(
        first,
        CacheExport {
            added: names(&["some/bp:a", "some/bp:b"]),
            ..CacheExport::default()
        }
    );
    assert_eq!(layers, ["a", "b"]);
    fs::remove_file(stage.path("layers/some_bp/b.toml")).unwrap();
    let (second, layers) = export();
    assert_eq!(
        second,
        CacheExport {
            reused: names(&["some/bp:a"]),
            ..CacheExport::default()
        }
    );
    assert_eq!(layers, ["a"]);
    let committed = fs::read_dir(stage.path("cache/committed")).unwrap();
    let names = committed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let archives = names.filter(|name| name.starts_with("sha256:"));
    assert_eq!(archives.count(), 1);
}

#[test]
fn a_cached_layer_without_contents_costs_a_warning() {
    let stage = stage();
    fs::remove_dir_all(stage.path("layers/some_bp/b")).unwrap();
    let log = RecordingLog::new();
    let cache = VolumeCache::open(stage.path("cache"), &log).unwrap();
    let result = export_cache(
        &stage.inputs,
        &stage.group,
        None,
        cache.begin().unwrap(),
        &log,
    )
    .unwrap();
    assert_eq!(result.failed, ["some/bp:b"]);
    assert_eq!(
        log.lines(Level::Warn),
        ["Failed to cache layer 'some/bp:b' because it has no contents"]
    );
}

/// A cache that takes no layer, or does not commit.
#[derive(Debug)]
struct Broken {
    takes_layers: bool,
}

fn broken(action: &'static str) -> CacheError {
    CacheError {
        action,
        cache: "broken".into(),
        source: "no space left".into(),
    }
}

impl Cache for Broken {
    fn name(&self) -> String {
        "broken".into()
    }

    fn metadata(&self) -> Result<CacheMetadata, CacheError> {
        Ok(CacheMetadata::default())
    }

    fn open_layer(&self, _: Digest) -> Result<Option<Box<dyn Read + Send>>, CacheError> {
        Ok(None)
    }

    fn begin(&self) -> Result<Box<dyn CacheTransaction + '_>, CacheError> {
        Ok(Box::new(Broken {
            takes_layers: self.takes_layers,
        }))
    }
}

impl CacheTransaction for Broken {
    fn put(&mut self, _: &CacheLayer) -> Result<CacheWrite, CacheError> {
        if self.takes_layers {
            Ok(CacheWrite::Added)
        } else {
            Err(broken("write layer to"))
        }
    }

    fn held(&self) -> Result<Vec<Held>, CacheError> {
        Err(broken("read size of"))
    }

    fn leave_out(&mut self, _: Digest) -> Result<(), CacheError> {
        Err(broken("leave layer out of"))
    }

    fn commit(self: Box<Self>, metadata: &CacheMetadata) -> Result<(), CacheError> {
        if self.takes_layers {
            return Err(broken("commit"));
        }
        assert!(metadata.buildpacks[0].layers.is_empty());
        Ok(())
    }
}

#[test]
fn archives_and_what_was_seen_of_the_app_reach_the_cache_in_the_pass_that_makes_the_image() {
    let mut stage = stage();
    let log = RecordingLog::new();
    let cache = VolumeCache::open(stage.path("cache"), &log).unwrap();
    let transaction = cache.begin().unwrap();
    let exported = stage
        .export_beside(Some(transaction.as_ref()), &log)
        .unwrap();
    // Made again, the archive would be another.
    stage.write("layers/some_bp/a/file", "changed since", 0o644);
    let (inputs, group) = (&stage.inputs, &stage.group);
    let result = export_cache(inputs, group, Some(&exported), transaction, &log).unwrap();
    assert_eq!(result.added, ["some/bp:a", "some/bp:b"]);
    let diff_id = exported.layers[1].diff_id;
    let mut archive = cache.open_layer(diff_id).unwrap().unwrap();
    io::copy(&mut archive, &mut io::sink()).unwrap();

    let slice = exported.layers.iter().find(|layer| layer.name == "slice-1");
    let seen = cache.fingerprints().seen;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].root, stage.path("workspace").to_str().unwrap());
    assert_eq!(seen[0].diff_id, slice.unwrap().diff_id);
    // The app as it was then is known now, without reading it.
    stage.analyze_again();
    stage.inputs.fingerprints = cache.fingerprints();
    let again = stage.export(&log).unwrap();
    let slice = again.layers.iter().find(|layer| layer.name == "slice-1");
    assert_eq!(slice.unwrap().change, Change::Reused);
}

#[test]
fn a_layer_that_cannot_be_written_is_left_out_and_a_failed_commit_is_an_error() {
    let stage = stage();
    let log = RecordingLog::new();
    let full = Broken {
        takes_layers: false,
    };
    let result = export_cache(
        &stage.inputs,
        &stage.group,
        None,
        full.begin().unwrap(),
        &log,
    )
    .unwrap();
    assert_eq!(result.failed, ["some/bp:a", "some/bp:b"]);
    assert_eq!(
        log.lines(Level::Warn)[0],
        "Failed to cache layer 'some/bp:a': write layer to cache 'broken': no space left"
    );
    let full = Broken { takes_layers: true };
    let error = export_cache(
        &stage.inputs,
        &stage.group,
        None,
        full.begin().unwrap(),
        &log,
    )
    .unwrap_err();
    assert!(matches!(error, CacheExportError::Commit(_)));
    assert_eq!(error.to_string(), "save cache");
}

/// When nobody has read a file since it was restored.
fn untouched() -> FileTimes {
    let archived = SystemTime::UNIX_EPOCH + Duration::from_secs(wharf_layer::tar::MTIME);
    FileTimes::new().set_accessed(archived)
}

#[test]
fn a_cache_that_is_too_large_leaves_out_what_no_build_used_for_the_longest_time() {
    let mut stage = stage();
    for name in ["read", "unread"] {
        let toml = format!("layers/some_bp/{name}.toml");
        stage.write(&toml, "[types]\ncache = true\n", 0o644);
        stage.write(&format!("layers/some_bp/{name}/file"), name, 0o644);
    }
    let log = RecordingLog::new();
    let cached = |stage: &Stage| {
        let cache = VolumeCache::open(stage.path("cache"), &log).unwrap();
        let transaction = cache.begin().unwrap();
        let exported = export_cache(&stage.inputs, &stage.group, None, transaction, &log);
        let layers = cache.metadata().unwrap().buildpacks[0].layers.clone();
        (exported.unwrap(), layers)
    };
    let (_, layers) = cached(&stage);
    assert_eq!(layers.len(), 4);
    // A day later nobody looks into one of them.
    let yesterday = SystemTime::now() - Duration::from_hours(24);
    let archive = |name: &str| stage.path(&format!("cache/committed/{}.tar", layers[name].sha));
    let mut bytes = 0;
    for name in layers.keys() {
        let archive = OpenOptions::new().write(true).open(archive(name)).unwrap();
        bytes += archive.metadata().unwrap().len();
        archive.set_modified(yesterday).unwrap();
    }
    let file = fs::File::open(stage.path("layers/some_bp/unread/file")).unwrap();
    file.set_times(untouched()).unwrap();
    stage.inputs.cache_limit = Some(bytes - 1);
    let (exported, layers) = cached(&stage);
    assert_eq!(exported.left_out, ["some/bp:unread"]);
    assert_eq!(
        layers.keys().map(String::as_str).collect::<Vec<_>>(),
        ["a", "b", "read"]
    );
    let archives = fs::read_dir(stage.path("cache/committed")).unwrap();
    let is_archive = |entry: &io::Result<fs::DirEntry>| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".tar")
    };
    assert_eq!(archives.filter(is_archive).count(), 3);
    assert!(log.lines(Level::Info).contains(&format!(
        "Leaving out cache layer 'some/bp:unread': the cache may have {} bytes",
        bytes - 1
    )));
}
