//! Builds through a proxy that breaks what passes.
use crate::support::{
    finish,
    place::{Place, add_run_image},
};
use wharf_image::ImageStore;
use wharf_registry::{RegistryOptions, RegistryStore};
use wharf_testkit::{
    Fault, FaultPlan, FaultProxy,
    fault_proxy::{SessionEnd, sessions},
    registry_server::{RegistryServer, RegistryServerOptions},
};

#[test]
fn a_layer_whose_upload_breaks_is_sent_again_from_the_bytes_at_hand_and_every_session_is_ended() {
    let place = Place::new();
    let registry = RegistryServer::start(&RegistryServerOptions::default()).unwrap();
    // The first time, no blob gets through.
    let plan = FaultPlan::scripted(|asked| {
        let is_blob = asked.method == "PUT" && asked.target.contains("/blobs/uploads/");
        (is_blob && asked.earlier == 0).then_some(Fault::ResetInRequest)
    });
    let proxy = FaultProxy::start(registry.port(), plan).unwrap();
    let store = RegistryStore::new(RegistryOptions::default()).unwrap();
    let direct = |name: &str| format!("{}/{name}", registry.host());
    add_run_image(&place, &store, &direct("run/base"));
    place.write(
        "run.toml",
        &format!("[[images]]\nimage = \"{}/run/base\"\n", proxy.host()),
    );

    let image = format!("{}/app/built", proxy.host());
    let arguments = ["-no-color", "-log-level=debug", &image];
    let outcome = finish(place.creator(&arguments, &[]));
    assert_eq!(outcome.status, Some(0), "{}", outcome.stderr);

    let traffic = proxy.take();
    let cut = traffic.faults()["reset-in-request"];
    let told = |line: &str| assert!(outcome.stdout.contains(line), "{line}: {}", outcome.stdout);
    // Six layers and the config; that of the base is mounted.
    assert_eq!(cut, 7);
    told(&format!(" {cut} retries, "));
    told("Layers: 6 compressed, 6 different");
    let ends = sessions(&traffic.exchanges);
    let with = |end| ends.values().filter(|one| **one == end).count();
    // Some that broke the registry does not drop, because it has stored a part; all of them it was asked to.
    assert_eq!((with(SessionEnd::Left), with(SessionEnd::Untold)), (0, 0));
    assert_eq!(with(SessionEnd::Finished), 7);
    let built = direct("app/built").parse().unwrap();
    let platform = wharf_image::Platform {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        variant: None,
    };
    let found = store.find(&built, &platform).unwrap().unwrap();
    assert_eq!(found.layers().len(), 7);
    for layer in found.layers() {
        let mut bytes = store.open_blob(&built, &layer.descriptor).unwrap();
        std::io::copy(&mut bytes, &mut std::io::sink()).unwrap();
    }
}
