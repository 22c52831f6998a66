//! History entries, one per layer.
use crate::image::Image;
use serde_json::{Map, Value};

/// An entry without its time, which is that of the whole image.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct History(Map<String, Value>);

impl History {
    /// An entry for a new layer.
    pub(crate) fn created_by(text: Option<String>) -> Self {
        Self(
            text.map(|text| ("created_by".to_owned(), text.into()))
                .into_iter()
                .collect(),
        )
    }

    /// One entry for each layer of `image`. Entries of empty layers are dropped; a history that then does not fit the
    /// layers says nothing about any of them and is replaced by blank entries.
    pub(crate) fn of_layers(image: &Image) -> Vec<Self> {
        let entries = image.config().get("history").and_then(Value::as_array);
        let of_layer = |entry: &&Map<String, Value>| {
            entry.get("empty_layer").and_then(Value::as_bool) != Some(true)
        };
        let entries: Vec<Self> = entries
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .filter(of_layer)
            .map(|entry| {
                let mut entry = entry.clone();
                entry.retain(|name, _| name != "created" && name != "empty_layer");
                Self(entry)
            })
            .collect();
        if entries.len() == image.layers().len() {
            entries
        } else {
            vec![Self::default(); image.layers().len()]
        }
    }

    pub(crate) fn created_by_text(&self) -> Option<&str> {
        self.0.get("created_by")?.as_str()
    }

    /// As a member of the config.
    pub(crate) fn into_json(self, created: &str) -> Value {
        let mut members = Map::new();
        members.insert("created".into(), created.into());
        members.extend(self.0);
        Value::Object(members)
    }
}
