//! Merges manifests as text: what goes into a component's section `boathook`.

use toml::{Table, Value};

use crate::config::{Problems, manifest};

/// What is laid over each other, from below: the label that messages use, and the text.
pub(super) type Layer<'a> = (&'a str, &'a str);

/// One manifest of several, each over the one before, as [`manifest::Manifest::overlay`] has it; `name`
/// goes over all of them. How a hook is built stays out: it is of no use to whoever runs the component.
///
/// # Errors
/// What is wrong with any of them, or with the name.
pub(super) fn merged(layers: &[Layer<'_>], name: Option<&str>) -> Result<String, Problems> {
    let mut all = Table::new();
    all.insert("manifest_version".into(), Value::Integer(manifest::VERSION as i64));
    for (label, text) in layers {
        manifest::parse(text, label)?;
        // The reader above has said already what is wrong with it.
        merge(&mut all, text.parse().unwrap_or_default());
    }
    if let Some(name) = name {
        all.insert("name".into(), name.into());
    }
    all.remove("build");
    let text = all.to_string();
    // Each layer has been found good: what is wrong now is the name.
    manifest::parse(&text, "--name").map_err(of_name)?;
    Ok(text)
}

/// What is wrong with a name that was typed: it stands in no line of any file.
fn of_name(mut problems: Problems) -> Problems {
    for problem in &mut problems.0 {
        problem.origin = None;
        problem.message = format!("--name: {}", problem.message);
    }
    problems
}

/// Lays a table over another: tables are merged, everything else is replaced.
fn merge(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Manifest;

    const BELOW: &str = "name = 'a'\nversion = '1'\nafter = ['orm']\nlimits.cpu = '1s'\n\
        [grants]\nkv = ['a', 'b']\nsession = true\n[defaults.__configKey__]\nx = 1\ny = { z = 1 }\n";
    const ABOVE: &str = "mode = 'single'\nafter = []\nlimits = { cpu = '2s', memory = '1MiB' }\n\
        grants.kv = ['c']\ndefaults.__configKey__.y.w = [1]\nbuild.command = 'make'\n";

    fn parsed(text: &str) -> Manifest {
        manifest::parse(text, "hook.toml").unwrap()
    }

    #[test]
    fn layers_are_merged_as_the_server_merges_them() {
        let text = merged(&[("a", BELOW), ("b", ABOVE)], None).unwrap();
        let expected = parsed(BELOW).overlay(parsed(ABOVE));
        assert_eq!(parsed(&text), Manifest { build: None, ..expected });
    }

    #[test]
    fn the_name_goes_over_all_and_is_checked() {
        assert_eq!(parsed(&merged(&[("a", BELOW)], Some("b")).unwrap()).name.as_deref(), Some("b"));
        assert_eq!(merged(&[], None).unwrap(), "manifest_version = 1\n");
        let error = merged(&[], Some("a/b")).unwrap_err().to_string();
        assert!(error.starts_with("--name: `name` must be a name"), "{error}");
    }

    #[test]
    fn a_mistake_has_its_file_and_line() {
        let error = merged(&[("hook.toml", "\nmod = 'single'")], None).unwrap_err().to_string();
        assert!(error.starts_with("hook.toml:2: unknown key `mod`"), "{error}");
    }
}
