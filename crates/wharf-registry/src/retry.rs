//! The one policy of trying again.
use crate::{failure::Failure, options::RetryPolicy};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::{Duration, SystemTime};

/// How long a server asks to wait: seconds, or until a date. One that is past means at once.
pub(crate) fn named_wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

impl RetryPolicy {
    /// How long to wait after failed attempt `attempt` (the first is 1); `None` when it is time to give up.
    pub(crate) fn wait_after(&self, attempt: u32, failure: &Failure) -> Option<Duration> {
        if attempt >= self.attempts || !failure.is_temporary() {
            return None;
        }
        match failure.retry_after() {
            // The server named a time; coming back earlier would be refused again.
            Some(wait) if wait > self.longest_wait => None,
            Some(wait) => Some(wait),
            None => Some(self.jittered(attempt)),
        }
    }

    /// Doubled for each attempt, and spread over its upper half so that many clients do not come back at once.
    fn jittered(&self, attempt: u32) -> Duration {
        let doubled = self
            .first_wait
            .saturating_mul(1 << attempt.saturating_sub(1).min(16))
            .min(self.longest_wait);
        doubled.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Answer;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 4,
        first_wait: Duration::from_millis(100),
        longest_wait: Duration::from_secs(5),
    };

    fn answer(status: u16, retry_after: Option<u64>) -> Failure {
        Failure::Answer(Answer {
            status,
            retry_after: retry_after.map(Duration::from_secs),
            ..Answer::default()
        })
    }

    #[test]
    fn waits_double_within_their_upper_half_and_end() {
        for (attempt, upper) in [(1, 100), (2, 200), (3, 400)] {
            let wait = POLICY.wait_after(attempt, &answer(503, None)).unwrap();
            let upper = Duration::from_millis(upper);
            assert!(wait >= upper / 2 && wait <= upper, "{wait:?} of {upper:?}");
        }
        assert_eq!(POLICY.wait_after(4, &answer(503, None)), None);
    }

    #[test]
    fn follows_retry_after_unless_it_is_too_far_away() {
        assert_eq!(
            POLICY.wait_after(1, &answer(429, Some(3))),
            Some(Duration::from_secs(3))
        );
        assert_eq!(POLICY.wait_after(1, &answer(429, Some(6))), None);
    }

    #[test]
    fn waits_are_named_in_seconds_or_as_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let wait = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            named_wait(&headers, now)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(wait("120"), seconds(120));
        assert_eq!(wait("Sun, 06 Nov 1994 08:50:00 GMT"), seconds(23));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), seconds(0));
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn gives_up_at_once_on_what_stays_wrong() {
        for status in [400, 401, 403, 404, 405, 409, 412, 413, 501] {
            assert_eq!(POLICY.wait_after(1, &answer(status, None)), None);
        }
    }
}
