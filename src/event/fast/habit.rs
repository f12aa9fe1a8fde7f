//! Which way through lines is the better one, as it shows while they are read.

#![expect(
    clippy::inline_always,
    reason = "vector instructions are only compiled as such where everything down to them is inlined"
)]

/// Whether lines are alike enough for walking to be the better way.
///
/// Some lines are walked through. If many of them were strange, others are indexed for a while, and
/// then some are walked through again: logs change, and may be put together from several.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Habit {
    walked: u32,
    strange: u32,
    /// Lines still to be indexed.
    to_index: u32,
    /// What was read in strides since a line could not be: so many lines, from bit [`LINES_SHIFT`] up, and
    /// bytes. Of very many it tells less than there were, which does not matter.
    strode: u64,
    /// What misses cost less what strides gained since, in bytes; never less than nothing.
    lost: u64,
    /// Lines still to be walked through without trying.
    to_walk: u32,
    /// Walks that took no line, since one did.
    vain: u32,
    /// Walks that were spared, since one was not.
    spared: u32,
}

/// Where the lines are in [`Habit::strode`].
const LINES_SHIFT: u32 = 40;

impl Habit {
    /// How many lines are walked through before it shows.
    const SAMPLE: u32 = 32;
    /// With how many strange ones among them walking is not worth its while.
    const STRANGE: u32 = 6;
    /// How many lines are indexed then.
    const INDEXED: u32 = 2048;
    /// How much has to be lost for walking alone, in bytes.
    const LOST: u64 = 4096;
    /// What a miss costs, beside twice the bytes of it.
    const MISS: u64 = 64;
    /// After how many walks in vain most of them are spared.
    const VAIN: u32 = 16;
    /// How many lines are walked through then.
    const WALKED: u32 = 1024;

    /// Whether the next line should be tried to be read in strides.
    #[inline(always)]
    pub(super) fn is_regular(&mut self) -> bool {
        if self.to_walk == 0 {
            return true;
        }
        self.to_walk -= 1;
        false
    }

    /// Whether the next lines are to be indexed.
    #[inline(always)]
    pub(super) fn is_to_index(&self) -> bool {
        self.to_index > 0
    }

    /// Notes that a line was indexed, or was to be.
    #[inline(always)]
    pub(super) fn indexed(&mut self) {
        self.to_index = self.to_index.saturating_sub(1);
    }

    /// A line of so many bytes could be read in strides, which takes less than three quarters of what a walk
    /// takes.
    #[inline(always)]
    pub(super) fn strode(&mut self, len: usize) {
        self.strode = self.strode.wrapping_add(len as u64 + (1 << LINES_SHIFT));
    }

    /// A line could not be read in strides, which showed after so many bytes. Where more is lost by that than
    /// gained, walking alone is the better way.
    #[inline(always)]
    pub(super) fn missed(&mut self, at: usize) {
        let strode = std::mem::take(&mut self.strode);
        let (lines, bytes) = (strode >> LINES_SHIFT, strode & ((1 << LINES_SHIFT) - 1));
        self.lost = self.lost.saturating_sub(bytes) + Habit::MISS + 2 * at as u64;
        if self.lost >= Habit::LOST {
            self.lost = Habit::LOST / 2;
            self.to_walk = Habit::WALKED;
        }
        let strides = u32::try_from(lines).unwrap_or(u32::MAX);
        self.walked = self.walked.saturating_add(strides);
        self.look();
    }

    /// Whether a line that could not be read in strides should be walked through. Where all such lines are
    /// invalid, that is in vain, and tried now and then.
    #[inline(always)]
    pub(super) fn may_walk(&mut self) -> bool {
        if self.vain < Habit::VAIN {
            return true;
        }
        self.spared = (self.spared + 1) % Habit::VAIN;
        self.spared == 0
    }

    /// Notes that a walk took no line.
    #[inline(always)]
    pub(super) fn walked_in_vain(&mut self) {
        self.vain = self.vain.saturating_add(1);
    }

    /// Notes how a walk went that took one.
    #[inline(always)]
    pub(super) fn walked(&mut self, is_strange: bool) {
        self.vain = 0;
        self.walked += 1;
        self.strange += u32::from(is_strange);
        self.look();
    }

    /// Looks at what was walked through, if that is enough by now.
    #[inline(always)]
    fn look(&mut self) {
        if self.walked >= Habit::SAMPLE {
            if self.strange >= Habit::STRANGE {
                self.to_index = Habit::INDEXED;
            }
            (self.walked, self.strange) = (0, 0);
        }
    }
}

#[cfg(test)]
impl Habit {
    /// One with which far more lines are indexed than a test has.
    pub(super) fn indexing() -> Habit {
        Habit {
            to_index: u32::MAX,
            ..Habit::default()
        }
    }

    /// Forgets walks in vain: whether one is tried is not to depend on lines before.
    pub(super) fn forget_vain(&mut self) {
        self.vain = 0;
    }

    /// How many lines were read in strides since one could not be.
    pub(super) fn strides(self) -> u64 {
        self.strode >> LINES_SHIFT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walking_alone_is_the_way_where_lines_are_irregular() {
        let missed_until_walking = |strides: usize, at: usize| {
            let mut habit = Habit::default();
            let mut misses = 0;
            while habit.is_regular() && misses < 1000 {
                (0..strides).for_each(|_| habit.strode(100));
                habit.missed(at);
                misses += 1;
            }
            misses
        };
        assert_eq!(missed_until_walking(0, 16), 43);
        assert_eq!(missed_until_walking(1, 16), 1000);
        // A late miss costs more.
        assert_eq!(missed_until_walking(1, 900), 3);
        assert_eq!(missed_until_walking(10, 900), 4);
        assert_eq!(missed_until_walking(20, 900), 1000);

        let mut habit = Habit::default();
        (0..100).for_each(|_| habit.missed(0));
        let walked = (0..10_000).take_while(|_| !habit.is_regular()).count();
        assert_eq!(walked, Habit::WALKED as usize);
    }

    #[test]
    fn strange_lines_among_regular_ones_are_indexed() {
        for (strange, regular, is_indexed) in
            [(1, 8, false), (1, 2, true), (16, 16, true), (12, 20, true)]
        {
            let mut habit = Habit::default();
            for _ in 0..100 {
                for _ in 0..strange {
                    habit.missed(30);
                    habit.walked(true);
                }
                (0..regular).for_each(|_| habit.strode(80));
            }
            assert_eq!(habit.is_to_index(), is_indexed, "{strange} {regular}");
        }
    }

    #[test]
    fn walks_in_vain_are_spared() {
        let mut habit = Habit::default();
        for _ in 0..Habit::VAIN {
            assert!(habit.may_walk());
            habit.walked_in_vain();
        }
        let mut tried = 0;
        for _ in 0..100 * Habit::VAIN {
            if habit.may_walk() {
                tried += 1;
                habit.walked_in_vain();
            }
        }
        assert_eq!(tried, 100);
        habit.walked(false);
        assert!(habit.may_walk());
    }
}
