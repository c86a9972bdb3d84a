//! Flags that have a meaning only beside others. Not left to clap, for which a value from the configuration
//! file is a default, and so neither needs another nor is what another needs.

use super::failure::Failure;

/// A flag, whether it is set, the flag that it needs, and whether that one is.
pub(crate) type Pair = (&'static str, bool, &'static str, bool);

/// Refuses a flag without what it needs.
///
/// # Errors
/// The first such flag.
pub(crate) fn check(pairs: &[Pair]) -> Result<(), Failure> {
    let half = pairs.iter().find(|(_, is_set, _, is_there)| *is_set && !is_there);
    half.map_or(Ok(()), |(flag, _, needed, _)| {
        let message = format!("{flag} has no meaning without {needed}");
        Err(Failure::usage(message).hint(format!("add {needed}")))
    })
}
