//! Reads a fixture: one string with everything that a test puts in and gets out.
//!
//! A line `//- ...` begins a section. These make the app folder:
//!
//! ```text
//! //- boathook.toml            a file, by its path: anything with a dot
//! //- hooks                    a hook a line: `hello`, or `a: trace; after = ["b"]`, which is the guest
//!                              `trace` under the name `a`, with a `hook.toml` of these lines, or
//!                              `some/path.wasm = trace`, outside of the hooks' folder
//! //- env                      NAME=VALUE
//! //- args                     arguments of `boathook serve`, one a line
//! ```
//!
//! and these are steps, done in order once the app is lifted:
//!
//! ```text
//! //- GET /hello               a request: header lines, an empty line, a body
//! //- 200                      its response: header lines that must be there, `-name` for one that must
//!                              not, an empty line, the body; lines of the body that begin with `...`
//!                              need only be in it somewhere
//! //- log                      lines that the log has, or will have, in this order; parts are enough
//! //- not in log               lines that the log has not
//! //- stdout                   as `log`, of the standard output
//! //- stop                     SIGTERM; the exit code is 0
//! //- fails                    instead of a lift: exit code 1, and these lines on standard error
//! ```
//!
//! In a file `{not utf-8}` stands for a byte that is not.
//! `{upstream}` stands for the address of an [`super::Upstream`] that echoes, `{dir}` for the folder.

/// A fixture in its parts.
#[derive(Debug, Default)]
pub(crate) struct Fixture {
    pub(crate) files: Vec<(String, String)>,
    pub(crate) hooks: Vec<Hook>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) args: Vec<String>,
    pub(crate) steps: Vec<Step>,
}

/// A line of `hooks`.
#[derive(Debug)]
pub(crate) struct Hook {
    /// What its file or folder is called.
    pub(crate) name: String,
    /// The component.
    pub(crate) guest: String,
    /// Its `hook.toml`, if it is to have a folder.
    pub(crate) manifest: Option<String>,
    /// Where it lies, if not in the hooks' folder.
    pub(crate) path: Option<String>,
}

/// One thing to do, or to expect.
#[derive(Debug)]
pub(crate) enum Step {
    Request { method: String, target: String, headers: Vec<String>, body: String },
    Response { status: u16, headers: Vec<String>, body: Option<String> },
    Log(Vec<String>),
    NotInLog(Vec<String>),
    Stdout(Vec<String>),
    Stop,
    Fails(Vec<String>),
}

impl Fixture {
    /// Reads a fixture.
    pub(crate) fn parse(text: &str) -> Self {
        let mut fixture = Self::default();
        for section in dedent(text).split("//- ").skip(1) {
            let (title, body) = section.split_once('\n').unwrap_or((section, ""));
            fixture.section(title.trim_end(), body.trim_end());
        }
        fixture
    }

    fn section(&mut self, title: &str, body: &str) {
        let lines = || {
            body.lines().filter(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned())
        };
        match title {
            "hooks" => self.hooks.extend(lines().map(|line| hook(&line))),
            "env" => self.env.extend(lines().map(|line| {
                let (name, value) = line.split_once('=').expect("`NAME=VALUE` in `env`");
                (name.to_owned(), value.to_owned())
            })),
            "args" => self.args.extend(lines()),
            "log" => self.steps.push(Step::Log(lines().collect())),
            "not in log" => self.steps.push(Step::NotInLog(lines().collect())),
            "stdout" => self.steps.push(Step::Stdout(lines().collect())),
            "stop" => self.steps.push(Step::Stop),
            "fails" => self.steps.push(Step::Fails(lines().collect())),
            _ => self.exchange_or_file(title, body),
        }
    }

    fn exchange_or_file(&mut self, title: &str, body: &str) {
        let (head, rest) = match body.strip_prefix('\n') {
            Some(rest) => ("", Some(rest)),
            None => body.split_once("\n\n").map_or((body, None), |(head, rest)| (head, Some(rest))),
        };
        let headers = || head.lines().map(str::to_owned).collect();
        if let Ok(status) = title.parse() {
            let body = rest.map(str::to_owned);
            self.steps.push(Step::Response { status, headers: headers(), body });
        } else if let Some((method, target)) = title.split_once(' ') {
            let (method, target) = (method.to_owned(), target.to_owned());
            let body = rest.unwrap_or_default().to_owned();
            self.steps.push(Step::Request { method, target, headers: headers(), body });
        } else {
            assert!(title.contains('.'), "no section is called `{title}`");
            self.files.push((title.to_owned(), format!("{body}\n")));
        }
    }
}

fn hook(line: &str) -> Hook {
    if let Some((path, guest)) = line.split_once(".wasm = ") {
        let path = Some(format!("{path}.wasm"));
        return Hook { name: guest.to_owned(), guest: guest.to_owned(), manifest: None, path };
    }
    let Some((name, rest)) = line.split_once(':') else {
        let name = line.to_owned();
        return Hook { guest: name.clone(), name, manifest: None, path: None };
    };
    let (guest, manifest) = rest.split_once(';').unwrap_or((rest, ""));
    let lines: Vec<&str> = manifest.split(';').map(str::trim).collect();
    Hook {
        name: name.to_owned(),
        guest: guest.trim().to_owned(),
        manifest: Some(format!("name = \"{name}\"\n{}\n", lines.join("\n"))),
        path: None,
    }
}

/// Takes away the indentation that all lines share.
fn dedent(text: &str) -> String {
    let filled = || text.lines().filter(|line| !line.trim().is_empty());
    let indent = filled().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines: Vec<&str> = text.lines().map(|line| line.get(indent..).unwrap_or("")).collect();
    lines.join("\n")
}
