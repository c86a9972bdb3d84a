//! `proglog completions`: a script that makes the shell complete subcommands and flags.

use std::io::Write;

use clap::Args;
use clap_complete::Shell;

use super::command;
use super::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  proglog completions bash > ~/.local/share/bash-completion/completions/proglog
  proglog completions zsh > ~/.zfunc/_proglog
  proglog completions fish > ~/.config/fish/completions/proglog.fish";

/// Print a completion script for a shell
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(args: &CompletionsArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    // The generator panics when it can't write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "proglog", &mut script);
    out.write_all(&script)?;
    out.flush()?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_has_a_script_that_knows_all_subcommands() {
        for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
            let mut out = Vec::new();
            run(&CompletionsArgs { shell }, &mut out).expect("printed");
            let script = String::from_utf8(out).expect("UTF-8");
            for subcommand in command().get_subcommands() {
                assert!(script.contains(subcommand.get_name()), "{shell}: {subcommand}");
            }
        }
    }
}
