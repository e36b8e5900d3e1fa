//! Turns what went wrong into text or JSON: one problem a paragraph, and how many there are.

use serde_json::{Value, json};

use super::text;
use crate::config::{Problem, Problems};
use crate::error::Failure;
use crate::lift::LiftError;

/// One thing that is wrong.
enum Finding<'a> {
    Problem(&'a Problem),
    Failure(&'a Failure),
}

/// An error as text: `error: ...` with its hint below it, a blank line between two of them, and in
/// the end how many there are.
pub(super) fn text(error: &anyhow::Error) -> String {
    let Some(findings) = findings(error) else { return paragraph("error", &format!("{error:#}")) };
    let mut paragraphs: Vec<String> = findings.iter().map(Finding::text).collect();
    paragraphs.push(text::count(findings.len(), "problem"));
    paragraphs.join("\n\n")
}

/// The same as JSON.
pub(super) fn json(error: &anyhow::Error) -> Value {
    let problems = match findings(error) {
        Some(findings) => findings.iter().map(Finding::json).collect(),
        None => vec![message(&format!("{error:#}"))],
    };
    json!({ "ok": false, "problems": problems })
}

/// A problem or a warning as a paragraph.
pub(super) fn paragraph(kind: &str, said: &str) -> String {
    let mut lines = said.lines();
    let mut paragraph = format!("{kind}: {}", lines.next().unwrap_or_default());
    for line in lines {
        // What a hook says may have lines of its own, which must not look like ours.
        let indent = if line.starts_with("hint: ") { "\n" } else { "\n    " };
        paragraph.push_str(indent);
        paragraph.push_str(line);
    }
    paragraph
}

/// A problem as JSON.
pub(super) fn problem(problem: &Problem) -> Value {
    json!({
        "message": problem.message,
        "hint": problem.hint,
        "origin": problem.origin.as_ref().map(ToString::to_string),
    })
}

/// What is wrong one by one, if the error is of a kind that knows.
fn findings(error: &anyhow::Error) -> Option<Vec<Finding<'_>>> {
    let problems = match error.downcast_ref::<LiftError>() {
        Some(LiftError::Hooks(failures)) => {
            return Some(failures.iter().map(Finding::Failure).collect());
        }
        Some(LiftError::Problems(problems)) => problems,
        Some(LiftError::Engine(_) | LiftError::Stopped) => return None,
        Some(LiftError::Affects(_) | LiftError::Refused(_)) => return None,
        None => error.downcast_ref::<Problems>()?,
    };
    Some(problems.0.iter().map(Finding::Problem).collect())
}

impl Finding<'_> {
    fn text(&self) -> String {
        match self {
            Self::Problem(problem) => paragraph("error", &problem.to_string()),
            Self::Failure(failure) => {
                let backtrace = failure.backtrace.as_deref().unwrap_or_default();
                paragraph("error", &format!("{failure}\n{}", backtrace.trim_end()))
            }
        }
    }

    fn json(&self) -> Value {
        let failure = match self {
            Self::Problem(found) => return problem(found),
            Self::Failure(failure) => failure,
        };
        let mut object = message(&failure.cause);
        object["code"] = failure.code_text().into();
        if let Some((hook, phase)) = &failure.hook {
            object["hook"] = (**hook).into();
            object["phase"] = phase.to_string().into();
        }
        if let Some(details) = failure.said.as_ref().and_then(|said| said.details.as_deref()) {
            object["details"] = serde_json::from_str(details).unwrap_or(details.into());
        }
        if let Some(backtrace) = &failure.backtrace {
            object["backtrace"] = backtrace.lines().collect::<Vec<_>>().into();
        }
        object
    }
}

/// A text that may end in a hint, as JSON.
fn message(said: &str) -> Value {
    match said.split_once("\nhint: ") {
        Some((message, hint)) => json!({ "message": message, "hint": hint }),
        None => json!({ "message": said, "hint": null }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;
    use crate::error::{Code, Phase};

    fn two_problems() -> anyhow::Error {
        let origin = Origin::File { file: "boathook.toml".into(), line: 3 };
        let hint = Some("did you mean `listen`?".to_owned());
        let one = Problem { message: "unknown key `lisen`".into(), origin: Some(origin), hint };
        let two = Problem { message: "hook `a`: load: no".into(), origin: None, hint: None };
        LiftError::Problems(Problems(vec![one, two])).into()
    }

    fn failure() -> anyhow::Error {
        let mut failure = Failure::new(Code::HookTrap, "it broke\nerror: forged\nhint: mend it")
            .in_hook(&"a".into(), Phase::Initialize);
        failure.backtrace = Some("0: f\n1: g\n".into());
        LiftError::Hooks(vec![failure]).into()
    }

    #[test]
    fn every_problem_is_a_paragraph_and_they_are_counted() {
        assert_eq!(
            text(&two_problems()),
            "error: boathook.toml:3: unknown key `lisen`\n\
             hint: did you mean `listen`?\n\n\
             error: hook `a`: load: no\n\n\
             2 problems"
        );
    }

    #[test]
    fn a_hook_cannot_forge_a_problem() {
        assert_eq!(
            text(&failure()),
            "error: hook `a`: initialize: it broke\n    error: forged\nhint: mend it\n    \
             0: f\n    1: g\n\n1 problem"
        );
    }

    #[test]
    fn json_says_the_same_in_parts() {
        let document = json(&two_problems());
        assert_eq!(document["problems"][0]["origin"], "boathook.toml:3");
        assert_eq!(document["problems"][1]["hint"], Value::Null);
        let document = json(&failure());
        assert_eq!(document["problems"][0]["hook"], "a");
        assert_eq!(document["problems"][0]["phase"], "initialize");
        assert_eq!(document["problems"][0]["code"], "E_HOOK_TRAP");
        assert_eq!(document["problems"][0]["hint"], "mend it");
    }

    #[test]
    fn any_other_error_is_one_paragraph_with_its_causes() {
        let error = anyhow::anyhow!("no address").context("cannot look up");
        assert_eq!(text(&error), "error: cannot look up: no address");
        assert_eq!(json(&error)["problems"][0]["message"], "cannot look up: no address");
    }
}
