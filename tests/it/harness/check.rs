//! Does the steps of a fixture, and holds what comes of them against what it expects.

use super::fixture::{Fixture, Step};
use super::{App, Response};

/// Lifts the app of a fixture, does its steps, and fails where one of them comes out otherwise.
#[track_caller]
pub(crate) fn check(fixture: &str) {
    let fixture = Fixture::parse(fixture);
    let mut app = App::start(&fixture);
    let fails = matches!(fixture.steps.first(), Some(Step::Fails(_)));
    if !fails && app.address().is_none() {
        app.fail("it did not lift");
    }
    app.steps(&fixture.steps);
}

impl App {
    /// Does more steps.
    #[track_caller]
    pub(crate) fn check(&mut self, steps: &str) {
        self.steps(&Fixture::parse(steps).steps);
    }

    #[track_caller]
    fn steps(&mut self, steps: &[Step]) {
        let mut last: Option<(String, Response)> = None;
        for step in steps {
            match step {
                Step::Request { method, target, headers, body } => {
                    let response = self.send(method, target, headers, body);
                    last = Some((format!("{method} {target}"), response));
                }
                Step::Response { status, headers, body } => {
                    let (request, response) = last.as_ref().expect("a response follows a request");
                    if let Err(why) = compare(response, *status, headers, body.as_deref()) {
                        self.fail(&format!("{request}: {why}\n\n{}", shown(response)));
                    }
                }
                Step::Log(lines) => self.log(&strs(lines)),
                Step::Stdout(lines) => self.stdout(&strs(lines)),
                Step::NotInLog(lines) => {
                    if let Some(line) = lines.iter().find(|line| self.logged(line) > 0) {
                        self.fail(&format!("the log has: {line}"));
                    }
                }
                Step::Stop => self.stop(),
                Step::Fails(lines) => {
                    let status = self.exit();
                    if status.code() != Some(1) {
                        self.fail(&format!("it did not fail with 1: {status}"));
                    }
                    self.log(&strs(lines));
                }
            }
        }
    }
}

fn strs(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

/// What is not as it should be.
fn compare(
    response: &Response,
    status: u16,
    headers: &[String],
    body: Option<&str>,
) -> Result<(), String> {
    if response.status != status {
        return Err(format!("not {status} but {}", response.status));
    }
    for line in headers {
        if let Some(name) = line.strip_prefix('-') {
            if let Some(value) = response.header(name) {
                return Err(format!("header `{name}` is there: {value}"));
            }
            continue;
        }
        let (name, wanted) = line.split_once(':').ok_or(format!("no header: `{line}`"))?;
        let values: Vec<&str> = response.all(name).collect();
        let wanted = wanted.trim();
        if !values.contains(&wanted) && values.join(", ") != wanted {
            return Err(format!("header `{name}` is not `{wanted}` but {values:?}"));
        }
    }
    let Some(wanted) = body else { return Ok(()) };
    let text = response.text();
    let parts: Vec<&str> = wanted.lines().filter_map(|line| line.strip_prefix("...")).collect();
    if parts.is_empty() {
        let equal = text.trim_end_matches('\n') == wanted.trim_end_matches('\n');
        return if equal { Ok(()) } else { Err(format!("the body is not `{wanted}`")) };
    }
    match parts.iter().find(|part| !text.contains(part.trim())) {
        Some(part) => Err(format!("the body has no `{}`", part.trim())),
        None => Ok(()),
    }
}

fn shown(response: &Response) -> String {
    let lines = response.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
    format!("{}\n{}\n{}", response.status, lines.collect::<String>(), response.text())
}
