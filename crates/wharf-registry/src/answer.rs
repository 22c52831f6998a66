//! What a server's error means, by status, code and words.
//!
//! Harbor has one code for many things and no detail, so that its words have to tell; those compared here are what its
//! versions from 2.8 to 2.16 have in common. The registry behind it has codes and details.
use oci_client::errors::{OciEnvelope, OciError, OciErrorCode};
use std::time::Duration;
use wharf_image::{QuotaWords, StoreErrorKind};

/// Longest text taken over from a server.
const DETAIL_LIMIT: usize = 500;

/// An error as a server put it.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) code: Option<OciErrorCode>,
    pub(crate) detail: String,
    pub(crate) retry_after: Option<Duration>,
    /// Whether it ended an upload that can be started anew.
    pub(crate) lost_upload: bool,
}

impl Answer {
    /// Whether no other way of writing can succeed: the quota is used up, or nothing can be written.
    pub(crate) fn forbids_writing(&self) -> bool {
        match self.refusal() {
            Some(
                StoreErrorKind::QuotaExceeded { .. }
                | StoreErrorKind::ReadOnly { .. }
                | StoreErrorKind::ProxyProject { .. }
                | StoreErrorKind::ProjectMissing { .. },
            ) => true,
            Some(_) | None => false,
        }
    }

    /// What it means to the caller.
    pub(crate) fn into_kind(self) -> StoreErrorKind {
        if let Some(kind) = self.refusal() {
            return kind;
        }
        let Self {
            status,
            mut detail,
            retry_after,
            ..
        } = self;
        match status {
            401 => StoreErrorKind::Unauthorized { detail },
            403 => StoreErrorKind::Denied { detail },
            404 => StoreErrorKind::NotFound,
            413 => StoreErrorKind::TooLarge { detail },
            415 => StoreErrorKind::UnsupportedMediaType { detail },
            429 => {
                if let Some(wait) = retry_after {
                    detail = format!("{detail}, retry after {} s", wait.as_secs());
                }
                StoreErrorKind::RateLimited { detail }
            }
            _ => StoreErrorKind::Server { status, detail },
        }
    }

    /// What only its words or its code tell.
    pub(crate) fn refusal(&self) -> Option<StoreErrorKind> {
        let detail = self.detail.clone();
        let words = detail.to_ascii_lowercase();
        let has = |part: &str| words.contains(part);
        let code = |code: &str| self.code == Some(OciErrorCode::Other(code.to_owned()));
        let kind = match self.status {
            401 => StoreErrorKind::ProjectMissing {
                project: missing_project(&words)?,
                detail,
            },
            403 if has("quota") || (has("storage resource") && has("upper limit")) => {
                StoreErrorKind::QuotaExceeded {
                    quota: quota_words(&detail),
                    detail,
                }
            }
            403 if has("read only mode") => StoreErrorKind::ReadOnly { detail },
            403 if has("proxy project") => StoreErrorKind::ProxyProject { detail },
            404 if has("is in gc") => StoreErrorKind::BeingCollected { detail },
            412 if has("immutable") => StoreErrorKind::ImmutableTag { detail },
            412 if code("PROJECTPOLICYVIOLATION") => StoreErrorKind::PolicyViolation { detail },
            400 if has("too large") => StoreErrorKind::TooLarge { detail },
            400 if has("media type") => StoreErrorKind::UnsupportedMediaType { detail },
            _ => return None,
        };
        Some(kind)
    }
}

/// The project of "project x not found".
fn missing_project(words: &str) -> Option<String> {
    let (_, rest) = words.split_once("project ")?;
    let (project, _) = rest.split_once(" not found")?;
    (!project.contains(' ')).then(|| project.to_owned())
}

/// The quantities of "adding N of storage resource, which when updated to current usage of N will exceed the configured
/// upper limit of N."; a project that is over its limit already has "subtracting 0 B".
fn quota_words(detail: &str) -> Option<QuotaWords> {
    let between = |before: &str, after: &str| {
        let (_, rest) = detail.split_once(before)?;
        let (quantity, _) = rest.split_once(after)?;
        Some(quantity.trim().to_owned())
    };
    let need = between("adding ", " of storage").or_else(|| between("subtracting ", " of storage"));
    let limit = detail.split_once("upper limit of ")?.1;
    Some(QuotaWords {
        need: need?,
        used: between("current usage of ", " will exceed")?,
        limit: limit.trim_end_matches(['.', ' ']).to_owned(),
    })
}

/// The code of the first error and the words of all.
pub(crate) fn parse(body: &[u8]) -> (Option<OciErrorCode>, Option<String>) {
    let Ok(envelope) = serde_json::from_slice::<OciEnvelope>(body) else {
        let text = String::from_utf8_lossy(body);
        let line = text.lines().map(str::trim).find(|line| !line.is_empty());
        // A page for people says nothing in its first line.
        return (
            None,
            line.filter(|line| !line.starts_with('<'))
                .map(ToOwned::to_owned),
        );
    };
    let words: Vec<_> = envelope.errors.iter().map(describe).collect();
    let code = envelope.errors.into_iter().next().map(|error| error.code);
    (code, (!words.is_empty()).then(|| words.join("; ")))
}

