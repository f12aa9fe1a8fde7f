//! What `--version` tells: the release, what was built into it, and what it makes of this processor.

use daytally::event::Zone;
use daytally::internals::vectors;

/// The optional parts of the program, and whether this one has them.
const FEATURES: [(&str, bool); 10] = [
    ("gzip", cfg!(feature = "gzip")),
    ("zstd", cfg!(feature = "zstd")),
    ("bzip2", cfg!(feature = "bzip2")),
    ("xz", cfg!(feature = "xz")),
    ("lz4", cfg!(feature = "lz4")),
    ("config", cfg!(feature = "config")),
    ("shell", cfg!(feature = "shell")),
    ("parquet", cfg!(feature = "parquet")),
    ("arrow", cfg!(feature = "arrow")),
    ("timezone", cfg!(feature = "timezone")),
];

/// All of it; `-V` tells the first line.
pub(super) fn long() -> String {
    let features = FEATURES.map(|(name, is_there)| {
        let sign = if is_there { '+' } else { '-' };
        format!("{sign}{name}")
    });
    let zones = match Zone::database() {
        Some(version) => format!("\nzones:    IANA time zone database {version}"),
        None => String::new(),
    };
    format!(
        "{}\nfeatures: {}\nSIMD:     {}, as this processor has it{zones}",
        env!("CARGO_PKG_VERSION"),
        features.join(" "),
        vectors()
    )
}
