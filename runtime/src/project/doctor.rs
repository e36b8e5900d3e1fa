//! Says what this machine has and lacks for building hooks and serving an app, and what to type about it.
//!
//! It looks, and changes nothing. What keeps an app from being built or served has failed; what is merely
//! not there, such as the compiler of a language that no hook here is written in, is a note.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{TcpListener, ToSocketAddrs as _};
use std::path::Path;

use rustix::fs::{Access, access};
use rustix::process::{Resource, getrlimit};

use super::tools::{State, TOOLS, Tool};
use super::{Language, build, quoted};
use crate::config::{Config, FILE, Listen, Problems, defaults};
use crate::folder::STATE;
use crate::hook::find::{MANIFEST_FILE, find};
use crate::sandbox::cache::{self, Cache};
use crate::sandbox::compile::{PACKAGE, VERSION};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// As it should be.
    Fine,
    /// Not there, and not needed here.
    Note,
    /// It works, and might surprise.
    Warning,
    /// It keeps this app from being built or served.
    Failed,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub subject: String,
    /// How it is.
    pub status: Status,
    /// The same in words.
    pub detail: String,
    /// What to type about it.
    pub fix: Option<String>,
}

/// The app that is looked at: its folder, and what came of reading its configuration.
pub type Read = Result<(Config, Problems), Problems>;

/// File descriptors that the server has beside connections: files, compiled code, its own listeners.
const OTHER_FILES: u64 = 100;
/// Tools that are listed even where nobody has them; of others there are several for one language.
const LISTED: [&str; 7] = ["cargo", "wasm32-wasip2", "node", "npm", "python3", "ziglang", "go"];

impl Status {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

impl Check {
    fn new(subject: &str, status: Status, detail: impl Into<String>) -> Self {
        Self { subject: subject.to_owned(), status, detail: detail.into(), fix: None }
    }

    fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }
}

/// Looks at everything.
pub fn examine(dir: &Path, read: &Read) -> Vec<Check> {
    let mut checks = vec![version(), app(dir), configuration(dir, read)];
    checks.extend(dir.is_dir().then(|| cache(dir)));
    if let Ok((config, _)) = read {
        checks.extend(hooks(dir, config));
        let server = &config.server;
        checks
            .extend([Some(&server.listen), server.admin.as_ref()].into_iter().flatten().map(port));
    }
    let connections = read.as_ref().map(|(config, _)| config.server.max_connections);
    checks.push(open_files(connections.unwrap_or(defaults::MAX_CONNECTIONS) as u64));
    checks.push(address_space());
    checks.push(swap());
    checks.extend(tools(dir));
    checks
}

fn version() -> Check {
    let languages: Vec<&str> = Language::available().map(Language::name).collect();
    let version = env!("CARGO_PKG_VERSION");
    let detail = format!("{version}, {PACKAGE}@{VERSION}, new hooks in {}", languages.join(", "));
    Check::new("boathook", Status::Fine, detail)
}

fn app(dir: &Path) -> Check {
    let shown = dir.display();
    if !dir.is_dir() {
        return Check::new(
            "app folder",
            Status::Failed,
            format!("{shown}: there is no such folder"),
        )
        .fix(format!("mkdir -p {}", quoted(dir)));
    }
    let hooks = fs::read_dir(dir.join(build::HOOKS)).map_or(0, |entries| entries.flatten().count());
    let file = if dir.join(FILE).is_file() { FILE } else { "no boathook.toml" };
    let detail = format!("{shown}: {file}, {hooks} in {}/", build::HOOKS);
    if hooks == 0 && file != FILE {
        return Check::new("app folder", Status::Note, format!("{detail}: no app yet"))
            .fix("boathook new hello --lang rust");
    }
    Check::new("app folder", Status::Fine, detail)
}

fn configuration(dir: &Path, read: &Read) -> Check {
    let problems = match read {
        Ok((_, problems)) | Err(problems) => problems,
    };
    let failed = of_problems("configuration", dir, problems);
    failed.unwrap_or_else(|| Check::new("configuration", Status::Fine, "can be read"))
}

/// Whether the hooks can be read, and their manifests; that they can be loaded `boathook check` says.
fn hooks(dir: &Path, config: &Config) -> Option<Check> {
    let (hooks, problems) = find(&mut config.clone());
    if let Some(failed) = of_problems("hooks", dir, &problems) {
        return Some(failed);
    }
    let names: Vec<&str> = hooks.found.iter().map(|hook| &*hook.name).collect();
    (!names.is_empty()).then(|| {
        let detail = format!("{}: can be read; `boathook check` loads them", names.join(", "));
        Check::new("hooks", Status::Fine, detail)
    })
}

/// What is wrong with a thing, if anything is: the first of it, and how much there is.
fn of_problems(subject: &str, dir: &Path, problems: &Problems) -> Option<Check> {
    let problems = &problems.0;
    let first = problems.first()?;
    let mut detail = first.to_string().lines().next().unwrap_or_default().to_owned();
    if problems.len() > 1 {
        let _ = write!(detail, " (and {} more)", problems.len() - 1);
    }
    let check = Check::new(subject, Status::Failed, detail);
    Some(check.fix(format!("boathook check {}", quoted(dir))))
}

