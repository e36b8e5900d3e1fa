//! Writes what was counted as text for Prometheus: its exposition format, version 0.0.4. Pure.
//!
//! Each metric is one [`Family`]: a name, what it means, and a line for each set of labels. Names say
//! their unit; times are seconds, as Prometheus wants them.

use std::fmt::{self, Write as _};
use std::time::Duration;

use super::Facts;
use crate::hook::{BreakerState, Reading};
use crate::nodes::NodesReading;
use crate::store::StoreReading;

/// What the text is, for `Content-Type`.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that is known, as text.
pub(super) fn text(facts: &Facts) -> String {
    let mut text = String::new();
    server(facts, &mut text);
    calls(&facts.hooks, &mut text);
    instances(&facts.hooks, &mut text);
    health(&facts.hooks, &mut text);
    tasks(&facts.hooks, &mut text);
    stores(&facts.stores, &mut text);
    nodes(facts.nodes, &mut text);
    text
}

/// The server itself.
fn server(facts: &Facts, out: &mut String) {
    Family::gauge("boathook_build_info", "1; which version runs is in the label.")
        .line(&[("version", &facts.version)], 1)
        .write(out);
    Family::gauge("boathook_uptime_seconds", "How long the process has been running.")
        .line(&[], Seconds(facts.uptime))
        .write(out);
    Family::gauge("boathook_ready", "1 if requests are served: lifted, and not stopping.")
        .line(&[], u8::from(facts.ready))
        .write(out);
    let Some(traffic) = &facts.traffic else { return };
    Family::gauge("boathook_connections_open", "Connections that are open, without tunnels.")
        .line(&[], traffic.connections)
        .write(out);
    Family::gauge("boathook_requests_in_flight", "Requests whose last byte is not out.")
        .line(&[], traffic.exchanges)
        .write(out);
    let requests = Family::counter(
        "boathook_requests_total",
        "Requests that were answered, by the class of the status.",
    );
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
    let answers = classes.iter().zip(traffic.answers);
    answers.fold(requests, |all, (class, count)| all.line(&[("status", class)], count)).write(out);
    Family::gauge(
        "boathook_afterwards",
        "Pieces of work that go on after their response, handle-finish among them.",
    )
    .line(&[], traffic.afterwards)
    .write(out);
    if let Some(dropped) = traffic.sessions_dropped {
        Family::counter(
            "boathook_sessions_dropped_total",
            "Sessions in memory that were dropped for others, as there was no more room.",
        )
        .line(&[], dropped)
        .write(out);
    }
}

/// What calls into hooks used and came to.
fn calls(hooks: &[Reading], out: &mut String) {
    let mut count =
        Family::counter("boathook_hook_calls_total", "Calls into the hook that ended, by verb.");
    let mut cpu = Family::counter(
        "boathook_hook_cpu_seconds_total",
        "Processor time of calls into the hook, by verb.",
    );
    let mut wall = Family::counter(
        "boathook_hook_wall_seconds_total",
        "Time of calls into the hook, waiting included, by verb.",
    );
    let mut failures = Family::counter(
        "boathook_hook_failures_total",
        "Calls that failed, by the code of the error.",
    );
    let mut fuel =
        Family::counter("boathook_hook_fuel_total", "Fuel used, of hooks with a fuel limit.");
    let mut exceeded = Family::counter(
        "boathook_hook_limit_exceeded_total",
        "Calls that would have hit a limit which is only measured, by limit.",
    );
    for Reading { hook, totals, counts_fuel, .. } in hooks {
        for (verb, used) in &totals.calls {
            let labels: &Labels<'_> = &[("hook", hook), ("verb", verb)];
            count = count.line(labels, used.count);
            cpu = cpu.line(labels, Seconds(used.cpu));
            wall = wall.line(labels, Seconds(used.wall));
        }
        for (code, number) in &totals.failures {
            failures = failures.line(&[("hook", hook), ("code", &code.row().0)], number);
        }
        for (limit, number) in &totals.exceeded {
            exceeded = exceeded.line(&[("hook", hook), ("limit", limit)], number);
        }
        if *counts_fuel {
            fuel = fuel.line(&[("hook", hook)], totals.fuel);
        }
    }
    [count, cpu, wall, failures, fuel, exceeded].iter().for_each(|family| family.write(out));
}

