//! Who gets through, and who doesn't.

use std::path::Path;

use super::*;
use crate::security::acl::AccessListConfig;
use crate::security::testing::{Pair, Place, now_s, token_of, verifier};

const POLICY: &str = "p, root, *, produce\np, bob, mine, consume\n";

fn credentials<'a>(certificate: Option<&'a str>, bearer: Option<&'a str>) -> Credentials<'a> {
    Credentials { certificate, bearer, certificate_expires_at_s: None }
}

fn access_list(place: &Place) -> AccessList {
    let policy_file = place.public("policy.csv", POLICY);
    AccessList::open(AccessListConfig { policy_file, model_file: None }).expect("a list")
}

fn guard_with_all(place: &Place, key: &Pair) -> Guard {
    Guard::new(GuardConfig {
        verifier: Some(verifier(&[&key.public])),
        access_list: Some(access_list(place)),
        log_name: "mine".into(),
        has_client_ca: true,
    })
}

fn reason(guard: &Guard, certificate: Option<&str>, bearer: Option<&str>) -> String {
    let refused = guard.authenticate(&credentials(certificate, bearer)).expect_err("refused");
    assert_eq!(refused.to_string(), "not authenticated");
    refused.reason()
}

#[test]
fn without_a_configuration_everybody_may_do_everything() {
    let guard = Guard::new(GuardConfig::default());
    for shown in [credentials(None, None), credentials(Some("root"), Some("nonsense"))] {
        for action in Action::ALL {
            assert_eq!(guard.require(&shown, action), Ok(Subject::Anonymous));
        }
    }
    assert!(!guard.demands_identity());
    assert_eq!((guard.n_unauthenticated(), guard.n_denied()), (0, 0));
}

#[test]
fn each_part_of_a_configuration_demands_that_callers_say_who_they_are() {
    let place = Place::new();
    let key = place.ed25519("ed");
    for config in [
        GuardConfig { has_client_ca: true, ..GuardConfig::default() },
        GuardConfig { verifier: Some(verifier(&[&key.public])), ..GuardConfig::default() },
        GuardConfig { access_list: Some(access_list(&place)), ..GuardConfig::default() },
    ] {
        let guard = Guard::new(config);
        assert!(guard.demands_identity());
        assert_eq!(reason(&guard, None, None), "neither a certificate nor a token was given");
        let refused = guard.require(&Credentials::default(), Action::Metrics).expect_err("refused");
        assert_eq!(refused.to_string(), "not authenticated");
        assert_eq!((guard.n_unauthenticated(), guard.n_denied()), (1, 0));
    }
}

#[test]
fn without_an_access_list_whoever_is_known_may_do_everything() {
    let guard = Guard::new(GuardConfig { has_client_ca: true, ..GuardConfig::default() });
    let subject = guard.require(&credentials(Some("bob"), None), Action::Admin).expect("known");
    assert_eq!(subject.name(), Some("bob"));
    // A token that nobody can verify is not passed over.
    let beside = reason(&guard, Some("bob"), Some("a.b.c"));
    assert_eq!(beside, "a token was given, and tokens aren't taken");
}

#[test]
fn a_certificate_and_a_token_have_to_agree() {
    let place = Place::new();
    let key = place.ed25519("ed");
    let guard = guard_with_all(&place, &key);
    let token = token_of(&key.private, "root");
    for certificate in [None, Some("root")] {
        let subject = guard.authenticate(&credentials(certificate, Some(&token))).expect("known");
        assert_eq!(subject.name(), Some("root"));
    }
    for other in ["bob", "Root", "root ", "roo"] {
        let reason = reason(&guard, Some(other), Some(&token));
        assert_eq!(reason, "the certificate and the token are for different subjects", "{other}");
    }
    assert!(reason(&guard, Some("ro\not"), Some(&token)).contains("control characters"));
    assert!(reason(&guard, Some(""), None).contains("empty"));
}

#[test]
fn a_bad_token_is_refused_beside_a_good_certificate() {
    let place = Place::new();
    let key = place.ed25519("ed");
    let guard = guard_with_all(&place, &key);
    let by_others = token_of(&place.ed25519("other").private, "root");
    for (token, said) in
        [("", "malformed"), ("nonsense", "malformed"), (&*by_others, "signature is wrong")]
    {
        for certificate in [None, Some("root")] {
            let reason = reason(&guard, certificate, Some(token));
            assert!(reason.contains(said), "{reason}");
            assert!(token.is_empty() || !reason.contains(token), "{reason}");
        }
    }
}

