//! Defines dotted keys: `hooks.rate-limit.mode`, with quotes around a part that has a dot itself.
//!
//! Keys are read leniently, for they come from guests and command lines: a stray quote is a letter.

/// How deep a dotted key may go. A configuration of this depth is no configuration, and walking one
/// is recursive, so the bound is also what keeps a hook's `config.set` from overflowing the stack.
pub(super) const DEPTH_MAX: usize = 32;

/// The parts of a dotted key. The empty key has none and means the whole tree.
pub(super) fn split(dotted: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = dotted;
    while !rest.is_empty() {
        let (part, after) = match quoted(rest) {
            Some(found) => found,
            None => match rest.split_once('.') {
                Some((part, after)) => (part, Some(after)),
                None => (rest, None),
            },
        };
        parts.push(part.to_owned());
        match after {
            // `a.` ends in an empty part, which no lookup finds and every assignment refuses.
            Some("") => {
                parts.push(String::new());
                break;
            }
            Some(after) => rest = after,
            None => break,
        }
    }
    parts
}

/// A leading `"part"` and what follows its dot, if the quotes enclose exactly one part.
fn quoted(text: &str) -> Option<(&str, Option<&str>)> {
    let (part, after) = text.strip_prefix('"')?.split_once('"')?;
    match after.strip_prefix('.') {
        Some(after) => Some((part, Some(after))),
        None => after.is_empty().then_some((part, None)),
    }
}

/// The dotted key of these parts, quoted where needed, so that splitting gives them back.
pub fn join<S: AsRef<str>>(parts: &[S]) -> String {
    let mut dotted = String::new();
    for part in parts {
        push(&mut dotted, part.as_ref());
    }
    dotted
}

/// The dotted key of a part below another key.
pub(super) fn below(parent: &str, part: &str) -> String {
    let mut dotted = parent.to_owned();
    push(&mut dotted, part);
    dotted
}

fn push(dotted: &mut String, part: &str) {
    if !dotted.is_empty() {
        dotted.push('.');
    }
    if part.is_empty() || part.contains('.') {
        dotted.push('"');
        dotted.push_str(part);
        dotted.push('"');
    } else {
        dotted.push_str(part);
    }
}
