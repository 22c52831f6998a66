//! Where in an app image the app begins.
use crate::image::Image;
use wharf_spec::{
    digest::Digest,
    labels::{self, lifecycle::LifecycleMetadata},
};

/// The time of an image that names none.
pub(crate) const CREATED: &str = "1980-01-01T00:00:01Z";

/// Index of the first layer above the base whose uppermost layer is `old_top`; `None` when it is not there.
pub(crate) fn first_layer_above(app: &Image, old_top: Digest) -> Option<usize> {
    let layers = app.layers();
    let above: Vec<usize> = (1..=layers.len())
        .filter(|index| layers[index - 1].diff_id == old_top)
        .collect();
    let first = *above.first()?;
    let Some(listed) = listed_layers(app) else {
        return Some(first);
    };
    let leaves_room = |index: &&usize| layers.len() - **index >= listed;
    Some(above.iter().rfind(leaves_room).copied().unwrap_or(first))
}

/// How many layers the app's label lists.
fn listed_layers(app: &Image) -> Option<usize> {
    let label = app.label(labels::LIFECYCLE_METADATA)?;
    let metadata: LifecycleMetadata = serde_json::from_str(label).ok()?;
    let of_buildpacks = metadata
        .buildpacks
        .iter()
        .flat_map(|buildpack| buildpack.layers.values())
        .filter(|layer| layer.launch && layer.sha.parse::<Digest>().is_ok());
    let own = [
        &metadata.config,
        &metadata.launcher,
        &metadata.process_types,
    ];
    let own = own.into_iter().chain(&metadata.sbom).chain(&metadata.app);
    Some(of_buildpacks.count() + own.filter(|layer| layer.diff_id().is_some()).count())
}
