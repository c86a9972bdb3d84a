//! `proglog man`: the whole manual as one page, made from the same definitions that parse the flags.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::command;
use super::exit::Exit;
use super::failure::Failure;

const EXAMPLES: &str = "\
Examples:
  proglog man | man -l -
  proglog man > /usr/local/share/man/man1/proglog.1
  proglog man append > /usr/local/share/man/man1/proglog-append.1";

/// Print the manual page
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ManArgs {
    /// The page of this subcommand alone; without it, the whole manual
    subcommand: Option<String>,
}

/// Prints the page.
pub(crate) fn run(args: &ManArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    let command = built();
    let page = match &args.subcommand {
        None => page(&command)?,
        Some(name) => match command.find_subcommand(name) {
            Some(subcommand) => page_of(subcommand)?,
            None => return Err(unknown(name, &command).into()),
        },
    };
    out.write_all(&page)?;
    out.flush()?;
    Ok(Exit::Done)
}

fn unknown(name: &str, command: &Command) -> Failure {
    let names: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
    let message = format!("there is no subcommand `{name}`");
    Failure::usage(message).hint(format!("there are {}", names.join(", ")))
}

fn built() -> Command {
    let mut command = command().disable_help_subcommand(true);
    // Building passes global flags down, where they would be described again and again.
    command.build();
    command
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let top = Man::new(command.clone()).date(String::new());
    top.render_title(&mut page)?;
    top.render_name_section(&mut page)?;
    top.render_synopsis_section(&mut page)?;
    top.render_description_section(&mut page)?;
    top.render_options_section(&mut page)?;
    for subcommand in command.get_subcommands() {
        subcommand_sections(subcommand, &mut page)?;
    }
    configuration().to_writer(&mut page)?;
    exit_status().to_writer(&mut page)?;
    Ok(page)
}

/// What `man proglog-append` shows.
fn page_of(subcommand: &Command) -> io::Result<Vec<u8>> {
    let title = format!("proglog-{}", subcommand.get_name());
    let mut page = Vec::new();
    let man = Man::new(without_global_flags(subcommand.clone()))
        .title(&title)
        .date(String::new())
        .source(concat!("proglog ", env!("CARGO_PKG_VERSION")));
    man.render_title(&mut page)?;
    let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
    let mut name = Roff::new();
    name.control("SH", ["NAME"]).text([roman(format!("{title} - {about}"))]);
    name.to_writer(&mut page)?;
    page.extend(sections(subcommand)?);
    for below in subcommand.get_subcommands() {
        subcommand_sections(below, &mut page)?;
    }
    see_also().to_writer(&mut page)?;
    Ok(page)
}

/// One section a subcommand, in which those of its own page are subsections.
fn subcommand_sections(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    Roff::new().control("SH", [name.as_str()]).to_writer(page)?;
    let sections = sections(command)?;
    page.extend(String::from_utf8_lossy(&sections).replace("\n.SH ", "\n.SS ").into_bytes());
    for subcommand in command.get_subcommands() {
        subcommand_sections(subcommand, page)?;
    }
    Ok(())
}

fn sections(command: &Command) -> io::Result<Vec<u8>> {
    let man = Man::new(without_global_flags(command.clone()));
    let mut sections = Vec::new();
    man.render_synopsis_section(&mut sections)?;
    man.render_description_section(&mut sections)?;
    man.render_options_section(&mut sections)?;
    if command.get_after_long_help().is_some() {
        man.render_extra_section(&mut sections)?;
    }
    let sections = String::from_utf8_lossy(&sections);
    Ok(sections.replace("\n.SH EXTRA\n", "\n.SH DETAILS\n").into_bytes())
}

fn without_global_flags(command: Command) -> Command {
    command.mut_args(|arg| {
        let hidden = arg.is_hide_set() || arg.is_global_set() || arg.get_id() == "help";
        arg.hide(hidden)
    })
}

fn see_also() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("proglog"), roman("(1): global options, configuration, exit codes")]);
    roff
}

fn configuration() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["CONFIGURATION"]);
    roff.text([roman(
        "Each flag that takes a value is also read from the environment: PROGLOG_ and the flag's \
         name in capitals, so --max-record-bytes is PROGLOG_MAX_RECORD_BYTES. --config names a \
         TOML file: global flags by their long names at the top, those of a subcommand in a table \
         of its name. The command line goes before the environment, the environment before the \
         file, the file before the defaults. `proglog serve --check-config` shows which it was.",
    )]);
    roff
}

fn exit_status() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        roff.control("TP", []);
        roff.text([bold(exit.code().to_string())]);
        roff.text([roman(exit.meaning())]);
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_subcommand_and_every_exit_code() {
        let page = String::from_utf8(page(&built()).expect("a page")).expect("UTF-8");
        for subcommand in command().get_subcommands() {
            let heading = format!(".SH \"proglog {}\"", subcommand.get_name());
            assert!(page.contains(&heading), "{heading}");
        }
        for exit in Exit::ALL {
            assert!(page.contains(&format!("\\fB{}\\fR", exit.code())), "{exit:?}");
        }
    }

    #[test]
    fn a_subcommand_has_a_page_with_all_its_flags() {
        for subcommand in built().get_subcommands() {
            let page = String::from_utf8(page_of(subcommand).expect("a page")).expect("UTF-8");
            let name = subcommand.get_name();
            let escaped = name.replace('-', "\\-");
            assert!(page.contains(&format!("\nproglog\\-{escaped} \\- ")), "{name}: {page}");
            for below in subcommand.get_subcommands() {
                assert!(page.contains(&format!(".SH \"proglog {name} {}\"", below.get_name())));
            }
            let flags = subcommand
                .get_arguments()
                .filter(|arg| !arg.is_hide_set() && !arg.is_global_set() && arg.get_id() != "help");
            for flag in flags.filter_map(|arg| arg.get_long()) {
                let flag = format!("\\-\\-{}", flag.replace('-', "\\-"));
                assert!(page.contains(&flag), "{name}: {flag}");
            }
        }
    }
}