#[test]
fn what_no_rule_allows_is_denied_and_counted() {
    let place = Place::new();
    let guard = guard_with_all(&place, &place.ed25519("ed"));
    let require = |name, action| guard.require(&credentials(Some(name), None), action).map(drop);
    assert_eq!(require("root", Action::Produce), Ok(()));
    assert_eq!(require("bob", Action::Consume), Ok(()));
    let denied = [("root", Action::Consume), ("bob", Action::Produce), ("eve", Action::Metrics)];
    for (name, action) in denied {
        let refused = require(name, action).expect_err(name);
        assert_eq!(
            (refused, &*refused.to_string()),
            (Refusal::Denied(Denied), "permission denied")
        );
    }
    assert_eq!((guard.n_unauthenticated(), guard.n_denied()), (0, 3));
    assert_eq!(guard.authorize(&Subject::Anonymous, Action::Consume), Err(Denied));
}

#[test]
fn a_stream_ends_when_its_token_does_or_the_rules_change() {
    let place = Place::new();
    let key = place.ed25519("ed");
    let guard = guard_with_all(&place, &key);
    let token = token_of(&key.private, "root");
    let subject =
        guard.require(&credentials(None, Some(&token)), Action::Produce).expect("allowed");
    let Subject::Named { expires_at_s: Some(expires_at_s), .. } = subject else {
        panic!("a token")
    };
    assert!(expires_at_s > now_s() + 60, "the leeway is part of it");
    assert_eq!(guard.require_still(&subject, Action::Produce), Ok(()));
    let expired = Subject::Named { name: "root".into(), expires_at_s: Some(now_s()) };
    let refused = guard.require_still(&expired, Action::Produce).expect_err("expired");
    assert!(matches!(refused, Refusal::Unauthenticated(_)));
    place.public("policy.csv", POLICY.replace("root", "eve"));
    assert_eq!(guard.reload_if_changed(), [Reload::Unchanged, Reload::Reloaded]);
    let refused = guard.require_still(&subject, Action::Produce);
    assert_eq!(refused, Err(Refusal::Denied(Denied)));
}

#[test]
fn only_the_bearer_scheme_carries_a_token() {
    assert_eq!(bearer_token(b"Bearer a.b.c"), Some("a.b.c"));
    assert_eq!(bearer_token(b"bearer  a.b.c "), Some("a.b.c"));
    assert_eq!(bearer_token(b"Bearer "), Some(""));
    for other in [&b"Basic YTpi"[..], b"Bearer", b"", b"a.b.c", b"Bearerx a.b.c", b"Bearer \xff"] {
        assert_eq!(bearer_token(other), None, "{}", String::from_utf8_lossy(other));
    }
}

#[test]
fn files_of_both_kinds_are_looked_at_again() {
    let place = Place::new();
    let (old, new) = (place.ed25519("ed"), place.ed25519("new"));
    let guard = guard_with_all(&place, &old);
    let token = token_of(&new.private, "root");
    let known = |guard: &Guard| guard.authenticate(&credentials(None, Some(&token))).is_ok();
    assert!(!known(&guard));
    let replace = |by: &Path, file: &Path| std::fs::rename(by, file).expect("renamed");
    replace(&new.public, &old.public);
    assert_eq!(guard.reload_if_changed(), [Reload::Reloaded, Reload::Unchanged]);
    assert!(known(&guard));
}

#[test]
fn a_certificate_that_has_expired_meanwhile_is_none() {
    let guard = Guard::new(GuardConfig { has_client_ca: true, ..GuardConfig::default() });
    let until = |certificate_expires_at_s| Credentials {
        certificate: Some("root"),
        certificate_expires_at_s,
        bearer: None,
    };
    assert!(guard.authenticate(&until(Some(1))).is_err());
    let later = now_s() + 60;
    let subject = guard.authenticate(&until(Some(later))).expect("still valid");
    assert_eq!(subject, Subject::Named { name: "root".to_owned(), expires_at_s: Some(later) });
}
