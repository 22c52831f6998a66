//! What is too large, broken or unwritable.
use super::{Archive, options, place};
use std::{fs, io::Read, path::Path};
use tar::EntryType;
use wharf_layer::extract::{ExtractError, ExtractOptions, extract};

#[test]
fn limits_hold_while_the_archive_is_read() {
    let place = place();
    let limits = ExtractOptions {
        max_entries: 2,
        max_bytes: 10,
        ..options("/")
    };
    let three = Archive::default().file("a", "").file("b", "").file("c", "");
    let error = three.extract(&place.to, &limits).unwrap_err();
    assert!(matches!(
        error,
        ExtractError::TooLarge {
            what: "entries",
            limit: 2
        }
    ));
    assert!(!place.to.join("c").exists());

    let large = Archive::default().file("x", "12345678").file("y", "123");
    let error = large.extract(&place.to, &limits).unwrap_err();
    assert!(matches!(
        error,
        ExtractError::TooLarge {
            what: "bytes",
            limit: 10
        }
    ));
    assert!(!place.to.join("y").exists());

    // A size that only an extended record can hold, without the bytes.
    let huge = Archive::default()
        .records(&[("size", "18446744073709551615")])
        .file("z", "");
    let error = huge.extract(&place.to, &options("/")).unwrap_err();
    assert!(matches!(error, ExtractError::Read(_)), "{error:?}");
    let huge = Archive::default()
        .records(&[("size", "9000000000000")])
        .file("z", "");
    let error = huge.extract(&place.to, &options("/")).unwrap_err();
    assert!(matches!(
        error,
        ExtractError::TooLarge { what: "bytes", .. }
    ));
}

#[test]
fn endless_headers_records_and_tails_are_too_large() {
    let place = place();
    let name = vec![b'n'; 1_100_000];
    let error = Archive::default()
        .add(EntryType::GNULongName, b"././@LongLink", 0, &name)
        .extract(&place.to, &options("/"))
        .unwrap_err();
    assert!(matches!(
        error,
        ExtractError::TooLarge {
            what: "bytes in a header record",
            ..
        }
    ));

    let records = (0..5000).fold(Archive::default(), |archive, _| {
        archive.records(&[("a", "b")])
    });
    let error = records.extract(&place.to, &options("/")).unwrap_err();
    assert!(matches!(
        error,
        ExtractError::TooLarge {
            what: "entries",
            ..
        }
    ));

    let mut endless = Archive::default().file("f", "").end();
    endless.resize(endless.len() + 2_000_000, 0);
    let error = extract(&mut endless.as_slice(), &place.to, &options("/")).unwrap_err();
    assert!(matches!(
        error,
        ExtractError::TooLarge { what: "bytes", .. }
    ));
}

#[test]
fn the_input_is_read_to_its_end() {
    let place = place();
    let mut bytes = Archive::default().file("f", "x").end();
    bytes.extend_from_slice(&[0; 9000]);
    let mut input = bytes.as_slice();
    extract(&mut input, &place.to, &options("/")).unwrap();
    assert_eq!(input.len(), 0);
}

#[test]
fn an_error_of_the_reader_below_is_the_error_even_after_the_last_entry() {
    struct Bad;
    impl Read for Bad {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "wrong digest",
            ))
        }
    }
    let place = place();
    let bytes = Archive::default().file("f", "x").end();
    let error = extract(&mut bytes.as_slice().chain(Bad), &place.to, &options("/")).unwrap_err();
    match error {
        ExtractError::Read(source) => assert_eq!(source.to_string(), "wrong digest"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn truncated_and_garbled_archives_are_read_errors() {
    let place = place();
    let bytes = Archive::default().file("f", &"x".repeat(700)).end();
    for cut in [100, 600, 1500] {
        let error = extract(&mut &bytes[..cut], &place.to, &options("/")).unwrap_err();
        assert!(matches!(error, ExtractError::Read(_)), "{cut}");
    }
    let mut garbled = bytes.clone();
    garbled[3] ^= 1;
    let error = extract(&mut garbled.as_slice(), &place.to, &options("/")).unwrap_err();
    assert!(matches!(error, ExtractError::Read(_)));
    for data in [
        "x",
        "9999 path=a\n",
        "5 a=b",
        "6 path=a\n",
        "12 mtime=x.y\n",
    ] {
        let error = Archive::default()
            .add(EntryType::XHeader, b"x", 0, data.as_bytes())
            .file("f", "")
            .extract(&place.to, &options("/"))
            .unwrap_err();
        assert!(matches!(error, ExtractError::Read(_)), "{data}");
    }
}

#[test]
fn write_errors_name_the_path_below_the_destination() {
    let place = place();
    fs::write(&place.to, "a file").unwrap();
    let error = Archive::default()
        .file("f", "")
        .extract(&place.to, &options("/"))
        .unwrap_err();
    assert!(
        matches!(error, ExtractError::Write { action: "open directory", path, .. } if path == place.to)
    );

    let to = place.outside.join("to");
    let name = "n".repeat(256);
    let error = Archive::default()
        .records(&[("path", &format!("d/{name}"))])
        .file("cut", "")
        .extract(&to, &options("/"))
        .unwrap_err();
    assert!(
        matches!(error, ExtractError::Write { action: "create file", path, .. }
        if path == Path::new("d").join(&name))
    );
}
