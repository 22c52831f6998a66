//! The bytes of layers: with the same diff IDs as the reference's, a switch uploads nothing.
use crate::{
    cases::layers::{flow, layer, sha, slices},
    image::{Entry, Image, digest},
    suite::{
        Case,
        ground::{PASSWORD, USER},
    },
    tests,
};

tests! {
    layers_are_walked_directory_by_directory: [] .once();
    files_of_every_kind_are_written_in_one_way: [] .once();
    headers_name_nobody_and_archives_end_without_padding: [] .once();
    the_app_is_in_byte_order_with_its_own_directory: [] .once();
    slices_bring_their_parents_and_empty_ones_are_layers: [] .once();
    launcher_and_process_links_belong_to_root: [];
    the_config_layer_is_the_config_directory: [] .once();
    a_slice_is_reused_in_another_place: [] .once();
    layers_from_another_registry_are_copied_and_counted: [] .once();
}

/// 1980-01-01T00:00:01Z.
const TIME: u64 = 315_532_801;

/// `<type> <mode> <path>[ -> <link>]` of entries that have the time of every entry and belong to these.
#[track_caller]
fn lines(case: &Case<'_>, entries: &[Entry], owner: (u64, u64)) -> Vec<String> {
    entries
        .iter()
        .map(|entry| {
            let seen = (entry.mtime, (entry.uid, entry.gid));
            case.equal("", seen, (TIME, owner));
            let link = if entry.link.is_empty() {
                String::new()
            } else {
                format!(" -> {}", entry.link)
            };
            let kind = char::from(entry.kind);
            format!("{kind} {:o} {}{link}", entry.mode, entry.path)
        })
        .collect()
}

fn launch_layer(image: &Image, name: &str) -> Vec<Entry> {
    image.layer(&sha(image, name))
}

fn part(image: &Image, name: &str) -> String {
    let label = image.json_label("io.buildpacks.lifecycle.metadata");
    let sha = label[name]["sha"].as_str();
    sha.unwrap_or_else(|| panic!("the label has no {name}"))
        .to_owned()
}

fn app_shas(image: &Image) -> Vec<String> {
    let label = image.json_label("io.buildpacks.lifecycle.metadata");
    let layers = label["app"].as_array().expect("the label lists app layers");
    let shas = layers.iter().map(|layer| layer["sha"].as_str());
    shas.map(|sha| sha.expect("a layer has a sha").to_owned())
        .collect()
}

/// In a directory names are in order, and a directory comes with all that is below it: `a`, `a/x`, `a.b`.
fn layers_are_walked_directory_by_directory(case: &Case<'_>) {
    let script = layer("lib", "l", "lib")
        + "umask 022\nmkdir -p \"$LAYERS/lib/a/x\" \"$LAYERS/lib/a-b\"\n: > \"$LAYERS/lib/a.b\"\n: > \"$LAYERS/lib/a/x/y\"\nrm \"$LAYERS/lib/content\"\n";
    let image = flow(case, &script).whole();
    case.equal(
        "",
        lines(case, &launch_layer(&image, "lib"), (1000, 1000)),
        [
            "5 755 /layers",
            "5 755 /layers/example_layers",
            "5 755 /layers/example_layers/lib",
            "5 755 /layers/example_layers/lib/a",
            "5 755 /layers/example_layers/lib/a/x",
            "0 644 /layers/example_layers/lib/a/x/y",
            "5 755 /layers/example_layers/lib/a-b",
            "0 644 /layers/example_layers/lib/a.b",
        ],
    );
}

const KINDS: &str = r#"
umask 022
cd "$LAYERS/lib"
printf one > first
ln first second
ln -s first link
ln -s ../elsewhere/./x odd-link
mkfifo pipe
chmod 4755 first
mkdir sticky && chmod 1777 sticky
: > closed && chmod 400 closed
"#;

