//! By which instructions blocks are looked at: what this machine has.

#[cfg(target_arch = "x86_64")]
use super::scan::{Avx2, Avx512};

/// How blocks are looked at. Only to be used on a machine that has it, as [`Means::all`] says.
///
/// ```
/// use daytally::internals::Means;
///
/// assert!(Means::all().any(|means| means.name() == "none, words of 64 bits"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means(pub(super) By);

/// By which instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Words,
}

impl Means {
    /// All means that this machine has, the best one first.
    pub fn all() -> impl Iterator<Item = Means> {
        let all = [
            #[cfg(target_arch = "x86_64")]
            Avx512::is_there().then_some(By::Avx512),
            #[cfg(target_arch = "x86_64")]
            Avx2::is_there().then_some(By::Avx2),
            Some(By::Words),
        ];
        all.into_iter().flatten().map(Means)
    }

    /// The best means that this machine has.
    pub(super) fn best() -> Means {
        Means::all().next().unwrap_or(Means(By::Words))
    }

    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            By::Avx512 => "AVX-512 (VBMI2)",
            #[cfg(target_arch = "x86_64")]
            By::Avx2 => "AVX2",
            By::Words => "none, words of 64 bits",
        }
    }
}

/// Which vector instructions the fast lane uses on this processor, for people.
///
/// ```
/// assert!(!daytally::internals::vectors().is_empty());
/// ```
#[must_use]
pub fn vectors() -> &'static str {
    Means::best().name()
}
