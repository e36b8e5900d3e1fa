//! Opens the stores that the configuration names.

use std::path::Path;
use std::sync::Arc;

use super::{RedisServer, Result, Store, StoreError};
use crate::config::{Password, Redis, StoreKind, Stores};

/// Bytes that a file with a password may have.
const PASSWORD_BYTES_MAX: usize = 4096;

/// Opens the store for `kv`.
///
/// # Errors
/// Where its file cannot be opened, or its server does not answer.
pub async fn open_kv(stores: &Stores) -> Result<Store> {
    let kv = &stores.kv;
    open(kv.store, &kv.file, (kv.size, kv.value), stores.redis.as_ref()).await
}

/// Opens a store of a kind: for one that is embedded its file is needed, for one in Redis the server. The
/// bounds are the bytes of all entries, which Redis does not know, and those of a value.
///
/// # Errors
/// Where the file cannot be opened, or the server does not answer.
pub async fn open(
    kind: StoreKind,
    file: &Path,
    (size, value): (u64, u64),
    redis: Option<&Redis>,
) -> Result<Store> {
    let value = usize::try_from(value).unwrap_or(usize::MAX);
    match kind {
        StoreKind::Memory => Ok(Store::memory(size, value)),
        StoreKind::Embedded => {
            let file: Arc<Path> = file.into();
            let opening = tokio::task::spawn_blocking(move || Store::embedded(&file, size, value));
            opening.await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
        }
        StoreKind::Redis => {
            let missing = || StoreError::Unavailable("there is no `[redis]`".into());
            Store::redis(&server(redis.ok_or_else(missing)?)?, value).await
        }
    }
}

fn server(redis: &Redis) -> Result<RedisServer> {
    Ok(RedisServer {
        url: redis.url.clone(),
        password: redis.password.as_ref().map(read).transpose()?,
        prefix: redis.prefix.clone(),
        timeout: redis.timeout,
    })
}

/// The password itself. Messages never have it.
fn read(password: &Password) -> Result<String> {
    let path = match password {
        Password::Said(text) => return Ok(text.clone()),
        Password::File(path) => path,
    };
    let bad = |why: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("`redis.password`: {}: {why}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(&error))?;
    let text = text.trim_end_matches(['\r', '\n']);
    match text.len() {
        0 => Err(bad(&"the file is empty")),
        1..=PASSWORD_BYTES_MAX => Ok(text.to_owned()),
        _ => Err(bad(&"the file is too long for a password")),
    }
}
