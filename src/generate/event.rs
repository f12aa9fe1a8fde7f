//! Events: who did what, when, for how much, before any of it is written as text.

use super::clock::{DAY_SECONDS, Day, Moment};
use super::rng::{Stream, scale};

/// What a user did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventType {
    Click,
    View,
    Search,
    AddToCart,
    Login,
    Logout,
    Purchase,
}

impl EventType {
    /// The event types with their share of the events, in per cent.
    const SHARES: [(Self, usize); 7] = [
        (Self::Click, 38),
        (Self::View, 27),
        (Self::Search, 12),
        (Self::AddToCart, 7),
        (Self::Login, 3),
        (Self::Logout, 3),
        (Self::Purchase, 10),
    ];

    /// One entry a per cent, so that a draw is one look-up.
    const BY_PER_CENT: [Self; 100] = {
        let mut table = [Self::Click; 100];
        let (mut share, mut at) = (0, 0);
        while share < Self::SHARES.len() {
            let end = at + Self::SHARES[share].1;
            while at < end {
                table[at] = Self::SHARES[share].0;
                at += 1;
            }
            share += 1;
        }
        assert!(at == 100, "the shares are per cent");
        table
    };

    /// The name in the `event_type` field.
    pub(super) fn name(self) -> &'static [u8] {
        match self {
            Self::Click => b"click",
            Self::View => b"view",
            Self::Search => b"search",
            Self::AddToCart => b"add_to_cart",
            Self::Login => b"login",
            Self::Logout => b"logout",
            Self::Purchase => b"purchase",
        }
    }
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) user_id: u64,
    pub(super) kind: EventType,
    pub(super) moment: Moment,
    /// 1 to 40,000. Drawn for every event, though only a purchase shows it: see [`Event::draw`].
    pub(super) cents: u32,
}

impl Event {
    /// Draws an event of one of `users` users, at `moment`, or if that is `None` at a random moment of
    /// `days` days.
    ///
    /// Takes exactly three words, whatever the settings: line `i` is the same user doing the same in
    /// every profile and order, with any rate of invalid lines.
    #[inline]
    pub(super) fn draw(rng: &mut Stream, users: u64, days: u32, moment: Option<Moment>) -> Self {
        let user_id = 1 + scale(rng.word(), users);
        let when = rng.word();
        let what = rng.word();

        let moment = moment.unwrap_or_else(|| Moment {
            day: Day::from_offset((((when >> 32) * u64::from(days)) >> 32) as u32),
            second: (((when & 0xffff_ffff) * DAY_SECONDS) >> 32) as u32,
        });
        let per_cent = ((what & 0xffff) * 100) >> 16;
        // The product of two uniform numbers leans towards small amounts, as prices do.
        let (a, b) = (what >> 48, (what >> 32) & 0xffff);
        Self {
            user_id,
            kind: EventType::BY_PER_CENT[(per_cent % 100) as usize],
            moment,
            cents: 1 + ((a * b * 40_000) >> 32) as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_cover_the_settings_evenly() {
        let [mut rng] = Stream::split(5);
        let draws = 20_000;
        let (mut purchases, mut cents, mut users) = (0, 0_u64, [0; 4]);
        let mut days = [0; 3];
        for _ in 0..draws {
            let event = Event::draw(&mut rng, 4, 3, None);
            users[usize::try_from(event.user_id - 1).expect("small")] += 1;
            let offset = (0..3)
                .find(|&offset| Day::from_offset(offset) == event.moment.day)
                .expect("one of three days");
            days[offset as usize] += 1;
            assert!(u64::from(event.moment.second) < DAY_SECONDS);
            assert!((1..=40_000).contains(&event.cents));
            purchases += u32::from(event.kind == EventType::Purchase);
            cents += u64::from(event.cents);
        }
        assert!(
            users.iter().all(|n| (4_700..5_300).contains(n)),
            "{users:?}"
        );
        assert!(days.iter().all(|n| (6_300..7_000).contains(n)), "{days:?}");
        assert!((1_800..2_200).contains(&purchases), "{purchases}");
        // Half the mean of evenly spread amounts, which would be 200.00.
        assert!((9_500..10_500).contains(&(cents / draws)), "{cents}");
    }

    #[test]
    fn the_moment_given_changes_nothing_else() {
        let moment = Moment {
            day: Day::from_offset(7),
            second: 7,
        };
        let [mut a] = Stream::split(6);
        let mut b = a.clone();
        for _ in 0..100 {
            let free = Event::draw(&mut a, u64::MAX, 31, None);
            let fixed = Event::draw(&mut b, u64::MAX, 31, Some(moment));
            assert_eq!(Event { moment, ..free }, fixed);
        }
    }
}
