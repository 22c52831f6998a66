//! Two builds on one tag: whoever writes last wins, for no registry has a conditional write. So a tag is looked at when the
//! work begins and again right before it is written, and whoever would replace an image that it has not seen says so.
use crate::{ImageStore, StoreError};
use std::{fmt, str::FromStr, thread};
use wharf_spec::{digest::Digest, files::report, reference::Reference};

/// What happens when a tag was moved meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TagRace {
    /// It is written and said.
    #[default]
    Warn,
    /// It is not written.
    Fail,
    /// Nobody looks.
    Off,
}

/// A text that is none of the choices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is none of warn, fail and off")]
pub struct TagRaceError(String);

impl FromStr for TagRace {
    type Err = TagRaceError;

    fn from_str(text: &str) -> Result<Self, TagRaceError> {
        match text {
            "warn" => Ok(Self::Warn),
            "fail" => Ok(Self::Fail),
            "off" => Ok(Self::Off),
            other => Err(TagRaceError(other.to_owned())),
        }
    }
}

/// A tag that somebody else moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedTag {
    /// The tag.
    pub tag: Reference,
    /// What it held when the work began; `None` when there was no such tag.
    pub before: Option<Digest>,
    /// What it holds now.
    pub now: Option<Digest>,
}

impl MovedTag {
    /// What is said when it is written all the same.
    pub fn replaced_by(&self, written: Digest) -> String {
        format!(
            "{self}: another build wrote it meanwhile, and {written} replaces its image; \
             WHARF_TAG_RACE=fail leaves such tags alone"
        )
    }

    /// As `report.toml` has it.
    pub fn reported(&self) -> report::MovedTag {
        let text = |digest: Option<Digest>| digest.map_or_else(String::new, |it| it.to_string());
        report::MovedTag {
            tag: self.tag.to_string(),
            before: text(self.before),
            now: text(self.now),
        }
    }
}

/// What is said when tags are left alone.
pub fn left_alone(moved: &[MovedTag]) -> String {
    let tags: Vec<String> = moved.iter().map(ToString::to_string).collect();
    format!(
        "{}; another build wrote it meanwhile, and nothing was replaced: build again, or without WHARF_TAG_RACE=fail",
        tags.join(", ")
    )
}

impl fmt::Display for MovedTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' held ", self.tag)?;
        hold(self.before, f)?;
        f.write_str(" when this began and holds ")?;
        hold(self.now, f)?;
        f.write_str(" now")
    }
}

fn hold(digest: Option<Digest>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match digest {
        Some(digest) => write!(f, "{digest}"),
        None => f.write_str("nothing"),
    }
}

/// What tags held when the work began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchedTags(Vec<(Reference, Option<Digest>)>);

impl WatchedTags {
    /// Looks at tags side by side. References with a digest are no tags.
    pub fn look<'a>(
        store: &dyn ImageStore,
        tags: impl IntoIterator<Item = &'a Reference>,
    ) -> Result<Self, StoreError> {
        let tags = tags.into_iter().filter(|tag| tag.digest().is_none());
        let tags: Vec<Reference> = tags.cloned().collect();
        let held = held(store, &tags)?;
        Ok(Self(tags.into_iter().zip(held).collect()))
    }

    /// With what is known without looking.
    #[must_use]
    pub fn with(mut self, tag: &Reference, held: Option<Digest>) -> Self {
        self.0.push((tag.clone(), held));
        self
    }

    /// Whether it was looked at.
    pub fn watches(&self, tag: &Reference) -> bool {
        self.0.iter().any(|(watched, _)| watched == tag)
    }

    /// What was seen of a tag.
    pub fn held(&self, tag: &Reference) -> Option<Digest> {
        let seen = self.0.iter().find(|(watched, _)| watched == tag);
        seen.and_then(|(_, held)| *held)
    }

    /// The tags that hold something else now, unless it is what is about to be written anyhow.
    pub fn moved(
        &self,
        store: &dyn ImageStore,
        written: Digest,
    ) -> Result<Vec<MovedTag>, StoreError> {
        let tags: Vec<Reference> = self.0.iter().map(|(tag, _)| tag.clone()).collect();
        let now = held(store, &tags)?;
        let moved = self.0.iter().zip(now).filter_map(|((tag, before), now)| {
            let is_moved = now != *before && now != Some(written);
            is_moved.then(|| MovedTag {
                tag: tag.clone(),
                before: *before,
                now,
            })
        });
        Ok(moved.collect())
    }
}

fn held(store: &dyn ImageStore, tags: &[Reference]) -> Result<Vec<Option<Digest>>, StoreError> {
    if let [tag] = tags {
        return Ok(vec![store.resolve(tag)?]);
    }
    thread::scope(|scope| {
        let asked: Vec<_> = tags
            .iter()
            .map(|tag| scope.spawn(move || store.resolve(tag)))
            .collect();
        let answers = asked.into_iter().map(|thread| match thread.join() {
            Ok(answer) => answer,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        answers.collect()
    })
}
