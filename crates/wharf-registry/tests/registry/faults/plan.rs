//! How a fault comes about: on the way, or at the server.
use super::table::{Often, Step, What};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use wharf_testkit::{
    Fault, FaultPlan, HarborServer, image_recipe::digest, scripted_server::Response,
};

/// Sets the fault up: on the way, or at the server. `right` is what the step would get.
pub(super) fn plan(
    server: &HarborServer,
    (step, what, often): (Step, What, Often),
    right: &[u8],
    elsewhere: String,
) -> FaultPlan {
    let met = AtomicUsize::new(0);
    let hits = move |method: &str, target: &str| {
        step.is(method, target)
            && (met.fetch_add(1, Ordering::SeqCst) == 0 || often == Often::Always)
    };
    let on_the_way = match what {
        What::Way(fault) => fault,
        What::Status(status) => Fault::Refused(status),
        What::Limited(seconds) => Fault::RateLimited(seconds),
        _ => {
            let right = right.to_vec();
            server.intercept(move |seen| {
                let is_hit = hits(&seen.method, &seen.target);
                // The body of the request stays unread, so nothing can follow it.
                is_hit.then(|| {
                    answer(what, &seen.method, &right, &elsewhere).header("Connection", "close")
                })
            });
            return FaultPlan::none();
        }
    };
    FaultPlan::scripted(move |asked| {
        if step == Step::Rebase {
            let is_hit = asked.earlier == 0 && step.is(asked.method, asked.target);
            return is_hit.then_some(on_the_way);
        }
        hits(asked.method, asked.target).then_some(on_the_way)
    })
}

pub(super) fn refusal(status: u16, code: &str, message: &str) -> Response {
    Response::json(
        status,
        &json!({"errors": [{"code": code, "message": message}]}),
    )
}

/// What the server says instead of what it should.
pub(super) fn answer(what: What, method: &str, right: &[u8], elsewhere: &str) -> Response {
    let read = method == "GET";
    match what {
        What::Unauthorized => refusal(401, "UNAUTHORIZED", "unauthorized to access repository")
            .header("Www-Authenticate", "Basic realm=\"harbor\""),
        What::Quota => refusal(
            403,
            "DENIED",
            "adding 5.0 MiB of storage resource, which when updated to current usage of 98.0 MiB will exceed the configured upper limit of 100.0 MiB.",
        ),
        What::Collected => refusal(
            404,
            "NOT_FOUND",
            "the asking blob is in GC, mark it as non existing",
        ),
        What::Immutable => refusal(
            412,
            "PRECONDITION",
            "Failed to process request due to 'app:1' configured as immutable.",
        ),
        What::WrongDigest if read => {
            let mut bytes = right.to_vec();
            bytes[10] ^= 1;
            Response::status(200)
                .header("Docker-Content-Digest", &digest(right).to_string())
                .body(bytes)
        }
        What::WrongDigest => {
            Response::status(201).header("Docker-Content-Digest", &digest(b"another").to_string())
        }
        What::Shorter => Response::status(200)
            .header("Docker-Content-Digest", &digest(right).to_string())
            .body(right[..right.len() / 2].to_vec()),
        What::Longer => Response::status(200)
            .header("Docker-Content-Digest", &digest(right).to_string())
            .body([right, b" "].concat()),
        What::Redirect => {
            Response::status(307).header("Location", &format!("{elsewhere}/signed?by=nobody"))
        }
        What::Way(_) | What::Status(_) | What::Limited(_) => Response::status(599),
    }
}
