//! Programs that compute variables at launch (buildpack spec, "Exec.d").
use crate::{
    LaunchError, display, environment,
    host::Host,
    join,
    toml::{self, TomlError, Value},
};
use alloc::{string::String, vec::Vec};
use wharf_env::Env;

/// Most an `exec.d` program may write: far more than a process can be given.
pub(crate) const OUTPUT_LIMIT: usize = 1 << 20;

/// Runs the programs of all layers, then those for the process type, and applies what each says before the next.
pub(crate) fn run(
    host: &dyn Host,
    env: &mut Env,
    layers: &[Vec<u8>],
    process_type: Option<&[u8]>,
    app_dir: &[u8],
) -> Result<(), LaunchError> {
    let general = layers.iter().map(|layer| join(layer, b"exec.d"));
    let special = process_type.into_iter().flat_map(|process_type| {
        layers
            .iter()
            .map(move |layer| join(&join(layer, b"exec.d"), process_type))
    });
    for directory in general.chain(special) {
        for program in environment::names(host, &directory, false)? {
            let output = host
                .run(&program, env, app_dir, OUTPUT_LIMIT)
                .map_err(|source| LaunchError::ExecD {
                    path: display(&program),
                    source,
                })?;
            let variables = variables(&output).map_err(|source| LaunchError::ExecDOutput {
                path: display(&program),
                source,
            })?;
            for (name, value) in variables {
                env.set_bytes(name, value);
            }
        }
    }
    Ok(())
}

fn variables(output: &[u8]) -> Result<Vec<(String, String)>, TomlError> {
    let text = core::str::from_utf8(output).map_err(|error| {
        let valid = output.get(..error.valid_up_to()).unwrap_or_default();
        TomlError::at(&display(valid), valid.len(), "not UTF-8")
    })?;
    let mut variables = Vec::new();
    for (name, offset, value) in toml::parse(text)?.iter() {
        let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || !name.bytes().all(is_bare) {
            return Err(TomlError::at(text, offset, "not the name of a variable"));
        }
        match value {
            Value::Text(value) if value.contains('\0') => {
                return Err(TomlError::at(
                    text,
                    offset,
                    "a variable cannot hold a NUL character",
                ));
            }
            Value::Text(value) => variables.push((name.into(), value.clone())),
            _ => {
                return Err(TomlError::at(
                    text,
                    offset,
                    "the value of a variable must be a string",
                ));
            }
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn output_is_any_number_of_string_pairs() {
        assert_eq!(variables(b""), Ok(Vec::new()));
        let output =
            b"# from a program\nA = \"b \\\"c\\\"\"\n\"D\" = 'e\\'\nF-1 = \"\"\"\nx\ny\"\"\"\n";
        let expected = [("A", "b \"c\""), ("D", "e\\"), ("F-1", "x\ny")];
        let expected = expected.map(|(name, value)| (name.to_string(), value.to_string()));
        assert_eq!(variables(output), Ok(expected.to_vec()));
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        let error = |output: &[u8]| variables(output).unwrap_err().to_string();
        assert_eq!(
            error(b"A = 1\n"),
            "line 1, column 1: the value of a variable must be a string"
        );
        assert_eq!(
            error(b"\n[A]\nb = \"c\"\n"),
            "line 2, column 2: the value of a variable must be a string"
        );
        assert_eq!(
            error(b"A.b = \"c\"\n"),
            "line 1, column 1: the value of a variable must be a string"
        );
        assert_eq!(
            error(b"\"A=B\" = \"c\"\n"),
            "line 1, column 1: not the name of a variable"
        );
        assert_eq!(
            error(b"A = \"\\u0000\"\n"),
            "line 1, column 1: a variable cannot hold a NUL character"
        );
        assert_eq!(
            error(b"A = \"b\"\nA = \"c\"\n"),
            "line 2, column 1: this key is defined twice"
        );
        assert_eq!(error(b"A = \"\xff\"\n"), "line 1, column 6: not UTF-8");
        assert_eq!(error(b"A=b\n"), "line 1, column 3: expected a value");
    }
}
