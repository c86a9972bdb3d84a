//! What can be asked for.

use std::fmt;

/// What a subject wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Append records.
    Produce,
    /// Read records.
    Consume,
    /// Truncate, and change who is in the cluster.
    Admin,
    /// Read metrics.
    Metrics,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 4] = [Action::Produce, Action::Consume, Action::Admin, Action::Metrics];

    /// Its name in policy files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Produce => "produce",
            Action::Consume => "consume",
            Action::Admin => "admin",
            Action::Metrics => "metrics",
        }
    }

    /// The action of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