/// Hard links are files of their own, links keep their text, and modes their upper bits.
fn files_of_every_kind_are_written_in_one_way(case: &Case<'_>) {
    let script = layer("lib", "l", "lib") + KINDS;
    let image = flow(case, &script).whole();
    let entries = launch_layer(&image, "lib");
    let below: Vec<String> = lines(case, &entries, (1000, 1000))
        .into_iter()
        .filter_map(|line| {
            let (head, name) = line.split_once("/layers/example_layers/lib/")?;
            Some(format!("{head}{name}"))
        })
        .collect();
    case.equal(
        "",
        below,
        [
            "0 400 closed",
            "0 644 content",
            "0 4755 first",
            "2 777 link -> first",
            "2 777 odd-link -> ../elsewhere/./x",
            "6 644 pipe",
            "0 4755 second",
            "5 1777 sticky",
        ],
    );
    let copies = entries.iter().filter(|entry| entry.content == b"one");
    case.equal("", copies.count(), 2);
}

/// Size of an entry's content in a raw header.
fn size(header: &[u8]) -> usize {
    let digits: String = header[124..136]
        .iter()
        .map(|byte| char::from(*byte))
        .filter(char::is_ascii_digit)
        .collect();
    usize::from_str_radix(&digits, 8).expect("a size is octal")
}

/// Neither user nor group has a name; long and foreign names have a PAX header in `PaxHeaders.0`; two blocks of zeros
/// end the archive.
fn headers_name_nobody_and_archives_end_without_padding(case: &Case<'_>) {
    let script = layer("lib", "l", "lib")
        + "cd \"$LAYERS/lib\"\n: > ü\nlong=$(printf '%0200d' 0)\n: > \"$long\"\nln -s \"$long\" link\nmkdir \"d$long\"\n";
    let image = flow(case, &script).whole();
    let sha = sha(&image, "lib");
    let index = image.diff_ids().iter().position(|id| *id == sha);
    let archive = image.archive(index.expect("the layer is in the image"));
    let mut at = 0;
    let mut extended = Vec::new();
    while archive[at] != 0 {
        let header = &archive[at..at + 512];
        case.equal("", &header[257..265], b"ustar\x0000".as_slice());
        case.equal("", &header[265..329], [0; 64].as_slice());
        if header[156] == b'x' {
            let name = header[..100].split(|byte| *byte == 0).next();
            let name = String::from_utf8_lossy(name.unwrap_or_default()).into_owned();
            extended.push(name.contains("/PaxHeaders.0"));
        }
        at += 512 + size(header).div_ceil(512) * 512;
    }
    case.equal("", archive.len() - at, 1024);
    case.equal("", archive[at..].iter().all(|byte| *byte == 0), true);
    // The umlaut, the two names and the link.
    case.equal("", extended, [true; 4]);
    let paths: Vec<String> = crate::image::entries(&archive)
        .into_iter()
        .map(|entry| entry.path)
        .collect();
    case.check(
        "",
        paths.contains(&"/layers/example_layers/lib/ü".to_owned()),
        "an umlaut",
        paths,
    );
}

/// Whole paths in the order of their bytes: `a`, `a.b`, `a/x`. Not that of layers.
fn the_app_is_in_byte_order_with_its_own_directory(case: &Case<'_>) {
    let flow = flow(case, "");
    flow.stage.write("workspace/a/x", "");
    flow.stage.write("workspace/a.b", "");
    let image = flow.whole();
    let entries = image.layer(&app_shas(&image)[0]);
    let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    case.equal(
        "",
        paths,
        [
            "/workspace",
            "/workspace/a",
            "/workspace/a.b",
            "/workspace/a/x",
            "/workspace/app.txt",
        ],
    );
}

