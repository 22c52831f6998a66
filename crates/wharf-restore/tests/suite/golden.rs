//! Files as the reference lifecycle restored them.
use crate::common::Stage;
use std::{fs, os::unix::fs::PermissionsExt};
use wharf_cache::VolumeCache;
use wharf_restore::{RestoreError, Sources, restore};
use wharf_spec::{api::PlatformApi, files::parse};
use wharf_testkit::{RecordingLog, golden};

/// The recorded cache holds layers of `/layers`, so only a process that may write there can restore their content;
/// metadata do not depend on the place.
#[test]
fn metadata_are_those_of_the_reference() {
    for api in golden::APIS {
        let mut stage = Stage::new(api.parse::<PlatformApi>().unwrap());
        stage.analyzed = parse(&golden::text(api, "second/2-detector/analyzed.toml")).unwrap();
        stage.group = parse(&golden::text(api, "second/2-detector/group.toml")).unwrap();
        let cache_dir = stage.outside();
        fs::create_dir(cache_dir.join("committed")).unwrap();
        let recorded = golden::path(api, "first/cache/committed");
        for entry in fs::read_dir(recorded).unwrap() {
            let entry = entry.unwrap();
            let target = cache_dir.join("committed").join(entry.file_name());
            fs::copy(entry.path(), &target).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
        }
        let log = RecordingLog::new();
        let cache = VolumeCache::open(cache_dir, &log).unwrap();
        let decisions = wharf_restore::decide(
            stage.analyzed.metadata.as_ref().unwrap(),
            &wharf_cache::Cache::metadata(&cache).unwrap(),
            &stage.group,
            stage.inputs.features.launch_metadata_from_cache,
        );
        let data: Vec<_> = decisions
            .iter()
            .map(|decision| (decision.name(), format!("{:?}", decision.data)))
            .collect();
        assert_eq!(
            data,
            [
                ("example/first:deps", "Restore(sha256:1fe2a9d85f9e8051df93ea8a20ae6069b9831bd4dee665f0228ac28d25c38d4a)"),
                ("example/first:only-launch", "None"),
                ("example/first:tool", "Restore(sha256:90d998e1540fd9308c4df5bc07c70b20c799d8c8e29e795e12bfc8b30f8de3ed)"),
            ]
            .map(|(name, data)| (name.to_owned(), data.to_owned()))
        );
        // Without a cache only what needs none comes back.
        let sources = Sources::default();
        let result: Result<_, RestoreError> =
            restore(&stage.inputs, &stage.analyzed, &stage.group, sources, &log);
        result.unwrap();
        assert_eq!(
            fs::read_to_string(stage.path("example_first/only-launch.toml")).unwrap(),
            golden::text(api, "second/3-restorer/example_first/only-launch.toml")
        );
        assert!(!stage.path("example_first/deps.toml").exists());
    }
}
