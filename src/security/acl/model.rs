//! The model: how a request is matched with the rules of a policy.

use casbin::{Assertion, DefaultModel, Model as _};
use futures_util::FutureExt;

use super::action::Action;
use super::effect::Effect;
use super::expression::Expressions;

/// The model of the Go original, used if no other is given.
pub const DEFAULT_MODEL: &str = include_str!("model.conf");

/// A model that was looked through.
pub(super) struct Model {
    pub(super) casbin: DefaultModel,
    pub(super) effect: Effect,
    pub(super) expressions: Expressions,
    /// The matcher without white space.
    matcher: String,
}

impl Model {
    pub(super) fn parse(text: &str) -> Result<Model, String> {
        // It reads from memory, so there is nothing to wait for.
        let parsed = DefaultModel::from_str(text).now_or_never();
        let casbin = parsed.ok_or("it can't be read")?.map_err(|error| error.to_string())?;
        let missing = |section: &str| format!("it has no `{section}`");
        let section = |name: &str| assertion(&casbin, name);
        let request = section("r").ok_or_else(|| missing("[request_definition] r"))?;
        if request.tokens != ["r_sub", "r_obj", "r_act"] {
            return Err("a request has to be `r = sub, obj, act`".into());
        }
        section("p").ok_or_else(|| missing("[policy_definition] p"))?;
        let matcher = section("m").ok_or_else(|| missing("[matchers] m"))?;
        let expressions = Expressions::of(&matcher.value)?;
        let matcher = matcher.value.split_whitespace().collect();
        let effect = section("e").ok_or_else(|| missing("[policy_effect] e"))?;
        let effect = Effect::parse(&effect.value)
            .ok_or("its effect is unknown, or allows what no rule allows")?;
        if let Some(roles) = section("g")
            && !matches!(roles.value.matches('_').count(), 2 | 3)
        {
            return Err("roles have to be `g = _, _` or `g = _, _, _`".into());
        }
        Ok(Model { casbin, effect, expressions, matcher })
    }

    /// What the rules of this type, `p` or `g`, consist of; `None` if there are none in this model.
    pub(super) fn fields(&self, rule_type: &str) -> Option<Vec<&str>> {
        let definition = assertion(&self.casbin, rule_type)?;
        match rule_type {
            "p" => Some(definition.tokens.iter().filter_map(|it| it.strip_prefix("p_")).collect()),
            "g" => {
                let n_fields = definition.value.matches('_').count();
                Some(["subject", "role", "domain"].into_iter().take(n_fields).collect())
            }
            _ => None,
        }
    }

    /// Whether a rule with this action can match anything. Where the model doesn't simply compare
    /// actions, nobody can tell.
    pub(super) fn knows_action(&self, action: &str) -> bool {
        let compares = ["r_act==p_act", "p_act==r_act"].iter().any(|it| self.matcher.contains(it));
        let is_quoted = || self.matcher.contains(&format!("\"{action}\""));
        Action::from_name(action).is_some() || !compares || is_quoted()
    }
}

fn assertion<'a>(model: &'a DefaultModel, name: &str) -> Option<&'a Assertion> {
    model.get_model().get(name)?.get(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(from: &str, to: &str) -> String {
        let text = DEFAULT_MODEL.replace(from, to);
        assert_ne!(text, DEFAULT_MODEL, "{from}");
        Model::parse(&text).err().unwrap_or_else(|| panic!("{to} was taken"))
    }

    #[test]
    fn the_model_of_the_original_is_taken() {
        let model = Model::parse(DEFAULT_MODEL).expect("a model");
        assert_eq!(model.effect, Effect::SomeAllows);
        assert_eq!(model.fields("p"), Some(vec!["sub", "obj", "act"]));
        assert_eq!(model.fields("g"), None);
        assert!(model.knows_action("produce") && !model.knows_action("*"));
    }

    #[test]
    fn a_model_that_makes_no_sense_here_is_refused() {
        assert!(refusal("r = sub, obj, act", "r = sub, act").contains("r = sub, obj, act"));
        assert!(refusal("p = sub, obj, act\n", "q = sub\n").contains("[policy_definition] p"));
        assert!(refusal("m = r", "n = r").contains("[matchers] m"));
        assert!(refusal("e = some", "f = some").contains("[policy_effect] e"));
        assert!(refusal("some(where (p.eft == allow))", "allow").contains("effect"));
        assert!(refusal("[matchers]", "[role_definition]\ng = _\n[matchers]").contains("roles"));
        assert!(Model::parse("").is_err());
        assert!(Model::parse("p, root, *, produce").is_err());
    }

    #[test]
    fn an_allowing_default_is_refused() {
        let to = "!some(where (p.eft == deny))";
        assert!(refusal("some(where (p.eft == allow))", to).contains("no rule allows"));
    }

    #[test]
    fn a_model_may_have_actions_of_its_own() {
        let text = DEFAULT_MODEL.replace("r.act == p.act", r#"(r.act == p.act || p.act == "*")"#);
        let model = Model::parse(&text).expect("a model");
        assert!(model.knows_action("*") && !model.knows_action("prodce"));
        let text = DEFAULT_MODEL.replace("r.act == p.act", "regexMatch(r.act, p.act)");
        assert!(Model::parse(&text).expect("a model").knows_action("(produce|consume)"));
    }
}
