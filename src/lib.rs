//! daytally: daily per-user statistics from JSON Lines event logs.

pub mod event;
pub mod text;
