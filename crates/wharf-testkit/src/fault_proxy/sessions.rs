//! What became of the upload sessions that passed.
use super::traffic::Exchange;
use std::collections::BTreeMap;

/// The end of an upload session, as far as its client can be blamed for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// Its blob was stored.
    Finished,
    /// The registry dropped it when asked to.
    Cancelled,
    /// The client asked for its end, and the registry did not do it. docker-registry refuses to drop a session in which
    /// part of a broken upload has been stored: the address the client has says that nothing was.
    Refused,
    /// Its address never came to the client.
    Untold,
    /// The client knew it, and neither finished nor cancelled it.
    Left,
}

/// The end of each session that was started among `exchanges`, by its identifier.
pub fn sessions<'a>(
    exchanges: impl IntoIterator<Item = &'a Exchange> + Clone,
) -> BTreeMap<String, SessionEnd> {
    let mut ends = BTreeMap::new();
    for exchange in exchanges.clone() {
        let started = exchange.method == "POST" && exchange.status == Some(202);
        if let Some(location) = exchange.location.as_deref().filter(|_| started) {
            let end = if exchange.complete {
                SessionEnd::Left
            } else {
                SessionEnd::Untold
            };
            ends.insert(identifier(location).to_owned(), end);
        }
    }
    for exchange in exchanges {
        let Some(end) = ends.get_mut(identifier(&exchange.target)) else {
            continue;
        };
        *end = match (exchange.method.as_str(), exchange.status, *end) {
            ("PUT", Some(201), _) | (_, _, SessionEnd::Finished) => SessionEnd::Finished,
            ("DELETE", Some(204), _) => SessionEnd::Cancelled,
            ("DELETE", Some(_), SessionEnd::Left) => SessionEnd::Refused,
            (_, _, end) => end,
        };
    }
    ends
}

/// The last word of a path.
fn identifier(target: &str) -> &str {
    let path = target.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(session: &str, complete: bool) -> Exchange {
        Exchange {
            method: "POST".to_owned(),
            target: "/v2/a/blobs/uploads/".to_owned(),
            status: Some(202),
            location: Some(format!(
                "http://r.test/v2/a/blobs/uploads/{session}?_state=0"
            )),
            complete,
            ..Exchange::default()
        }
    }

    fn then(method: &str, session: &str, status: Option<u16>) -> Exchange {
        Exchange {
            method: method.to_owned(),
            target: format!("/v2/a/blobs/uploads/{session}?_state=1"),
            status,
            ..Exchange::default()
        }
    }

    #[test]
    fn each_session_has_the_end_that_its_client_and_its_registry_gave_it() {
        let exchanges = [
            started("left", true),
            // Asked, but the registry never heard of it.
            then("DELETE", "left", None),
            started("untold", false),
            started("finished", true),
            then("PUT", "finished", None),
            then("PUT", "finished", Some(201)),
            then("DELETE", "finished", Some(404)),
            started("cancelled", true),
            then("PUT", "cancelled", Some(500)),
            then("DELETE", "cancelled", None),
            then("DELETE", "cancelled", Some(204)),
            then("DELETE", "cancelled", Some(404)),
            started("refused", true),
            then("DELETE", "refused", Some(404)),
        ];
        let expected = [
            ("cancelled", SessionEnd::Cancelled),
            ("finished", SessionEnd::Finished),
            ("left", SessionEnd::Left),
            ("refused", SessionEnd::Refused),
            ("untold", SessionEnd::Untold),
        ];
        let expected = expected.map(|(name, end)| (name.to_owned(), end));
        assert_eq!(sessions(&exchanges), BTreeMap::from(expected));
    }
}
