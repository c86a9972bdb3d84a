//! One path of the interface: what it is documented as and what answers come from the same
//! declaration, so that neither can be without the other.

use axum::extract::Request;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter};
use utoipa::openapi::path::{HttpMethod, Operation, Paths};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa_axum::PathItemExt;
use utoipa_axum::router::UtoipaMethodRouter;

use super::admitted::{Admitted, Gate};
use super::error::Problem;
use super::request_error::RequestError;
use crate::server::admission::Access;

/// A path in the making, operation by operation.
pub(super) struct Resource<S> {
    path: String,
    documented: Paths,
    methods: MethodRouter<S>,
    allowed: Vec<&'static str>,
}

impl<S: Gate + Clone + Send + Sync + 'static> Resource<S> {
    pub(super) fn new() -> Resource<S> {
        let (documented, methods) = (Paths::new(), MethodRouter::new());
        Resource { path: String::new(), documented, methods, allowed: Vec::new() }
    }

    /// Leads the methods that `_documented` lists to a handler, for those who have access.
    pub(super) fn with<P: utoipa::Path, H: Handler<T, S>, T: 'static>(
        mut self,
        _documented: P,
        handler: H,
        access: Access,
    ) -> Resource<S> {
        let handler = Admitted { handler, access };
        self.path = P::path();
        for method in P::methods() {
            self.allowed.push(name(&method));
            self.methods = self.methods.on(method.to_method_filter(), handler.clone());
            let operation = described(P::operation(), &method);
            self.documented.add_path_operation(&self.path, vec![method], operation);
        }
        self
    }

    /// The whole, which refuses any other method and says why. axum by itself would answer a HEAD by
    /// GET's handler, and a 405 without a word.
    pub(super) fn routes(mut self) -> UtoipaMethodRouter<S> {
        self.allowed.sort_unstable();
        let allow = self.allowed.join(", ");
        let serves_head = self.allowed.contains(&"HEAD");
        let refuse = move |request: Request| {
            let path = request.uri().path().to_owned();
            let method = request.method().to_string();
            let error = RequestError::MethodNotAllowed { method, path, allow: allow.clone() };
            std::future::ready(Problem::from(error))
        };
        let refuse = Admitted { handler: refuse, access: Access::Known };
        if !serves_head {
            self.methods = self.methods.on(MethodFilter::HEAD, refuse.clone());
        }
        (Vec::new(), self.documented, self.methods.fallback(refuse))
    }
}

/// An operation with what all have in common: every failure is a problem document. HEAD is the same
/// operation as GET under another name.
fn described(mut operation: Operation, method: &HttpMethod) -> Operation {
    if matches!(method, HttpMethod::Head) {
        operation.operation_id = operation.operation_id.map(|id| format!("{id}_head"));
    }
    let responses = &mut operation.responses.responses;
    let other = ResponseBuilder::new().description("Any other failure").build();
    responses.insert("default".to_owned(), other.into());
    let is_failure = |status: &str| status == "default" || status >= "400";
    for (_, response) in responses.iter_mut().filter(|(status, _)| is_failure(status)) {
        if let RefOr::T(response) = response {
            let problem = Content::new(Some(Ref::from_schema_name("Problem")));
            response.content.insert("application/problem+json".to_owned(), problem.into());
        }
    }
    operation
}

const fn name(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Head => "HEAD",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Trace => "TRACE",
    }
}
