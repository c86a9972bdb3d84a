//! Reflection, by which a client without the `.proto` file learns what there is.

use tonic::service::Routes;
use tonic_reflection::server::Builder;

use crate::wire::v1::FILE_DESCRIPTOR_SET;

/// Adds both versions: grpcurl and buf ask for v1, Python's client for v1alpha.
pub(super) fn add_to(routes: Routes) -> Routes {
    let configured = || {
        Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    match (configured().build_v1(), configured().build_v1alpha()) {
        (Ok(v1), Ok(v1alpha)) => routes.add_service(v1).add_service(v1alpha),
        (Err(error), _) | (_, Err(error)) => {
            // What the build has put in is there, which a test shows.
            tracing::error!(%error, "there is no reflection");
            routes
        }
    }
}
