//! Cache directories.
use crate::layers::{archive, layer, metadata, read};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};
use wharf_cache::{Cache, CacheLayer, CacheWrite, VolumeCache};
use wharf_layer::{Checksum, Sealer};
use wharf_spec::{
    encode,
    labels::{CACHE_METADATA, lifecycle::CacheMetadata},
    log::Level,
};
use wharf_testkit::{RecordingLog, chain, golden};

/// A directory for the cache and one for the layers.
struct Place {
    cache: tempfile::TempDir,
    layers: tempfile::TempDir,
    log: RecordingLog,
}

impl Place {
    fn new() -> Self {
        Self {
            cache: tempfile::tempdir().unwrap(),
            layers: tempfile::tempdir().unwrap(),
            log: RecordingLog::new(),
        }
    }

    fn open(&self) -> VolumeCache<'_> {
        VolumeCache::open(self.cache.path().to_owned(), &self.log).unwrap()
    }

    fn layer(&self, name: &str) -> CacheLayer {
        layer(self.layers.path(), name, name)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.cache.path().join(name)
    }

    fn file(&self, layer: &CacheLayer) -> PathBuf {
        self.path(&format!("committed/{}.tar", layer.diff_id))
    }

    fn names(&self) -> Vec<String> {
        names_in(self.cache.path())
    }
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = dir
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

fn commit(cache: &dyn Cache, layers: &[&CacheLayer]) -> Vec<CacheWrite> {
    let mut transaction = cache.begin().unwrap();
    let writes = layers
        .iter()
        .map(|layer| transaction.put(layer).unwrap())
        .collect();
    transaction.commit(&metadata(layers)).unwrap();
    writes
}

#[test]
fn reads_the_cache_that_the_reference_wrote() {
    for api in golden::APIS {
        let log = RecordingLog::new();
        let cache = VolumeCache::open(golden::path(api, "first/cache"), &log).unwrap();
        let metadata = cache.metadata().unwrap();
        let text = golden::text(api, &format!("first/cache/committed/{CACHE_METADATA}"));
        assert_eq!(encode::json_text(&metadata).unwrap(), text.trim_end());
        let of_buildpacks = metadata
            .buildpacks
            .iter()
            .flat_map(|buildpack| buildpack.layers.values());
        let shas = of_buildpacks
            .map(|layer| &layer.sha)
            .chain([&metadata.sbom.sha]);
        let mut read = 0;
        for sha in shas {
            let mut layer = cache.open_layer(sha.parse().unwrap()).unwrap().unwrap();
            std::io::copy(&mut layer, &mut std::io::sink()).unwrap();
            read += 1;
        }
        assert_eq!(read, 3);
        assert_eq!(log.lines(Level::Debug), Vec::<String>::new());
    }
}

#[test]
fn writes_names_and_bytes_as_the_reference_does() {
    let place = Place::new();
    let (one, two) = (place.layer("one"), place.layer("two"));
    let writes = commit(&place.open(), &[&one, &two, &one]);
    assert_eq!(
        writes,
        [CacheWrite::Added, CacheWrite::Added, CacheWrite::Reused]
    );
    let mut expected = vec![
        CACHE_METADATA.to_owned(),
        format!("{}.tar", one.diff_id),
        format!("{}.tar", two.diff_id),
        "seals.toml".to_owned(),
    ];
    expected.sort();
    assert_eq!(names_in(&place.path("committed")), expected);
    assert_eq!(place.names(), ["committed", "lock"]);
    assert_eq!(fs::read(place.file(&one)).unwrap(), archive(&one));
    let text = fs::read_to_string(place.path("committed").join(CACHE_METADATA)).unwrap();
    assert_eq!(
        text,
        encode::json_text(&metadata(&[&one, &two, &one])).unwrap()
    );
    assert!(text.contains(r"example/\u003cfirst\u003e"));
    assert_eq!(
        place.open().metadata().unwrap(),
        metadata(&[&one, &two, &one])
    );
}

