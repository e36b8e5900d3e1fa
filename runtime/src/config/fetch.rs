//! Reads what holds for the fetches of all hooks: the table `[fetch]`. What each hook may fetch is among
//! its grants.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::names;
use super::problem::Problems;
use super::reader::{Table, path, whole};
use super::units::duration;

/// Looking a name up, connecting and TLS together. A machine that answers does so in a fraction of it,
/// one that drops packets never; below `limits.wall`, so that a hook gets to see the error.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Requests of one hook on their way at one time; more wait. Each holds a socket.
pub const MAX_REQUESTS: usize = 100;

/// What holds for the fetches of all hooks: the table `[fetch]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// PEM file with roots to believe beside the system's, below the app folder if it was written as a
    /// relative path.
    pub ca_file: Option<PathBuf>,
    /// Looking a name up, connecting and TLS together.
    pub connect_timeout: Duration,
    /// Requests of one hook on their way at one time.
    pub max_requests: usize,
}

impl Fetch {
    pub(super) fn read(table: Option<Table>, dir: &Path, problems: &mut Problems) -> Self {
        let mut fetch =
            Self { ca_file: None, connect_timeout: CONNECT_TIMEOUT, max_requests: MAX_REQUESTS };
        let Some(table) = table else { return fetch };
        table.only(names::FETCH, problems);
        fetch.ca_file = table.get("ca_file", path, problems).map(|path| dir.join(path));
        let given = table.get("connect_timeout", duration, problems);
        fetch.connect_timeout = given.unwrap_or(CONNECT_TIMEOUT);
        let given = table.get("max_requests", whole(1..=100_000), problems);
        fetch.max_requests = given.unwrap_or(MAX_REQUESTS);
        fetch
    }
}
