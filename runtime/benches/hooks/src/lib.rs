//! Holds the work that the bench suite's hooks, its native twin and its peers all do: the hooks
//! themselves are in `examples/`, one component each.
//!
//! It knows neither SDK nor server, so that whoever measures compares the very same names and values.

#![no_std]

/// The header of the request that the work reads.
pub const READ: &str = "x-tenant";

/// The header that carries what was read: the first of the five.
pub const WRITTEN: &str = "x-served-for";

/// The other four of the five headers that the work sets.
pub const SET: [(&str, &str); 4] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "SAMEORIGIN"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("permissions-policy", "camera=(), microphone=(), usb=()"),
];

/// What the first header says where the request has none to read.
pub const NOBODY: &str = "nobody";

/// The body of every answer.
pub const BODY: &str = "hello";
