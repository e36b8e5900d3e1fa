//! Reads the WIT package that this program carries.

use anyhow::Context as _;
use wit_bindgen_core::wit_parser::{PackageId, Resolve, SourceMap, WorldId, WorldItem, WorldKey};

use super::embedded::WIT;

/// The world with everything in it.
pub(super) const WORLD: &str = "hook";

/// The package, resolved.
///
/// # Errors
/// If it is not WIT, which a test rules out.
pub(super) fn resolve() -> anyhow::Result<(Resolve, PackageId)> {
    let mut sources = SourceMap::new();
    for file in WIT {
        let text = std::str::from_utf8(file.bytes).context("the WIT package is not UTF-8")?;
        sources.push_str(file.path, text);
    }
    let parsed = sources.parse().map_err(|(_, error)| anyhow::anyhow!("{error}"))?;
    let mut resolve = Resolve::default();
    let package = resolve.push_group(parsed).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok((resolve, package))
}

/// The interfaces that a world exports, by their full names.
pub(super) fn exports(resolve: &Resolve, world: WorldId) -> Vec<String> {
    let exports = resolve.worlds[world].exports.iter();
    let interfaces = exports.filter(|(_, item)| matches!(item, WorldItem::Interface { .. }));
    interfaces.map(|(key, _)| resolve.name_world_key(key)).collect()
}

/// Takes out of a world what it exports beside these: a hook may leave any interface out.
pub(super) fn keep_exports(resolve: &mut Resolve, world: WorldId, kept: &[String]) {
    let keys = resolve.worlds[world].exports.keys();
    let others: Vec<WorldKey> =
        keys.filter(|key| !kept.contains(&resolve.name_world_key(key))).cloned().collect();
    resolve.worlds[world].exports.retain(|key, _| !others.contains(key));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::compile::{PACKAGE, VERSION};

    #[test]
    fn the_package_is_the_one_that_this_server_speaks() {
        let (resolve, package) = resolve().unwrap();
        assert_eq!(resolve.packages[package].name.to_string(), format!("{PACKAGE}@{VERSION}"));
        assert!(resolve.select_world(&[package], Some(WORLD)).is_ok());
    }
}
