//! Every route and method for every kind of caller. One that isn't in the lists here fails the test.

use std::collections::BTreeMap;

use proglog::security::tls::IdentityFiles;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::Code;

use crate::callers::Callers;
use crate::server::{Caller, Mode, Server};

const POLICY: &str = "p, root, *, produce\np, root, *, consume\np, root, log, admin\n\
                      p, root, log, metrics\np, reader, log, consume\n";

/// Who may make a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Nothing,
    AName,
    Produce,
    Consume,
    Admin,
    Metrics,
}

/// All operations of HTTP.
const ROUTES: [(&str, &str, Needs); 20] = [
    ("POST", "/", Needs::Produce),
    ("GET", "/", Needs::Consume),
    ("POST", "/v1/records", Needs::Produce),
    ("GET", "/v1/records", Needs::Consume),
    ("HEAD", "/v1/records", Needs::Consume),
    ("GET", "/v1/records/{offset}", Needs::Consume),
    ("HEAD", "/v1/records/{offset}", Needs::Consume),
    ("GET", "/v1/log", Needs::Consume),
    ("HEAD", "/v1/log", Needs::Consume),
    ("POST", "/v1/log/truncate", Needs::Admin),
    ("GET", "/metrics", Needs::Metrics),
    ("HEAD", "/metrics", Needs::Metrics),
    ("GET", "/livez", Needs::Nothing),
    ("HEAD", "/livez", Needs::Nothing),
    ("GET", "/readyz", Needs::Nothing),
    ("HEAD", "/readyz", Needs::Nothing),
    ("GET", "/startupz", Needs::Nothing),
    ("HEAD", "/startupz", Needs::Nothing),
    ("GET", "/openapi.json", Needs::AName),
    ("HEAD", "/openapi.json", Needs::AName),
];

/// What isn't there is no secret of those who are known, but of all others.
const ELSEWHERE: [(&str, &str, Needs); 3] = [
    ("GET", "/nope", Needs::AName),
    ("DELETE", "/v1/records", Needs::AName),
    ("GET", "//v1/log", Needs::AName),
];

/// All methods of gRPC.
const METHODS: [(&str, Needs); 12] = [
    ("/log.v1.Log/Produce", Needs::Produce),
    ("/log.v1.Log/ProduceBatch", Needs::Produce),
    ("/log.v1.Log/ProduceStream", Needs::Produce),
    ("/log.v1.Log/Consume", Needs::Consume),
    ("/log.v1.Log/ConsumeStream", Needs::Consume),
    ("/log.v1.Log/ConsumeBatch", Needs::Consume),
    ("/log.v1.Log/GetLog", Needs::Consume),
    ("/log.v1.Log/GetServers", Needs::AName),
    ("/grpc.health.v1.Health/Check", Needs::Nothing),
    ("/grpc.health.v1.Health/Watch", Needs::Nothing),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Needs::AName),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Needs::AName),
];

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// Not even connected: the handshake fails.
    TurnedAway,
    Unknown,
    Stranger,
    Reader,
    Root,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    NoConnection,
    Unauthenticated,
    Denied,
    In,
}

fn expected(is: Is, needs: Needs) -> Outcome {
    match (is, needs) {
        (Is::TurnedAway, _) => Outcome::NoConnection,
        (_, Needs::Nothing) | (Is::Root, _) => Outcome::In,
        (Is::Unknown, _) => Outcome::Unauthenticated,
        (Is::Stranger | Is::Reader, Needs::AName) | (Is::Reader, Needs::Consume) => Outcome::In,
        (Is::Stranger | Is::Reader, _) => Outcome::Denied,
    }
}

/// A kind of caller: its name, its certificate, its Authorization header, and what it is.
type Kind = (String, Option<IdentityFiles>, Option<String>, Is);

/// Those who show tokens, with the same certificate each, if any.
fn with_tokens(callers: &Callers, certificate: Option<&IdentityFiles>) -> Vec<Kind> {
    let kind = |name: &str, authorization: Option<String>, is| {
        (format!("token: {name}"), certificate.cloned(), authorization, is)
    };
    let bearer = |token: String| Some(format!("Bearer {token}"));
    let without = if certificate.is_some() { Is::Root } else { Is::Unknown };
    let other = |is| if certificate.is_some() { Is::Unknown } else { is };
    let mut kinds = vec![
        kind("none", None, without),
        kind("right", bearer(callers.token("root")), Is::Root),
        kind("of a reader", bearer(callers.token("reader")), other(Is::Reader)),
        kind("without permission", bearer(callers.token("stranger")), other(Is::Stranger)),
        kind("another scheme", Some("Basic cm9vdDpyb290".to_owned()), Is::Unknown),
    ];
    for (name, token) in callers.bad_tokens() {
        kinds.push(kind(name, bearer(token), Is::Unknown));
    }
    kinds
}

