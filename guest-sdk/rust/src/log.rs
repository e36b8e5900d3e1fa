//! Writes to the server's log: `log::info!("{name} said hello")`.
//!
//! The macros do not format a line that nobody wants: they ask first whether the level is on.

use serde::Serialize;

use crate::host::log as host;

#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_silly as silly,
    __log_verbose as verbose, __log_warn as warn,
};

/// How much a line matters: Sails' levels, in Sails' order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Level {
    /// Every step.
    Silly,
    /// What the server is doing.
    Verbose,
    /// What an operator likes to know.
    Info,
    /// What a developer looks for.
    Debug,
    /// Something is odd, and went on.
    Warn,
    /// Something failed.
    Error,
}

/// Writes a line.
pub fn write(level: Level, message: &str) {
    host::log(level.wire(), message, "{}");
}

/// Writes a line with fields, an object for those who search the log.
///
/// ```
/// # use boathook_sdk::{json, log};
/// log::write_fields(log::Level::Warn, "slow query", json!({ "ms": 120 }));
/// ```
pub fn write_fields(level: Level, message: &str, fields: impl Serialize) {
    let fields = serde_json::to_string(&fields).unwrap_or_else(|_| "{}".into());
    host::log(level.wire(), message, &fields);
}

/// Whether lines of this level are written at all.
pub fn enabled(level: Level) -> bool {
    host::enabled(level.wire())
}

impl Level {
    fn wire(self) -> host::Level {
        match self {
            Self::Silly => host::Level::Silly,
            Self::Verbose => host::Level::Verbose,
            Self::Info => host::Level::Info,
            Self::Debug => host::Level::Debug,
            Self::Warn => host::Level::Warn,
            Self::Error => host::Level::Error,
        }
    }
}

/// Writes a line of level silly, with the syntax of `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_silly { ($($line:tt)+) => { $crate::__log!(Silly, $($line)+) } }

/// Writes a line of level verbose, with the syntax of `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_verbose { ($($line:tt)+) => { $crate::__log!(Verbose, $($line)+) } }

/// Writes a line of level info, with the syntax of `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info { ($($line:tt)+) => { $crate::__log!(Info, $($line)+) } }

/// Writes a line of level debug, with the syntax of `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug { ($($line:tt)+) => { $crate::__log!(Debug, $($line)+) } }

/// Writes a line of level warn, with the syntax of `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn { ($($line:tt)+) => { $crate::__log!(Warn, $($line)+) } }

/// Writes a line of level error, with the syntax of `format!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error { ($($line:tt)+) => { $crate::__log!(Error, $($line)+) } }

#[doc(hidden)]
#[macro_export]
macro_rules! __log {
    ($level:ident, $($line:tt)+) => {
        if $crate::log::enabled($crate::log::Level::$level) {
            $crate::log::write($crate::log::Level::$level, &::std::format!($($line)+));
        }
    };
}
