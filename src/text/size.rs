//! Sizes for people: how many bytes, in the unit that suits them.
//!
//! Powers of 1,000, as disks are sold and as `ls --si` has them. Options take these units too, besides
//! those of powers of 1,024.

use std::fmt;

use super::counted;

const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];

/// A size that was counted, to hundredths of its unit and rounded down.
///
/// ```
/// assert_eq!(daytally::text::size(4_123_456_789).to_string(), "4.12 GB");
/// assert_eq!(daytally::text::size(999).to_string(), "999 bytes");
/// ```
#[must_use]
pub fn size(bytes: u64) -> impl fmt::Display {
    Size(bytes)
}

/// A size that was estimated, in three digits.
///
/// ```
/// assert_eq!(daytally::text::about_size(4_123_456_789.0).to_string(), "4.12 GB");
/// assert_eq!(daytally::text::about_size(29_512_345.6).to_string(), "29.5 MB");
/// ```
#[must_use]
pub fn about_size(bytes: f64) -> impl fmt::Display {
    AboutSize(bytes)
}

struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1000 {
            return f.write_str(&counted(self.0, "byte"));
        }
        // In hundredths of the next unit, rounded down, so that no rounding can say 1000.00.
        let mut hundredths = u128::from(self.0) * 100;
        let mut unit = "";
        for next in UNITS {
            if hundredths < 100_000 {
                break;
            }
            hundredths /= 1000;
            unit = next;
        }
        write!(f, "{}.{:02} {unit}", hundredths / 100, hundredths % 100)
    }
}

struct AboutSize(f64);

impl fmt::Display for AboutSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut size = self.0.max(0.0);
        if size < 999.5 {
            let shown = format!("{size:.0}");
            let ending = if shown == "1" { "" } else { "s" };
            return write!(f, "{shown} byte{ending}");
        }
        let mut unit = "";
        for next in UNITS {
            // What three digits would show as 1000 is one of the next unit.
            if size < 999.5 {
                break;
            }
            size /= 1000.0;
            unit = next;
        }
        let decimals = match size {
            ones if ones < 9.995 => 2,
            tens if tens < 99.95 => 1,
            _ => 0,
        };
        write!(f, "{size:.decimals$} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1000, "1.00 kB"),
            (999_999, "999.99 kB"),
            (1_000_000, "1.00 MB"),
            (4_123_456_789, "4.12 GB"),
            (u64::MAX, "18446.74 PB"),
        ] {
            assert_eq!(Size(bytes).to_string(), shown);
        }
        for (bytes, shown) in [
            (-1.0, "0 bytes"),
            (0.5, "0 bytes"),
            (1.2, "1 byte"),
            (1.5, "2 bytes"),
            (999.0, "999 bytes"),
            (999.6, "1.00 kB"),
            (1_234.0, "1.23 kB"),
            (9_996.0, "10.0 kB"),
            (99_960.0, "100 kB"),
            (999_400.0, "999 kB"),
            (999_600.0, "1.00 MB"),
            (4_123_456_789.0, "4.12 GB"),
            (2e19, "20000 PB"),
        ] {
            assert_eq!(AboutSize(bytes).to_string(), shown, "{bytes}");
        }
    }
}
