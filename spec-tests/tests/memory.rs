//! What exporting a large layer takes, whatever its size: memory, and room for temporary files.
#![expect(clippy::expect_used, reason = "a test that cannot go on ends")]
use spec_tests::{fixture, registry::Registry, stage::Stage};
use std::{
    fs::File,
    io::{self, BufReader, Read, Write},
    path::Path,
};

const API: &str = "0.15";
const MIB: u64 = 1 << 20;

/// Starts its arguments, waits, and says the most memory they ever held at once.
const MEASURE: &str = "\
import os, resource, sys
code = os.spawnv(os.P_WAIT, sys.argv[1], sys.argv[1:])
print('peak KiB:', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
";

/// Half of it is noise, so that it stays large when compressed.
fn write_gibibyte(path: &Path) {
    let mut noise = BufReader::new(File::open("/dev/urandom").expect("open the random device"));
    let mut file = File::create(path).expect("create the large file");
    let text = vec![b'x'; 512 << 10];
    for _ in 0..1024 {
        io::copy(&mut noise.by_ref().take(512 << 10), &mut file).expect("write noise");
        file.write_all(&text).expect("write text");
    }
}

#[test]
fn exporting_a_gibibyte_takes_less_than_64_mib_of_memory_and_no_file_of_twice_its_compressed_size()
{
    let registry = Registry::start();
    let run_image = fixture("golden/reference").join(API).join("run-before");
    registry.push(&run_image, "golden/run:base");
    let stage = Stage::sample(API, &registry.address());
    let phases = stage.phases(&registry.name("app/large"));
    let [before @ .., (exporter, args)] = &phases;
    for (phase, args) in before {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        stage.phase(phase, &args).expect_code(0);
    }
    write_gibibyte(&stage.path("layers/example_first/only-launch/large"));
    // The kernel ends a process that lets a file grow beyond this.
    let longest_file = 640 * MIB;
    let mut command = stage.bwrap();
    command
        .arg("prlimit")
        .arg(format!("--fsize={longest_file}"))
        .args(["python3", "-c", MEASURE])
        .arg(format!("/cnb/lifecycle/{exporter}"))
        .args(args);
    let outcome = stage.finish(command);
    outcome.expect_code(0);
    let peak: u64 = outcome
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("peak KiB: "))
        .and_then(|number| number.parse().ok())
        .expect("the peak is a number");
    let compressed = largest_layer(&registry, "app/large");
    // Not through print!, which shows nothing of a test that passes.
    writeln!(
        io::stderr(),
        "measured: exporting a layer of 1024 MiB ({} MiB compressed): peak RSS {:.1} MiB, no file beyond {} MiB",
        compressed / MIB,
        f64::from(u32::try_from(peak).expect("less than 4 TiB")) / 1024.0,
        longest_file / MIB
    )
    .expect("write to standard error");
    assert!(peak < 64 << 10, "{peak} KiB of memory");
    assert!(
        longest_file < 2 * compressed,
        "files could have grown beyond twice {compressed} bytes"
    );
    let left = stage.path("tmp").read_dir().expect("list /tmp").count();
    assert_eq!(left, 0, "temporary files stayed behind");
}

fn largest_layer(registry: &Registry, repository: &str) -> u64 {
    let (_, manifest) = registry
        .client()
        .manifest(repository, "latest")
        .expect("there is an image");
    let manifest: serde_json::Value =
        serde_json::from_slice(&manifest).expect("parse the manifest");
    let layers = manifest["layers"].as_array().expect("there are layers");
    layers
        .iter()
        .filter_map(|layer| layer["size"].as_u64())
        .max()
        .expect("there is a layer")
}
