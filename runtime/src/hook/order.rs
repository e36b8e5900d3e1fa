//! Puts hooks in order: by what each says it comes `after`, then by name. Pure.

use std::collections::{BTreeMap, BTreeSet};

/// What keeps hooks from being put in order.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderError {
    /// A hook comes after one that does not exist.
    #[error("hook `{hook}`: `after` names `{after}`, and there is no such hook{hint}")]
    Unknown {
        /// Who says so.
        hook: String,
        /// The name that is not there.
        after: String,
        /// A name that was perhaps meant.
        hint: String,
    },
    /// A hook comes after one that is disabled.
    #[error(
        "hook `{hook}`: `after` names `{after}`, which is disabled\n\
         hint: enable it, or disable `{hook}` as well"
    )]
    Disabled {
        /// Who says so.
        hook: String,
        /// The disabled one.
        after: String,
    },
    /// Hooks that come after each other.
    #[error("hooks come after each other: {0}")]
    Cycle(String),
}

/// One hook as far as the order is concerned.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    /// Its name.
    pub name: &'a str,
    /// The names it comes after.
    pub after: &'a [String],
}

/// The order in which hooks run, as indexes into `hooks`. Of those that may come next the first by
/// name comes next, so the same hooks always have the same order.
///
/// # Errors
/// All that is wrong, at once.
pub fn order(
    hooks: &[Node<'_>],
    disabled: &BTreeSet<String>,
) -> Result<Vec<usize>, Vec<OrderError>> {
    let index: BTreeMap<&str, usize> =
        hooks.iter().enumerate().map(|(index, hook)| (hook.name, index)).collect();
    let mut errors = Vec::new();
    for hook in hooks {
        for after in hook.after {
            if index.contains_key(after.as_str()) {
                continue;
            }
            let (hook, after) = (hook.name.to_owned(), after.clone());
            errors.push(if disabled.contains(&after) {
                OrderError::Disabled { hook, after }
            } else {
                let hint = nearest(&after, index.keys().copied())
                    .map(|name| format!("\nhint: did you mean `{name}`?"))
                    .unwrap_or_default();
                OrderError::Unknown { hook, after, hint }
            });
        }
    }
    let mut left: BTreeMap<&str, BTreeSet<&str>> = hooks
        .iter()
        .map(|hook| {
            let after = hook.after.iter().map(String::as_str);
            (hook.name, after.filter(|after| index.contains_key(after)).collect())
        })
        .collect();
    let mut ordered = Vec::with_capacity(hooks.len());
    while !left.is_empty() {
        if let Some(name) = left.iter().find(|(_, after)| after.is_empty()).map(|(name, _)| *name) {
            remove(&mut left, name);
            ordered.push(index[name]);
            continue;
        }
        // Without this cycle the others show, too.
        let cycle = cycle(&left);
        cycle.iter().for_each(|name| remove(&mut left, name));
        let names: Vec<String> = cycle.iter().map(|name| format!("`{name}`")).collect();
        errors.push(OrderError::Cycle(names.join(" after ")));
    }
    if errors.is_empty() { Ok(ordered) } else { Err(errors) }
}

fn remove(left: &mut BTreeMap<&str, BTreeSet<&str>>, name: &str) {
    left.remove(name);
    left.values_mut().for_each(|after| {
        after.remove(name);
    });
}

/// One cycle among hooks that all wait for each other, as `a`, `b`, `a`.
fn cycle<'a>(left: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<&'a str> {
    let mut path: Vec<&str> = left.keys().next().copied().into_iter().collect();
    while let Some(next) =
        path.last().and_then(|last| left.get(last)).and_then(|after| after.first())
    {
        if let Some(start) = path.iter().position(|name| name == next) {
            path.push(next);
            return path.split_off(start);
        }
        path.push(next);
    }
    path
}

/// The name most like `wanted`, if one is like it at all.
fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(hooks: &[(&str, &[&str])]) -> Result<Vec<String>, Vec<String>> {
        let after: Vec<Vec<String>> = hooks
            .iter()
            .map(|(_, after)| after.iter().map(ToString::to_string).collect())
            .collect();
        let nodes: Vec<Node<'_>> =
            hooks.iter().zip(&after).map(|((name, _), after)| Node { name, after }).collect();
        let disabled = BTreeSet::from(["off".to_owned()]);
        order(&nodes, &disabled)
            .map(|order| order.into_iter().map(|index| hooks[index].0.to_owned()).collect())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn hooks_without_a_word_run_by_name() {
        assert_eq!(names(&[("b", &[]), ("a", &[]), ("c", &[])]).unwrap(), ["a", "b", "c"]);
    }

    #[test]
    fn after_moves_a_hook_behind_and_no_further_than_needed() {
        let hooks: &[(&str, &[&str])] = &[("a", &["c"]), ("b", &[]), ("c", &[]), ("d", &[])];
        assert_eq!(names(hooks).unwrap(), ["b", "c", "a", "d"]);
    }

    #[test]
    fn a_cycle_is_shown_whole() {
        let hooks: &[(&str, &[&str])] = &[("a", &["b"]), ("b", &["c"]), ("c", &["a"]), ("d", &[])];
        assert_eq!(
            names(hooks).unwrap_err(),
            ["hooks come after each other: `a` after `b` after `c` after `a`"]
        );
    }

    #[test]
    fn one_mistake_does_not_hide_another() {
        let hooks: &[(&str, &[&str])] =
            &[("a", &["b"]), ("b", &["a"]), ("c", &["d", "x"]), ("d", &["c"]), ("e", &["a"])];
        assert_eq!(
            names(hooks).unwrap_err(),
            [
                "hook `c`: `after` names `x`, and there is no such hook",
                "hooks come after each other: `a` after `b` after `a`",
                "hooks come after each other: `c` after `d` after `c`",
            ]
        );
    }

    #[test]
    fn a_hook_that_comes_after_itself_is_a_cycle() {
        assert_eq!(
            names(&[("a", &["a"])]).unwrap_err(),
            ["hooks come after each other: `a` after `a`"]
        );
    }

    #[test]
    fn unknown_and_disabled_names_are_told_apart_and_all_told() {
        let errors = names(&[("session", &[]), ("a", &["sesion", "off"])]).unwrap_err();
        assert_eq!(errors.len(), 2);
        assert!(errors[0].contains("did you mean `session`?"), "{errors:?}");
        assert!(errors[1].contains("which is disabled"), "{errors:?}");
    }
}
