//! Where results cannot be written.
use crate::ground::{Ground, fails};
use std::{fs, io::Read};

/// The report tells of the image, so that is whole by then.
#[test]
fn an_unwritable_report_is_62() {
    let ground = Ground::new();
    let mut args = ground.before("exporter");
    args.insert(0, "-report=/proc/none/report.toml".into());
    let words = ["/proc/none/report.toml"];
    fails(&ground.stage, ("exporter", &args), 62, &words, &[]);
}

#[test]
fn a_full_disk_leaves_no_image_and_no_files() {
    let mut ground = Ground::new();
    let args = ground.before("exporter");
    // One layer that does not fit into the small temporary directory even when compressed.
    let mut noise = vec![0; 6 << 20];
    let mut random = fs::File::open("/dev/urandom").expect("open the random device");
    random.read_exact(&mut noise).expect("read noise");
    let path = ground.stage.path("layers/example_first/only-launch/noise");
    fs::write(path, noise).expect("write the noise");
    ground.stage.set("TMPDIR", "/small");
    let options = ["--size", "1048576", "--tmpfs", "/small"];
    let words = ["/small", "No space left"];
    ground.fails_with(("exporter", &args), 62, &words, &options);
}
