//! Says what became of cases, for people: a line each, and of those that failed what is not as it is to be.

use std::fmt::Write as _;
use std::time::Duration;

use similar::{ChangeTag, TextDiff};

use super::expect::Mismatch;
use super::seen::Seen;
use super::suite::{Finding, Verdict};
use crate::log::grouped;

/// Lines of the log that are shown of one step.
const LOG_LINES_MAX: usize = 20;
/// Characters of a text that is shown on one line beside another.
const SHORT: usize = 60;
/// Unchanged lines that are shown around changed ones.
const CONTEXT_LINES: usize = 3;
/// Bytes of one text that is compared line by line: of what is longer, the beginning is.
const COMPARED_BYTES_MAX: usize = 256 << 10;

/// The line of a case that has ended.
pub fn line(verdict: &Verdict) -> String {
    let Verdict { hook, case, took, fuel, .. } = verdict;
    let word = if verdict.passed() { "PASS" } else { "FAIL" };
    let fuel = grouped(*fuel);
    format!("{word} [{:>8.3}s] {hook}: {case} (fuel {fuel})", took.as_secs_f64())
}

/// Why a case has failed.
pub fn details(verdict: &Verdict) -> String {
    let mut text =
        format!("--- FAIL {}: {} ({})\n", verdict.hook, verdict.case, verdict.file.display());
    let mut last = None;
    for finding in &verdict.findings {
        match finding {
            Finding::Error(error) => text.push_str(&indented(error, 2)),
            Finding::Whole(said) => text.push_str(&indented(said, 2)),
            Finding::Step { at, what, mismatch } => {
                if last != Some(*at) {
                    let _ = writeln!(text, "  step {}, {what}:", at + 1);
                }
                last = Some(*at);
                text.push_str(&indented(&self::mismatch(mismatch), 4));
            }
        }
    }
    // What the hook did in the first step that went wrong says most of why.
    let first = verdict.findings.iter().find_map(|finding| match finding {
        Finding::Step { at, .. } => verdict.seen.get(*at),
        _ => None,
    });
    text.push_str(&first.map(around).unwrap_or_default());
    text
}

/// The last line: how many there were, and what became of them.
pub fn summary(verdicts: &[Verdict], left_out: usize, took: Duration) -> String {
    let failed = verdicts.iter().filter(|verdict| !verdict.passed()).count();
    let passed = verdicts.len() - failed;
    let cases = if verdicts.len() == 1 { "case" } else { "cases" };
    let mut text = format!(
        "Summary [{:>8.3}s] {} {cases} run: {passed} passed, {failed} failed",
        took.as_secs_f64(),
        verdicts.len()
    );
    if left_out > 0 {
        let _ = write!(text, ", {left_out} left out");
    }
    text
}

/// What a step has left behind that may say why.
fn around(seen: &Seen) -> String {
    let mut text = String::new();
    if let Some(failure) = seen.worst() {
        text.push_str(&indented(&format!("error {}: {}", failure.code, failure.text), 2));
    }
    let hidden = seen.logs.len().saturating_sub(LOG_LINES_MAX);
    if hidden > 0 {
        let _ = writeln!(text, "  log: {hidden} more lines");
    }
    for line in &seen.logs[hidden..] {
        text.push_str(&indented(&format!("log {line}"), 2));
    }
    text
}

/// What was expected and what was found: on one line, or as the lines that differ.
fn mismatch(mismatch: &Mismatch) -> String {
    let Mismatch { what, wanted, found } = mismatch;
    let is_short = |text: &str| !text.contains('\n') && text.chars().count() <= SHORT;
    if is_short(wanted) && is_short(found) {
        return mismatch.to_string();
    }
    format!("{what}: - expected, + found\n{}", difference(wanted, found))
}

fn difference(wanted: &str, found: &str) -> String {
    let [wanted, found] =
        [wanted, found].map(|text| &text[..text.floor_char_boundary(COMPARED_BYTES_MAX)]);
    let diff = TextDiff::from_lines(wanted, found);
    let mut text = String::new();
    for (at, group) in diff.grouped_ops(CONTEXT_LINES).iter().enumerate() {
        if at > 0 {
            text.push_str("  ...\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let _ = writeln!(text, "{sign} {}", change.value().trim_end_matches('\n'));
        }
    }
    if text.is_empty() { "  they differ in their last line break\n".to_owned() } else { text }
}

fn indented(text: &str, by: usize) -> String {
    text.trim_end().lines().fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{:by$}{line}", "");
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(wanted: &str, found: &str) -> String {
        let (wanted, found) = (wanted.to_owned(), found.to_owned());
        mismatch(&Mismatch { what: "body".into(), wanted, found })
    }

    #[test]
    fn short_texts_stand_on_one_line_and_of_long_ones_the_lines_that_differ() {
        assert_eq!(said("a", "b"), "body: expected a, found b");
        assert_eq!(
            said("1\n2\n3\n", "1\nx\n3\n"),
            "body: - expected, + found\n  1\n- 2\n+ x\n  3\n"
        );
    }

    #[test]
    fn lines_that_are_far_from_a_change_are_left_out() {
        let many = |middle: &str| format!("{}{middle}\n{}", "a\n".repeat(50), "b\n".repeat(50));
        assert_eq!(said(&many("x"), &many("y")).lines().count(), 9);
    }
}
