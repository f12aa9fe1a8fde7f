//! What the users of a run come to, over all days: how many have how much, and who has the most.

use std::collections::BTreeMap;

use super::group::{Group, Totals};
use super::revenue::Revenue;
use crate::event::UserId;

/// A user, and what was counted over all days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserTotal {
    /// The user.
    pub user_id: UserId,
    /// What was counted.
    pub totals: Totals,
}

/// How many users have how much. Merging is exact, and its order does not show.
///
/// There are as many different counts of events as the square root of twice all events at most, so that
/// they can be kept: 100,000 for five billion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserTotals {
    users: u64,
    /// How many users have so many events.
    by_events: BTreeMap<u64, u64>,
    /// How many users have revenue from there to the next bound; 0 is none at all.
    by_revenue: BTreeMap<u128, u64>,
    most_events: Vec<UserTotal>,
    most_revenue: Vec<UserTotal>,
}

impl UserTotals {
    /// How many of those with the most are kept.
    pub(crate) const TOP: usize = 20;

    /// Of groups that are of one user each.
    pub(crate) fn of(groups: impl IntoIterator<Item = Group>) -> UserTotals {
        let mut all = UserTotals::default();
        for Group { key, totals } in groups {
            all.users += 1;
            *all.by_events.entry(totals.event_count).or_default() += 1;
            let bound = lower_bound(totals.revenue.units());
            *all.by_revenue.entry(bound).or_default() += 1;
            let user = UserTotal {
                user_id: key.user_id(),
                totals,
            };
            keep(&mut all.most_events, user, |totals| totals.event_count);
            if totals.purchase_count > 0 {
                keep(&mut all.most_revenue, user, |totals| totals.revenue);
            }
        }
        all
    }

    /// Adds other users.
    pub(crate) fn merge(&mut self, other: UserTotals) {
        self.users += other.users;
        for (count, users) in other.by_events {
            *self.by_events.entry(count).or_default() += users;
        }
        for (bound, users) in other.by_revenue {
            *self.by_revenue.entry(bound).or_default() += users;
        }
        for user in other.most_events {
            keep(&mut self.most_events, user, |totals| totals.event_count);
        }
        for user in other.most_revenue {
            keep(&mut self.most_revenue, user, |totals| totals.revenue);
        }
    }

    /// How many users have events.
    #[must_use]
    pub fn users(&self) -> u64 {
        self.users
    }

    /// The most events that a share of the users have at most, `share` being per thousand: of 500 it is
    /// the median, of those in the middle the lower. `None` without users.
    #[must_use]
    pub(crate) fn events_of(&self, share: u64) -> Option<u64> {
        let wanted = (u128::from(self.users) * u128::from(share.min(1000))).div_ceil(1000);
        let mut seen = 0;
        self.by_events.iter().find_map(|(count, users)| {
            seen += u128::from(*users);
            (seen >= wanted).then_some(*count)
        })
    }

    /// Bins of events a user: 1, 2, 3 to 4, 5 to 8 and so on, each with its first and last count and its
    /// users, from the first bin to the last that has any.
    #[must_use]
    pub(crate) fn bins_of_events(&self) -> Vec<(u64, u64, u64)> {
        let bin = |count: u64| {
            count
                .saturating_sub(1)
                .checked_ilog2()
                .map_or(0, |log| log + 1)
        };
        let mut users: BTreeMap<u32, u64> = BTreeMap::new();
        for (count, of_count) in &self.by_events {
            *users.entry(bin(*count)).or_default() += of_count;
        }
        let (Some((first, _)), Some((last, _))) = (users.first_key_value(), users.last_key_value())
        else {
            return Vec::new();
        };
        let bins = (*first..=*last).map(|bin| {
            let from = bin
                .checked_sub(1)
                .map_or(1, |below| (1_u64 << below.min(63)) + 1);
            let to = 1_u64.checked_shl(bin).unwrap_or(u64::MAX);
            (from, to, users.get(&bin).copied().unwrap_or(0))
        });
        bins.collect()
    }

    /// How many users have no revenue.
    #[must_use]
    pub(crate) fn without_revenue(&self) -> u64 {
        self.by_revenue.get(&0).copied().unwrap_or(0)
    }

    /// Bins of revenue a user, those without aside: from 1, 2 and 5 times a power of ten, each with where
    /// it starts, where the next does, and its users; from the first that has any to the last.
    #[must_use]
    pub(crate) fn bins_of_revenue(&self) -> Vec<(Revenue, Revenue, u64)> {
        let mut bins = Vec::new();
        let mut with = self.by_revenue.range(1..);
        let (Some((first, _)), last) = (with.next(), self.by_revenue.last_key_value()) else {
            return bins;
        };
        let last = last.map_or(*first, |(last, _)| *last);
        let mut from = *first;
        while from <= last {
            let to = next_bound(from);
            let users = self.by_revenue.get(&from).copied().unwrap_or(0);
            bins.push((Revenue::from_units(from), Revenue::from_units(to), users));
            if to == from {
                break;
            }
            from = to;
        }
        bins
    }

