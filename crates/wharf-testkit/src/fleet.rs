//! Fleets made from a seed: apps on an old base, with the oddities that real fleets have.
use crate::image_recipe::{ImageRecipe, push};
use serde_json::{Value, json};
use wharf_image::{Family, Image, ImageStore, SealedImage, Stored};
use wharf_spec::{digest::Digest, reference::Reference};

/// What a member of a fleet is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An OCI image on the old base.
    Plain,
    /// One of Docker's family.
    Docker,
    /// Docker's layers in an OCI manifest, as the reference lifecycle writes them.
    Mixed,
    /// A layer of the app equals the top of its base.
    Duplicate,
    /// Two platforms under one name.
    Index,
    /// Very many tags on one digest.
    ManyTags,
    /// Of another distribution.
    OtherDistro,
    /// Its label says no.
    NotRebasable,
    /// Made by another tool.
    Foreign,
    /// On the new base already.
    Current,
    /// Its metadata are no JSON.
    OddLabel,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Plain,
        Self::Docker,
        Self::Mixed,
        Self::Duplicate,
        Self::Index,
        Self::ManyTags,
        Self::OtherDistro,
        Self::NotRebasable,
        Self::Foreign,
        Self::Current,
        Self::OddLabel,
    ];

    /// Whether it can be put on the new base.
    pub fn is_rebasable(self) -> bool {
        self <= Self::ManyTags
    }
}

/// One image with its tags.
#[derive(Debug, Clone)]
pub struct Member {
    /// What it is like.
    pub kind: Kind,
    /// Its tags.
    pub tags: Vec<Reference>,
    /// Its digest.
    pub digest: Digest,
    /// Diff IDs of the layers above its base, by architecture.
    pub above: Vec<(String, Vec<Digest>)>,
}

/// What a fleet is made of.
#[derive(Debug, Clone)]
pub struct FleetRecipe<'a> {
    /// Decides everything that is not said here.
    pub seed: u64,
    /// Images.
    pub images: usize,
    /// Projects they are spread over: `team-0`, `team-1` …
    pub projects: usize,
    /// Registry.
    pub host: &'a str,
    /// What they are like, in turn.
    pub kinds: &'a [Kind],
}

/// A fleet in a store. The old base is `base/run:1`, the new one `base/run:2`.
#[derive(Debug)]
pub struct Fleet {
    /// The new base.
    pub run_image: Reference,
    /// Its images, amd64 first.
    pub new: Vec<Image>,
    /// Everything else.
    pub members: Vec<Member>,
}

const APIS: [&str; 5] = ["0.7", "0.9", "0.12", "0.13", "0.15"];
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];

/// A run image of the release `version`.
pub fn base(version: &str, architecture: &str) -> ImageRecipe {
    ImageRecipe::new()
        .platform("linux", architecture, None)
        .layer(&[("/etc/os", architecture.as_bytes(), 0o644)])
        .layer(&[("/etc/version", version.as_bytes(), 0o644)])
        .env("PATH", "/bin")
        .label("io.buildpacks.base.distro.name", "debian")
        .label("io.buildpacks.base.distro.version", "12")
        .label("io.buildpacks.stack.id", "fleet.stack")
        .label("io.buildpacks.base.released", version)
}

impl FleetRecipe<'_> {
    /// Makes the fleet in `store`.
    ///
    /// # Panics
    /// When the store fails.
    #[expect(clippy::expect_used, reason = "a recipe is part of a test")]
    pub fn build(&self, store: &dyn ImageStore) -> Fleet {
        let name = |text: &str| -> Reference {
            format!("{}/{text}", self.host).parse().expect("reference")
        };
        let run_images: Vec<Vec<Image>> = ["1", "2"]
            .iter()
            .map(|version| {
                let images = ARCHITECTURES.iter().map(|architecture| {
                    let tag = name(&format!("base/run:{version}-{architecture}"));
                    base(version, architecture).push(store, &[&tag])
                });
                let images: Vec<Image> = images.collect();
                write_index(store, &images, &[name(&format!("base/run:{version}"))]);
                images
            })
            .collect();
        let mut random = self.seed;
        let members = (0..self.images)
            .map(|at| {
                let kind = self.kinds[at % self.kinds.len()];
                random = next(random);
                self.member(store, (kind, at, random), &run_images)
            })
            .collect();
        Fleet {
            run_image: name("base/run:2"),
            new: run_images[1].clone(),
            members,
        }
    }

    #[expect(clippy::expect_used, reason = "a recipe is part of a test")]
    fn member(
        &self,
        store: &dyn ImageStore,
        (kind, at, random): (Kind, usize, u64),
        run_images: &[Vec<Image>],
    ) -> Member {
        let project = at % self.projects.max(1);
        let repository = format!("{}/team-{project}/app-{at}", self.host);
        let tags: Vec<Reference> = match kind {
            Kind::ManyTags => (0..40).map(|tag| format!("{repository}:v{tag}")).collect(),
            _ => vec![format!("{repository}:latest")],
        }
        .iter()
        .map(|tag| tag.parse().expect("reference"))
        .collect();
        let platforms = if kind == Kind::Index { 2 } else { 1 };
        let images: Vec<Image> = (0..platforms)
            .map(|platform| {
                let release = usize::from(kind == Kind::Current);
                let sealed = app(
                    self.host,
                    kind,
                    (at, random),
                    (&run_images[release][platform], release, platform),
                );
                let refs: Vec<&Reference> = tags.iter().collect();
                push(store, &sealed, &refs[..1]);
                sealed.image
            })
            .collect();
        let digest = if kind == Kind::Index {
            write_index(store, &images, &tags).digest()
        } else {
            let stored = Stored::of_image(&images[0]);
            store.write_manifest(&stored, &tags[1..]).expect("tag");
            stored.digest()
        };
        let above = images.iter().map(|image| {
            let layers = image.layers()[2..].iter().map(|layer| layer.diff_id);
            (image.platform().architecture, layers.collect())
        });
        Member {
            kind,
            tags,
            digest,
            above: above.collect(),
        }
    }
}

