//! Plans as files.
use super::{Plan, PlanError, SCHEMA, VERSION};
use serde::Deserialize;
use std::collections::BTreeSet;
use wharf_image::image::digest_of;
use wharf_spec::reference::Reference;

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    schema: String,
    #[serde(default)]
    version: u64,
}

impl Plan {
    /// As JSON with one image per line, so that tools for texts can compare and cut plans.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let mut head = self.clone();
        head.images = Vec::new();
        let head = serde_json::to_string_pretty(&head)?;
        let images = self.images.iter().map(serde_json::to_string);
        let images = images.collect::<Result<Vec<_>, _>>()?;
        let lines = if images.is_empty() {
            String::new()
        } else {
            format!("\n    {}\n  ", images.join(",\n    "))
        };
        let marker = "\"images\": []";
        // Of the members only the last list may be called so; names are quoted differently.
        let (before, after) = head.rsplit_once(marker).unwrap_or((&head, ""));
        Ok(format!("{before}\"images\": [{lines}]{after}\n"))
    }

    /// Reads a plan and checks its version, its names and that nobody changed it, unless that is fine.
    pub fn parse(text: &str, accept_edited: bool) -> Result<Self, PlanError> {
        let head: Head = serde_json::from_str(text)?;
        if head.schema != SCHEMA {
            return Err(PlanError::Schema(head.schema));
        }
        if head.version != VERSION {
            return Err(PlanError::Version(head.version));
        }
        let mut plan: Self = serde_json::from_str(text)?;
        let expected = std::mem::take(&mut plan.digest);
        plan.seal()?;
        if plan.digest != expected && !accept_edited {
            return Err(PlanError::Edited {
                expected,
                actual: plan.digest,
            });
        }
        plan.check_names()?;
        Ok(plan)
    }

    /// Writes its own digest into it.
    pub(crate) fn seal(&mut self) -> Result<(), serde_json::Error> {
        self.digest.clear();
        self.digest = digest_of(&serde_json::to_vec(self)?).to_string();
        Ok(())
    }

    fn check_names(&self) -> Result<(), PlanError> {
        let parse = |name: &str| {
            name.parse::<Reference>()
                .map_err(|source| PlanError::Reference {
                    name: name.to_owned(),
                    source,
                })
        };
        parse(&self.run_image.reference)?;
        let mut seen = BTreeSet::new();
        for image in &self.images {
            let key = image.key();
            for tag in &image.tags {
                parse(&format!("{}:{tag}", image.repository))?;
            }
            if image.verdict == crate::Verdict::Rebase {
                parse(&key)?;
            }
            if !image.digest.is_empty() && !seen.insert(key.clone()) {
                return Err(PlanError::Twice(key));
            }
        }
        Ok(())
    }
}
