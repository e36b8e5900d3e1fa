//! Opens the stores that the configuration names.

use std::path::Path;
use std::sync::Arc;

use super::{RedisServer, Result, Store, StoreError};
use crate::config::{Durability, Redis, StoreKind, Stores};
use crate::secrets::read_at;

/// Opens the store for `kv`.
///
/// # Errors
/// Where its file cannot be opened, or its server does not answer.
pub async fn open_kv(stores: &Stores) -> Result<Store> {
    let kv = &stores.kv;
    let bounds = (kv.size, kv.value);
    match kv.store {
        StoreKind::Embedded => embedded(&kv.file, bounds, kv.durability).await,
        kind => open(kind, &kv.file, bounds, stores.redis.as_ref()).await,
    }
}

/// Opens a store of a kind: for one that is embedded its file is needed, for one in Redis the server. The
/// bounds are the bytes of all entries, which Redis does not know, and those of a value.
///
/// # Errors
/// Where the file cannot be opened, or the server does not answer.
pub async fn open(
    kind: StoreKind,
    file: &Path,
    bounds: (u64, u64),
    redis: Option<&Redis>,
) -> Result<Store> {
    let (size, value) = bounds;
    let value = usize::try_from(value).unwrap_or(usize::MAX);
    match kind {
        StoreKind::Memory => Ok(Store::memory(size, value)),
        StoreKind::Embedded => embedded(file, bounds, Durability::Immediate).await,
        StoreKind::Redis => {
            let missing = || StoreError::Unavailable("there is no `[redis]`".into());
            Store::redis(&server(redis.ok_or_else(missing)?)?, value).await
        }
    }
}

async fn embedded(file: &Path, (size, value): (u64, u64), durability: Durability) -> Result<Store> {
    let value = usize::try_from(value).unwrap_or(usize::MAX);
    let file: Arc<Path> = file.into();
    let opening =
        tokio::task::spawn_blocking(move || Store::embedded(&file, size, value, durability));
    opening.await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
}

/// How to reach the server that the configuration names.
///
/// # Errors
/// Where its password is not where the configuration says. The message does not have it.
pub fn server(redis: &Redis) -> Result<RedisServer> {
    let password = redis.password.as_ref().map(|place| read_at(place, &redis.variables));
    let password = password
        .transpose()
        .map_err(|unread| StoreError::Unavailable(format!("`redis.password`: {}", unread.text)))?;
    Ok(RedisServer {
        url: redis.url.clone(),
        password,
        prefix: redis.prefix.clone(),
        timeout: redis.timeout,
    })
}
