//! `report.toml`.
use super::{LAYERS, exported, ready};
use crate::{suite::Case, tests};
use serde_json::Value;

tests! {
    digest_and_size: ["P-FREP-002", "P-FREP-003"];
    bill_of_materials: ["P-FREP-005"] .platform(7, 8) .buildpack(7, 7);
}

fn digest_and_size(case: &Case<'_>) {
    let flow = ready(case);
    let image = exported(&flow);
    let report = flow.layers_toml("report.toml");
    let text = |key: &str| {
        let value = report.get("image").and_then(|image| image.get(key));
        value.map(|value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        })
    };
    case.equal("P-FREP-002", text("digest"), Some(image.digest.clone()));
    let size = image.manifest_size.to_string();
    case.equal("P-FREP-003", text("manifest-size"), Some(size));
}

fn bill_of_materials(case: &Case<'_>) {
    let flow = ready(case);
    let bom = "[[bom]]\nname = \"compiler\"\n[bom.metadata]\nversion = \"3\"\n";
    flow.stage.write(&format!("{LAYERS}/build.toml"), bom);
    exported(&flow);
    let report = serde_json::to_value(flow.layers_toml("report.toml"));
    let report: Value = report.expect("a report can be JSON");
    let bom = &report["build"]["bom"];
    case.equal("P-FREP-005", bom.as_array().map(Vec::len), Some(1));
    case.equal("P-FREP-005", &bom[0]["name"], "compiler");
    case.equal("P-FREP-005", &bom[0]["metadata"]["version"], "3");
}