    /// The users with the most events, at most 20; of those with as many, the least ids.
    #[must_use]
    pub fn most_events(&self) -> &[UserTotal] {
        &self.most_events
    }

    /// The users with the most revenue, at most [`UserTotals::TOP`], none without a purchase among them.
    #[must_use]
    pub(crate) fn most_revenue(&self) -> &[UserTotal] {
        &self.most_revenue
    }
}

/// The last of 1, 2 and 5 times a power of ten that is not above; 0 for 0.
fn lower_bound(units: u128) -> u128 {
    let Some(digits) = units.checked_ilog10() else {
        return 0;
    };
    let ten = 10_u128.pow(digits);
    match units / ten {
        1 => ten,
        2..=4 => 2 * ten,
        _ => 5 * ten,
    }
}

/// The one after; the largest number after the last.
fn next_bound(bound: u128) -> u128 {
    let ten = 10_u128.pow(bound.checked_ilog10().unwrap_or(0));
    match bound / ten {
        1 => 2 * ten,
        2 => ten.saturating_mul(5),
        _ => ten.saturating_mul(10),
    }
}

/// Puts a user among those with the most, if it is one of them.
fn keep<K: Ord>(most: &mut Vec<UserTotal>, user: UserTotal, key: impl Fn(&Totals) -> K) {
    let rank = |user: &UserTotal| (std::cmp::Reverse(key(&user.totals)), user.user_id.get());
    let own = rank(&user);
    if most.len() == UserTotals::TOP && most.last().is_some_and(|last| rank(last) < own) {
        return;
    }
    let at = most.partition_point(|other| rank(other) < own);
    most.insert(at, user);
    most.truncate(UserTotals::TOP);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::GroupKey;
    use crate::event::Date;
    use proptest::prelude::*;

    fn groups(users: &[(u64, u64, u128)]) -> impl Iterator<Item = Group> {
        users.iter().map(|(user, event_count, units)| Group {
            key: GroupKey::new(Date::MIN, UserId::from(*user)),
            totals: Totals {
                event_count: *event_count,
                purchase_count: u64::from(*units > 0),
                revenue: Revenue::from_units(*units),
            },
        })
    }

    proptest! {
        #[test]
        fn users_are_where_they_belong_in_whatever_pieces(
            counts in proptest::collection::vec(
                (1..200_u64, prop_oneof![Just(0), 1..400_u128, any::<u128>()]), 1..80),
            piece in 1..40_usize,
        ) {
            let users: Vec<(u64, u64, u128)> =
                (0..).zip(&counts).map(|(user, (events, units))| (user, *events, *units)).collect();
            let whole = UserTotals::of(groups(&users));
            let mut merged = UserTotals::default();
            for some in users.chunks(piece).rev() {
                merged.merge(UserTotals::of(groups(some)));
            }
            prop_assert_eq!(&merged, &whole);
            prop_assert_eq!(whole.users(), users.len() as u64);

            for (from, to, count) in whole.bins_of_events() {
                let within = users.iter().filter(|user| (from..=to).contains(&user.1)).count();
                prop_assert_eq!(count, within as u64);
            }
            let in_bins: u64 = whole.bins_of_events().iter().map(|bin| bin.2).sum();
            prop_assert_eq!(in_bins, whole.users());
            let mut in_bins = whole.without_revenue();
            prop_assert_eq!(in_bins, users.iter().filter(|user| user.2 == 0).count() as u64);
            for (from, to, count) in whole.bins_of_revenue() {
                let within = users
                    .iter()
                    .filter(|user| from.units() <= user.2 && (user.2 < to.units() || to.is_saturated()))
                    .count();
                prop_assert_eq!(count, within as u64);
                in_bins += count;
            }
            prop_assert_eq!(in_bins, whole.users());

            let mut sorted = users.clone();
            sorted.sort_by_key(|user| (std::cmp::Reverse(user.1), user.0));
            let top: Vec<i128> = whole.most_events().iter().map(|user| user.user_id.get()).collect();
            let expected: Vec<i128> = sorted.iter().take(20).map(|user| i128::from(user.0)).collect();
            prop_assert_eq!(top, expected);
            sorted.retain(|user| user.2 > 0);
            sorted.sort_by_key(|user| (std::cmp::Reverse(user.2), user.0));
            let top: Vec<i128> = whole.most_revenue().iter().map(|user| user.user_id.get()).collect();
            let expected: Vec<i128> = sorted.iter().take(20).map(|user| i128::from(user.0)).collect();
            prop_assert_eq!(top, expected);

            let mut events: Vec<u64> = users.iter().map(|user| user.1).collect();
            events.sort_unstable();
            prop_assert_eq!(whole.events_of(500), Some(events[(events.len() - 1) / 2]));
            prop_assert_eq!(whole.events_of(1000), events.last().copied());
        }
    }

    #[test]
    fn no_users_have_nothing() {
        let none = UserTotals::default();
        assert_eq!(none.events_of(500), None);
        assert!(none.bins_of_events().is_empty() && none.bins_of_revenue().is_empty());
    }
}
