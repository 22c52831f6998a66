//! What the build came to.
use super::destination::Finished;
use crate::{console, location::Location};
use std::{collections::BTreeSet, time::Duration};
use wharf_image::{Image, Layer};
use wharf_spec::{
    digest::Digest,
    labels::{LIFECYCLE_METADATA, lifecycle::LifecycleMetadata},
};

/// The numbers of a build.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    finished: &'a Finished,
    times: &'a [(&'static str, Duration)],
    total: Duration,
    base: Share,
    reused: Share,
    added: Share,
}

/// Layers and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Share {
    layers: usize,
    bytes: u64,
}

impl Share {
    fn add(&mut self, layer: &Layer) {
        self.layers += 1;
        self.bytes += layer.descriptor.size;
    }

    fn text(self) -> String {
        let plural = if self.layers == 1 { "" } else { "s" };
        format!(
            "{} layer{plural}, {}",
            self.layers,
            console::size(self.bytes)
        )
    }
}

impl<'a> Summary<'a> {
    /// Compares the new image with the `previous` one.
    pub(crate) fn new(
        finished: &'a Finished,
        previous: Option<&Image>,
        times: &'a [(&'static str, Duration)],
        total: Duration,
    ) -> Self {
        let known: BTreeSet<Digest> = previous
            .map(|image| {
                image
                    .layers()
                    .iter()
                    .map(|layer| layer.descriptor.digest)
                    .collect()
            })
            .unwrap_or_default();
        let mut summary = Self {
            finished,
            times,
            total,
            base: Share::default(),
            reused: Share::default(),
            added: Share::default(),
        };
        let base_layers = base_layers(&finished.image);
        for (index, layer) in finished.image.layers().iter().enumerate() {
            if index < base_layers {
                summary.base.add(layer);
            } else if known.contains(&layer.descriptor.digest) {
                summary.reused.add(layer);
            } else {
                summary.added.add(layer);
            }
        }
        summary
    }

    /// Prints it.
    pub(crate) fn print(&self) {
        console::banner("DONE");
        for (name, time) in self.times {
            console::line(format_args!("  {name:<10} {:>9}", console::duration(*time)));
        }
        console::line(format_args!(
            "  {:<10} {:>9}",
            "in all",
            console::duration(self.total)
        ));
        console::line("");
        console::line(format_args!("Run image  {}", self.base.text()));
        console::line(format_args!("Reused     {}", self.reused.text()));
        console::line(format_args!("Added      {}", self.added.text()));
        console::line("");
        for tag in self.names() {
            console::line(format_args!("Image      {tag}"));
        }
        console::line(format_args!("Digest     {}", self.finished.image.digest()));
        for command in run_commands(&self.finished.location) {
            console::line(format_args!("Run it     {command}"));
        }
    }

    fn names(&self) -> Vec<String> {
        match &self.finished.location {
            Location::Registry(_) => self.finished.tags.iter().map(ToString::to_string).collect(),
            layout @ Location::Layout(_) => vec![layout.to_string()],
        }
    }
}

/// How many of the lowest layers are the run image's.
pub(crate) fn base_layers(image: &Image) -> usize {
    let metadata = image.label(LIFECYCLE_METADATA).unwrap_or_default();
    let metadata: LifecycleMetadata = serde_json::from_str(metadata).unwrap_or_default();
    let top: Option<Digest> = metadata.run_image.top_layer.parse().ok();
    let mut layers = image.layers().iter();
    top.and_then(|top| layers.rposition(|layer| layer.diff_id == top))
        .map_or(0, |index| index + 1)
}

fn run_commands(location: &Location) -> Vec<String> {
    let port = "--rm -e PORT=8080 -p 8080:8080";
    match location {
        Location::Registry(reference) => vec![format!("podman run {port} {reference}")],
        Location::Layout(image) => {
            let source = format!("oci:{}:{}", image.dir.display(), image.tag);
            vec![
                format!("podman run {port} {source}"),
                format!(
                    "skopeo copy {source} docker-daemon:app:latest && docker run {port} app:latest"
                ),
            ]
        }
    }
}
