//! An image of very many layers.
use crate::support::{options, reference, store};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use wharf_image::{DraftLayer, Family, ImageStore, Transfer};
use wharf_layer::Compression;
use wharf_testkit::{ScriptedServer, image_recipe::layer, scripted_server::Response};

const LAYERS: usize = 200;
const EXIST: usize = 190;
/// As many as an export has on their way.
const SIDE_BY_SIDE: usize = 4;

/// Each question is answered only when four have been asked: asked one after the other, none ever would be.
fn registry(existing: BTreeSet<String>) -> ScriptedServer {
    let gate = Arc::new(Barrier::new(SIDE_BY_SIDE));
    let server = ScriptedServer::start(move |request| match request.method.as_str() {
        "HEAD" => {
            gate.wait();
            let digest = request.path().rsplit('/').next().unwrap_or_default();
            Response::status(if existing.contains(digest) { 200 } else { 404 })
        }
        "POST" => Response::status(202).header("Location", "/v2/contract/app/blobs/uploads/1"),
        "PUT" => {
            request.discard_body().ok();
            Response::status(201)
        }
        _ => Response::status(200),
    });
    server.expect("server")
}

#[test]
fn two_hundred_layers_of_which_most_exist_cost_a_question_each_and_are_asked_about_side_by_side() {
    let layers: Vec<DraftLayer> = (0..LAYERS)
        .map(|number| layer(&number.to_be_bytes(), Compression::None, Family::Oci))
        .collect();
    let digests = layers
        .iter()
        .map(|layer| layer.descriptor.digest.to_string());
    let server = registry(digests.take(EXIST).collect());
    let store = store(options());
    let to = reference(&server.host(), "contract/app:1");
    let next = AtomicUsize::new(0);
    let uploaded = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(layer) = layers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let transfer = store.put_layer(&to, layer).expect("layer");
                    let is_new = usize::from(transfer == Transfer::Uploaded);
                    uploaded.fetch_add(is_new, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(uploaded.into_inner(), LAYERS - EXIST);
    let mut counts = BTreeMap::new();
    for request in server.recorded() {
        *counts.entry(request.method).or_insert(0) += 1;
    }
    let expected = [("GET", 1), ("HEAD", LAYERS), ("POST", 10), ("PUT", 10)];
    let expected = expected.map(|(method, count)| (method.to_owned(), count));
    assert_eq!(counts, BTreeMap::from(expected));
}
