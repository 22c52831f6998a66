//! A program that is about to end cancels its uploads.
use crate::support::{options, reference, store};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};
use wharf_image::{DraftLayer, Family, ImageStore};
use wharf_layer::Compression;
use wharf_registry::RegistryStore;
use wharf_testkit::{ScriptedServer, image_recipe::layer, scripted_server::Response};

const LIMIT: Duration = Duration::from_secs(20);
const UPLOADS: &str = "/v2/contract/app/blobs/uploads/";

/// A registry that says when the bytes of an upload come, and takes them when it is told to.
struct Slow {
    server: ScriptedServer,
    store: Arc<RegistryStore>,
    arrived: Receiver<()>,
    take: Sender<()>,
}

impl Slow {
    fn start() -> Self {
        let (arrives, arrived) = channel();
        let (take, taken) = channel::<()>();
        let taken = Mutex::new(taken);
        let server = ScriptedServer::start(move |request| match request.method.as_str() {
            "HEAD" => Response::status(404),
            "POST" => Response::status(202).header("Location", "/v2/contract/app/blobs/uploads/1"),
            "PUT" => {
                arrives.send(()).ok();
                taken.lock().expect("lock").recv().ok();
                Response::status(201)
            }
            _ => Response::status(204),
        });
        Self {
            server: server.expect("server"),
            store: Arc::new(store(options())),
            arrived,
            take,
        }
    }

    /// Starts to upload a layer; the receiver hears when it is there.
    fn upload(&self) -> Receiver<()> {
        let (done, hear) = channel();
        let (store, to) = (
            Arc::clone(&self.store),
            reference(&self.server.host(), "contract/app:1"),
        );
        // The thread of an upload that was cancelled waits for the end of the program.
        thread::spawn(move || {
            let layer: DraftLayer = layer(b"some bytes", Compression::None, Family::Oci);
            store.put_layer(&to, &layer).expect("upload a layer");
            done.send(()).ok();
        });
        hear
    }

    fn counts(&self) -> [usize; 3] {
        ["POST", "PUT", "DELETE"].map(|method| self.server.count(method, UPLOADS))
    }
}

#[test]
fn an_upload_that_does_not_come_to_its_end_is_cancelled_and_none_is_started_any_more() {
    let slow = Slow::start();
    let done = slow.upload();
    slow.arrived.recv_timeout(LIMIT).expect("bytes come");
    slow.store.cancel_uploads(LIMIT);
    assert_eq!(slow.counts(), [1, 1, 1]);
    let cancelled = slow.server.recorded().pop().expect("requests");
    assert_eq!(cancelled.target, "/v2/contract/app/blobs/uploads/1");
    let late = slow.upload();
    slow.take.send(()).expect("the server waits");
    assert!(late.recv_timeout(Duration::from_millis(200)).is_err());
    assert!(done.try_recv().is_err());
    assert_eq!(slow.counts(), [1, 1, 1]);
}

#[test]
fn an_upload_that_is_nearly_done_comes_to_its_end() {
    let slow = Slow::start();
    let done = slow.upload();
    slow.arrived.recv_timeout(LIMIT).expect("bytes come");
    let store = Arc::clone(&slow.store);
    let cancelling = thread::spawn(move || store.cancel_uploads(LIMIT));
    slow.take.send(()).expect("the server waits");
    done.recv_timeout(LIMIT).expect("the upload ends");
    cancelling.join().expect("nothing is left to cancel");
    assert_eq!(slow.counts(), [1, 1, 0]);
}

#[test]
fn a_cancellation_that_a_registry_has_no_time_for_is_repeated() {
    let busy = AtomicBool::new(true);
    let (arrives, arrived) = channel();
    let server = ScriptedServer::start(move |request| match request.method.as_str() {
        "HEAD" => Response::status(404),
        "POST" => Response::status(202).header("Location", "/v2/contract/app/blobs/uploads/1"),
        "PUT" => {
            arrives.send(()).ok();
            // Never, as far as this test is concerned.
            thread::park();
            Response::status(201)
        }
        "DELETE" if busy.swap(false, Ordering::SeqCst) => Response::status(503),
        _ => Response::status(204),
    });
    let server = server.expect("server");
    let store = Arc::new(store(options()));
    let to = reference(&server.host(), "contract/app:1");
    let uploading = Arc::clone(&store);
    thread::spawn(move || {
        let layer = layer(b"some bytes", Compression::None, Family::Oci);
        uploading.put_layer(&to, &layer).ok();
    });
    arrived.recv().expect("bytes come");
    store.cancel_uploads(LIMIT);
    assert_eq!(server.count("DELETE", UPLOADS), 2);
}
