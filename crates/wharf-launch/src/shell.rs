//! The script of a process that runs through bash (Buildpack API < 0.9, and commands of the user).
use alloc::vec::Vec;
use wharf_spec::exit_code::ExitCode;

/// The one shell.
pub(crate) const BASH: &str = "/bin/bash";

/// What one single shell does: source the profile scripts in the app directory, go to the working directory, become
/// the command. One word is a command line of its own; several are words that the shell expands one by one, each
/// staying one word.
pub(crate) fn script(profiles: &[Vec<u8>], working_dir: &[u8], words: &[Vec<u8>]) -> Vec<u8> {
    let mut script = Vec::new();
    for profile in profiles {
        script.extend_from_slice(b"source ");
        script.extend_from_slice(&quote(profile));
        script.push(b'\n');
    }
    script.extend_from_slice(b"cd -- ");
    script.extend_from_slice(&quote(working_dir));
    let failed = ExitCode::LaunchFailed.code();
    script.extend_from_slice(alloc::format!(" || exit {failed}\n").as_bytes());
    if let [line] = words {
        script.extend_from_slice(line);
    } else {
        script.extend_from_slice(b"set --");
        for word in words {
            script.extend_from_slice(b" \"");
            script.extend_from_slice(word);
            script.push(b'"');
        }
        // A function or builtin cannot be executed, only run.
        script.extend_from_slice(
            b"\nif [ \"$(type -t -- \"$1\")\" = file ]; then exec -- \"$@\"; else \"$@\"; fi",
        );
    }
    script.push(b'\n');
    script
}

/// One shell word that stands for exactly these bytes.
fn quote(text: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = text.split(|byte| *byte == b'\'').collect();
    [b"'".as_slice(), &parts.join(b"'\\''".as_slice()), b"'"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::String, vec};

    fn text(profiles: &[&str], words: &[&str]) -> String {
        let bytes = |list: &[&str]| {
            list.iter()
                .map(|item| item.as_bytes().to_vec())
                .collect::<Vec<_>>()
        };
        String::from_utf8(script(&bytes(profiles), b"/app", &bytes(words))).unwrap()
    }

    #[test]
    fn one_word_is_a_command_line() {
        let expected = "source '/l/it'\\''s.sh'\ncd -- '/app' || exit 82\necho a && echo b\n";
        assert_eq!(text(&["/l/it's.sh"], &["echo a && echo b"]), expected);
    }

    #[test]
    fn several_words_are_expanded_each_on_its_own() {
        let expected = "cd -- '/app' || exit 82\nset -- \"echo\" \"$A b\"\n\
            if [ \"$(type -t -- \"$1\")\" = file ]; then exec -- \"$@\"; else \"$@\"; fi\n";
        assert_eq!(text(&[], &["echo", "$A b"]), expected);
        assert_eq!(
            quote(b"a'b"),
            vec![b'\'', b'a', b'\'', b'\\', b'\'', b'\'', b'b', b'\'']
        );
    }
}
