//! The generated events that the benchmarks work on.

use daytally::generate::{Length, Profile, Settings, write_events};

/// How much is generated: little where benchmarks only run once to be tested.
pub(crate) const SIZE: u64 = if cfg!(debug_assertions) {
    200_000
} else {
    16_000_000
};

/// Generated lines, and how many of them are invalid.
pub(crate) fn events(profile: Profile, invalid_rate: f64, users: u64) -> (Vec<u8>, u64) {
    let settings = Settings {
        length: Length::Bytes(SIZE),
        profile,
        invalid_rate,
        users,
        ..Settings::default()
    };
    let mut bytes = Vec::new();
    let written = write_events(&settings, &mut bytes).unwrap();
    (bytes, written.invalid)
}