/// Instances, and waiting for them.
fn instances(hooks: &[Reading], out: &mut String) {
    let each = |family: Family, value: fn(&Reading) -> Value, out: &mut String| {
        let add = |all: Family, hook: &Reading| all.line(&[("hook", &hook.hook)], value(hook));
        hooks.iter().fold(family, add).write(out);
    };
    let family = Family::gauge(
        "boathook_hook_generation",
        "How many of its name there have been, this one included: 1 until it is replaced.",
    );
    each(family, |hook| Value::Whole(hook.generation), out);
    let family = Family::gauge("boathook_hook_instances", "Instances that are alive.");
    each(family, |hook| Value::Whole(hook.instances.into()), out);
    let family = Family::counter("boathook_hook_instances_made_total", "Instances made.");
    each(family, |hook| Value::Whole(hook.totals.instances_made), out);
    let family = Family::counter("boathook_hook_instances_freed_total", "Instances freed.");
    each(family, |hook| Value::Whole(hook.totals.instances_freed), out);
    let family = Family::gauge(
        "boathook_hook_memory_peak_bytes",
        "The most memory that an instance of the hook had.",
    );
    each(family, |hook| Value::Whole(hook.totals.memory_peak_bytes), out);
    let family = Family::gauge("boathook_hook_queue_length", "Calls that wait for an instance.");
    each(family, |hook| Value::Whole(hook.waiting as u64), out);
    let family =
        Family::counter("boathook_hook_queue_waits_total", "Calls that had to wait for one.");
    each(family, |hook| Value::Whole(hook.totals.waits), out);
    let family = Family::counter(
        "boathook_hook_queue_wait_seconds_total",
        "How long they waited, all together.",
    );
    each(family, |hook| Value::Seconds(hook.totals.wait), out);
    let family =
        Family::counter("boathook_hook_queue_full_total", "Calls that found the queue full.");
    each(family, |hook| Value::Whole(hook.totals.queue_full), out);
    let family = Family::counter(
        "boathook_hook_restarts_total",
        "Losses of the only instance of a hook in mode single, and of its memory.",
    );
    each(family, |hook| Value::Whole(hook.totals.restarts), out);
    let family = Family::counter(
        "boathook_hook_fetches_total",
        "Requests to other servers, those that were refused included.",
    );
    each(family, |hook| Value::Whole(hook.totals.fetches), out);
    let family = Family::counter(
        "boathook_hook_fetches_failed_total",
        "Requests to other servers that got no answer.",
    );
    each(family, |hook| Value::Whole(hook.totals.fetches_failed), out);
}

/// The breakers.
fn health(hooks: &[Reading], out: &mut String) {
    let mut state = Family::gauge(
        "boathook_hook_breaker_state",
        "1 for the state that the hook's breaker is in, 0 for the others.",
    );
    let mut opened =
        Family::counter("boathook_hook_breaker_opened_total", "How often the breaker opened.");
    let states = [
        ("closed", BreakerState::Closed),
        ("open", BreakerState::Open),
        ("half-open", BreakerState::HalfOpen),
    ];
    for Reading { hook, totals, breaker, .. } in hooks {
        for (name, known) in &states {
            let labels: &Labels<'_> = &[("hook", hook), ("state", name)];
            state = state.line(labels, u8::from(known == breaker));
        }
        opened = opened.line(&[("hook", hook)], totals.breaker_opened);
    }
    [state, opened].iter().for_each(|family| family.write(out));
}

/// What services keep things in.
fn stores(stores: &[(&str, StoreReading)], out: &mut String) {
    let mut count =
        Family::counter("boathook_store_calls_total", "Calls to a store that ended, by operation.");
    let mut failed = Family::counter(
        "boathook_store_failures_total",
        "Calls that a store did not do: it was full or busy, or did not answer.",
    );
    let mut time =
        Family::counter("boathook_store_seconds_total", "How long the calls took, all together.");
    let mut up = Family::gauge("boathook_store_redis_up", "1 if the Redis of the store answers.");
    for (store, StoreReading { calls, redis_up }) in stores {
        for of in calls {
            let labels: &Labels<'_> = &[("store", store), ("operation", &of.operation)];
            count = count.line(labels, of.ended);
            failed = failed.line(labels, of.failed);
            time = time.line(labels, Seconds(of.time));
        }
        if let Some(is_up) = redis_up {
            up = up.line(&[("store", store)], u8::from(*is_up));
        }
    }
    [count, failed, time, up].iter().for_each(|family| family.write(out));
}

