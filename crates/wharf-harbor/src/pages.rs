//! Lists, one page in memory at a time.
use crate::{Harbor, HarborError, error::HarborErrorKind};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use wharf_registry::{ApiAnswer, ApiMethod};

/// The pages of a list, read as they are asked for. Ends after the first failure.
///
/// While a list is read, others may write: an item may move to the next page and be seen twice, or be missed when one
/// before it is deleted. Whoever deletes reads the list to its end first.
#[derive(Debug)]
pub struct Pages<'a, T> {
    harbor: &'a Harbor,
    action: &'static str,
    subject: String,
    next: Option<String>,
    total: Option<u64>,
    items: PhantomData<fn() -> T>,
}

impl<'a, T: DeserializeOwned> Pages<'a, T> {
    /// `path` is the first page, with the API's prefix.
    pub(crate) fn start(
        harbor: &'a Harbor,
        action: &'static str,
        subject: String,
        path: String,
    ) -> Self {
        Self {
            harbor,
            action,
            subject,
            next: Some(path),
            total: None,
            items: PhantomData,
        }
    }

    /// How many items there are on all pages, as the last page said.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// All items in one list; for lists that are known to be short.
    pub fn collect_all(self) -> Result<Vec<T>, HarborError> {
        self.flatten_items().collect()
    }

    /// Item by item, with one page in memory.
    pub fn flatten_items(self) -> impl Iterator<Item = Result<T, HarborError>> {
        self.flat_map(|page| match page {
            Ok(items) => items.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        })
    }

    fn read(&mut self, path: &str) -> Result<Vec<T>, HarborError> {
        let ApiAnswer {
            body, next, total, ..
        } = self
            .harbor
            .call((self.action, &self.subject), ApiMethod::Get, path, None)?;
        self.total = total.or(self.total);
        let items = serde_json::from_slice::<Option<Vec<T>>>(&body).map_err(|error| {
            let kind = HarborErrorKind::malformed(&error);
            self.harbor.failure(self.action, &self.subject, kind)
        })?;
        // A link to the page at hand would never end.
        self.next = next.filter(|next| next != path);
        Ok(items.unwrap_or_default())
    }
}

impl<T: DeserializeOwned> Iterator for Pages<'_, T> {
    type Item = Result<Vec<T>, HarborError>;

    fn next(&mut self) -> Option<Self::Item> {
        let path = self.next.take()?;
        Some(self.read(&path))
    }
}