fn describe(error: &OciError) -> String {
    let code = serde_json::to_value(&error.code)
        .ok()
        .and_then(|code| code.as_str().map(ToOwned::to_owned))
        .unwrap_or_default();
    let detail = match &error.detail {
        serde_json::Value::Object(detail) => detail.get("digest").or_else(|| detail.get("Digest")),
        detail => Some(detail),
    };
    let mut words = match error.message.trim() {
        "" => code,
        message if code.is_empty() => message.to_owned(),
        message => format!("{code}: {message}"),
    };
    if let Some(detail) = detail.and_then(serde_json::Value::as_str) {
        words = format!("{words} ({detail})");
    }
    words
}

/// One line of bounded length that cannot steer a terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(DETAIL_LIMIT)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> StoreErrorKind {
        let (code, words) = parse(body.as_bytes());
        let answer = Answer {
            status,
            code,
            detail: clean(&words.unwrap_or_default()),
            ..Answer::default()
        };
        answer.into_kind()
    }

    fn error(code: &str, message: &str) -> String {
        serde_json::json!({"errors": [{"code": code, "message": message}]}).to_string()
    }

    #[test]
    fn tells_quota_read_only_and_missing_rights_apart() {
        let quota = error(
            "DENIED",
            "adding 10 MiB of storage resource, which when updated to current usage of 95 MiB will exceed the configured upper limit of 100 MiB.",
        );
        let expected = "the quota is exceeded: 95 MiB of 100 MiB are in use, and 10 MiB more are needed; free space \
                        in the project or have its quota raised";
        assert_eq!(kind(403, &quota).to_string(), expected);
        let read_only = error(
            "DENIED",
            "The system is in read only mode. Any modification is prohibited.",
        );
        assert!(matches!(
            kind(403, &read_only),
            StoreErrorKind::ReadOnly { .. }
        ));
        let denied = error("DENIED", "requested access to the resource is denied");
        assert!(matches!(kind(403, &denied), StoreErrorKind::Denied { .. }));
    }

    #[test]
    fn a_quota_that_is_exceeded_already_and_one_in_other_words_are_understood() {
        let over = error(
            "DENIED",
            "subtracting 0 B of storage resource, which when updated to current usage of 2 GiB will exceed the configured upper limit of 1 GiB.",
        );
        let StoreErrorKind::QuotaExceeded { quota, .. } = kind(403, &over) else {
            panic!("not a quota");
        };
        let words = QuotaWords {
            need: "0 B".to_owned(),
            used: "2 GiB".to_owned(),
            limit: "1 GiB".to_owned(),
        };
        assert_eq!(words.to_string(), "2 GiB are in use, and 1 GiB may be");
        assert_eq!(quota, Some(words));
        let other = kind(403, &error("DENIED", "quota exceeded for tenant"));
        assert!(
            other
                .to_string()
                .contains("DENIED: quota exceeded for tenant"),
            "{other}"
        );
    }

    #[test]
    fn what_is_told_by_words_alone_is_told_apart() {
        let is = |status, code, message: &str| kind(status, &error(code, message)).to_string();
        let starts = |text: String, with: &str| assert!(text.starts_with(with), "{text}");
        starts(
            is(401, "UNAUTHORIZED", "project team-x not found"),
            "there is no project 'team-x' (",
        );
        starts(
            is(
                403,
                "DENIED",
                "can not push artifact to a proxy project: hub",
            ),
            "the project only passes on what another registry has (",
        );
        starts(
            is(
                404,
                "NOT_FOUND",
                "the asking blob is in GC, mark it as non existing",
            ),
            "the garbage collector of the registry is removing a blob (",
        );
        starts(
            is(413, "REQUEST_ENTITY_TOO_LARGE", "x"),
            "the registry, or a proxy before it,",
        );
        starts(is(415, "UNSUPPORTED", "x"), "media type is not supported (");
        let body = r#"{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid","detail":"http: request body too large"}]}"#;
        starts(
            kind(400, body).to_string(),
            "the registry, or a proxy before it,",
        );
    }

    #[test]
    fn tells_immutable_tags_and_policies_apart() {
        let immutable = error(
            "PRECONDITION",
            "Failed to process request due to 'tool/app:latest' configured as immutable.",
        );
        assert!(matches!(
            kind(412, &immutable),
            StoreErrorKind::ImmutableTag { .. }
        ));
        let policy = error(
            "PROJECTPOLICYVIOLATION",
            "current image with 3 vulnerabilities cannot be pulled",
        );
        assert!(matches!(
            kind(412, &policy),
            StoreErrorKind::PolicyViolation { .. }
        ));
        assert!(matches!(
            kind(412, "nginx"),
            StoreErrorKind::Server { status: 412, .. }
        ));
    }

    #[test]
    fn words_of_a_server_are_one_bounded_line() {
        let hostile = error("X", &format!("\u{1b}[2J{}\nsecond", "a".repeat(1000)));
        let StoreErrorKind::Server { detail, .. } = kind(418, &hostile) else {
            panic!("not a server error");
        };
        assert_eq!(detail.chars().count(), DETAIL_LIMIT);
        assert!(!detail.chars().any(char::is_control));
    }

    #[test]
    fn names_the_missing_blob() {
        let body = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry","detail":{"digest":"sha256:aa"}}]}"#;
        let StoreErrorKind::Server { detail, .. } = kind(400, body) else {
            panic!("not a server error");
        };
        assert_eq!(
            detail,
            "MANIFEST_BLOB_UNKNOWN: blob unknown to registry (sha256:aa)"
        );
    }
}