/// Events between servers.
fn nodes(nodes: Option<NodesReading>, out: &mut String) {
    let Some(NodesReading { is_up, sent, received, full, lost, refused }) = nodes else { return };
    Family::gauge(
        "boathook_nodes_up",
        "1 if the Redis answers by which events reach other servers.",
    )
    .line(&[], u8::from(is_up))
    .write(out);
    Family::counter(
        "boathook_nodes_events_sent_total",
        "Events handed to Redis for other servers.",
    )
    .line(&[], sent)
    .write(out);
    Family::counter(
        "boathook_nodes_events_received_total",
        "Events of other servers that were delivered here.",
    )
    .line(&[], received)
    .write(out);
    let dropped = Family::counter(
        "boathook_nodes_events_dropped_total",
        "Events that did not cross: the queue was full, the connection broke, or what arrived was no event.",
    );
    [("full", full), ("lost", lost), ("refused", refused)]
        .into_iter()
        .fold(dropped, |all, (why, count)| all.line(&[("why", &why)], count))
        .write(out);
}

/// Tasks and ticks, of hooks that take any.
fn tasks(hooks: &[Reading], out: &mut String) {
    let mut waiting = Family::gauge("boathook_hook_tasks_waiting", "Tasks in memory that wait.");
    let mut stored = Family::gauge(
        "boathook_hook_tasks_stored",
        "Durable tasks that are not done, those of all servers that share the store.",
    );
    let mut total = Family::counter(
        "boathook_hook_tasks_total",
        "Runs of tasks that were done or failed; what came of failures; tasks refused and lost.",
    );
    let mut ticks = Family::counter(
        "boathook_hook_ticks_total",
        "Ticks that were done, failed, or were skipped as the last one still went on.",
    );
    for Reading { hook, tasks, .. } in hooks {
        let Some(tasks) = tasks else { continue };
        waiting = waiting.line(&[("hook", hook)], tasks.waiting);
        if let Some(count) = tasks.stored {
            stored = stored.line(&[("hook", hook)], count);
        }
        for (outcome, count) in [
            ("done", tasks.done),
            ("failed", tasks.failed),
            ("retried", tasks.retried),
            ("given-up", tasks.given_up),
            ("refused", tasks.refused),
            ("lost", tasks.lost),
        ] {
            total = total.line(&[("hook", hook), ("outcome", &outcome)], count);
        }
        for tick in &tasks.ticks {
            let outcomes =
                [("done", tick.done), ("failed", tick.failed), ("skipped", tick.skipped)];
            for (outcome, count) in outcomes {
                let labels: &Labels<'_> =
                    &[("hook", hook), ("tick", &tick.name), ("outcome", &outcome)];
                ticks = ticks.line(labels, count);
            }
        }
    }
    [waiting, stored, total, ticks].iter().for_each(|family| family.write(out));
}

/// A time in seconds, with all its digits.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{:09}", self.0.as_secs(), self.0.subsec_nanos())
    }
}

/// What a line of several kinds of families says.
enum Value {
    Whole(u64),
    Seconds(Duration),
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(out),
            Self::Seconds(time) => Seconds(*time).fmt(out),
        }
    }
}

/// Names and values of labels. Names are ours; values may be anybody's.
type Labels<'a> = [(&'static str, &'a dyn fmt::Display)];

/// One metric: what it is, and its lines.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    lines: String,
}

impl Family {
    /// What only grows.
    fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: "counter", help, lines: String::new() }
    }

    /// What goes up and down.
    fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: "gauge", help, lines: String::new() }
    }

    /// Adds a line.
    fn line(mut self, labels: &Labels<'_>, value: impl fmt::Display) -> Self {
        self.lines.push_str(self.name);
        for (place, (name, label)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            // Writing into a string does not fail.
            let _ = write!(self.lines, "{before}{name}=\"{}\"", escaped(&label.to_string()));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.lines, "{end} {value}");
        self
    }

    /// Writes it, if it has a line.
    fn write(&self, out: &mut String) {
        let Self { name, kind, help, lines } = self;
        if !lines.is_empty() {
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
        }
    }
}

