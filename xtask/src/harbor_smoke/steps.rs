//! The steps, each by itself.
use super::{
    Outcome,
    site::{Site, platform, weight},
};
use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use wharf_harbor::{ArtifactQuery, Known, Limit, Previous};
use wharf_image::{
    DraftLayer, ImageStore, LayerSource, StoreErrorKind, TagRace, Transfer,
    room::{Part, Verdict, weigh},
};
use wharf_rebase::RebaseInputs;
use wharf_spec::{
    api::PlatformApi,
    log::{Level, Log},
};

pub(super) fn recognise(site: &Site) -> Result<Outcome> {
    ensure!(site.harbor.is_harbor()?, "it does not answer as Harbor");
    ensure!(
        site.harbor.is_likely(),
        "its token service is not '{}'; set WHARF_HARBOR=on",
        wharf_harbor::TOKEN_SERVICE
    );
    if let Known::Yes(version) = site.harbor.version()? {
        println!("Harbor {version}");
    }
    Ok(Outcome::Passed)
}

/// What was pushed is read back, and listed with the labels of its config.
pub(super) fn push(site: &Site) -> Result<Outcome> {
    let sealed = site.push(&site.recipe("push"), "web/push:latest")?;
    let tag = site.reference("web/push:latest")?;
    let found = site.store.find(&tag, &platform())?.context("find image")?;
    ensure!(
        found.digest() == sealed.image.digest(),
        "another image came back"
    );
    let repository = Site::repository("web/push");
    let listed = site
        .harbor
        .artifacts((&site.project, &repository), &ArtifactQuery::default())
        .collect_all()?;
    let listed = listed.first().context("find image in the list")?;
    ensure!(
        listed.digest == sealed.image.digest(),
        "another image is listed"
    );
    ensure!(
        listed.config_label("io.example.smoke") == Some("push"),
        "the list has no labels of configs"
    );
    Ok(Outcome::Passed)
}

/// A layer of another repository is linked, and counts once.
pub(super) fn mount(site: &Site) -> Result<Outcome> {
    let sealed = site.push(&site.recipe("mount"), "mount-source:latest")?;
    let before = site.quota()?;
    let layer = DraftLayer {
        source: LayerSource::Repository(site.reference("mount-source:latest")?),
        ..sealed.layers[0].clone()
    };
    let transfer = site
        .store
        .put_layer(&site.reference("mount-target:latest")?, &layer)?;
    ensure!(
        transfer == Transfer::Mounted,
        "the layer was not linked: {transfer:?}"
    );
    let after = site.quota()?;
    if let (Known::Yes(before), Known::Yes(after)) = (before, after) {
        ensure!(
            before.used == after.used,
            "the linked layer counted again: {} after {} bytes",
            after.used,
            before.used
        );
    }
    // So that there is something to clean.
    site.send(&sealed, "mount-target:latest")?;
    Ok(Outcome::Passed)
}

/// A push uses what was computed beforehand; what is a byte too large is refused, and named as such by the server.
pub(super) fn quota(site: &Site) -> Result<Outcome> {
    let Known::Yes(before) = site.quota()? else {
        return Ok(Outcome::Skipped("the robot lacks quota:read".to_owned()));
    };
    let sealed = site.push(&site.recipe("quota"), "quota:first")?;
    let Known::Yes(after) = site.quota()? else {
        bail!("the quota is not told any more");
    };
    let (used, need) = (after.used - before.used, weight(&sealed));
    ensure!(used == need, "{used} bytes are used for an image of {need}");
    let Some(admin) = &site.admin else {
        return Ok(Outcome::Skipped(
            "use is counted right; limits need HARBOR_ADMIN".to_owned(),
        ));
    };
    let quotas = admin.quotas()?;
    let quotas = quotas.value().context("list quotas as administrator")?;
    let own = quotas
        .iter()
        .find(|quota| quota.project.as_deref() == Some(&site.project))
        .context("find the quota of the project")?;
    let sealed = site.recipe("too large").build();
    let limit = after.used + weight(&sealed) - 1;
    admin.set_quota(own.id, Limit::Bytes(limit))?;
    let judged = too_large(site, &sealed);
    admin.set_quota(own.id, after.limit)?;
    judged
}

fn too_large(site: &Site, sealed: &wharf_image::SealedImage) -> Result<Outcome> {
    let documents = [
        ("config", sealed.image.config_bytes()),
        ("manifest", sealed.image.manifest_bytes()),
    ];
    let layers = sealed.layers.iter();
    let mut parts: Vec<_> = layers
        .map(|layer| Part::of("layer", &layer.descriptor, None))
        .collect();
    parts.extend(documents.map(|(name, bytes)| Part {
        name,
        digest: wharf_image::image::digest_of(bytes),
        size: bytes.len() as u64,
        source: None,
    }));
    let to = site.reference("quota:second")?;
    let rooms = site.rooms();
    let verdict = weigh((site.store.as_ref(), &rooms), &to, &parts);
    ensure!(
        matches!(&verdict, Verdict::TooLarge(no_room) if no_room.room.limit + 1 == no_room.room.used + no_room.need),
        "it was to be a byte too large, but is {verdict:?}"
    );
    match site.send(sealed, "quota:second") {
        Ok(()) => bail!("Harbor took a byte too many"),
        Err(error) => {
            let cause = error.downcast_ref::<wharf_image::StoreError>();
            let kind = cause.map(|error| &error.kind);
            ensure!(
                matches!(kind, Some(StoreErrorKind::QuotaExceeded { .. })),
                "the refusal was not understood: {error:#}"
            );
            Ok(Outcome::Passed)
        }
    }
}

