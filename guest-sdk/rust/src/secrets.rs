//! Reads what a hook must know and nobody may see: keys, passwords.
//!
//! The operator grants each secret by name, `[hooks.<name>] grants = { secrets = ["stripe-key"] }`, and says
//! where it lies. What is granted of the environment and of files needs nothing of this SDK:
//! `std::env::var` and `std::fs::read` see it.

use crate::Result;
use crate::host::secrets as host;

/// The text of a secret that this hook was granted; an error with the code `E_NOT_GRANTED` otherwise.
///
/// Rather than keeping it in `self` from [`initialize`](crate::Hook::initialize) on, which costs the
/// hook its snapshot, ask for it where it is used: it is a crossing, and no file is read.
///
/// ```
/// # use boathook_sdk::prelude::*;
/// # testing::secret("stripe-key", "sk_test");
/// let key = secrets::get("stripe-key")?;
/// # assert_eq!(key, "sk_test");
/// # assert_eq!(secrets::get("other").unwrap_err().code(), "E_NOT_GRANTED");
/// # Ok::<(), Error>(())
/// ```
pub fn get(name: &str) -> Result<String> {
    let text = host::get(name)?;
    Ok(text)
}