/// A label's value as it may stand between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::TrafficFacts;
    use crate::config::{Measure, Measured};
    use crate::error::Code;
    use crate::hook::{Tally, Verb};
    use crate::store::Calls;
    use crate::tasks::{self, TickReading};

    fn reading(hook: &str, tally: &Tally, measured: Measured) -> Reading {
        Reading {
            hook: hook.into(),
            generation: 1,
            totals: tally.totals(measured),
            counts_fuel: false,
            instances: 2,
            waiting: 1,
            breaker: BreakerState::Open,
            tasks: None,
        }
    }

    fn facts(hooks: Vec<Reading>) -> Facts {
        Facts {
            version: "1.2.3".into(),
            uptime: Duration::from_millis(1500),
            ready: true,
            traffic: None,
            hooks,
            stores: Vec::new(),
            nodes: None,
        }
    }

    #[track_caller]
    fn has(text: &str, lines: &[&str]) {
        for line in lines {
            assert!(text.lines().any(|found| found == *line), "no `{line}` in\n{text}");
        }
    }

    #[test]
    fn a_server_that_is_not_lifted_says_that_it_is_there() {
        assert_eq!(
            text(&Facts { ready: false, ..facts(Vec::new()) }),
            "# HELP boathook_build_info 1; which version runs is in the label.\n\
             # TYPE boathook_build_info gauge\n\
             boathook_build_info{version=\"1.2.3\"} 1\n\
             # HELP boathook_uptime_seconds How long the process has been running.\n\
             # TYPE boathook_uptime_seconds gauge\n\
             boathook_uptime_seconds 1.500000000\n\
             # HELP boathook_ready 1 if requests are served: lifted, and not stopping.\n\
             # TYPE boathook_ready gauge\n\
             boathook_ready 0\n"
        );
    }

    #[test]
    fn calls_stand_by_hook_and_verb() {
        let tally = Tally::default();
        tally.called(Verb::HandleRoute, Duration::from_micros(7), Duration::from_secs(61));
        tally.failed(Code::HookTrap);
        let text = text(&facts(vec![reading("a", &tally, Measured::default())]));
        has(
            &text,
            &[
                "# TYPE boathook_hook_calls_total counter",
                "boathook_hook_calls_total{hook=\"a\",verb=\"handle-route\"} 1",
                "boathook_hook_calls_total{hook=\"a\",verb=\"handle-event\"} 0",
                "boathook_hook_cpu_seconds_total{hook=\"a\",verb=\"handle-route\"} 0.000007000",
                "boathook_hook_wall_seconds_total{hook=\"a\",verb=\"handle-route\"} 61.000000000",
                "boathook_hook_failures_total{hook=\"a\",code=\"E_HOOK_TRAP\"} 1",
                "boathook_hook_instances{hook=\"a\"} 2",
                "boathook_hook_queue_length{hook=\"a\"} 1",
                "boathook_hook_breaker_state{hook=\"a\",state=\"open\"} 1",
                "boathook_hook_breaker_state{hook=\"a\",state=\"closed\"} 0",
            ],
        );
        assert!(!text.contains("fuel") && !text.contains("exceeded"), "{text}");
    }

    #[test]
    fn tasks_and_ticks_stand_by_what_became_of_them() {
        let tick =
            TickReading { name: "beat".into(), done: 3, skipped: 1, ..TickReading::default() };
        let tasks = tasks::Reading {
            waiting: 7,
            stored: Some(5),
            given_up: 2,
            ticks: vec![tick],
            ..tasks::Reading::default()
        };
        let plain = reading("a", &Tally::default(), Measured::default());
        let busy = Reading { tasks: Some(tasks), ..plain.clone() };
        has(
            &text(&facts(vec![busy])),
            &[
                "boathook_hook_tasks_waiting{hook=\"a\"} 7",
                "boathook_hook_tasks_stored{hook=\"a\"} 5",
                "boathook_hook_tasks_total{hook=\"a\",outcome=\"given-up\"} 2",
                "boathook_hook_tasks_total{hook=\"a\",outcome=\"done\"} 0",
                "boathook_hook_ticks_total{hook=\"a\",tick=\"beat\",outcome=\"done\"} 3",
                "boathook_hook_ticks_total{hook=\"a\",tick=\"beat\",outcome=\"skipped\"} 1",
            ],
        );
        assert!(!text(&facts(vec![plain])).contains("_tasks_"));
    }

    #[test]
    fn what_is_measured_is_there_before_it_is_exceeded() {
        let tally = Tally::default();
        tally.exceeded(Measure::Cpu);
        let measured = [Measure::Cpu, Measure::Wall].into_iter().collect();
        let fuel = Reading { counts_fuel: true, ..reading("a", &tally, measured) };
        has(
            &text(&facts(vec![fuel])),
            &[
                "boathook_hook_limit_exceeded_total{hook=\"a\",limit=\"cpu\"} 1",
                "boathook_hook_limit_exceeded_total{hook=\"a\",limit=\"wall\"} 0",
                "boathook_hook_fuel_total{hook=\"a\"} 0",
            ],
        );
    }

    #[test]
    fn requests_stand_by_the_class_of_their_status() {
        let traffic = TrafficFacts {
            connections: 3,
            exchanges: 2,
            answers: [0, 5, 0, 1, 0],
            afterwards: 4,
            sessions_dropped: Some(6),
        };
        has(
            &text(&Facts { traffic: Some(traffic), ..facts(Vec::new()) }),
            &[
                "boathook_requests_total{status=\"2xx\"} 5",
                "boathook_requests_total{status=\"4xx\"} 1",
                "boathook_connections_open 3",
                "boathook_requests_in_flight 2",
                "boathook_afterwards 4",
                "boathook_sessions_dropped_total 6",
            ],
        );
    }

    #[test]
    fn stores_stand_by_service_and_operation() {
        let calls =
            Calls { operation: "get", ended: 3, failed: 1, time: Duration::from_millis(1500) };
        let of = |redis_up| StoreReading { calls: vec![calls], redis_up };
        let stores = vec![("kv", of(None)), ("session", of(Some(false)))];
        let text = text(&Facts { stores, ..facts(Vec::new()) });
        has(
            &text,
            &[
                "boathook_store_calls_total{store=\"kv\",operation=\"get\"} 3",
                "boathook_store_failures_total{store=\"session\",operation=\"get\"} 1",
                "boathook_store_seconds_total{store=\"kv\",operation=\"get\"} 1.500000000",
                "boathook_store_redis_up{store=\"session\"} 0",
            ],
        );
        assert!(!text.contains("redis_up{store=\"kv\"}"), "{text}");
    }

    #[test]
    fn events_between_servers_stand_by_what_became_of_them() {
        let nodes =
            NodesReading { is_up: true, sent: 5, received: 4, full: 3, lost: 2, refused: 1 };
        has(
            &text(&Facts { nodes: Some(nodes), ..facts(Vec::new()) }),
            &[
                "boathook_nodes_up 1",
                "boathook_nodes_events_sent_total 5",
                "boathook_nodes_events_received_total 4",
                "boathook_nodes_events_dropped_total{why=\"full\"} 3",
                "boathook_nodes_events_dropped_total{why=\"lost\"} 2",
                "boathook_nodes_events_dropped_total{why=\"refused\"} 1",
            ],
        );
    }

    #[test]
    fn each_metric_is_explained_once_and_its_lines_stand_together() {
        let tally = Tally::default();
        let readings = ["a", "b"].map(|hook| reading(hook, &tally, Measured::default()));
        let text = text(&facts(readings.to_vec()));
        let mut seen = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                seen.push(rest.split(' ').next().unwrap());
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().unwrap();
                assert_eq!(Some(&name), seen.last(), "{text}");
            }
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count, "{text}");
    }

    #[test]
    fn a_label_cannot_forge_a_line() {
        assert_eq!(escaped("a\"} 1\nb\\"), "a\\\"} 1\\nb\\\\");
    }
}
