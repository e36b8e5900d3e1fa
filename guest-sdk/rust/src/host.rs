//! Says who the host is: the imports of the component, or `testing`'s host in memory.
//!
//! Both sides have the same modules with the same functions, so nothing else asks which one it is.

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::boathook::hook::{
    config, events, fetch, hooks, kv, log, request, response, secrets, session, tasks, types,
};

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::host::{
    config, events, fetch, hooks, kv, log, request, response, secrets, session, tasks, types,
};
