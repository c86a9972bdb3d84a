//! From the words of the command line to an exit code.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::{ArgMatches, FromArgMatches};

use super::args::{Cli, Command, command};
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::output::{OutputFormat, stdout};
use super::settings::{Applied, Settings};
use super::{
    acl, append, bench, certs, completions, dump_index, file_limit, info, logging, man, read,
    repair, serve, server_args, settings, signals, token, top, truncate, verify,
};

/// Runs `proglog` with the words of this process; all there is to say is said when this returns.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let exit = match parse(&words) {
        Ok(cli) => run(cli),
        Err(error) => stopped(error, output_format(&words)),
    };
    exit.into()
}

fn parse(words: &[OsString]) -> anyhow::Result<Cli> {
    let matches = command().try_get_matches_from(words)?;
    let cli = Cli::from_arg_matches(&matches)?;
    let Some(path) = &cli.global.config else { return settled(cli, &matches, None) };
    // Once more, with the file's values as defaults.
    let (command, file) = settings::with_config_file(command(), path)?;
    let matches = command.try_get_matches_from(words)?;
    settled(Cli::from_arg_matches(&matches)?, &matches, Some(&file))
}

/// With what goes before what decided.
fn settled(mut cli: Cli, matches: &ArgMatches, file: Option<&Applied>) -> anyhow::Result<Cli> {
    cli.command.take(server_args::meant(matches)?);
    if let Command::Serve(args) = &mut cli.command
        && args.check_config
    {
        args.settings = Settings::of(&command(), matches, file);
    }
    Ok(cli)
}

/// There is nothing to run: help was asked for, or the words are wrong.
fn stopped(error: anyhow::Error, format: OutputFormat) -> Exit {
    let error = match error.downcast::<clap::Error>() {
        Ok(error) => error,
        Err(error) => return report(error, format),
    };
    if format == OutputFormat::Json && error.use_stderr() {
        return usage_failure(&error).report(format, &mut io::stderr());
    }
    match error.print() {
        // Nobody is left to be told that nobody listens.
        _ if error.use_stderr() => Exit::Usage,
        Ok(()) => Exit::Done,
        Err(error) => report(error.into(), format),
    }
}

/// clap's text without what only a terminal needs.
fn usage_failure(error: &clap::Error) -> Failure {
    let text = error.to_string();
    let message = text.split("\n\n").next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message).trim();
    Failure::usage(message).hint("`proglog --help` shows what there is")
}

/// How an error about the words themselves is printed: they can't be asked in the usual way.
fn output_format(words: &[OsString]) -> OutputFormat {
    let mut words = words.iter().skip(1);
    let mut chosen = std::env::var("PROGLOG_OUTPUT").ok();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("--output") => {
                chosen = words.next().and_then(|word| word.to_str()).map(str::to_owned)
            }
            Some("--") => break,
            Some(word) => {
                chosen = word.strip_prefix("--output=").map(str::to_owned).or(chosen);
            }
            None => {}
        }
    }
    if chosen.as_deref() == Some("json") { OutputFormat::Json } else { OutputFormat::Text }
}

fn run(cli: Cli) -> Exit {
    let traces = logging::start(&cli.global, cli.command.notes_recovery());
    let context = cli.global.context();
    let exit = match dispatch(cli.command, &context) {
        Ok(exit) => exit,
        Err(error) => report(error, context.output),
    };
    if let Some(traces) = traces {
        traces.finish();
    }
    exit
}

fn report(error: anyhow::Error, format: OutputFormat) -> Exit {
    match Failure::from_error(error) {
        Some(failure) => failure.report(format, &mut io::stderr()),
        None => Exit::Done,
    }
}

fn dispatch(command: Command, context: &Context) -> anyhow::Result<Exit> {
    signals::survive_file_size_limit()?;
    file_limit::raise();
    let mut out = stdout()?;
    match command {
        Command::Append(args) => append::run(args, context, &mut out),
        Command::Read(args) => read::run(args, context, &mut out),
        Command::DumpIndex(args) => dump_index::run(args, context, &mut out),
        Command::Info(args) => info::run(args, context, &mut out),
        Command::Top(args) => top::run(args, context, &mut out),
        Command::Verify(args) => verify::run(args, context, &mut out),
        Command::Repair(args) => repair::run(args, context, &mut out),
        Command::Truncate(args) => truncate::run(args, context, &mut out),
        Command::Serve(args) => serve::run(*args, context, &mut out),
        Command::Bench(args) => bench::run(args, context, &mut out),
        Command::Token(args) => token::run(args, context, &mut out),
        Command::Acl(args) => acl::run(args, context, &mut out),
        Command::Certs(args) => certs::run(args, context, &mut out),
        Command::Completions(args) => completions::run(&args, &mut out),
        Command::Man(args) => man::run(&args, &mut out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_format_of_usage_errors_is_found_in_wrong_words() {
        for (text, format) in [
            ("proglog frobnicate", OutputFormat::Text),
            ("proglog --output json frobnicate", OutputFormat::Json),
            ("proglog read --output=json --wrong", OutputFormat::Json),
            ("proglog read -- --output=json", OutputFormat::Text),
        ] {
            assert_eq!(output_format(&words(text)), format, "{text}");
        }
    }

    #[test]
    fn a_usage_error_is_one_message() {
        let error = parse(&words("proglog read --offset 5:2")).expect_err("an empty range");
        let failure = usage_failure(&error.downcast().expect("clap's"));
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("5:2 ends before it starts"), "{failure}");
        assert!(!failure.message.contains('\n'), "{failure}");
    }
}
