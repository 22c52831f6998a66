//! The glob grammar against Go's `filepath.Match`.
use serde::Deserialize;
use std::{fs, path::Path};
use wharf_layer::slices::Glob;

#[derive(Deserialize)]
struct Vector {
    pattern: String,
    path: String,
    r#match: bool,
    error: bool,
}

#[test]
fn every_golden_pattern_matches_and_fails_as_in_go() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/glob.json");
    let vectors: Vec<Vector> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(vectors.len() > 500, "{}", vectors.len());
    for vector in vectors {
        let expected = if vector.error {
            None
        } else {
            Some(vector.r#match)
        };
        let actual = Glob::new(&vector.pattern)
            .ok()
            .map(|glob| glob.matches(vector.path.as_bytes()));
        assert_eq!(
            actual, expected,
            "{:?} on {:?}",
            vector.pattern, vector.path
        );
    }
}

#[test]
fn bytes_that_are_not_utf8_are_characters() {
    let matches = |pattern: &str, name: &[u8]| Glob::new(pattern).unwrap().matches(name);
    assert!(matches("a?c", b"a\xffc"));
    assert!(matches("a[^b]c", b"a\xffc"));
    assert!(!matches("a?c", b"a\xff\xfec"));
    assert!(matches("*", b"\xff\xfe"));
    assert!(matches("?", "é".as_bytes()));
}
