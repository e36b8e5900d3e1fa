//! Reads the WIT package that this program carries.

use anyhow::Context as _;
use wit_bindgen_core::wit_parser::{PackageId, Resolve, SourceMap};

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
