//! Sizes as people write them.

/// Reads a size in bytes: a whole number, and a unit if it is not bytes.
///
/// `K`, `M`, `G`, `T` and `KiB`, `MiB`, `GiB`, `TiB` are powers of 1,024; `kB`, `MB`, `GB`, `TB` are
/// powers of 1,000 (IEC 80000-13); `B` is one byte. Case does not matter.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let factor: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err("a size is a whole number with a unit, such as 64M, 1GiB or 500kB".into()),
    };
    if number.is_empty() {
        return Err("a size starts with a whole number, such as 64M or 1GiB".into());
    }
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .ok_or_else(|| "the size is too large".into())
}

/// Reads a size that cannot be zero and has to fit into memory.
pub(super) fn parse_positive(text: &str) -> Result<usize, String> {
    match usize::try_from(parse(text)?) {
        Ok(0) => Err("the size has to be at least 1 byte".into()),
        Ok(size) => Ok(size),
        Err(_) => Err("the size is too large".into()),
    }
}

/// An amount of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemorySize {
    Bytes(u64),
    /// So many hundredths of what there is.
    Percent(u64),
}

/// Reads a size, or a whole percentage of the memory there is, up to all of it.
pub(super) fn parse_memory(text: &str) -> Result<MemorySize, String> {
    match text.trim().strip_suffix('%') {
        None => parse(text).map(MemorySize::Bytes),
        Some(percent) => percent
            .parse()
            .ok()
            .filter(|percent| (1..=100).contains(percent))
            .map(MemorySize::Percent)
            .ok_or_else(|| "a percentage is a whole number from 1% to 100%".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("7", 7),
            ("7B", 7),
            ("64M", 64 << 20),
            ("64m", 64 << 20),
            ("64 MiB", 64 << 20),
            ("1GiB", 1 << 30),
            ("2T", 2 << 40),
            ("1k", 1024),
            ("1kB", 1000),
            ("3GB", 3_000_000_000),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "M",
            "-1",
            "1.5G",
            "1X",
            "1 0",
            "+1",
            "18446744073709551616",
            "99999999T",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse_memory("1GiB"), Ok(MemorySize::Bytes(1 << 30)));
        assert_eq!(parse_memory("1%"), Ok(MemorySize::Percent(1)));
        assert_eq!(parse_memory("100%"), Ok(MemorySize::Percent(100)));
        for text in ["0%", "101%", "-1%", "1.5%", "%", "1G%", "G"] {
            assert!(parse_memory(text).is_err(), "{text}");
        }
        assert!(parse_positive("0").is_err());
        assert_eq!(parse_positive("1"), Ok(1));
    }
}
