//! Who may call which method: the one table. A method that isn't in it is for those who are known, and
//! a test sees to it that each of ours is.

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use tonic::{Code, Status};

use super::status::with_code;
use crate::security::Refusal;
use crate::server::admission::{Access, Action};

/// By path.
const METHODS: [(&str, Access); 12] = [
    ("/log.v1.Log/Produce", Access::Needs(Action::Produce)),
    ("/log.v1.Log/ProduceBatch", Access::Needs(Action::Produce)),
    ("/log.v1.Log/ProduceStream", Access::Needs(Action::Produce)),
    ("/log.v1.Log/Consume", Access::Needs(Action::Consume)),
    ("/log.v1.Log/ConsumeStream", Access::Needs(Action::Consume)),
    ("/log.v1.Log/ConsumeBatch", Access::Needs(Action::Consume)),
    ("/log.v1.Log/GetLog", Access::Needs(Action::Consume)),
    ("/log.v1.Log/GetServers", Access::Known),
    ("/grpc.health.v1.Health/Check", Access::Open),
    ("/grpc.health.v1.Health/Watch", Access::Open),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Access::Known),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Access::Known),
];

pub(super) fn access(path: &str) -> Access {
    let row = METHODS.iter().find(|(method, _)| *method == path);
    row.map_or(Access::Known, |(_, access)| *access)
}

/// What a caller is told who isn't let in.
pub(super) fn status(refusal: &Refusal) -> Status {
    let message = refusal.to_string();
    match refusal {
        Refusal::Unauthenticated(_) => {
            let hint = "show a token, as `authorization: Bearer …`, or a client certificate";
            with_code(Code::Unauthenticated, "unauthenticated", &message, hint)
        }
        Refusal::Denied(_) => {
            let hint = "ask who runs the server";
            with_code(Code::PermissionDenied, "permission_denied", &message, hint)
        }
    }
}

/// The end of a stream whose caller may have no more of it.
pub(super) fn trailers(refusal: &Refusal) -> Option<HeaderMap<HeaderValue>> {
    let mut trailers = HeaderMap::new();
    status(refusal).add_header(&mut trailers).ok()?;
    Some(trailers)
}
