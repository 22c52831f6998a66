//! References mean to wharf what they mean to `oci-client`.
use wharf_spec::reference::Reference;

#[test]
fn references_are_read_as_oci_client_reads_them() {
    let digest = format!("sha256:{}", "ab".repeat(32));
    let texts = [
        "debian".to_owned(),
        "debian:12".to_owned(),
        "me/app".to_owned(),
        "docker.io/library/debian".to_owned(),
        "localhost/app".to_owned(),
        "localhost:5000/team/app:1.0".to_owned(),
        "127.0.0.1:5000/a/b_c:v1".to_owned(),
        "r.example/a/b-c/d__e:Tag.1-2_3".to_owned(),
        format!("r.example/a@{digest}"),
        format!("r.example/a:1@{digest}"),
    ];
    for text in texts {
        let own: Reference = text.parse().expect("reference");
        let other: oci_client::Reference = text.parse().expect("oci-client reference");
        let registry = match other.registry() {
            "docker.io" => "index.docker.io",
            registry => registry,
        };
        assert_eq!(own.registry(), registry, "{text}");
        assert_eq!(own.repository(), other.repository(), "{text}");
        assert_eq!(own.tag(), other.tag(), "{text}");
        let digest = own.digest().map(|digest| digest.to_string());
        assert_eq!(digest.as_deref(), other.digest(), "{text}");
    }
}

#[test]
fn what_oci_client_refuses_is_refused() {
    for text in [
        "",
        "UPPER",
        "r.example/A",
        "a b",
        "a@sha256:12",
        "a//b",
        "a:",
        "-a",
    ] {
        assert!(text.parse::<oci_client::Reference>().is_err(), "{text}");
        assert!(text.parse::<Reference>().is_err(), "{text}");
    }
}