/// A tag that a rule protects is told apart from other refusals.
pub(super) fn immutable(site: &Site) -> Result<Outcome> {
    let Some(admin) = &site.admin else {
        return Ok(Outcome::Skipped("rules need HARBOR_ADMIN".to_owned()));
    };
    let pattern = format!("fixed-{}", site.stamp);
    let name = format!("immutable:{pattern}");
    site.push(&site.recipe("first"), &name)?;
    admin.add_immutable_rule(&site.project, &Site::repository("immutable"), &pattern)?;
    let second = site.push(&site.recipe("second"), &name);
    for rule in admin.immutable_rules(&site.project).collect_all()? {
        if rule
            .tag_selectors
            .iter()
            .any(|selector| selector.pattern == pattern)
        {
            admin.delete_immutable_rule(&site.project, rule.id)?;
        }
    }
    let error = second.err().context("an immutable tag was overwritten")?;
    let kind = error
        .downcast_ref::<wharf_image::StoreError>()
        .map(|error| &error.kind);
    ensure!(
        matches!(kind, Some(StoreErrorKind::ImmutableTag { .. })),
        "the refusal was not understood: {error:#}"
    );
    Ok(Outcome::Passed)
}

/// A superseded image goes, unless a tag holds it.
pub(super) fn prune(site: &Site) -> Result<Outcome> {
    let tag = site.reference("prune:latest")?;
    let first = site
        .push(&site.recipe("one"), "prune:latest")?
        .image
        .digest();
    let second = site
        .push(&site.recipe("two"), "prune:latest")?
        .image
        .digest();
    let third = site
        .push(&site.recipe("three"), "prune:latest")?
        .image
        .digest();
    let repository = Site::repository("prune");
    site.harbor
        .add_tag((&site.project, &repository), second, "kept")?;
    let deleted = site.harbor.delete_superseded(&tag, first)?;
    ensure!(
        deleted == Previous::Deleted,
        "the superseded image stayed: {deleted:?}"
    );
    for held in [second, third] {
        let kept = site.harbor.delete_superseded(&tag, held)?;
        ensure!(
            matches!(kept, Previous::Kept(_)),
            "a tagged image was deleted"
        );
    }
    Ok(Outcome::Passed)
}

struct Quiet;

impl Log for Quiet {
    fn line(&self, _level: Level, _text: &str) {}
}

/// An app moves to a new base; its own layer stays.
pub(super) fn rebase(site: &Site) -> Result<Outcome> {
    let old = site.push(&site.recipe("old base"), "run:latest")?;
    let run = site.reference("run:latest")?;
    let top = old.image.layers().last().context("find top layer")?.diff_id;
    let metadata = json!({
        "app": [], "buildpacks": [], "config": {"sha": ""}, "launcher": {"sha": ""}, "process-types": {"sha": ""},
        "runImage": {"topLayer": top, "reference": run.with_digest(old.image.digest()).to_string(), "image": run.to_string()},
    });
    let app = site
        .recipe("old base")
        .layer(&[("workspace/app", site.stamp.as_bytes(), 0o644)])
        .label("io.buildpacks.lifecycle.metadata", &metadata.to_string())
        .label("io.buildpacks.rebasable", "true")
        .env("CNB_PLATFORM_API", "0.15");
    let app = site.push(&app, "rebase:latest")?;
    let new = site.push(&site.recipe("new base"), "run:latest")?;
    let tag = site.reference("rebase:latest")?;
    let inputs = RebaseInputs {
        app_image: tag.clone(),
        outputs: vec![tag.clone()],
        run_image: Some(run),
        force: false,
        tag_race: TagRace::default(),
        platform: platform(),
        features: PlatformApi::LATEST.features(),
    };
    wharf_rebase::rebase(&inputs, site.store.as_ref(), &Quiet)?;
    let rebased = site
        .store
        .find(&tag, &platform())?
        .context("find rebased image")?;
    let layers = |image: &wharf_image::Image| -> Vec<_> {
        image.layers().iter().map(|layer| layer.diff_id).collect()
    };
    let own = layers(&app.image).split_off(old.image.layers().len());
    let expected: Vec<_> = layers(&new.image).into_iter().chain(own).collect();
    ensure!(
        layers(&rebased) == expected,
        "the layers are not those of the new base and the app"
    );
    Ok(Outcome::Passed)
}