fn slices_bring_their_parents_and_empty_ones_are_layers(case: &Case<'_>) {
    let flow = flow(case, &slices(&["['deep/*/x']", "['none']"]));
    flow.stage.write("workspace/deep/down/x/y", "");
    flow.stage.write("workspace/deep/down/z", "");
    let image = flow.whole();
    let shas = app_shas(&image);
    let paths = |sha: &str| -> Vec<String> {
        let entries = image.layer(sha);
        entries.into_iter().map(|entry| entry.path).collect()
    };
    case.equal(
        "",
        paths(&shas[0]),
        [
            "/workspace",
            "/workspace/deep",
            "/workspace/deep/down",
            "/workspace/deep/down/x",
            "/workspace/deep/down/x/y",
        ],
    );
    case.equal("", &shas[1], &digest(&[0; 1024]));
    case.equal(
        "",
        paths(&shas[2]),
        [
            "/workspace",
            "/workspace/app.txt",
            "/workspace/deep",
            "/workspace/deep/down",
            "/workspace/deep/down/z",
        ],
    );
}

fn launcher_and_process_links_belong_to_root(case: &Case<'_>) {
    let command = if case.buildpack >= 9 {
        "[\"run\"]"
    } else {
        "\"run\""
    };
    let script = format!(
        "cat > \"$LAYERS/launch.toml\" <<'END'\n[[processes]]\ntype = \"web\"\ncommand = {command}\n[[processes]]\ntype = \"a.b\"\ncommand = {command}\nEND\n"
    );
    let image = flow(case, &script).whole();
    let root = (0, 0);
    case.equal(
        "",
        lines(case, &image.layer(&part(&image, "launcher")), root),
        [
            "5 755 /cnb",
            "5 755 /cnb/lifecycle",
            "0 755 /cnb/lifecycle/launcher",
        ],
    );
    case.equal(
        "",
        lines(case, &image.layer(&part(&image, "process-types")), root),
        [
            "5 755 /cnb",
            "5 755 /cnb/process",
            "2 755 /cnb/process/a.b -> /cnb/lifecycle/launcher",
            "2 755 /cnb/process/web -> /cnb/lifecycle/launcher",
        ],
    );
}

fn the_config_layer_is_the_config_directory(case: &Case<'_>) {
    let image = flow(case, "").whole();
    let entries = image.layer(&part(&image, "config"));
    case.equal(
        "",
        lines(case, &entries, (1000, 1000)),
        [
            "5 755 /layers",
            "5 755 /layers/config",
            "0 644 /layers/config/metadata.toml",
        ],
    );
    // There are no processes, and so no layer of links to them.
    let label = image.json_label("io.buildpacks.lifecycle.metadata");
    case.equal(
        "",
        label["process-types"]["sha"].as_str().unwrap_or_default(),
        "",
    );
}

fn a_slice_is_reused_in_another_place(case: &Case<'_>) {
    let flow = flow(case, &slices(&["['one']", "['two']"]));
    flow.stage.write("workspace/one", "1");
    flow.stage.write("workspace/two", "2");
    let first = flow.whole();
    crate::cases::layers::next(case, &flow, &slices(&["['two']", "['one']"]));
    flow.until_build();
    let outcome = flow.export(&[]);
    outcome.expect_code(0);
    case.contains("", &outcome.output, "Reused 3/3 app layer(s)");
    case.lacks("", &outcome.output, "Added ");
    let (before, after) = (app_shas(&first), app_shas(&flow.pull()));
    case.equal(
        "",
        after,
        [&before[1], &before[0], &before[2]].map(Clone::clone),
    );
}

fn layers_from_another_registry_are_copied_and_counted(case: &Case<'_>) {
    let mut flow = flow(case, "");
    let private = &case.ground.private;
    let login = crate::client::basic(USER, PASSWORD);
    let login = format!("{{\"{}\": \"{login}\"}}", private.address());
    flow.stage.set("CNB_REGISTRY_AUTH", &login);
    let run = private.name("shared/run:base");
    flow.analyze(&[&format!("-run-image={run}")]).expect_code(0);
    flow.detect(&[]).expect_code(0);
    flow.restore(&[]).expect_code(0);
    flow.build(&[]).expect_code(0);
    let lines = [0; 2].map(|_| {
        let outcome = flow.export(&[]);
        outcome.expect_code(0);
        outcome
            .output
            .contains("Copied 1 layer(s) of the run image")
    });
    case.equal("", lines, [true, false]);
}
