//! Credentials for registries.
use crate::{
    client::basic,
    flow::Flow,
    stage::Stage,
    suite::{
        Case,
        ground::{PASSWORD, USER},
    },
    tests,
};
use base64::{Engine, engine::general_purpose::STANDARD};

tests! {
    the_mapped_header_is_sent: ["P-AUTH-002"];
    a_docker_configuration_is_used_without_the_variable: ["P-AUTH-003"];
    docker_conventions_find_the_configuration: ["P-AUTH-004"];
    without_credentials_the_attempt_is_anonymous: ["P-AUTH-005"];
}

/// A build whose image and run image are in the registry that asks for a password.
fn private<'a>(case: &'a Case<'a>) -> Flow<'a> {
    let mut flow = Flow::new(case);
    let registry = &case.ground.private;
    flow.image = registry.name(&case.repository("app"));
    flow
}

fn analyze(case: &Case<'_>, flow: &Flow<'_>) -> crate::stage::Outcome {
    let run = case.ground.private.name("shared/run:base");
    flow.analyze(&[&format!("-run-image={run}")])
}

fn docker_configuration(case: &Case<'_>, stage: &Stage, dir: &str) {
    let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let address = case.ground.private.address();
    let text = format!("{{\"auths\": {{\"{address}\": {{\"auth\": \"{auth}\"}}}}}}");
    stage.write(&format!("{dir}/config.json"), &text);
}

fn the_mapped_header_is_sent(case: &Case<'_>) {
    let mut flow = private(case);
    let address = case.ground.private.address();
    let header = |password| format!("{{\"{address}\": \"{}\"}}", basic(USER, password));
    flow.stage.set("CNB_REGISTRY_AUTH", &header(PASSWORD));
    case.succeeds("P-AUTH-002", &analyze(case, &flow));
    flow.stage.set("CNB_REGISTRY_AUTH", &header("wrong"));
    case.fails("P-AUTH-002", &analyze(case, &flow));
}

fn a_docker_configuration_is_used_without_the_variable(case: &Case<'_>) {
    let mut flow = private(case);
    case.fails("P-AUTH-003", &analyze(case, &flow));
    docker_configuration(case, &flow.stage, "platform/docker");
    flow.stage.set("DOCKER_CONFIG", "/platform/docker");
    case.succeeds("P-AUTH-003", &analyze(case, &flow));
}

fn docker_conventions_find_the_configuration(case: &Case<'_>) {
    let mut flow = private(case);
    docker_configuration(case, &flow.stage, "tmp/home/.docker");
    flow.stage.set("HOME", "/tmp/home");
    case.succeeds("P-AUTH-004", &analyze(case, &flow));
    flow.stage.write("platform/docker/config.json", "{}");
    flow.stage.set("DOCKER_CONFIG", "/platform/docker");
    case.fails("P-AUTH-004", &analyze(case, &flow));
}

fn without_credentials_the_attempt_is_anonymous(case: &Case<'_>) {
    let mut flow = Flow::new(case);
    flow.stage.unset("HOME");
    case.succeeds("P-AUTH-005", &flow.analyze(&[]));
}
