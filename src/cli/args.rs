//! The words that `proglog` understands: global flags and subcommands.

use std::path::PathBuf;

use clap::{ArgAction, Args, Command as ClapCommand, CommandFactory, Parser, Subcommand};

use super::acl::AclArgs;
use super::append::AppendArgs;
use super::bench::BenchArgs;
use super::certs::CertsArgs;
use super::completions::CompletionsArgs;
use super::context::Context;
use super::dump_index::DumpIndexArgs;
use super::info::InfoArgs;
use super::logging::LogFormat;
use super::man::ManArgs;
use super::output::OutputFormat;
use super::read::ReadArgs;
use super::repair::RepairArgs;
use super::serve::ServeArgs;
use super::server_args::Meant;
use super::token::TokenArgs;
use super::top::TopArgs;
use super::truncate::TruncateArgs;
use super::verify::VerifyArgs;

const EXAMPLES: &str = "\
Examples:
  echo hello | proglog append
  proglog read
  proglog read --offset -10 --follow
  proglog verify

Exit codes: 0 done, 1 failed, 2 usage, 3 damaged data, 4 offset not in the log, 5 precondition,
6 directory in use, 7 sound but needs recovery. `proglog man` has the whole manual.";

/// A commit log: append records, read them back, trust what is on the disk
#[derive(Parser, Debug)]
#[command(name = "proglog", version, after_long_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that go before or behind any subcommand.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// The log's directory; `append` and `serve` create it
    #[arg(short, long, global = true, env = "PROGLOG_DIR", default_value = "./proglog-data")]
    pub(crate) dir: PathBuf,

    /// A TOML file with values for flags
    #[arg(long, global = true, env = "PROGLOG_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How results and errors are printed
    #[arg(long, global = true, env = "PROGLOG_OUTPUT", value_enum, default_value = "text")]
    pub(crate) output: OutputFormat,

    /// Say more on standard error; twice for much more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// How diagnostics are printed
    #[arg(long, global = true, env = "PROGLOG_LOG_FORMAT", value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,

    /// No progress bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,

    /// No progress bars, notes and warnings: only results and errors
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Append(AppendArgs),
    Read(ReadArgs),
    DumpIndex(DumpIndexArgs),
    Info(InfoArgs),
    Top(TopArgs),
    Verify(VerifyArgs),
    Repair(RepairArgs),
    Truncate(TruncateArgs),
    Bench(BenchArgs),
    Serve(Box<ServeArgs>),
    Token(TokenArgs),
    Acl(AclArgs),
    Certs(CertsArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
}

impl Command {
    /// Forgets all other logs that are named, so that this one is taken.
    pub(crate) fn take(&mut self, meant: Meant) {
        match self {
            Command::Top(args) => args.take(meant),
            _ if meant != Meant::Directory => {}
            Command::Append(args) => args.server.server = None,
            Command::Read(args) => args.server.server = None,
            Command::Info(args) => args.server.server = None,
            Command::Bench(args) => args.forget_server(),
            _ => {}
        }
    }

    /// Whether it says in a note of its own what opening the log put right.
    pub(crate) const fn notes_recovery(&self) -> bool {
        matches!(self, Command::Append(_) | Command::Truncate(_))
    }
}

impl GlobalArgs {
    pub(crate) fn context(&self) -> Context {
        Context {
            dir: self.dir.clone(),
            output: self.output,
            progress: !self.no_progress && !self.quiet,
            quiet: self.quiet,
        }
    }
}

/// The whole command line, as clap knows it.
pub(crate) fn command() -> ClapCommand {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        command().debug_assert();
    }

    fn all(command: &ClapCommand) -> Vec<&ClapCommand> {
        let below = command.get_subcommands().flat_map(all);
        std::iter::once(command).chain(below).collect()
    }

    #[test]
    fn every_value_has_its_variable() {
        for command in all(&command()) {
            let values = command.get_arguments().filter(|arg| arg.get_action().takes_values());
            for (arg, long) in values.filter_map(|arg| Some((arg, arg.get_long()?))) {
                let variable = format!("PROGLOG_{}", long.to_uppercase().replace('-', "_"));
                let env = arg.get_env().and_then(|env| env.to_str());
                assert_eq!(env, Some(variable.as_str()), "{} --{long}", command.get_name());
            }
        }
    }

    #[test]
    fn every_subcommand_has_examples() {
        for subcommand in command().get_subcommands() {
            let name = subcommand.get_name();
            let help = subcommand.get_after_long_help().expect(name).to_string();
            assert!(help.contains("Examples:\n  ") && help.contains("proglog"), "{name}");
            assert!(subcommand.get_about().is_some(), "{name}");
        }
    }
}
