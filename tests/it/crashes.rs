//! What becomes of a start in whose middle something is killed, told to stop, or runs into a limit of
//! the compiler's. Compilers are halted before anything is done to them, so that none is ever quicker
//! than its test.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};

use crate::harness::{App, Fixture, PATIENCE};

const SLOW: &str = "
    //- hooks
    slow-to-compile
    ";

/// A compiler at its work: a child of a server.
struct Compiler {
    id: Pid,
}

impl Compiler {
    /// The compiler that an app has started, once it has put limits on itself.
    #[track_caller]
    fn of(app: &mut App) -> Self {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let mut compilers = children(app.id()).map(|id| Self { id });
            if let Some(compiler) = compilers.find(|one| one.limit("Max address space").is_some()) {
                return compiler;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        app.fail("it has no compiler")
    }

    /// The same, halted.
    #[track_caller]
    fn halted(app: &mut App) -> Self {
        let compiler = Self::of(app);
        compiler.signal(Signal::STOP);
        compiler
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.id, signal).expect("the compiler is still at work");
    }

    fn file(&self, name: &str) -> Option<String> {
        let path = PathBuf::from(format!("/proc/{}/{name}", self.id.as_raw_nonzero()));
        std::fs::read_to_string(path).ok()
    }

    /// A limit as the system has it: the soft one and the hard one. None where there is no limit.
    fn limit(&self, name: &str) -> Option<(u64, u64)> {
        let limits = self.file("limits")?;
        let mut words = limits.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    }

    /// How much less of the processors than others it asks for.
    fn niceness(&self) -> Option<i32> {
        // After the name, which may have anything in it, the seventeenth field.
        self.file("stat")?.rsplit(") ").next()?.split(' ').nth(16)?.parse().ok()
    }

    /// Waits until it is no more.
    #[track_caller]
    fn is_gone(&self) {
        let until = Instant::now() + PATIENCE;
        // Whoever has become its parent may leave it as a zombie.
        let runs = |stat: &str| !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'));
        while self.file("stat").is_some_and(|stat| runs(&stat)) {
            assert!(Instant::now() < until, "the compiler outlives its server");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The processes that a process has started.
fn children(parent: u32) -> impl Iterator<Item = Pid> {
    let entries = std::fs::read_dir("/proc").expect("processes are listed");
    entries.flatten().filter_map(move |entry| {
        let id: i32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // After the name, which may have anything in it: state, parent.
        let found = stat.rsplit(") ").next()?.split(' ').nth(1)?.parse();
        (found == Ok(parent)).then(|| Pid::from_raw(id))?
    })
}

/// What lies in the cache of an app.
fn kept(app: &App) -> Vec<String> {
    let entries = std::fs::read_dir(app.folder().join(".boathook/cache")).expect("the cache");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into()).collect()
}

/// The next start is as good as any.
#[track_caller]
fn starts_again(app: &mut App) {
    assert_eq!(kept(app), [""; 0]);
    app.start_again();
    app.stdout(&["listening on http://"]);
    assert_eq!(app.logged("warn: "), 0, "{}", app.log_text());
    let kept = kept(app);
    assert!(kept.len() == 1 && kept[0].ends_with(".cwasm"), "{kept:?}");
    app.stop();
}

#[test]
fn a_compiler_beside_a_running_set_gives_way_to_requests_and_one_at_the_start_does_not() {
    let mut app = App::start(&Fixture::parse(SLOW));
    let first = Compiler::of(&mut app).niceness().expect("it runs");
    app.start_again();
    app.stdout(&["listening on http://"]);
    app.put("hooks/slow-to-compile.wasm", "python/hello");
    app.signal(Signal::HUP);
    let niceness = Compiler::halted(&mut app).niceness();
    assert_eq!(niceness, Some((first + 10).min(19)));
    assert_eq!(app.ask("GET", "/nowhere").status, 404);
}

#[test]
fn a_compiler_that_is_killed_fails_the_lift_by_the_name_of_its_hook_and_leaves_nothing() {
    let mut app = App::start(&Fixture::parse(SLOW));
    Compiler::of(&mut app).signal(Signal::KILL);
    assert_eq!(app.exit().code(), Some(1));
    app.log(&["hooks/slow-to-compile.wasm: the compiler was killed from outside", "hint: "]);
    starts_again(&mut app);
}

#[test]
fn a_server_that_is_killed_takes_its_compilers_along_and_leaves_nothing() {
    let mut app = App::start(&Fixture::parse(SLOW));
    let compiler = Compiler::halted(&mut app);
    app.signal(Signal::KILL);
    compiler.is_gone();
    starts_again(&mut app);
}

#[test]
fn a_stop_while_hooks_are_compiled_waits_for_no_compiler() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut app = App::start(&Fixture::parse(SLOW));
        let compiler = Compiler::halted(&mut app);
        app.signal(signal);
        assert_eq!(app.exit().code(), Some(1));
        app.log(&["stopping; once more to quit at once", "stopped before the app was lifted"]);
        compiler.is_gone();
        assert_eq!(kept(&app), [""; 0]);
    }
}

#[test]
fn a_stop_while_a_hook_is_busy_initializing_lowers_what_had_loaded() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut app = App::start(&Fixture::parse(
            "
            //- boathook.toml
            hook_timeout = \"1h\"
            m = { in = \"initialize\", how = \"spin\" }
            //- hooks
            a: trace
            m: misbehave
            ",
        ));
        app.log(&["a hook loaded successfully"]);
        app.signal(signal);
        assert_eq!(app.exit().code(), Some(1));
        app.log(&["lower hook=a", "stopped before the app was lifted"]);
    }
}

#[test]
fn a_compiler_has_limits_and_no_environment() {
    let mut app = App::start(&Fixture::parse(SLOW));
    let compiler = Compiler::halted(&mut app);
    assert_eq!(compiler.limit("Max address space"), Some((4 << 30, 4 << 30)));
    assert_eq!(compiler.limit("Max cpu time"), Some((120, 125)));
    assert_eq!(compiler.limit("Max core file size"), Some((0, 0)));
    assert_eq!(compiler.file("environ").as_deref(), Some("RAYON_NUM_THREADS=2\0"));
}

/// Lowers a limit of a compiler at its work, so that it is at it at once.
#[track_caller]
fn at_its_limit(resource: Resource, most: Rlimit, wanted: &str) {
    let mut app = App::start(&Fixture::parse(SLOW));
    let compiler = Compiler::halted(&mut app);
    prlimit(Some(compiler.id), resource, most).expect("a limit can be lowered");
    compiler.signal(Signal::CONT);
    assert_eq!(app.exit().code(), Some(1));
    app.log(&[&format!("slow-to-compile.wasm: {wanted}")]);
    assert_eq!(kept(&app), [""; 0]);
}

#[test]
fn a_compiler_that_takes_too_much_memory_fails_the_lift_and_not_the_server() {
    let most = Rlimit { current: Some(1 << 20), maximum: Some(1 << 20) };
    at_its_limit(Resource::As, most, "the compiler gave up, perhaps for lack of memory (4 GiB)");
}

#[test]
fn a_compiler_that_takes_too_much_processor_time_fails_the_lift_and_not_the_server() {
    let most = Rlimit { current: Some(0), maximum: Some(125) };
    at_its_limit(
        Resource::Cpu,
        most,
        "compiling was stopped: it took more than 120 s of processor time",
    );
}
