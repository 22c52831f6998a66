//! A server, a way to it, and the operations.
use super::{
    plan::plan,
    table::{Often, Step, What},
};
use crate::support::{PASSWORD, USER, amd64, blob, image, options, reference};
use std::{io::Read, time::Duration};
use wharf_image::{
    DraftLayer, Image, ImageStore, LayerSource, SealedImage, StoreError, StoreErrorKind, Stored,
};
use wharf_registry::{Credentials, RegistryOptions, RegistryStore};
use wharf_spec::reference::Reference;
use wharf_testkit::{
    Fault, FaultProxy, HarborOptions, HarborServer, ScriptedServer, harbor::Account,
    image_recipe::push, scripted_server::Response,
};

/// How long the other side may be silent where it falls silent.
const IDLE: Duration = Duration::from_millis(200);
/// A server with two images, a way to it, and another host.
pub(super) struct Cell {
    step: Step,
    server: HarborServer,
    pub(super) proxy: FaultProxy,
    elsewhere: ScriptedServer,
    store: RegistryStore,
    base: SealedImage,
    app: SealedImage,
    new: SealedImage,
}

/// Bytes of a layer that cannot be told from noise.
fn noise() -> Vec<u8> {
    (0..20_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect()
}

fn account(host: &str) -> Credentials {
    Credentials::anonymous().with_password(host, USER, PASSWORD)
}

impl Cell {
    pub(super) fn new(step: Step, what: What, often: Often) -> Self {
        let server = HarborServer::start(HarborOptions {
            accounts: vec![Account::admin(USER, PASSWORD)],
            relative_locations: true,
            ..HarborOptions::default()
        });
        let server = server.expect("server");
        server.add_project("contract", false);
        let direct = RegistryStore::new(RegistryOptions {
            credentials: account(&server.host()),
            ..options()
        });
        let direct = direct.expect("store");
        let [base, app, new] = ["base", "app", "new"].map(image);
        for (sealed, name) in [(&base, "contract/base:1"), (&app, "contract/app:1")] {
            push(&direct, sealed, &[&reference(&server.host(), name)]);
        }
        let content = noise();
        let (descriptor, source) = blob(&content);
        let layer = DraftLayer {
            diff_id: descriptor.digest,
            descriptor,
            created_by: None,
            source: LayerSource::Bytes(source),
        };
        direct
            .put_layer(&reference(&server.host(), "contract/app:1"), &layer)
            .expect("layer");
        let right = match step {
            Step::GetManifest => app.image.manifest_bytes().to_vec(),
            _ => content,
        };
        let served = right.clone();
        let media_type = Stored::of_image(&app.image).media_type;
        let elsewhere = ScriptedServer::start(move |_| {
            Response::status(200)
                .header("Content-Type", &media_type)
                .body(served.clone())
        });
        let elsewhere = elsewhere.expect("server");
        let plan = plan(&server, (step, what, often), &right, elsewhere.address());
        let port = server.host().rsplit_once(':').expect("port").1.parse();
        let proxy = FaultProxy::start(port.expect("port"), plan).expect("proxy");
        let mut options = options();
        if matches!(what, What::Way(Fault::Stalled(_))) {
            options.idle_timeout = IDLE;
        }
        options.credentials = account(&proxy.host());
        Self {
            store: RegistryStore::new(options).expect("store"),
            step,
            server,
            proxy,
            elsewhere,
            base,
            app,
            new,
        }
    }

    fn at(&self, name: &str) -> Reference {
        reference(&self.proxy.host(), name)
    }
}

/// The name of an error in the table.
fn name(kind: &StoreErrorKind) -> String {
    match kind {
        StoreErrorKind::Unreachable { .. } => "unreachable".to_owned(),
        StoreErrorKind::Server { .. } => "server".to_owned(),
        StoreErrorKind::RateLimited { .. } => "rate".to_owned(),
        StoreErrorKind::Denied { .. } => "denied".to_owned(),
        StoreErrorKind::QuotaExceeded { .. } => "quota".to_owned(),
        StoreErrorKind::BeingCollected { .. } => "collected".to_owned(),
        StoreErrorKind::ImmutableTag { .. } => "immutable".to_owned(),
        StoreErrorKind::Mismatch { .. } => "mismatch".to_owned(),
        other => format!("{other:?}"),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape of a function for map_err"
)]
fn of_store(error: StoreError) -> String {
    name(&error.kind)
}

/// Bytes of a blob come with errors of reading, in which those of the store are.
fn of_reading(error: &std::io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(kind) => name(kind),
        // The reader that verifies.
        None => "mismatch".to_owned(),
    }
}

/// Reads the large blob to its end.
fn read_noise(store: &RegistryStore, at: &Reference) -> Result<(), String> {
    let content = noise();
    let (descriptor, _) = blob(&content);
    let mut bytes = Vec::new();
    let mut reader = store.open_blob(at, &descriptor).map_err(of_store)?;
    let read = reader.read_to_end(&mut bytes);
    read.map_err(|error| of_reading(&error))?;
    assert_eq!(bytes, content);
    Ok(())
}

