//! A model with the rules of a policy, ready to be asked.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use casbin::{CoreApi, Enforcer, NullAdapter};
use futures_util::FutureExt;

use super::action::Action;
use super::effect::Effect;
use super::error::AccessListError;
use super::model::Model;
use super::policy::{Policy, Rule};

/// The object that stands for every log.
pub(super) const ANY_LOG: &str = "*";

/// What Casbin made of the files.
pub(super) struct Rules {
    enforcer: Enforcer,
    effect: Effect,
    places: Vec<Arc<Rule>>,
}

/// What one question came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) allowed: bool,
    /// The rule that made it so. None if no rule has to do with it.
    pub(super) rule: Option<Arc<Rule>>,
}

impl Answer {
    const fn is_denied_by_a_rule(&self) -> bool {
        !self.allowed && self.rule.is_some()
    }
}

impl Rules {
    pub(super) fn new(
        model: Model,
        model_file: Option<&Path>,
        policy: Policy,
    ) -> Result<Rules, AccessListError> {
        let Model { casbin, effect, .. } = model;
        let error =
            |reason| AccessListError::Model { path: model_file.map(Path::to_owned), reason };
        // There is nothing to wait for: the rules come from memory.
        let enforcer = Enforcer::new(casbin, NullAdapter).now_or_never();
        let enforcer = enforcer.ok_or_else(|| error("it can't be read".into()))?;
        let mut enforcer = enforcer.map_err(|reason| error(reason.to_string()))?;
        enforcer.set_effector(Box::new(effect));
        let mut places = Vec::new();
        for (fields, place) in policy.rules {
            enforcer.get_mut_model().add_policy("p", "p", fields);
            places.push(place);
        }
        for fields in policy.roles {
            enforcer.get_mut_model().add_policy("g", "g", fields);
        }
        enforcer.build_role_links().map_err(|reason| error(reason.to_string()))?;
        let rules = Rules { enforcer, effect, places };
        // A matcher that can't be evaluated shows only when it is.
        rules.try_enforce("somebody", ANY_LOG, Action::Produce).map_err(error)?;
        Ok(rules)
    }

    /// Whether `subject` may do this with the log of this name: by a rule for it or for all logs. A rule
    /// that denies wins.
    pub(super) fn decide(&self, subject: &str, log: &str, action: Action) -> Answer {
        let of_log = self.ask(subject, log, action);
        let needs_no_more = match self.effect {
            Effect::SomeAllows => of_log.allowed,
            Effect::NoneDenies | Effect::First => of_log.is_denied_by_a_rule(),
        };
        if needs_no_more || log == ANY_LOG {
            return of_log;
        }
        let of_all = self.ask(subject, ANY_LOG, action);
        if of_log.allowed && !of_all.is_denied_by_a_rule() { of_log } else { of_all }
    }

    fn ask(&self, subject: &str, object: &str, action: Action) -> Answer {
        match self.try_enforce(subject, object, action) {
            Ok(allowed) => {
                let rule = Effect::decided_by().and_then(|index| self.places.get(index));
                // Without rules Casbin asks the matcher about an empty one, which may say yes.
                Answer { allowed: allowed && rule.is_some(), rule: rule.cloned() }
            }
            Err(reason) => {
                tracing::error!("access list: {reason}; denied");
                Answer::default()
            }
        }
    }