/// The next of a row of numbers (splitmix64).
pub fn next(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn app(
    host: &str,
    kind: Kind,
    (at, random): (usize, u64),
    (run, release, platform): (&Image, usize, usize),
) -> SealedImage {
    let api = APIS[usize::try_from(random % 5).unwrap_or(0)];
    let version = ["1", "2"][release];
    let mut recipe = base(version, ARCHITECTURES[platform]);
    let seed = format!("{at} {random}");
    let mut listed = 1;
    recipe = recipe
        .layer(&[("/workspace/app", seed.as_bytes(), 0o644)])
        .created_by("Application Layer");
    if kind == Kind::Duplicate {
        recipe = recipe.layer(&[("/etc/version", version.as_bytes(), 0o644)]);
        listed = 2;
    }
    let top_layer = run.top_layer().map(|layer| layer.to_string());
    let slices: Vec<Value> = (0..listed)
        .map(|_| json!({ "sha": Digest::from_bytes([1; 32]).to_string() }))
        .collect();
    let run_image = json!({
        "topLayer": top_layer, "reference": format!("{host}/base/run@{}", run.digest()),
        "image": format!("{host}/base/run:1"),
    });
    let metadata = json!({
        "app": slices, "runImage": run_image,
        "stack": { "runImage": { "image": format!("{host}/base/run:1") } },
    });
    let label = match kind {
        Kind::OddLabel => "{ no JSON".to_owned(),
        _ => metadata.to_string(),
    };
    if kind != Kind::Foreign {
        recipe = recipe.label("io.buildpacks.lifecycle.metadata", &label);
    }
    recipe = match kind {
        Kind::OtherDistro => recipe
            .label("io.buildpacks.base.distro.version", "11")
            .label("io.buildpacks.stack.id", "other.stack"),
        Kind::NotRebasable => recipe.label("io.buildpacks.rebasable", "false"),
        Kind::Docker => recipe.family(Family::Docker),
        _ => recipe,
    };
    let api = if kind == Kind::NotRebasable {
        "0.13"
    } else {
        api
    };
    let sealed = recipe
        .env("CNB_PLATFORM_API", api)
        .user("1000:1000")
        .annotation("note", "kept")
        .build();
    if kind == Kind::Mixed {
        mixed(sealed)
    } else {
        sealed
    }
}

/// With layers of Docker's family above the base.
#[expect(clippy::expect_used, reason = "a recipe is part of a test")]
fn mixed(sealed: SealedImage) -> SealedImage {
    let mut manifest = sealed.image.manifest().clone();
    let layers = manifest.get_mut("layers").and_then(Value::as_array_mut);
    for layer in layers.into_iter().flatten().skip(2) {
        layer["mediaType"] = "application/vnd.docker.image.rootfs.diff.tar.gzip".into();
    }
    let manifest = Value::Object(manifest).to_string().into_bytes();
    let config = sealed.image.config_bytes().to_vec();
    let image = Image::parse(manifest, config).expect("an image");
    SealedImage { image, ..sealed }
}

#[expect(clippy::expect_used, reason = "a recipe is part of a test")]
fn write_index(store: &dyn ImageStore, images: &[Image], tags: &[Reference]) -> Stored {
    let entries: Vec<Value> = images
        .iter()
        .map(|image| {
            let platform = image.platform();
            json!({
                "mediaType": image.family().manifest(), "digest": image.digest().to_string(),
                "size": image.manifest_bytes().len(),
                "platform": { "os": platform.os, "architecture": platform.architecture },
            })
        })
        .collect();
    let index = json!({
        "schemaVersion": 2, "mediaType": Family::Oci.index(), "manifests": entries,
    });
    let stored = Stored::new(index.to_string().into_bytes(), "");
    store.write_manifest(&stored, tags).expect("write an index");
    stored
}