#[test]
fn links_layers_that_are_cached_already_and_drops_those_that_are_not_put() {
    let place = Place::new();
    let (kept, dropped, new) = (
        place.layer("kept"),
        place.layer("dropped"),
        place.layer("new"),
    );
    commit(&place.open(), &[&kept, &dropped]);
    let inode = fs::metadata(place.file(&kept)).unwrap().ino();
    let writes = commit(&place.open(), &[&kept, &new]);
    assert_eq!(writes, [CacheWrite::Reused, CacheWrite::Added]);
    assert_eq!(fs::metadata(place.file(&kept)).unwrap().ino(), inode);
    let cache = place.open();
    assert_eq!(read(&cache, &kept), Some(Ok(archive(&kept))));
    assert_eq!(read(&cache, &new), Some(Ok(archive(&new))));
    assert_eq!(read(&cache, &dropped), None);
}

#[test]
fn changes_nothing_without_a_commit() {
    let place = Place::new();
    let (old, new) = (place.layer("old"), place.layer("new"));
    commit(&place.open(), &[&old]);
    let cache = place.open();
    let mut transaction = cache.begin().unwrap();
    transaction.put(&new).unwrap();
    assert_eq!(read(&cache, &new), None);
    drop(transaction);
    assert_eq!(place.names(), ["committed", "lock"]);
    assert_eq!(read(&cache, &old), Some(Ok(archive(&old))));
    assert_eq!(cache.metadata().unwrap(), metadata(&[&old]));
}

#[test]
fn refuses_a_second_writer_and_names_the_directory() {
    let place = Place::new();
    let layer = place.layer("layer");
    let (first, second) = (place.open(), place.open());
    let mut transaction = first.begin().unwrap();
    transaction.put(&layer).unwrap();
    let error = second.begin().map(drop).unwrap_err();
    let dir = place.cache.path().display();
    assert_eq!(
        chain(&error),
        format!(
            "lock cache '{dir}': another build is writing to '{dir}'; let it finish, or give each build a cache of its own"
        )
    );
    // Opening must not remove what the first is staging, either.
    let third = place.open();
    assert_eq!(third.metadata().unwrap(), CacheMetadata::default());
    transaction.commit(&metadata(&[&layer])).unwrap();
    assert_eq!(read(&third, &layer), Some(Ok(archive(&layer))));
    second.begin().unwrap();
}

#[test]
fn survives_a_kill_at_any_instant() {
    type State = (&'static str, &'static dyn Fn(&Place));
    let states: [State; 4] = [
        ("while staging", &|place| {
            fs::create_dir(place.path("staging")).unwrap();
            fs::write(place.path("staging/incoming"), "half").unwrap();
        }),
        ("after the exchange", &|place| {
            fs::create_dir(place.path("staging")).unwrap();
            fs::write(place.path("staging").join(CACHE_METADATA), "{}").unwrap();
        }),
        ("between the two renames", &|place| {
            fs::rename(place.path("committed"), place.path("committed-backup")).unwrap();
            fs::create_dir(place.path("staging")).unwrap();
        }),
        ("before the backup was removed", &|place| {
            fs::create_dir(place.path("committed-backup")).unwrap();
            fs::write(place.path("committed-backup").join(CACHE_METADATA), "{}").unwrap();
        }),
    ];
    for (instant, leave) in states {
        let place = Place::new();
        let layer = place.layer("layer");
        commit(&place.open(), &[&layer]);
        leave(&place);
        let cache = place.open();
        assert_eq!(cache.metadata().unwrap(), metadata(&[&layer]), "{instant}");
        assert_eq!(read(&cache, &layer), Some(Ok(archive(&layer))), "{instant}");
        assert_eq!(place.names(), ["committed", "lock"], "{instant}");
        let next = place.layer("next");
        assert_eq!(
            commit(&cache, &[&layer, &next]),
            [CacheWrite::Reused, CacheWrite::Added]
        );
    }
}

#[test]
fn notices_a_corrupt_layer_and_writes_it_anew_next_time() {
    let place = Place::new();
    let layer = place.layer("layer");
    commit(&place.open(), &[&layer]);
    fs::write(place.file(&layer), "corrupt").unwrap();
    let cache = place.open();
    let message = read(&cache, &layer).unwrap().unwrap_err();
    assert!(message.contains(&layer.diff_id.to_string()), "{message}");
    assert_eq!(commit(&cache, &[&layer]), [CacheWrite::Added]);
    assert_eq!(read(&cache, &layer), Some(Ok(archive(&layer))));
}

/// What the layer must turn out to be for those who verify it themselves.
fn expected(cache: &dyn Cache, layer: &CacheLayer) -> Checksum {
    cache
        .open_unverified(layer.diff_id)
        .unwrap()
        .unwrap()
        .expected
}