/// Without a cache everything works, and every start takes longer.
fn cache(dir: &Path) -> Check {
    let folder = dir.join(cache::FOLDER);
    let own = dir.join(STATE);
    // The nearest that is there decides: the rest would be made in it.
    let there = [&folder, &own].into_iter().find(|folder| folder.exists());
    let there = there.map_or(dir, |folder| folder);
    let shown = folder.display();
    if access(there, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let detail = format!("{shown}: cannot be written, so hooks are compiled at every start");
        // The app folder itself may be anything, a home or a root, with much that is not ours.
        let fix = match there == dir {
            true => format!("# run boathook as the owner of {}", quoted(dir)),
            false => format!("sudo chown -R \"$(id -u)\" {}", quoted(&own)),
        };
        return Check::new("cache", Status::Warning, detail).fix(fix);
    }
    if there != folder {
        return Check::new("cache", Status::Fine, format!("{shown}: will be made"));
    }
    match Cache::open(dir) {
        Ok(_) => Check::new("cache", Status::Fine, format!("{shown}: private, can be written")),
        Err(error) => {
            let detail = format!("{error}; until then hooks are compiled at every start");
            Check::new("cache", Status::Warning, detail).fix(format!("rm -r {}", quoted(&folder)))
        }
    }
}

fn port(listen: &Listen) -> Check {
    let bound = listen.to_string().to_socket_addrs().and_then(|mut addresses| {
        TcpListener::bind(addresses.next().ok_or(io::ErrorKind::AddrNotAvailable)?)
    });
    let subject = "port";
    let Err(error) = bound else {
        return Check::new(subject, Status::Fine, format!("{listen}: free"));
    };
    let check = Check::new(subject, Status::Failed, format!("{listen}: {error}"));
    match error.kind() {
        io::ErrorKind::AddrInUse => check.fix(format!(
            "ss -ltnp 'sport = :{}'   # says who has it; or take another: boathook serve --listen 127.0.0.1:0",
            listen.port
        )),
        io::ErrorKind::PermissionDenied => {
            check.fix("sudo setcap cap_net_bind_service=+ep \"$(command -v boathook)\"")
        }
        _ => check.fix("boathook config explain listen"),
    }
}

/// Every client is an open file, and where its request goes on to an upstream it is two.
fn open_files(connections: u64) -> Check {
    let limit = getrlimit(Resource::Nofile);
    let wanted = connections.saturating_add(OTHER_FILES);
    let subject = "open files";
    match limit.current {
        Some(current) if current < wanted => {
            let detail = format!(
                "{current} allowed, and {connections} clients may be connected: those beyond wait"
            );
            let wanted = wanted.saturating_mul(2);
            let check = Check::new(subject, Status::Warning, detail);
            match limit.maximum {
                Some(maximum) if maximum < wanted => {
                    check.fix(format!("sudo prlimit --pid $$ --nofile={wanted}:{wanted}"))
                }
                _ => check.fix(format!("ulimit -n {wanted}")),
            }
        }
        Some(current) => Check::new(subject, Status::Fine, format!("{current} allowed")),
        None => Check::new(subject, Status::Fine, "as many as wanted"),
    }
}

/// The pool of instances reserves addresses for all that there may be, and uses few of them.
fn address_space() -> Check {
    match getrlimit(Resource::As).current {
        None => Check::new("address space", Status::Fine, "unlimited"),
        Some(bytes) => {
            let detail = format!(
                "limited to {} MiB: the server reserves far more than it uses, and may not start",
                bytes >> 20
            );
            Check::new("address space", Status::Warning, detail).fix("ulimit -v unlimited")
        }
    }
}

fn swap() -> Check {
    // Its first line is a heading.
    let areas = fs::read_to_string("/proc/swaps").map_or(0, |text| text.lines().skip(1).count());
    if areas == 0 {
        return Check::new("swap", Status::Fine, "off: fresh instances are made the fast way");
    }
    let detail = "on: fresh instances take longer, as the kernel cannot be asked what they changed";
    Check::new("swap", Status::Note, detail).fix("sudo swapoff -a")
}

/// The tools of all languages; those that hooks of this app are built with have to be there.
fn tools(dir: &Path) -> Vec<Check> {
    let commands: Vec<String> = build::folders(dir)
        .unwrap_or_default()
        .iter()
        .filter_map(|folder| build::command(folder).ok())
        .collect();
    let needed: BTreeSet<&str> = commands
        .iter()
        .flat_map(|command| Tool::of_command(command))
        .map(|tool| tool.name)
        .collect();
    TOOLS.iter().filter_map(|tool| look(tool, needed.contains(tool.name))).collect()
}

