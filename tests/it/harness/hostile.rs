//! Has a hook misbehave among neighbours, again and again, and holds what comes of it against what should.
//!
//! Neighbours are asked while the hostile requests are under way, each on a connection of its own, and
//! every one of them must be answered as ever. After each round the hook itself must answer a good
//! request, and after all rounds the process must not be larger than before.

use std::time::{Duration, Instant};

use super::{App, Client, Response};

/// A hook that misbehaves, and what comes of it.
pub(crate) struct Hostile {
    /// Lines of `hooks`.
    hooks: &'static str,
    /// Lines of `boathook.toml`.
    settings: &'static str,
    /// The requests in which it misbehaves.
    targets: &'static [&'static str],
    /// What their clients get.
    status: u16,
    code: &'static str,
    /// What the log says, if it says anything.
    log: Option<&'static str>,
    /// A request that the same hook answers as it should.
    good: &'static str,
    /// What the log says once for each of its requests, where it misbehaves after the answer.
    later: Option<&'static str>,
    /// What the memory may differ by.
    slack_kib: usize,
}

/// The cpu is short, as it is what most of them use up; the wall is out of reach of a busy machine.
const SETTINGS: &str = "limits = { cpu = \"50ms\", wall = \"20s\" }";
/// For those that are stopped by something else, and should get there first.
pub(crate) const PATIENT: &str = "limits = { cpu = \"20s\", wall = \"20s\" }";

