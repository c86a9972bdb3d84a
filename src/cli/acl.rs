//! `proglog acl`: what an access list says, without a server.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::output::print_json;
use crate::security::{AccessList, AccessListConfig, Action, Decision, check_subject};

const EXAMPLES: &str = "\
Examples:
  proglog acl check root '*' produce --acl-policy-file policy.csv
  proglog acl check root mylog admin --acl-policy-file policy.csv --acl-model-file model.conf";

const DETAILS: &str = "\
Asks as a server does: a request is allowed if a rule allows it for this log or for `*`. It's also the
way to try a policy before a server takes it.

Without --acl-model-file a rule is `p, SUBJECT, LOG, ACTION`, and all three have to be equal to what
is asked.

Exit codes: 0 allowed, 1 denied, 2 the model or the policy makes no sense.

Examples:
  proglog acl check root '*' produce --acl-policy-file policy.csv
  proglog acl check root mylog admin --acl-policy-file policy.csv && echo yes";

/// Ask an access list
#[derive(Args, Clone, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct AclArgs {
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand, Clone, Debug)]
enum Work {
    Check(CheckArgs),
}

/// Where the access list is.
#[derive(Args, Clone, Debug)]
pub(super) struct AclFileArgs {
    /// The policy: one rule a line
    #[arg(long, env = "PROGLOG_ACL_POLICY_FILE", value_name = "FILE")]
    acl_policy_file: PathBuf,

    /// The Casbin model of the policy [default: built in; equal subject, log and action]
    #[arg(long, env = "PROGLOG_ACL_MODEL_FILE", value_name = "FILE")]
    acl_model_file: Option<PathBuf>,
}

/// Say whether a subject may do something, and by which rule
#[derive(Args, Clone, Debug)]
#[command(after_long_help = DETAILS)]
struct CheckArgs {
    /// Who
    #[arg(value_name = "SUB", value_parser = subject)]
    subject: String,

    /// With which log; `*` stands for all
    #[arg(value_name = "OBJ")]
    object: String,

    /// What: produce, consume, admin, metrics
    #[arg(value_name = "ACT", value_parser = action)]
    action: Action,

    #[command(flatten)]
    files: AclFileArgs,
}

/// Asks and prints the answer.
pub(crate) fn run(args: AclArgs, context: &Context, out: &mut impl Write) -> anyhow::Result<Exit> {
    let Work::Check(args) = args.work;
    let config = AccessListConfig {
        policy_file: args.files.acl_policy_file.clone(),
        model_file: args.files.acl_model_file.clone(),
    };
    let list = AccessList::open(config)
        .map_err(|error| Failure::new(Exit::Usage, "acl", error.to_string()))?;
    let decision = list.decide(&args.subject, &args.object, args.action);
    if context.is_json() {
        let rule = decision.rule.as_ref().map(|rule| {
            json!({"file": rule.file.display().to_string(), "line": rule.line, "text": rule.text})
        });
        print_json(out, &json!({"allowed": decision.allowed, "rule": rule}))?;
    } else {
        writeln!(out, "{}", args.sentence(&decision))?;
        out.flush()?;
    }
    Ok(if decision.allowed { Exit::Done } else { Exit::Failed })
}

impl CheckArgs {
    fn sentence(&self, decision: &Decision) -> String {
        let verb = if decision.allowed { "allowed" } else { "denied" };
        match &decision.rule {
            Some(rule) => format!("{verb} by {rule}"),
            None if decision.allowed => "allowed by the model, without a rule".into(),
            None => {
                let (policy, subject) = (self.files.acl_policy_file.display(), &self.subject);
                let (action, object) = (self.action, &self.object);
                format!("denied: no rule of {policy} lets {subject} {action} with {object}")
            }
        }
    }
}

fn subject(name: &str) -> Result<String, String> {
    check_subject(name).map(|()| name.to_owned()).map_err(|error| error.to_string())
}

fn action(name: &str) -> Result<Action, String> {
    let all = Action::ALL.map(Action::as_str).join(", ");
    Action::from_name(name).ok_or_else(|| format!("`{name}` is none of {all}"))
}
