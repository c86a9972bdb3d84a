//! What follows from the rules that match a request, and which rule it was.
//!
//! Casbin's own effector doesn't tell the rule, and panics on an effect that it doesn't know.

use std::cell::Cell;

use casbin::{EffectKind, Effector, EffectorStream};

thread_local! {
    /// The rule that decided the last request on this thread: Casbin has no way to hand it through.
    static DECIDED_BY: Cell<Option<usize>> = const { Cell::new(None) };
}

/// How rules that allow and rules that deny go together. All of these deny by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// One that allows is enough; there are none that deny.
    SomeAllows,
    /// One that allows is enough unless there is one that denies.
    NoneDenies,
    /// The first one that matches.
    First,
}

impl Effect {
    /// By its expression in a model, as Casbin has it after parsing.
    pub(super) fn parse(expression: &str) -> Option<Effect> {
        let expression: String = expression.split_whitespace().collect();
        match expression.as_str() {
            "some(where(p_eft==allow))" => Some(Effect::SomeAllows),
            "some(where(p_eft==allow))&&!some(where(p_eft==deny))" => Some(Effect::NoneDenies),
            "priority(p_eft)||deny" => Some(Effect::First),
            _ => None,
        }
    }

    /// The rule that decided the request that was asked last on this thread, counted from 0.
    pub(super) fn decided_by() -> Option<usize> {
        DECIDED_BY.take()
    }
}

impl Effector for Effect {
    fn new_stream(&self, _expression: &str, _n_rules: usize) -> Box<dyn EffectorStream> {
        Box::new(Stream { effect: *self, next_rule: 0, allowed: false, decided_by: None })
    }
}

/// The matching rules of one request, one after the other.
struct Stream {
    effect: Effect,
    next_rule: usize,
    allowed: bool,
    decided_by: Option<usize>,
}

impl EffectorStream for Stream {
    /// Asked once, after the last rule.
    fn next(&self) -> bool {
        DECIDED_BY.set(self.decided_by);
        self.allowed
    }

    /// Whether it is decided.
    fn push_effect(&mut self, kind: EffectKind) -> bool {
        let rule = self.next_rule;
        self.next_rule += 1;
        match (self.effect, kind) {
            (_, EffectKind::Indeterminate) | (Effect::SomeAllows, EffectKind::Deny) => false,
            (effect, EffectKind::Allow) => {
                self.allowed = true;
                self.decided_by.get_or_insert(rule);
                effect != Effect::NoneDenies
            }
            (_, EffectKind::Deny) => {
                (self.allowed, self.decided_by) = (false, Some(rule));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use EffectKind::{Allow, Deny, Indeterminate};

    fn decide(effect: Effect, kinds: &[EffectKind]) -> (bool, Option<usize>) {
        let mut stream = effect.new_stream("", kinds.len());
        let _ = kinds.iter().any(|kind| stream.push_effect(*kind));
        (stream.next(), Effect::decided_by())
    }

    #[test]
    fn what_no_rule_allows_is_denied() {
        for effect in [Effect::SomeAllows, Effect::NoneDenies, Effect::First] {
            assert_eq!(decide(effect, &[]), (false, None));
            assert_eq!(decide(effect, &[Indeterminate]), (false, None));
            assert_eq!(decide(effect, &[Indeterminate, Allow, Allow]), (true, Some(1)));
        }
    }

    #[test]
    fn a_rule_that_denies_wins_or_the_first_does() {
        assert_eq!(decide(Effect::SomeAllows, &[Deny, Allow]), (true, Some(1)));
        assert_eq!(decide(Effect::NoneDenies, &[Allow, Deny]), (false, Some(1)));
        assert_eq!(decide(Effect::NoneDenies, &[Deny, Allow]), (false, Some(0)));
        assert_eq!(decide(Effect::First, &[Allow, Deny]), (true, Some(0)));
        assert_eq!(decide(Effect::First, &[Indeterminate, Deny, Allow]), (false, Some(1)));
    }

    #[test]
    fn effects_that_allow_by_default_are_not_known() {
        assert_eq!(Effect::parse("some(where (p_eft == allow))"), Some(Effect::SomeAllows));
        assert_eq!(Effect::parse("priority(p_eft) || deny"), Some(Effect::First));
        for expression in ["!some(where (p_eft == deny))", "", "allow"] {
            assert_eq!(Effect::parse(expression), None, "{expression}");
        }
    }
}
