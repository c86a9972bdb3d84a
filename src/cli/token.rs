//! `proglog token`: bearer tokens for callers of a server, written and looked at.

mod inspect;
mod issue;

use std::io::Write;

use clap::{Args, Subcommand};

use self::inspect::InspectArgs;
use self::issue::IssueArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use crate::security::KeyError;

const DETAILS: &str = "\
Examples:
  openssl genpkey -algorithm ed25519 -out token.key      a key that signs tokens
  openssl pkey -in token.key -pubout -out token.pub      its public half, which verifies them
  proglog token issue --sub root --ttl 1h --key token.key > root.token
  proglog token inspect root.token
  proglog token inspect root.token --key token.pub";

/// Issue bearer tokens, and look at them
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand, Clone, Debug)]
enum Work {
    Issue(IssueArgs),
    Inspect(InspectArgs),
}

/// Issues a token, or shows what is in one.
pub(crate) fn run(
    args: TokenArgs,
    context: &Context,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    match args.work {
        Work::Issue(args) => issue::run(args, context, out),
        Work::Inspect(args) => inspect::run(&args, context, out),
    }
}

/// A key that can't be used is a wrong use, so that it isn't taken for a token that isn't good.
fn bad_key(error: &KeyError) -> Failure {
    Failure::new(Exit::Usage, "key", error.to_string())
}
