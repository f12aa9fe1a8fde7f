//! What `--version` tells: the release, what was built into it, and what it makes of this processor.

use daytally::event::vectors;

/// The optional parts of the program, and whether this one has them.
const FEATURES: [(&str, bool); 9] = [
    ("gzip", cfg!(feature = "gzip")),
    ("zstd", cfg!(feature = "zstd")),
    ("bzip2", cfg!(feature = "bzip2")),
    ("xz", cfg!(feature = "xz")),
    ("lz4", cfg!(feature = "lz4")),
    ("config", cfg!(feature = "config")),
    ("shell", cfg!(feature = "shell")),
    ("parquet", cfg!(feature = "parquet")),
    ("arrow", cfg!(feature = "arrow")),
];

/// All of it; `-V` tells the first line.
pub(super) fn long() -> String {
    let features = FEATURES.map(|(name, is_there)| {
        let sign = if is_there { '+' } else { '-' };
        format!("{sign}{name}")
    });
    format!(
        "{}\nfeatures: {}\nSIMD:     {}, as this processor has it",
        env!("CARGO_PKG_VERSION"),
        features.join(" "),
        vectors()
    )
}
