//! The policy file: one rule a line, as Casbin's CSV has it.
//!
//! Casbin passes over lines that it can't make sense of. Here each of them is an error, since a slip
//! would otherwise show only when somebody is refused, or isn't.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::action::Action;
use super::effect::Effect;
use super::error::AccessListError;
use super::model::Model;

/// A rule where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The policy file.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// The line itself.
    pub text: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.text)
    }
}

/// All rules of a file, in its order, each once.
#[derive(Debug, Default)]
pub(super) struct Policy {
    /// What is allowed or denied: the fields, and where they stand.
    pub(super) rules: Vec<(Vec<String>, Arc<Rule>)>,
    /// Who has which role.
    pub(super) roles: Vec<Vec<String>>,
}

impl Policy {
    pub(super) fn parse(text: &str, file: &Path, model: &Model) -> Result<Policy, AccessListError> {
        let mut policy = Policy::default();
        let mut known = HashSet::new();
        for (index, text) in text.lines().enumerate() {
            let text = text.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let line = index + 1;
            let error = |reason| AccessListError::Policy { path: file.into(), line, reason };
            let mut fields = fields(text).map_err(error)?;
            check(&fields, model).map_err(error)?;
            if !known.insert(fields.clone()) {
                continue;
            }
            if fields.remove(0) == "g" {
                policy.roles.push(fields);
            } else {
                let rule = Rule { file: file.into(), line, text: text.to_owned() };
                policy.rules.push((fields, Arc::new(rule)));
            }
        }
        Ok(policy)
    }
}

fn check(fields: &[String], model: &Model) -> Result<(), String> {
    let (rule_type, fields) = fields.split_first().ok_or("there is nothing in it")?;
    let Some(names) = model.fields(rule_type) else {
        return Err(match rule_type.as_str() {
            "g" => "the model has no roles, `[role_definition]`".into(),
            other => format!("a rule starts with `p`, not `{}`", other.escape_debug()),
        });
    };
    if fields.len() != names.len() {
        let (names, n_fields) = (names.join(", "), fields.len());
        return Err(format!(
            "a rule is `{rule_type}, {names}`; this one has {n_fields} fields behind the `{rule_type}`"
        ));
    }
    for (name, value) in names.into_iter().zip(fields) {
        if rule_type == "p" {
            model.expressions.check(name, value)?;
        }
        match name {
            _ if value.is_empty() => return Err(format!("its `{name}` is empty")),
            "act" if !model.knows_action(value) => {
                let actions = Action::ALL.map(Action::as_str).join(", ");
                let value = value.escape_debug();
                return Err(format!("`{value}` is no action: use one of {actions}"));
            }
            "eft" if !matches!(value.as_str(), "allow" | "deny") => {
                return Err("its `eft` is neither `allow` nor `deny`".into());
            }
            "eft" if value == "deny" && model.effect == Effect::SomeAllows => {
                return Err("the model's effect passes over rules that deny".into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// The fields of a line: commas between, white space around them dropped, quotes around commas.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, behind) = match rest.trim_start().strip_prefix('"') {
            Some(quoted) => {
                let (field, behind) = quoted.split_once('"').ok_or("a quote isn't closed")?;
                let behind = behind.trim_start();
                if !behind.is_empty() && !behind.starts_with(',') {
                    return Err("there is something behind a quote".into());
                }
                (field, behind.strip_prefix(','))
            }
            None => match rest.split_once(',') {
                Some((field, behind)) => (field.trim(), Some(behind)),
                None => (rest.trim(), None),
            },
        };
        fields.push(field.to_owned());
        match behind {
            Some(behind) => rest = behind,
            None => return Ok(fields),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::DEFAULT_MODEL;
    use super::*;

    const ROLES: &str = "[role_definition]\ng = _, _\n[matchers]";

    fn parse_with(model: &str, text: &str) -> Result<Policy, String> {
        let model = Model::parse(model).expect("a model");
        let policy = Policy::parse(text, Path::new("policy.csv"), &model);
        policy.map_err(|error| error.to_string())
    }

    fn parse(text: &str) -> Result<Policy, String> {
        parse_with(DEFAULT_MODEL, text)
    }

    #[test]
    fn the_policy_of_the_original_is_read() {
        let policy = parse("p, root, *, produce\np, root, *, consume\n").expect("a policy");
        let (fields, rule) = &policy.rules[1];
        assert_eq!(fields, &["root", "*", "consume"]);
        assert_eq!(rule.to_string(), "policy.csv:2: p, root, *, consume");
    }

    #[test]
    fn comments_blanks_and_doubles_are_passed_over() {
        let text = "# who\n\n  p,root ,\"a, b\",produce\r\n\tp, root, \"a, b\", produce";
        let policy = parse(text).expect("a policy");
        assert_eq!(policy.rules.len(), 1);
        assert_eq!(policy.rules[0].0, ["root", "a, b", "produce"]);
        assert_eq!(policy.rules[0].1.line, 3);
        assert!(parse("").expect("a policy").rules.is_empty());
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        for (line, said) in [
            (
                "p, root, *, prodce",
                "`prodce` is no action: use one of produce, consume, admin, metrics",
            ),
            ("p, root, *, *", "`*` is no action"),
            ("p, root, *, produce # all", "is no action"),
            ("p, root, *", "has 2 fields behind the `p`"),
            ("p, root, *, produce, allow", "has 4 fields"),
            ("p, root, *, produce,", "has 4 fields"),
            ("p, , *, produce", "its `sub` is empty"),
            ("p", "has 0 fields"),
            ("p2, root, *, produce", "a rule starts with `p`, not `p2`"),
            ("root, *, produce", "a rule starts with `p`, not `root`"),
            ("g, root, admins", "the model has no roles"),
            ("p, \"root, *, produce", "a quote isn't closed"),
            ("p, \"root\"x, *, produce", "something behind a quote"),
        ] {
            let refused = parse(&format!("p, a, *, produce\n{line}\n")).expect_err(line);
            assert!(refused.starts_with("policy.csv:2: ") && refused.contains(said), "{refused}");
        }
    }

    #[test]
    fn roles_and_effects_are_read_if_the_model_has_them() {
        let model = DEFAULT_MODEL.replace("[matchers]", ROLES);
        let policy = parse_with(&model, "p, admins, *, admin\ng, root, admins").expect("a policy");
        assert_eq!(policy.roles, [["root", "admins"]]);
        assert!(parse_with(&model, "g, root").expect_err("refused").contains("g, subject, role"));
        let model = DEFAULT_MODEL.replace("p = sub, obj, act", "p = sub, obj, act, eft");
        assert!(parse_with(&model, "p, root, *, admin, allow").is_ok());
        // The effect would pass over it, and nobody would notice.
        let refused = parse_with(&model, "p, root, *, admin, deny").expect_err("refused");
        assert!(refused.contains("passes over"), "{refused}");
        let both = "some(where (p.eft == allow)) && !some(where (p.eft == deny))";
        let model = model.replace("some(where (p.eft == allow))", both);
        assert!(parse_with(&model, "p, root, *, admin, deny").is_ok());
        assert!(parse_with(&model, "p, root, *, admin, dny").expect_err("refused").contains("eft"));
    }
}
