//! A server shaped as Harbor as a process of its own, for tests of executables and for trying things out.
//!
//! `harbor PORT PROJECT LIMIT COUNT` listens on loopback until its standard input ends, with one project whose limit is in
//! bytes (-1 for none) and which holds so many made-up images, ten to a repository and one of these tagged; an account `admin`, and robots `builder` and `keeper` of the project; the password of all is
//! `wharf-testkit`. It then prints what it saw: used bytes, uploads left open, violations.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]
use serde_json::json;
use std::{
    io::{self, Read},
    net::{Ipv4Addr, SocketAddr},
};
use wharf_testkit::{
    HarborOptions, HarborServer,
    harbor::{Account, Fabricated},
    image_recipe,
};

const PASSWORD: &str = "wharf-testkit";

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port = arguments.next().and_then(|port| port.parse().ok());
    let project = arguments.next().unwrap_or_else(|| "team".to_owned());
    let limit: i64 = arguments
        .next()
        .and_then(|limit| limit.parse().ok())
        .unwrap_or(-1);
    let server = HarborServer::start(HarborOptions {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or(0))),
        accounts: vec![
            Account::admin("admin", PASSWORD),
            Account::builder(&project, "builder", PASSWORD),
            Account::keeper(&project, "keeper", PASSWORD),
        ],
        ..HarborOptions::default()
    })?;
    server.add_project(&project, false);
    let project_of_images = project.clone();
    server.set_limit(&project, u64::try_from(limit).ok());
    let count = arguments.next().and_then(|count| count.parse().ok());
    server.fabricate(count.unwrap_or(0), move |index| {
        image(&project_of_images, index)
    });
    println!("{}", server.host());
    io::stdin().read_to_end(&mut Vec::new())?;
    println!("used {} bytes in {project}", server.used(&project));
    println!("uploads left open: {}", server.open_uploads());
    for violation in server.violations() {
        println!("violation: {violation}");
    }
    Ok(())
}

/// Image `index`: a base that all share, and a layer of its own.
fn image(project: &str, index: u64) -> Fabricated {
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{"Labels":{{"number":"{index}"}}}},"rootfs":{{"type":"layers","diff_ids":[]}}}}"#
    );
    let layers = vec![
        (image_recipe::digest(b"base"), 50_000_000),
        (
            image_recipe::digest(&index.to_be_bytes()),
            1_000_000 + index,
        ),
    ];
    let config_type = "application/vnd.oci.image.config.v1+json";
    let layer_type = "application/vnd.oci.image.layer.v1.tar+gzip";
    let described: Vec<_> = layers
        .iter()
        .map(|(digest, size)| json!({"mediaType": layer_type, "digest": digest, "size": size}))
        .collect();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": config_type, "digest": image_recipe::digest(config.as_bytes()), "size": config.len()},
        "layers": described,
    });
    Fabricated {
        repository: format!("{project}/app-{}", index / 10),
        tag: (index % 10 == 9).then(|| "latest".to_owned()),
        manifest: manifest.to_string().into_bytes(),
        config: config.into_bytes(),
        layers,
    }
}
