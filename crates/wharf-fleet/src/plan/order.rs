//! The order of work.
use super::PlannedImage;
use crate::pattern::Pattern;
use std::cmp::Reverse;

/// What comes first.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// Images with a tag or name that matches come first, in the order of the patterns.
    pub first: Vec<Pattern>,
    /// Then by this.
    pub by: OrderBy,
}

/// By what images are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OrderBy {
    /// Most recently pulled first, where the source knows.
    #[default]
    Pulled,
    /// Most recently pushed first, where the source knows.
    Pushed,
    /// By name.
    Name,
}

/// Sorts images; equal ones by name, so that the same state gives the same plan.
pub(crate) fn sort(images: &mut [PlannedImage], order: &Order) {
    images.sort_by_cached_key(|image| {
        let rank = order
            .first
            .iter()
            .position(|pattern| is_meant(image, pattern))
            .unwrap_or(order.first.len());
        let time = match order.by {
            OrderBy::Pulled => image.pulled.clone().unwrap_or_default(),
            OrderBy::Pushed => image.pushed.clone().unwrap_or_default(),
            OrderBy::Name => String::new(),
        };
        (
            image.verdict,
            rank,
            Reverse(time),
            image.repository.clone(),
            image.tags.clone(),
            image.digest.clone(),
        )
    });
}

/// Whether a pattern means an image: by repository, by `repository:tag`, or by tag.
pub(crate) fn is_meant(image: &PlannedImage, pattern: &Pattern) -> bool {
    pattern.matches(&image.repository)
        || image.tags.iter().any(|tag| {
            pattern.matches(tag) || pattern.matches(&format!("{}:{tag}", image.repository))
        })
}