const NEIGHBOURS: [(&str, &str); 3] = [
    ("/hello", "Hello from a hook!\n"),
    ("/pair?end=respond", "dropped unless it responds"),
    ("/length", r#"{"length":5}"#),
];

/// Hostile requests at one time.
const AT_ONCE: usize = 4;
/// Good ones after them: so many that the breaker stays closed, which is not what is tested here.
const GOOD: usize = 12;
/// Until everything that is made once has been made.
const WARM_UP: usize = 3;
/// How long a snapshot may take until nobody waits for it any more.
const SNAPSHOT: Duration = Duration::from_secs(5);
/// And so many in which nothing may grow any more.
const ROUNDS: usize = 8;
/// How many hostile requests there are in all.
pub(crate) const HOSTILE_REQUESTS: usize = AT_ONCE * (WARM_UP + 1 + ROUNDS);
/// What a process' memory may differ by, for all that: so much a hostile request would be a leak.
const SLACK_KIB: usize = 256 * AT_ONCE * ROUNDS;
/// And where each of them moves a mebibyte, which an allocator keeps in more than one place.
const BODIES_KIB: usize = 4 * SLACK_KIB;

impl Hostile {
    /// These hooks, what they are asked, and a request that the same hook answers with 200.
    pub(crate) const fn new(
        hooks: &'static str,
        targets: &'static [&'static str],
        good: &'static str,
    ) -> Self {
        Self {
            hooks,
            settings: SETTINGS,
            targets,
            status: 500,
            code: "",
            log: None,
            good,
            later: None,
            slack_kib: SLACK_KIB,
        }
    }

    /// Lines of `boathook.toml` in place of the short cpu.
    pub(crate) const fn settings(mut self, settings: &'static str) -> Self {
        self.settings = settings;
        self
    }

    /// What the clients of its hostile requests get: the status, and a code in the body.
    pub(crate) const fn gets(mut self, status: u16, code: &'static str) -> Self {
        (self.status, self.code) = (status, code);
        self
    }

    /// What the log says of each of them, with the code in the same line.
    pub(crate) const fn logs(mut self, log: &'static str) -> Self {
        self.log = Some(log);
        self
    }

    /// That it misbehaves after the answer, and the log says so once for each request. A round ends
    /// with that, so that good requests are counted among the failures by the breaker.
    pub(crate) const fn fails_later(mut self, log: &'static str) -> Self {
        self.later = Some(log);
        self
    }

    /// That its requests move large bodies, and memory may differ by more.
    pub(crate) const fn moves_bodies(mut self) -> Self {
        self.slack_kib = BODIES_KIB;
        self
    }

    /// Lifts the hook among its neighbours, has it misbehave again and again, and gives the app back.
    #[expect(clippy::print_stdout, reason = "figures, shown with `--nocapture`")]
    #[track_caller]
    pub(crate) fn is_contained(&self) -> App {
        let mut app = App::lift(&format!(
            "//- boathook.toml\n{}\n//- hooks\n{}\nhello\noutcomes\nreads-body\n",
            self.settings, self.hooks
        ));
        let mut neighbours: Vec<Client> = NEIGHBOURS.iter().map(|_| app.connect()).collect();
        let mut good = app.connect();
        self.is_good(&mut app, &mut good);
        let mut targets = self.targets.iter().copied().cycle();
        let mut rounds = |app: &mut App, count: usize| {
            for _ in 0..count {
                let targets: Vec<&str> = targets.by_ref().take(AT_ONCE).collect();
                self.round(app, &targets, &mut neighbours, &mut good);
            }
        };
        rounds(&mut app, WARM_UP);
        // By now a snapshot is under way, if there is to be one: its code takes memory, too.
        let until = Instant::now() + SNAPSHOT;
        while app.logged("snapshot") == 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        // And so do the names that the first backtrace out of it shows.
        rounds(&mut app, 1);
        let before = app.memory_kib();
        rounds(&mut app, ROUNDS);
        let after = app.memory_kib();
        println!("{}: {before} KiB before, {after} KiB after", self.targets[0]);
        if after > before + self.slack_kib {
            app.fail(&format!("memory: {before} KiB before, {after} KiB after"));
        }
        if let Some(log) = self.log {
            app.log(&[log]);
            let code = format!("code={}", self.code);
            let logged = app.log_text();
            if !logged.lines().any(|line| line.contains(log) && line.contains(&code)) {
                app.fail(&format!("no line with `{log}` has `{code}`"));
            }
        }
        app
    }

    #[track_caller]
    fn round(&self, app: &mut App, targets: &[&str], neighbours: &mut [Client], good: &mut Client) {
        let failed = self.later.map_or(0, |later| app.logged(later));
        let mut hostile: Vec<Client> = targets.iter().map(|_| app.connect()).collect();
        for (client, target) in hostile.iter_mut().zip(targets) {
            client.request("GET", target, &[], b"");
        }
        for _ in 0..AT_ONCE {
            are_answered(app, neighbours);
        }
        for (client, target) in hostile.iter_mut().zip(targets) {
            match client.response("GET") {
                Some(response) => self.is_expected(app, target, &response),
                None => app.fail(&format!("no answer to {target}")),
            }
        }
        if let Some(later) = self.later {
            app.log(&vec![later; failed + targets.len()]);
        }
        self.is_good(app, good);
    }

    #[track_caller]
    fn is_expected(&self, app: &mut App, target: &str, response: &Response) {
        let (text, status) = (response.text(), response.status);
        if status != self.status || !text.contains(self.code) {
            app.fail(&format!("{target}: not {} {} but {status} {text}", self.status, self.code));
        }
    }

    #[track_caller]
    fn is_good(&self, app: &mut App, client: &mut Client) {
        for _ in 0..GOOD {
            let response = client.ask("GET", self.good);
            if response.status != 200 {
                app.fail(&format!("{}: {} {}", self.good, response.status, response.text()));
            }
        }
    }
}

/// Asks each of the neighbours on its own connection, all at once.
#[track_caller]
fn are_answered(app: &mut App, neighbours: &mut [Client]) {
    let method = |target: &str| if target == "/length" { "POST" } else { "GET" };
    for (client, (target, _)) in neighbours.iter_mut().zip(NEIGHBOURS) {
        let body: &[u8] = if target == "/length" { b"12345" } else { b"" };
        client.request(method(target), target, &[], body);
    }
    for (client, (target, body)) in neighbours.iter_mut().zip(NEIGHBOURS) {
        match client.response(method(target)) {
            Some(response) if response.status == 200 && response.text() == body => {}
            other => app.fail(&format!("neighbour {target}: {other:?}")),
        }
    }
}