impl Cell {
    /// Does what the step is part of, and looks at what comes of it.
    pub(super) fn run(&self) -> Result<(), String> {
        let (store, app) = (&self.store, self.at("contract/app:1"));
        match self.step {
            Step::HeadManifest => {
                let found = store.resolve(&app).map_err(of_store)?;
                assert_eq!(found, Some(self.app.image.digest()));
            }
            Step::GetManifest => {
                let found = store.read_manifest(&app).map_err(of_store)?;
                let found = found.expect("manifest");
                assert_eq!(found.bytes, self.app.image.manifest_bytes());
            }
            Step::GetBlob => read_noise(store, &app)?,
            Step::PushExisting => {
                let layer = &self.app.layers[0];
                store.put_layer(&app, layer).map_err(of_store)?;
            }
            Step::StartUpload | Step::PutBlob => {
                let to = self.at("contract/new:1");
                store
                    .put_layer(&to, &self.new.layers[0])
                    .map_err(of_store)?;
            }
            Step::PutManifest => self.write(&self.new, "contract/new:1")?,
            Step::Mount => {
                let layer = self.of_base();
                store.put_layer(&app, &layer).map_err(of_store)?;
                assert!(
                    store
                        .has_blob(&app, layer.descriptor.digest)
                        .expect("asked")
                );
            }
            Step::Retag => {
                let manifest = Stored::of_image(&self.app.image);
                let tag = self.at("contract/app:2");
                store.write_manifest(&manifest, &[tag]).map_err(of_store)?;
                let now = self.server.tag("contract/app", "2");
                assert_eq!(now, Some(self.app.image.digest()));
            }
            Step::Delete => {
                let digest = self.app.image.digest();
                store.delete(&app, digest).map_err(of_store)?;
                assert_eq!(self.server.digests("contract/app"), []);
            }
            Step::Tags => assert_eq!(store.tags(&app).map_err(of_store)?, ["1"]),
            Step::Referrers => {
                let digest = self.app.image.digest();
                assert_eq!(store.referrers(&app, digest).map_err(of_store)?, []);
            }
            Step::Rebase => self.rebase()?,
        }
        Ok(())
    }

    fn of_base(&self) -> DraftLayer {
        DraftLayer {
            source: LayerSource::Repository(self.at("contract/base:1")),
            ..self.base.layers[0].clone()
        }
    }

    fn write(&self, sealed: &SealedImage, name: &str) -> Result<(), String> {
        let to = self.at(name);
        for layer in &sealed.layers {
            self.store.put_layer(&to, layer).map_err(of_store)?;
        }
        let written = self.store.put_image(sealed, &[to]).map_err(of_store)?;
        assert_eq!(written.digest, sealed.image.digest());
        Ok(())
    }

    /// The requests of a rebase: both images are read, the layer of the new base is mounted, and the tag moves.
    fn rebase(&self) -> Result<(), String> {
        let find = |name: &str| -> Result<Image, String> {
            let found = self.store.find(&self.at(name), &amd64());
            Ok(found.map_err(of_store)?.expect("image"))
        };
        assert_eq!(find("contract/app:1")?.digest(), self.app.image.digest());
        assert_eq!(find("contract/base:1")?.digest(), self.base.image.digest());
        let rebased = SealedImage {
            image: self.base.image.clone(),
            layers: vec![self.of_base()],
        };
        self.write(&rebased, "contract/app:1")?;
        let now = self.server.tag("contract/app", "1");
        assert_eq!(now, Some(self.base.image.digest()));
        Ok(())
    }

    /// Nothing is half-written, left open, or told to whom it does not concern.
    pub(super) fn check(&self, what: What, ended: &Result<(), String>) {
        let tags = [
            ("contract/app", "1", &self.app),
            ("contract/app", "2", &self.app),
            ("contract/new", "1", &self.new),
        ];
        for (repository, tag, sealed) in tags {
            let moved = matches!(self.step, Step::Rebase | Step::Delete);
            if let Some(digest) = self.server.tag(repository, tag).filter(|_| !moved) {
                assert_eq!(digest, sealed.image.digest(), "{repository}:{tag}");
                let manifest = self.server.manifest(repository, tag);
                assert_eq!(manifest.as_deref(), Some(sealed.image.manifest_bytes()));
            }
        }
        // Nobody knows the place of an upload whose first answer was lost.
        let is_lost = matches!(what, What::Way(_))
            && matches!(self.step, Step::StartUpload | Step::Mount | Step::Rebase);
        if !is_lost {
            assert_eq!(self.server.open_uploads(), 0);
        }
        assert_eq!(self.server.violations(), [""; 0]);
        let told = self.elsewhere.recorded();
        assert!(told.iter().all(|request| request.authorization.is_none()));
        let is_sent_on = what == What::Redirect && ended.is_ok() && self.step != Step::Mount;
        assert_eq!(!told.is_empty(), is_sent_on);
    }
}