fn with_certificates(callers: &Callers) -> Vec<Kind> {
    let kind = |name: &str, files, is| (format!("certificate: {name}"), files, None, is);
    vec![
        kind("none", None, Is::TurnedAway),
        kind("of another authority", Some(callers.of_another_authority()), Is::TurnedAway),
        kind("expired", Some(callers.expired()), Is::TurnedAway),
        kind("not yet valid", Some(callers.not_yet_valid()), Is::TurnedAway),
        kind("self-signed", Some(callers.self_signed()), Is::TurnedAway),
        kind("of a server", Some(callers.server("posing")), Is::TurnedAway),
        kind("without permission", Some(callers.client("stranger")), Is::Stranger),
        kind("of a reader", Some(callers.client("reader")), Is::Reader),
        kind("in another case", Some(callers.client("Root")), Is::Stranger),
        kind("right", Some(callers.client("root")), Is::Root),
    ]
}

fn of_status(status: u16) -> Outcome {
    match status {
        401 => Outcome::Unauthenticated,
        403 => Outcome::Denied,
        _ => Outcome::In,
    }
}

fn of_code(code: Code) -> Outcome {
    match code {
        Code::Unauthenticated => Outcome::Unauthenticated,
        Code::PermissionDenied => Outcome::Denied,
        _ => Outcome::In,
    }
}

/// Tries everything for one kind, and notes what refusals say.
async fn try_all(
    server: &Server,
    callers: &Callers,
    kind: &Kind,
    said: &mut BTreeMap<String, String>,
) {
    let (name, certificate, authorization, is) = kind;
    let caller = Caller::new(server, callers, certificate.clone(), authorization.as_deref());
    for (method, path, needs) in ROUTES.into_iter().chain(ELSEWHERE) {
        let path = path.replace("{offset}", "0");
        let answer = caller.http(method, &path).await;
        let outcome =
            answer.as_ref().map_or(Outcome::NoConnection, |(status, _)| of_status(*status));
        assert_eq!(outcome, expected(*is, needs), "{name}: {method} {path}");
        let refused = matches!(outcome, Outcome::Unauthenticated | Outcome::Denied);
        if let Some((status, body)) = answer.filter(|_| refused && method != "HEAD") {
            let before = said.entry(format!("HTTP {status}")).or_insert_with(|| body.clone());
            assert_eq!(*before, body, "{name}: {method} {path}");
        }
    }
    for (path, needs) in METHODS {
        let answer = caller.grpc(path).await;
        let outcome = answer.as_ref().map_or(Outcome::NoConnection, |(code, _)| of_code(*code));
        assert_eq!(outcome, expected(*is, needs), "{name}: {path}: {answer:?}");
        let refused = matches!(outcome, Outcome::Unauthenticated | Outcome::Denied);
        if let Some((code, message)) = answer.ok().filter(|_| refused) {
            let before = said.entry(format!("{code:?}")).or_insert_with(|| message.clone());
            assert_eq!(*before, message, "{name}: {path}");
        }
    }
}

async fn try_everybody(mode: Mode, kinds: impl FnOnce(&Callers) -> Vec<Kind>) {
    let callers = Callers::new();
    let server = Server::start(&callers, mode, POLICY).await;
    let mut said = BTreeMap::new();
    for kind in kinds(&callers) {
        try_all(&server, &callers, &kind, &mut said).await;
    }
    // Each refusal is worded in one way, whoever asked for whatever.
    let told: Vec<_> = said.keys().map(String::as_str).collect();
    assert_eq!(told, ["HTTP 401", "HTTP 403", "PermissionDenied", "Unauthenticated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_over_tls() {
    let mode = Mode { certificates: false, tokens: true };
    try_everybody(mode, |callers| with_tokens(callers, None)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates() {
    let mode = Mode { certificates: true, tokens: false };
    try_everybody(mode, |callers| {
        let mut kinds = with_certificates(callers);
        // Where tokens aren't taken, one that is shown is no good, whatever stands beside it.
        let token = Some(format!("Bearer {}", callers.token("root")));
        kinds.push(("both".to_owned(), Some(callers.client("root")), token, Is::Unknown));
        kinds
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_tokens() {
    let mode = Mode { certificates: true, tokens: true };
    try_everybody(mode, |callers| {
        let mut kinds = with_certificates(callers);
        kinds.extend(with_tokens(callers, Some(&callers.client("root"))));
        kinds
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missing_from_the_lists() {
    let callers = Callers::new();
    let mode = Mode { certificates: false, tokens: true };
    let server = Server::start(&callers, mode, POLICY).await;
    let token = format!("Bearer {}", callers.token("root"));
    let caller = Caller::new(&server, &callers, None, Some(&token));
    let (status, document) = caller.http("GET", "/openapi.json").await.expect("an answer");
    assert_eq!(status, 200);
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    let mut documented = Vec::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            documented.push((method.to_uppercase(), path.clone()));
        }
    }
    let mut listed: Vec<_> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    documented.sort();
    listed.sort();
    assert_eq!(listed, documented);

    let mut served = Vec::new();
    for set in [
        proglog::wire::v1::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ] {
        let set = FileDescriptorSet::decode(set).expect("descriptors");
        for (file, service) in set.file.iter().flat_map(|f| f.service.iter().map(move |s| (f, s))) {
            let paths = service.method.iter();
            served.extend(
                paths.map(|method| {
                    format!("/{}.{}/{}", file.package(), service.name(), method.name())
                }),
            );
        }
    }
    let mut listed: Vec<_> = METHODS.iter().map(|(path, _)| (*path).to_owned()).collect();
    served.sort();
    listed.sort();
    assert_eq!(listed, served);
}
