//! Version 1 of the interface: batches in, streams out, and what the log says of itself.
//!
//! Invariants
//! - An answer that is streamed holds one chunk in memory, whatever the client asked for; nothing is
//!   read ahead of a client that takes nothing.
//! - An answer that can't be finished is cut off, never ended: no client takes a part for the whole.
//! - What waits for records (a long poll, an event stream) ends as soon as a shutdown is requested.

mod about;
mod append;
mod batch;
mod body_type;
mod chunk;
mod cursor;
mod entity;
mod events;
mod labels;
mod lines;
mod list;
mod page;
mod place;
mod single;
mod truncate;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

pub(super) use self::about::{About, Refusal};
pub(super) use self::append::Appended;
pub(super) use self::cursor::{Cursor, Wanted};
pub(super) use self::truncate::{Truncate, Truncated};
use super::App;
use super::resource::Resource;
use crate::server::admission::{Access, Action};
use crate::service::CommitLog;

/// Adds the paths of this version.
pub(super) fn add_to<L: CommitLog>(
    router: OpenApiRouter<Arc<App<L>>>,
) -> OpenApiRouter<Arc<App<L>>> {
    let (produce, consume) = (Access::Needs(Action::Produce), Access::Needs(Action::Consume));
    let admin = Access::Needs(Action::Admin);
    let records = Resource::new().with(append::__path_append, append::append::<L>, produce).with(
        list::__path_list,
        list::list::<L>,
        consume,
    );
    let single = Resource::new().with(single::__path_single, single::single::<L>, consume);
    let about = Resource::new().with(about::__path_about, about::about::<L>, consume);
    let truncate = Resource::new().with(truncate::__path_truncate, truncate::truncate::<L>, admin);
    router
        .routes(records.routes())
        .routes(single.routes())
        .routes(about.routes())
        .routes(truncate.routes())
}
