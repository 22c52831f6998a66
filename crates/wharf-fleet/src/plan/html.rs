//! A plan as one page that needs nothing else: it can be mailed, filtered, sorted and printed.
use super::{Plan, PlannedImage, Project, table::bytes};
use crate::verdict::Verdict;
use std::fmt::Write;

/// As much of a digest as people compare.
const SHORT: usize = "sha256:".len() + 12;
const PAGE: &str = include_str!("page.html");

/// Writes a part of the page.
type Part<'a> = &'a dyn Fn(&mut String);

/// The page. Everything that comes from images is escaped.
pub fn page(plan: &Plan) -> String {
    let mut page = String::with_capacity(PAGE.len() + plan.images.len() * 600);
    let mut rest = PAGE;
    let parts: [(&str, Part<'_>); 4] = [
        ("@HEAD@", &|out| head(out, plan)),
        ("@TOTALS@", &|out| totals(out, plan)),
        ("@IMAGES@", &|out| {
            plan.images.iter().for_each(|image| image_row(out, image));
        }),
        ("@PROJECTS@", &|out| {
            let projects = plan.projects.iter();
            let busy = projects.filter(|project| project.rebase > 0);
            busy.for_each(|project| row(out, project));
        }),
    ];
    for (marker, write) in parts {
        let (before, after) = rest.split_once(marker).unwrap_or((rest, ""));
        page.push_str(before);
        write(&mut page);
        rest = after;
    }
    page.push_str(rest);
    page
}

fn head(out: &mut String, plan: &Plan) {
    let base = &plan.run_image;
    let _ = write!(
        out,
        "<p>New base <code>{}</code> <code>{}</code>",
        escape(&base.reference),
        base.digest
    );
    if !plan.from.is_empty() {
        let _ = write!(
            out,
            "<br>instead of <code>{}</code>",
            escape(&plan.from.join(", "))
        );
    }
    if let Some(made) = &plan.made {
        let _ = write!(out, "<br>made {}", escape(made));
    }
    let totals = &plan.totals;
    let _ = write!(
        out,
        "<br>{} images with {} tags; {} layers mounted, {} copied, at most {} against quotas<br>plan <code>{}</code></p>",
        totals.images,
        totals.tags,
        totals.mounts,
        bytes(totals.copy_bytes),
        bytes(totals.quota_bytes),
        escape(&plan.digest)
    );
}

fn totals(out: &mut String, plan: &Plan) {
    for verdict in Verdict::ALL {
        if let Some(count) = plan.totals.verdicts.get(&verdict) {
            let _ = write!(
                out,
                "<button type=\"button\" aria-pressed=\"false\" data-verdict=\"{verdict}\"><b>{count}</b> {verdict}</button>"
            );
        }
    }
}

fn row(out: &mut String, project: &Project) {
    let number = |value: Option<u64>| match value {
        Some(value) => format!("<td class=\"n\" data-key=\"{value}\">{}", bytes(value)),
        None => "<td class=\"n\" data-key=\"-1\">".to_owned(),
    };
    let room = if project.fits {
        "<td>yes"
    } else {
        "<td class=\"short\">too little"
    };
    let _ = writeln!(
        out,
        "<tr><td>{}<td class=\"n\" data-key=\"{1}\">{1}{2}{3}{4}{room}</tr>",
        escape(&project.name),
        project.rebase,
        number(Some(project.needs_bytes)),
        number(project.used_bytes),
        number(project.limit_bytes),
    );
}

fn image_row(out: &mut String, image: &PlannedImage) {
    let time = |time: &Option<String>| escape(time.as_deref().unwrap_or_default());
    let _ = writeln!(
        out,
        "<tr data-verdict=\"{0}\"><td class=\"v {0}\">{0}<td class=\"w\">{1}<br><code title=\"{2}\">{9}</code><td class=\"g\">{3}<td class=\"w\">{4}<td class=\"n\" data-key=\"{5}\">{6}<td class=\"t\">{7}<td class=\"t\">{8}</tr>",
        image.verdict,
        escape(&image.repository),
        escape(&image.digest),
        escape(&image.tags.join(" ")),
        escape(&image.why),
        image.copy_bytes,
        bytes(image.copy_bytes),
        time(&image.pushed),
        time(&image.pulled),
        escape(image.digest.get(..SHORT).unwrap_or(&image.digest)),
    );
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            char if char.is_control() => out.push('\u{fffd}'),
            char => out.push(char),
        }
    }
    out
}
