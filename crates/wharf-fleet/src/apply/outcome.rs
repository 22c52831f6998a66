//! What became of an image.

/// What became of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// These tags have the new digest.
    Rebased {
        /// The digest.
        new: String,
        /// The tags.
        tags: Vec<String>,
    },
    /// An apply before this one did it.
    DoneBefore {
        /// The digest.
        new: String,
    },
    /// It would be rebased.
    WouldBe {
        /// The digest.
        new: String,
    },
    /// Nothing could be done, and that is no failure.
    Skipped {
        /// Why.
        why: String,
    },
    /// It failed.
    Failed {
        /// Why.
        why: String,
        /// Whether it may do later.
        is_temporary: bool,
    },
}

impl Outcome {
    /// Its word in counts.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Rebased { .. } => "rebased",
            Self::DoneBefore { .. } => "done before",
            Self::WouldBe { .. } => "would be rebased",
            Self::Skipped { .. } => "skipped",
            Self::Failed { .. } => "failed",
        }
    }
}
