//! Names in paths.
use std::fmt::Write;

/// Percent-encodes all but letters, digits, `-`, `.`, `_` and `~`.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").ok();
        }
        path
    })
}

/// A repository below its project: `/` is encoded twice, since proxies in front of Harbor decode paths once.
pub(crate) fn repository(name: &str) -> String {
    encode(name).replace("%2F", "%252F")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_are_encoded_twice() {
        assert_eq!(repository("team/web/app"), "team%252Fweb%252Fapp");
        assert_eq!(repository("app_1.x-y"), "app_1.x-y");
        assert_eq!(encode("robot$a+b"), "robot%24a%2Bb");
        assert_eq!(encode("sha256:ab"), "sha256%3Aab");
    }
}
