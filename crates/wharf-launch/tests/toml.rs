//! The small TOML reader against a whole TOML library.
use proptest::prelude::*;
use wharf_launch::toml::{Table, Value, parse};

/// The library's value in the reader's terms, for comparison.
fn same(ours: &Value, theirs: &toml::Value) -> bool {
    match (ours, theirs) {
        (Value::Text(ours), toml::Value::String(theirs)) => ours == theirs,
        (Value::Flag(ours), toml::Value::Boolean(theirs)) => ours == theirs,
        (
            Value::Scalar,
            toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Datetime(_),
        ) => true,
        (Value::List(ours), toml::Value::Array(theirs)) => {
            ours.len() == theirs.len()
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::Tables(ours), toml::Value::Array(theirs)) => {
            let pairs = ours.iter().zip(theirs);
            ours.len() == theirs.len()
                && pairs.into_iter().all(|(ours, theirs)| {
                    theirs
                        .as_table()
                        .is_some_and(|theirs| same_table(ours, theirs))
                })
        }
        (Value::Table(ours), toml::Value::Table(theirs)) => same_table(ours, theirs),
        _ => false,
    }
}

fn same_table(ours: &Table, theirs: &toml::Table) -> bool {
    ours.iter().count() == theirs.len()
        && ours
            .iter()
            .all(|(key, _, value)| theirs.get(key).is_some_and(|theirs| same(value, theirs)))
}

#[track_caller]
fn assert_agree(text: &str) {
    let theirs = text.parse::<toml::Table>();
    let ours = parse(text);
    let agree = match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => same_table(ours, theirs),
        (ours, theirs) => ours.is_err() && theirs.is_err(),
    };
    assert!(agree, "{text}\nours: {ours:?}\ntheirs: {theirs:?}");
}

#[test]
fn agrees_on_documents_of_every_construct() {
    for text in [
        "",
        "# only a comment",
        "a = 1\nb = -2.5e3\nc = inf\nd = 1979-05-27 07:32:00\ne = 1979-05-27T07:32:00Z\nf = 07:32:00\ng = 0xdead_beef",
        "a = true\r\nb = false # why\r\n",
        "a = \"x\\ty\\u00e9\\U0001F600\\\\ \\\"\"\nb = 'c:\\x'",
        "a = \"\"\"\nfirst\n  second \\\n     third\"\"\"\"\nb = '''\nraw\\n''''",
        "a = [1, \"b\", [true,], {c = 1}, # comment\n]\nb = []",
        "a.b.c = 1\na.b.d = 2\na.\"e f\" = 3\n'g' . h = 4",
        "[a]\nb = 1\n[a.c]\nd = 2\n[e.f.g]\nh = 3\n[e]\ni = 4\n[e.f]\nj = 5",
        "[[a]]\nb = 1\n[[a]]\n[a.c]\nd = 1\n[[a.e]]\nf = 1\n[[a.e]]",
        "a = { b = 1, c.d = 2, e = { f = [1] } }",
        "a = { }",
        "\u{feff}a = 1",
        "a = \"tab\there\"",
    ] {
        assert!(text.parse::<toml::Table>().is_ok(), "{text}");
        assert_agree(text);
    }
}

#[test]
fn agrees_on_what_is_no_document() {
    for text in [
        "a",
        "a =",
        "a = b",
        "= 1",
        "a = 1 b = 2",
        "a = \"x",
        "a = \"x\ny\"",
        "a = \"\\q\"",
        "a = \"\\ud800\"",
        "a = '''x",
        "a = [1 2]",
        "a = [1",
        "a = { b = 1 c = 2 }",
        "a = { b = 1",
        "a = 1\na = 2",
        "[a]\n[a]",
        "[a]\nb = 1\n[a.b]",
        "a = 1\n[a]",
        "[[a]]\n[a]",
        "[a]\n[[a]]",
        "a = []\n[[a]]",
        "a = { b = 1 }\n[a.c]",
        "a = { b = 1 }\na.c = 1",
        "a.b = 1\n[a]",
        "[a.b]\nc = 1\n[a]\nb.d = 1",
        "[a",
        "[[a]",
        "[]",
        "[a]b = 1",
        "\"\"\"a\"\"\" = 1",
        "a = \"\u{1}\"",
        "# \u{1}",
        "a = \"x\" \"y\"",
        "a..b = 1",
    ] {
        assert!(text.parse::<toml::Table>().is_err(), "{text}");
        assert_agree(text);
    }
}

#[test]
fn nesting_is_limited() {
    let text = format!("a = {}1{}", "[".repeat(70), "]".repeat(70));
    let error = parse(&text).unwrap_err();
    assert_eq!((error.line, error.message), (1, "nested too deeply"));
}

/// A value of the library, made of what `metadata.toml` and `exec.d` output can hold.
fn value() -> impl Strategy<Value = toml::Value> {
    let leaf = prop_oneof![
        any::<String>().prop_map(toml::Value::String),
        any::<bool>().prop_map(toml::Value::Boolean),
        any::<i64>().prop_map(toml::Value::Integer),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(toml::Value::Array),
            table(inner).prop_map(toml::Value::Table),
        ]
    })
}

fn table(value: impl Strategy<Value = toml::Value>) -> impl Strategy<Value = toml::Table> {
    prop::collection::vec(("[a-z \"'.é-]{0,4}", value), 0..4)
        .prop_map(|pairs| pairs.into_iter().collect())
}

proptest! {
    #[test]
    fn reads_what_the_library_writes(table in table(value())) {
        let text = toml::to_string(&table).unwrap();
        let ours = parse(&text);
        prop_assert!(ours.as_ref().is_ok_and(|ours| same_table(ours, &table)), "{text}\n{ours:?}");
    }

    #[test]
    fn never_panics(text in "[\\[\\]{}=.,\"'#a1\\\\ \n\r\té\u{0}]{0,40}") {
        let _ = parse(&text);
    }
}
