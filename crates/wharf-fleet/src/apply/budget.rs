//! How many images may fail.
use std::str::FromStr;

/// How many images may fail before apply stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxFailures {
    /// So many.
    Count(usize),
    /// So many percent of all.
    Percent(u8),
}

/// A text that is neither a number nor a percentage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is neither a number nor a percentage from 0% to 100%")]
pub struct MaxFailuresError(String);

impl FromStr for MaxFailures {
    type Err = MaxFailuresError;

    fn from_str(text: &str) -> Result<Self, MaxFailuresError> {
        let fail = || MaxFailuresError(text.to_owned());
        if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.parse().map_err(|_| fail())?;
            return if percent <= 100 {
                Ok(Self::Percent(percent))
            } else {
                Err(fail())
            };
        }
        text.parse().map(Self::Count).map_err(|_| fail())
    }
}

impl MaxFailures {
    /// Whether `failed` of `all` are too many.
    pub fn is_exceeded(self, failed: usize, all: usize) -> bool {
        match self {
            Self::Count(most) => failed > most,
            Self::Percent(percent) => failed * 100 > all * usize::from(percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_percentages() {
        assert_eq!("3".parse(), Ok(MaxFailures::Count(3)));
        assert_eq!("5%".parse(), Ok(MaxFailures::Percent(5)));
        for wrong in ["", "x", "-1", "101%", "%", "1.5%"] {
            assert!(wrong.parse::<MaxFailures>().is_err(), "{wrong}");
        }
        assert!(!MaxFailures::Count(0).is_exceeded(0, 10));
        assert!(MaxFailures::Count(0).is_exceeded(1, 10));
        assert!(!MaxFailures::Percent(10).is_exceeded(1, 10));
        assert!(MaxFailures::Percent(10).is_exceeded(2, 10));
    }
}
