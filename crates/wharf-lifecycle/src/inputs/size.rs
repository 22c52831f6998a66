//! Sizes as Kubernetes writes them.

/// Bytes: a number, maybe with a unit of powers of 1000 (`M`) or 1024 (`Mi`), maybe followed by `B`.
pub(super) fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let text = text.strip_suffix('B').unwrap_or(text);
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let (base, unit) = match text[digits.len()..].strip_suffix('i') {
        Some(unit) => (1024, unit),
        None => (1000, &text[digits.len()..]),
    };
    let power = match unit {
        "" if base == 1000 => 0,
        "K" | "k" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return None,
    };
    let number: u64 = digits.trim().parse().ok()?;
    number.checked_mul(u64::pow(base, power))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_are_bytes_or_have_a_unit() {
        let good = [
            ("0", 0),
            (" 1500 ", 1500),
            ("500M", 500_000_000),
            ("2Gi", 2 << 30),
            ("2GiB", 2 << 30),
            ("3 kB", 3000),
            ("1Ti", 1 << 40),
        ];
        for (text, bytes) in good {
            assert_eq!(parse(text), Some(bytes), "{text}");
        }
        for bad in ["", "M", "1.5G", "-1", "10X", "10i", "20000000T", "1 2"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
