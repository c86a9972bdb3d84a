//! An access list from files that may change meanwhile.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::action::Action;
use super::error::AccessListError;
use super::model::{DEFAULT_MODEL, Model};
use super::policy::{Policy, Rule};
use super::rules::Rules;
use crate::security::file::read_public;
use crate::security::reload::{Reload, Reloaded};

/// Where the rules are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessListConfig {
    /// The policy: one rule a line.
    pub policy_file: PathBuf,
    /// The model; [`DEFAULT_MODEL`] without one.
    pub model_file: Option<PathBuf>,
}

/// Whether something is allowed, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is.
    pub allowed: bool,
    /// The rule that allows or denies it. None if no rule has to do with it, which denies it.
    pub rule: Option<Arc<Rule>>,
}

/// Who may do what.
pub struct AccessList {
    rules: Reloaded<Rules, AccessListError>,
    config: AccessListConfig,
}

impl AccessList {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// A file can't be read, the model makes no sense, or a line of the policy doesn't.
    pub fn open(config: AccessListConfig) -> Result<AccessList, AccessListError> {
        let files = [Some(config.policy_file.clone()), config.model_file.clone()];
        let files = files.into_iter().flatten().collect();
        let to_load = config.clone();
        let rules = Reloaded::new("access list", files, move || load(&to_load))?;
        Ok(AccessList { rules, config })
    }

    /// Whether `subject` may do this with the log of this name. It is, if a rule allows it for that log or
    /// for `*`; a rule that denies wins.
    #[must_use]
    pub fn decide(&self, subject: &str, log: &str, action: Action) -> Decision {
        let answer = self.rules.get().decide(subject, log, action);
        Decision { allowed: answer.allowed, rule: answer.rule }
    }

    /// Reads the files again if they changed; if they can't be used, the old rules stay. Meant to be called
    /// every second, and not from async code.
    pub fn reload_if_changed(&self) -> Reload {
        self.rules.reload_if_changed()
    }
}

fn load(config: &AccessListConfig) -> Result<Rules, AccessListError> {
    let model_file = config.model_file.as_deref();
    let text = model_file.map_or(Ok(DEFAULT_MODEL.to_owned()), read)?;
    let model = Model::parse(&text).map_err(|reason| {
        let path = config.model_file.clone();
        AccessListError::Model { path, reason }
    })?;
    let policy = Policy::parse(&read(&config.policy_file)?, &config.policy_file, &model)?;
    Rules::new(model, model_file, policy)
}

fn read(path: &Path) -> Result<String, AccessListError> {
    let text = String::from_utf8(read_public(path)?);
    text.map_err(|_| AccessListError::NotText { path: path.into() })
}

impl fmt::Debug for AccessList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessList").field("config", &self.config).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn open(policy: &str, model: Option<&str>) -> (TempDir, Result<AccessList, AccessListError>) {
        let dir = tempfile::tempdir().expect("a directory");
        let (policy_file, model_file) =
            (dir.path().join("policy.csv"), dir.path().join("model.conf"));
        fs::write(&policy_file, policy).expect("written");
        let model_file = model.map(|model| {
            fs::write(&model_file, model).expect("written");
            model_file
        });
        (dir, AccessList::open(AccessListConfig { policy_file, model_file }))
    }

    fn allows(list: &AccessList, subject: &str) -> bool {
        list.decide(subject, "log", Action::Produce).allowed
    }

    #[test]
    fn a_changed_policy_takes_effect_and_a_broken_one_does_not() {
        let (dir, list) = open("p, root, *, produce\n", None);
        let list = list.expect("a list");
        let policy = dir.path().join("policy.csv");
        assert!(allows(&list, "root") && !allows(&list, "bob"));
        fs::write(&policy, "p, bob, *, produce\n").expect("written");
        assert_eq!(list.reload_if_changed(), Reload::Reloaded);
        assert!(!allows(&list, "root") && allows(&list, "bob"));
        for broken in ["p, eve, *, prodce\n", "p, eve\n", "\u{0}", "g, eve, admins"] {
            fs::write(&policy, format!("p, root, *, produce\n{broken}")).expect("written");
            let Reload::Refused(reason) = list.reload_if_changed() else { panic!("{broken}") };
            assert!(reason.contains("policy.csv:2: "), "{reason}");
            assert!(!allows(&list, "root") && allows(&list, "bob"), "{broken}");
        }
        fs::write(&policy, b"p, \xff, *, produce").expect("written");
        assert!(matches!(list.reload_if_changed(), Reload::Refused(_)));
        fs::remove_file(&policy).expect("removed");
        assert!(matches!(list.reload_if_changed(), Reload::Refused(_)));
        assert!(allows(&list, "bob"));
        fs::write(&policy, "p, root, *, produce\n").expect("written");
        assert_eq!(list.reload_if_changed(), Reload::Reloaded);
        assert!(allows(&list, "root") && !allows(&list, "bob"));
    }

    #[test]
    fn a_changed_model_takes_effect_and_a_broken_one_does_not() {
        let (dir, list) = open("p, root, *, produce\n", Some(DEFAULT_MODEL));
        let list = list.expect("a list");
        let model = dir.path().join("model.conf");
        let anybody = DEFAULT_MODEL.replace("r.sub == p.sub && ", "");
        fs::write(&model, &anybody).expect("written");
        assert_eq!(list.reload_if_changed(), Reload::Reloaded);
        assert!(allows(&list, "bob"));
        fs::write(&model, &anybody[..anybody.len() / 2]).expect("written");
        assert!(matches!(list.reload_if_changed(), Reload::Refused(_)));
        assert!(allows(&list, "bob"));
    }

    #[test]
    fn an_expression_that_is_none_is_refused_where_it_stands() {
        let model = DEFAULT_MODEL.replace("r.sub == p.sub", "regexMatch(r.sub, p.sub)");
        // Behind a rule for another action, so that no request would come across it for long.
        let (_dir, list) = open("p, .*, *, produce\np, a(, *, consume\n", Some(&model));
        let said = list.expect_err("refused").to_string();
        assert!(said.contains("policy.csv:2: `a(` is no expression for `regexMatch`"), "{said}");
    }

    #[test]
    fn files_that_are_not_there_or_make_no_sense_are_named() {
        let (_dir, list) = open("p, root, *, produce\n", Some("nonsense"));
        let said = list.expect_err("refused").to_string();
        assert!(said.contains("model.conf: "), "{said}");
        let policy_file = PathBuf::from("/nowhere/policy.csv");
        let missing = AccessList::open(AccessListConfig { policy_file, model_file: None });
        let said = missing.expect_err("refused").to_string();
        assert!(said.starts_with("can't read /nowhere/policy.csv: "), "{said}");
    }
}
