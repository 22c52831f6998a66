use tempfile::TempDir;
use wharf_buildpack::{Buildpack, BuildpackStore, StoreError, file::TOML_LIMIT};
use wharf_spec::api::BuildpackApi;
use wharf_testkit::{chain, files::write};

fn store_with(path: &str, text: &str) -> (TempDir, BuildpackStore) {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join(path), text);
    let store = BuildpackStore::new(dir.path());
    (dir, store)
}

fn load(store: &BuildpackStore, version: &str) -> Result<Buildpack, StoreError> {
    store.load(&"a/b".parse().unwrap(), version)
}

#[test]
fn a_buildpack_lies_below_its_escaped_id() {
    for api in BuildpackApi::ALL {
        let text = format!("api = '{api}'\n[buildpack]\nid = 'a/b'\nversion = '1'\n");
        let (dir, store) = store_with("a_b/1/buildpack.toml", &text);
        let buildpack = load(&store, "1").unwrap();
        assert_eq!(buildpack.api, api);
        assert_eq!(buildpack.full_name(), "a/b@1");
        assert_eq!(buildpack.dir, dir.path().join("a_b/1"));
        assert_eq!(
            buildpack.build_program(),
            dir.path().join("a_b/1/bin/build")
        );
        assert!(!buildpack.is_composite());
        assert_eq!(load(&store, "").unwrap(), buildpack);
    }
}

#[test]
fn a_missing_buildpack_is_named_with_the_place_looked_at() {
    let (dir, store) = store_with("other/file", "");
    let path = dir.path().join("a_b/1/buildpack.toml");
    let error = load(&store, "1").unwrap_err();
    assert_eq!(
        chain(&error),
        format!(
            "find buildpack 'a/b@1': there is no '{}'; check the order and the buildpacks directory",
            path.display()
        )
    );
    assert!(matches!(load(&store, ""), Err(StoreError::Missing { .. })));
}

#[test]
fn without_a_version_there_must_be_one_only() {
    let (dir, store) = store_with("a_b/1/buildpack.toml", "");
    write(&dir.path().join("a_b/2/buildpack.toml"), "");
    let error = load(&store, "").unwrap_err();
    assert_eq!(
        chain(&error),
        format!(
            "choose a version of buildpack 'a/b': '{}' holds 1, 2; name one in the order",
            dir.path().join("a_b").display()
        )
    );
}

#[test]
fn an_unknown_api_is_told_before_anything_else_is_judged() {
    for (api, cause) in [
        (
            "0.99",
            "Buildpack API '0.99' is not supported, supported are 0.7 to 0.12",
        ),
        ("", "'' is not an API version, expected <major>.<minor>"),
        ("x", "'x' is not an API version, expected <major>.<minor>"),
    ] {
        let (dir, store) = store_with(
            "a_b/1/buildpack.toml",
            &format!("api = '{api}'\n[buildpack]\nid = 7"),
        );
        let error = load(&store, "1").unwrap_err();
        assert!(matches!(error, StoreError::Api { .. }));
        let path = dir.path().join("a_b/1/buildpack.toml");
        assert_eq!(
            chain(&error),
            format!("use buildpack 'a/b@1' of '{}': {cause}", path.display())
        );
    }
}

#[test]
fn a_descriptor_that_cannot_be_parsed_is_named_with_line_and_column() {
    let (dir, store) = store_with(
        "a_b/1/buildpack.toml",
        "api = '0.10'\n[buildpack]\nid = 'a b'\n",
    );
    let error = load(&store, "1").unwrap_err();
    let text = chain(&error);
    let start = format!(
        "load buildpack 'a/b@1': read '{}': TOML parse error at line 3, column 6\n",
        dir.path().join("a_b/1/buildpack.toml").display()
    );
    assert!(text.starts_with(&start), "{text}");
}

#[test]
fn an_oversized_descriptor_is_refused() {
    let text = "#".repeat(usize::try_from(TOML_LIMIT).unwrap() + 1);
    let (dir, store) = store_with("a_b/1/buildpack.toml", &text);
    let path = dir.path().join("a_b/1/buildpack.toml");
    assert_eq!(
        chain(&load(&store, "1").unwrap_err()),
        format!(
            "load buildpack 'a/b@1': read '{}': it is larger than {TOML_LIMIT} bytes",
            path.display()
        )
    );
}

#[test]
fn execution_environments_are_names_or_tables() {
    let head = "api = '0.12'\n[buildpack]\nid = 'a/b'\nversion = '1'\n";
    for tail in [
        "exec-env = ['test', 'production']\n",
        "[[buildpack.exec-env]]\nname = 'test'\n[[buildpack.exec-env]]\nname = 'production'\n",
    ] {
        let (_dir, store) = store_with("a_b/1/buildpack.toml", &format!("{head}{tail}"));
        assert_eq!(
            load(&store, "1").unwrap().descriptor.buildpack.exec_env,
            ["test", "production"]
        );
    }
}
