//! A plan as text.
use super::Plan;
use crate::verdict::Verdict;
use std::fmt::Write;

/// Bytes for people.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    // Tenths, so that no floating point is needed.
    let mut tenths = u128::from(bytes) * 10;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if unit == 0 {
        format!("{bytes} B")
    } else {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    }
}

/// Totals, projects whose quota is too small, and up to `limit` images.
pub fn table(plan: &Plan, limit: usize) -> String {
    let mut out = String::new();
    let base = &plan.run_image;
    let _ = writeln!(out, "New base   {} ({})", base.reference, base.digest);
    let totals = &plan.totals;
    let _ = writeln!(
        out,
        "Images     {} with {} tags",
        totals.images, totals.tags
    );
    for verdict in Verdict::ALL {
        if let Some(count) = totals.verdicts.get(&verdict) {
            let _ = writeln!(out, "  {:<11} {count}", verdict.word());
        }
    }
    let _ = writeln!(
        out,
        "Layers     {} mounted, {} copied, at most {} against quotas",
        totals.mounts,
        bytes(totals.copy_bytes),
        bytes(totals.quota_bytes)
    );
    for project in plan.projects.iter().filter(|project| !project.fits) {
        let _ = writeln!(
            out,
            "Quota      {} needs {} but has {} of {} left",
            project.name,
            bytes(project.needs_bytes),
            bytes(
                project
                    .limit_bytes
                    .unwrap_or(0)
                    .saturating_sub(project.used_bytes.unwrap_or(0))
            ),
            bytes(project.limit_bytes.unwrap_or(0))
        );
    }
    for image in plan.images.iter().take(limit) {
        let _ = writeln!(
            out,
            "{:<11} {}  {}",
            image.verdict.word(),
            image.name(),
            image.why
        );
    }
    if limit > 0 && plan.images.len() > limit {
        let _ = writeln!(out, "... and {} more", plan.images.len() - limit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_sizes_for_people() {
        let sizes = [0, 1023, 1024, 1_572_864, 5 << 40];
        let expected = ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "5.0 TiB"];
        assert_eq!(sizes.map(bytes), expected);
    }
}