    fn try_enforce(&self, subject: &str, object: &str, action: Action) -> Result<bool, String> {
        let request = (subject, object, action.as_str());
        // Some of Casbin's functions panic on what they are given. It keeps nothing that could be broken then.
        let asked = catch_unwind(AssertUnwindSafe(|| self.enforcer.enforce(request)));
        let asked = asked.map_err(|_| "asking it failed: Casbin panicked".to_owned())?;
        asked.map_err(|error| format!("asking it failed: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::model::DEFAULT_MODEL;
    use super::*;

    const WITH_DENIAL: [(&str, &str); 2] = [
        ("p = sub, obj, act", "p = sub, obj, act, eft"),
        (
            "some(where (p.eft == allow))",
            "some(where (p.eft == allow)) && !some(where (p.eft == deny))",
        ),
    ];

    fn rules(changes: &[(&str, &str)], policy: &str) -> Rules {
        let mut text = DEFAULT_MODEL.to_owned();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let model = Model::parse(&text).expect("a model");
        let policy = Policy::parse(policy, Path::new("p.csv"), &model).expect("a policy");
        Rules::new(model, None, policy).expect("rules")
    }

    /// Whether it is allowed, and the line that decided.
    fn by(rules: &Rules, subject: &str, log: &str) -> (bool, Option<usize>) {
        let answer = rules.decide(subject, log, Action::Produce);
        (answer.allowed, answer.rule.map(|rule| rule.line))
    }

    #[test]
    fn a_rule_is_for_one_log_or_for_all() {
        let rules = rules(&[], "p, root, *, produce\np, bob, mine, produce\np, eve, *, consume");
        assert_eq!(by(&rules, "root", "mine"), (true, Some(1)));
        assert_eq!(by(&rules, "root", "*"), (true, Some(1)));
        assert_eq!(by(&rules, "bob", "mine"), (true, Some(2)));
        for (subject, log) in
            [("bob", "other"), ("bob", "*"), ("eve", "mine"), ("Root", "mine"), ("nobody", "mine")]
        {
            assert_eq!(by(&rules, subject, log), (false, None), "{subject} {log}");
        }
        assert!(rules.decide("eve", "mine", Action::Consume).allowed);
        assert!(!rules.decide("root", "mine", Action::Admin).allowed);
    }

    #[test]
    fn without_rules_nothing_is_allowed() {
        let rules = rules(&[], "");
        for action in Action::ALL {
            for subject in ["root", "", "*"] {
                assert_eq!(rules.decide(subject, "log", action), Answer::default());
            }
        }
    }

    #[test]
    fn a_denial_wins_over_what_is_allowed_elsewhere() {
        let policy = "p, bob, *, produce, allow\np, bob, secret, produce, deny\n\
                      p, eve, *, produce, deny\np, eve, mine, produce, allow";
        let rules = rules(&WITH_DENIAL, policy);
        assert_eq!(by(&rules, "bob", "mine"), (true, Some(1)));
        assert_eq!(by(&rules, "bob", "secret"), (false, Some(2)));
        assert_eq!(by(&rules, "eve", "mine"), (false, Some(3)));
    }

    #[test]
    fn an_empty_policy_allows_nothing_whatever_the_matcher_says() {
        let all =
            [("r.sub == p.sub && r.obj == p.obj && r.act == p.act", "regexMatch(r.sub, p.sub)")];
        assert_eq!(by(&rules(&all, ""), "anybody", "log"), (false, None));
        assert_eq!(by(&rules(&all, "p, .*, x, produce"), "anybody", "log"), (true, Some(1)));
    }

    #[test]
    fn roles_work_if_the_model_has_them() {
        let roles = [
            ("[matchers]", "[role_definition]\ng = _, _\n[matchers]"),
            ("r.sub == p.sub", "g(r.sub, p.sub)"),
        ];
        let rules = rules(&roles, "p, admins, *, produce\ng, root, chiefs\ng, chiefs, admins");
        assert_eq!(by(&rules, "root", "mine"), (true, Some(1)));
        assert_eq!(by(&rules, "admins", "mine"), (true, Some(1)));
        assert_eq!(by(&rules, "bob", "mine"), (false, None));
    }

    #[test]
    fn a_matcher_that_cannot_be_evaluated_is_refused() {
        let text = DEFAULT_MODEL.replace("r.sub == p.sub", "nothing(r.sub)");
        let model = Model::parse(&text).expect("it parses");
        let error = Rules::new(model, None, Policy::default()).err().expect("refused");
        assert!(error.to_string().starts_with("the model (default): asking it failed"), "{error}");
    }

    #[test]
    fn a_function_that_panics_denies() {
        // The boundary of a character in the rule is none in the subject.
        let rules = rules(&[("r.sub == p.sub", "keyMatch(r.sub, p.sub)")], "p, a*, *, produce");
        assert_eq!(by(&rules, "ab", "log"), (true, Some(1)));
        assert_eq!(by(&rules, "\u{e4}", "log"), (false, None));
    }

    #[test]
    fn what_a_subject_is_called_is_never_evaluated() {
        let rules = rules(&[], "p, root, *, produce");
        for name in ["root\" || true || \"", "p_sub", "*", "\"root\"", "root "] {
            assert_eq!(by(&rules, name, "log"), (false, None), "{name}");
        }
    }
}