fn look(tool: &Tool, is_needed: bool) -> Option<Check> {
    let subject = format!("{}: {}", tool.language, tool.name);
    // Toolchains run what the folder that they are called in says: who only looks at an app runs none of it.
    let folder = Path::new("/");
    let status = if is_needed { Status::Failed } else { Status::Note };
    let here = if is_needed { format!(", and a {MANIFEST_FILE} here names it") } else { "".into() };
    match tool.look(folder) {
        State::Found(said) => Some(Check::new(&subject, Status::Fine, said)),
        State::Old(said, [major, minor]) => Some(
            Check::new(
                &subject,
                status,
                format!("{said} is too old, {major}.{minor} is needed{here}"),
            )
            .fix(tool.fix),
        ),
        State::Failing(said) => {
            Some(Check::new(&subject, status, format!("does not work: {said}{here}")).fix(tool.fix))
        }
        State::Missing if is_needed || LISTED.contains(&tool.name) => {
            Some(Check::new(&subject, status, format!("not installed{here}")).fix(tool.fix))
        }
        State::Missing => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::{Sources, survey};

    fn of(dir: &Path) -> Vec<Check> {
        let sources = Sources { dir: dir.to_owned(), ..Sources::default() };
        examine(dir, &survey(&sources))
    }

    fn one<'a>(checks: &'a [Check], subject: &str) -> &'a Check {
        checks.iter().find(|check| check.subject == subject).expect("it was looked at")
    }

    #[test]
    fn an_empty_folder_is_told_how_to_begin() {
        let dir = tempfile::tempdir().unwrap();
        let checks = of(dir.path());
        let app = one(&checks, "app folder");
        assert_eq!(app.status, Status::Note);
        assert_eq!(app.fix.as_deref(), Some("boathook new hello --lang rust"));
        assert_eq!(one(&checks, "cache").status, Status::Fine);
        assert!(!dir.path().join(".boathook").exists(), "it only looks");
    }

    #[test]
    fn a_folder_that_is_not_there_is_to_be_made() {
        let checks = of(Path::new("no such/folder"));
        assert!(!checks.iter().any(|check| check.subject == "cache"), "there is no place for one");
        let check = one(&checks, "app folder");
        assert_eq!(
            (check.status, check.fix.as_deref()),
            (Status::Failed, Some("mkdir -p 'no such/folder'"))
        );
    }

    #[test]
    fn a_mistake_in_the_configuration_is_said_and_the_rest_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "drain = 'x'\nhook_timeout = 'x'\n").unwrap();
        let checks = of(dir.path());
        let check = one(&checks, "configuration");
        assert_eq!(check.status, Status::Failed);
        assert!(check.detail.contains("`drain` must be a duration"), "{}", check.detail);
        assert!(check.detail.ends_with("(and 1 more)"), "{}", check.detail);
    }

    #[test]
    fn a_manifest_that_is_broken_is_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let hook = dir.path().join("hooks/shy");
        fs::create_dir_all(&hook).unwrap();
        fs::write(hook.join("hook.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
        assert_eq!(one(&of(dir.path()), "hooks").status, Status::Fine);
        fs::write(hook.join(MANIFEST_FILE), "mod = 'single'").unwrap();
        let checks = of(dir.path());
        let check = one(&checks, "hooks");
        assert_eq!(check.status, Status::Failed);
        assert!(check.detail.contains("unknown key `mod`"), "{}", check.detail);
    }

    #[test]
    fn a_port_that_is_taken_is_no_good() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port_of = taken.local_addr().unwrap().port();
        let listen = Listen { host: "127.0.0.1".into(), port: port_of };
        let check = port(&listen);
        assert_eq!(check.status, Status::Failed);
        assert!(check.fix.unwrap().contains(&format!(":{port_of}'")));
        drop(taken);
        assert_eq!(port(&Listen { host: "127.0.0.1".into(), port: 0 }).status, Status::Fine);
    }

    #[test]
    fn a_cache_that_others_may_write_to_is_warned_of() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join(cache::FOLDER);
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
        let check = cache(dir.path());
        assert_eq!(check.status, Status::Warning);
        assert_eq!(check.fix, Some(format!("rm -r {}", folder.display())));
    }

    #[test]
    fn a_tool_that_a_hook_here_is_built_with_has_to_be_there() {
        let tool = TOOLS.iter().find(|tool| tool.name == "componentize-py").unwrap();
        let missing = look(tool, true);
        // Where it is installed there is nothing to complain of.
        let missing = missing.expect("a tool that is needed is listed");
        if missing.status != Status::Fine {
            assert_eq!(missing.status, Status::Failed);
            assert!(missing.detail.ends_with("and a hook.toml here names it"));
        }
    }

    #[test]
    fn a_limit_below_the_connections_is_warned_of() {
        assert_eq!(open_files(0).status, Status::Fine);
        let check = open_files(u64::MAX / 4);
        // Unlimited, there is nothing to say.
        if getrlimit(Resource::Nofile).current.is_some() {
            assert_eq!(check.status, Status::Warning);
        }
    }
}
