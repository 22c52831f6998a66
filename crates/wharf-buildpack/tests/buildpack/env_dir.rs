use std::{fs, os::unix::fs::symlink};
use wharf_buildpack::env_dir;
use wharf_env::EnvFile;
use wharf_testkit::files::write;

fn file(name: &str, content: &str) -> EnvFile {
    EnvFile {
        name: name.into(),
        content: content.into(),
    }
}

#[test]
fn files_and_links_to_files_are_read_verbatim_and_the_rest_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let env = dir.path().join("env");
    write(&env.join("B"), "two\n");
    write(&env.join("A.append"), "one");
    write(&dir.path().join("elsewhere"), "three");
    symlink("../elsewhere", env.join("C")).unwrap();
    symlink("nowhere", env.join("D")).unwrap();
    symlink("..", env.join("E")).unwrap();
    fs::create_dir(env.join("launch")).unwrap();
    nix::unistd::mkfifo(&env.join("F"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(
        env_dir::read(&env).unwrap(),
        [
            file("A.append", "one"),
            file("B", "two\n"),
            file("C", "three")
        ]
    );
}

#[test]
fn a_missing_directory_is_empty() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(env_dir::read(&dir.path().join("env")).unwrap(), []);
    write(&dir.path().join("file"), "");
    assert_eq!(env_dir::read(&dir.path().join("file")).unwrap(), []);
}

#[test]
fn values_no_variable_can_hold_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("A");
    for (content, expected) in [
        (
            "a\0b".to_owned(),
            "it contains a zero byte, which an environment variable cannot hold",
        ),
        ("x".repeat(200_000), "it is larger than 131072 bytes"),
    ] {
        write(&path, &content);
        let error = env_dir::read(dir.path()).unwrap_err();
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), format!("read '{}'", path.display()));
        assert_eq!(source.source().unwrap().to_string(), expected);
    }
}
