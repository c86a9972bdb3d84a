//! The exit codes, in one enum, so that the manual and the program can't disagree.

use std::process::ExitCode;

use signal_hook::consts::SIGINT;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Damaged = 3,
    NotInLog = 4,
    Precondition = 5,
    InUse = 6,
    NeedsRecovery = 7,
    Interrupted = 130,
    Terminated = 143,
}

impl Exit {
    /// Every code, in the order of the manual.
    pub(crate) const ALL: [Exit; 10] = [
        Exit::Done,
        Exit::Failed,
        Exit::Usage,
        Exit::Damaged,
        Exit::NotInLog,
        Exit::Precondition,
        Exit::InUse,
        Exit::NeedsRecovery,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// What the manual says of it.
    pub(crate) const fn meaning(self) -> &'static str {
        match self {
            Exit::Done => "done; also when the reader of standard output went away",
            Exit::Failed => {
                "failed: an input, the system or the network refused; or `acl check` or `token \
                 inspect --key` say no"
            }
            Exit::Usage => "usage: the command line, the environment or the configuration file",
            Exit::Damaged => "damaged data was met; nothing of it was printed as if it were sound",
            Exit::NotInLog => "the offset is not in the log",
            Exit::Precondition => "a precondition does not hold, such as --expect-offset",
            Exit::InUse => "another writer has the directory",
            Exit::NeedsRecovery => "the data is sound but needs recovery (torn tail, stale index)",
            Exit::Interrupted => {
                "append was stopped by SIGINT; what was appended until then is in the log"
            }
            Exit::Terminated => "append was stopped by SIGTERM, likewise",
        }
    }

    /// How to end after a signal that asked to stop.
    pub(crate) const fn by_signal(signal: i32) -> Exit {
        if signal == SIGINT { Exit::Interrupted } else { Exit::Terminated }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_manual() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 130, 143]);
        assert_eq!(Exit::by_signal(2), Exit::Interrupted);
        assert_eq!(Exit::by_signal(15), Exit::Terminated);
    }
}
