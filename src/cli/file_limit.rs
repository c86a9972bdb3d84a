//! How many files the process may have open. A log has two for each segment, and connections must not
//! take what it needs: a segment that can't be created ends all appends until the next start.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as it goes without privileges; what is in force then. `None` is no limit.
pub(crate) fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::debug!(%error, "the limit of open files stays as it is");
            current
        }
    }
}

/// The most connections to take of those wanted: half of the files are left to the log.
pub(crate) fn connections(wanted: usize, limit: Option<u64>) -> usize {
    let half = limit.map_or(usize::MAX, |limit| usize::try_from(limit / 2).unwrap_or(usize::MAX));
    wanted.min(half).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_files_are_left_to_the_log() {
        assert_eq!(connections(1024, None), 1024);
        assert_eq!(connections(1024, Some(1 << 20)), 1024);
        assert_eq!(connections(1024, Some(1024)), 512);
        assert_eq!(connections(1024, Some(1)), 1);
    }
}