#[test]
fn seals_what_it_writes_and_keeps_the_seals_of_what_it_links() {
    let place = Place::new();
    let (one, two, teed) = (place.layer("one"), place.layer("two"), place.layer("teed"));
    let seal = |layer: &CacheLayer| {
        let mut sealer = Sealer::default();
        sealer.update(&archive(layer));
        Checksum::Seal(sealer.finish())
    };
    commit(&place.open(), &[&one, &two]);
    let cache = place.open();
    let mut transaction = cache.begin().unwrap();
    let mut tee = transaction.tee().unwrap().unwrap();
    tee.write_all(&archive(&teed)).unwrap();
    tee.keep(teed.diff_id).unwrap();
    for layer in [&one, &teed] {
        transaction.put(layer).unwrap();
    }
    transaction.commit(&metadata(&[&one, &teed])).unwrap();
    for layer in [&one, &teed] {
        assert_eq!(expected(&cache, layer), seal(layer));
    }
    let file = fs::read_to_string(place.path("committed/seals.toml")).unwrap();
    assert!(!file.contains(&two.diff_id.to_string()), "{file}");
}

#[test]
fn archives_without_a_seal_are_verified_by_their_diff_ids() {
    let place = Place::new();
    let layer = place.layer("layer");
    commit(&place.open(), &[&layer]);
    for damage in ["", "sealed = 1", "[[sealed]]\nseal = 'blake3:ab'\n"] {
        fs::write(place.path("committed/seals.toml"), damage).unwrap();
        let cache = place.open();
        assert_eq!(expected(&cache, &layer), Checksum::DiffId(layer.diff_id));
        assert_eq!(commit(&cache, &[&layer]), [CacheWrite::Reused]);
        assert_eq!(expected(&cache, &layer), Checksum::DiffId(layer.diff_id));
    }
}

#[test]
fn refuses_a_layer_that_changed_since_its_diff_id_was_computed() {
    let place = Place::new();
    let (good, changed) = (place.layer("good"), place.layer("changed"));
    fs::write(place.layers.path().join("changed/file"), "another text").unwrap();
    let cache = place.open();
    let mut transaction = cache.begin().unwrap();
    let error = transaction.put(&changed).unwrap_err();
    assert!(
        chain(&error).contains("it changed in between"),
        "{}",
        chain(&error)
    );
    transaction.put(&good).unwrap();
    transaction.commit(&metadata(&[&good])).unwrap();
    let expected = [
        CACHE_METADATA.to_owned(),
        "seals.toml".to_owned(),
        format!("{}.tar", good.diff_id),
    ];
    assert_eq!(names_in(&place.path("committed")), expected);
}

#[test]
fn takes_metadata_it_cannot_understand_for_an_empty_cache() {
    let cases = ["{", "7", r#"{"buildpacks":1}"#];
    for text in cases {
        let place = Place::new();
        fs::create_dir(place.path("committed")).unwrap();
        fs::write(place.path("committed").join(CACHE_METADATA), text).unwrap();
        assert_eq!(
            place.open().metadata().unwrap(),
            CacheMetadata::default(),
            "{text}"
        );
        let lines = place.log.lines(Level::Warn);
        let start = format!("Ignoring cache '{}'", place.cache.path().display());
        assert!(
            lines.len() == 1 && lines[0].starts_with(&start),
            "{lines:?}"
        );
    }
}

#[test]
fn takes_oversized_metadata_for_an_empty_cache() {
    let place = Place::new();
    fs::create_dir(place.path("committed")).unwrap();
    let text = format!("{{}}{}", " ".repeat(8 << 20));
    fs::write(place.path("committed").join(CACHE_METADATA), text).unwrap();
    assert_eq!(place.open().metadata().unwrap(), CacheMetadata::default());
    assert_eq!(place.log.lines(Level::Warn).len(), 1);
}

#[test]
fn refuses_a_directory_that_is_not_there() {
    let place = Place::new();
    let error = VolumeCache::open(place.path("missing"), &place.log)
        .map(drop)
        .unwrap_err();
    let path = place.path("missing").display().to_string();
    assert_eq!(
        chain(&error),
        format!("open cache '{path}': there is no such directory")
    );
}
