//! What the server itself is told.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;

use super::super::defaults;
use super::super::limits::*;
use super::super::server::default_values;
use super::super::{Listen, LogLevel, Measure, Server, Tls, TrustProxy, hook_timeout};
use super::{Said, bad, good};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn nothing_said_is_all_defaults() {
    let config = good("");
    assert_eq!(config.server, Server::default());
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:1337");
    assert_eq!(config.server.hook_timeout, Duration::from_secs(10));
    assert!(config.hooks.is_empty() && config.routes.is_empty() && config.installed.is_empty());
}

#[test]
fn the_defaults_that_explain_shows_are_those_that_hold() {
    let overrides: Vec<_> = default_values()
        .as_object()
        .expect("a table")
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let overrides: Vec<_> =
        overrides.iter().map(|(key, value)| (key.as_str(), value.clone(), "--x")).collect();
    let mut config = Said { overrides: &overrides, ..Said::default() }.good();
    let limits = Limits::resolve(
        &config.server.limits.hooks,
        &PartialLimits::default(),
        &PartialLimits::default(),
    );
    assert_eq!(limits, Limits::default());
    config.server.limits.hooks = PartialLimits::default();
    assert_eq!(config.server, Server::default());
}

#[test]
fn listen_takes_what_people_write() {
    for (written, host, port) in [
        ("'127.0.0.1:80'", "127.0.0.1", 80),
        ("'localhost:80'", "localhost", 80),
        ("':0'", "127.0.0.1", 0),
        ("8080", "127.0.0.1", 8080),
        ("'8080'", "127.0.0.1", 8080),
        ("'0.0.0.0:80'", "0.0.0.0", 80),
        ("'[::1]:80'", "::1", 80),
    ] {
        let listen = good(&format!("listen = {written}")).server.listen;
        assert_eq!(listen, Listen { host: host.to_owned(), port }, "{written}");
    }
    for wrong in [
        "''",
        "'x'",
        "'a:b'",
        "'::1:80'",
        "'[x]:80'",
        "'h:70000'",
        "70000",
        "-1",
        "true",
        "'a b:1'",
    ] {
        let text = bad(&format!("\nlisten = {wrong}"));
        assert!(
            text.starts_with("boathook.toml:2: `listen` must be a host and a port: found "),
            "{text}"
        );
    }
}

#[test]
fn bad_durations_name_key_line_what_was_found_and_an_example() {
    assert_eq!(
        bad("listen = ':1'\ndrain = '5 bananas'"),
        "boathook.toml:2: `drain` must be a duration: found the string `5 bananas`\n\
         hint: write it like `500ms`, `10s`, `2m` or `1h`"
    );
    for wrong in ["''", "'s'", "'5'", "5", "'-1s'", "'1.5s'", "true", "[]", "'99999999999999999h'"]
    {
        let text = bad(&format!("drain = {wrong}"));
        assert!(text.starts_with("boathook.toml:1: `drain` must be a duration: found "), "{text}");
    }
    let text = bad("drain = '400d'");
    assert!(text.contains("must be a duration of at most a year"), "{text}");
    let text = bad("[http]\nidle_timeout = '0s'");
    assert!(text.contains("`http.idle_timeout` must be a duration longer than zero"), "{text}");
    for (written, duration) in [
        ("500ms", millis(500)),
        ("250us", Duration::from_micros(250)),
        ("1s", millis(1_000)),
        ("2m", millis(120_000)),
        ("1h", millis(3_600_000)),
        (" 10 s ", millis(10_000)),
        ("0s", millis(0)),
    ] {
        assert_eq!(good(&format!("drain = '{written}'")).server.drain, duration, "{written}");
    }
}

#[test]
fn bad_sizes_name_key_line_what_was_found_and_an_example() {
    assert_eq!(
        bad("[limits]\nmemory = '64 fish'"),
        "boathook.toml:2: `limits.memory` must be a size: found the string `64 fish`\n\
         hint: write it like `64MiB`, `64KiB`, `10MB` or a number of bytes"
    );
    for wrong in ["''", "'MiB'", "'64M'", "-1", "1.5", "true", "'99999999999999GiB'"] {
        let text = bad(&format!("[limits]\nmemory = {wrong}"));
        assert!(text.starts_with("boathook.toml:2: `limits.memory` must be a size: "), "{text}");
    }
    assert!(bad("[limits]\nmemory = 0").contains("a size greater than zero"));
    for (written, bytes) in [
        ("'64MiB'", 64 << 20),
        ("'64KiB'", 64 << 10),
        ("'1GiB'", 1 << 30),
        ("'10MB'", 10_000_000),
        ("'1 kb'", 1_000),
        ("'12'", 12),
        ("4096", 4096),
    ] {
        let config = good(&format!("[limits]\nmemory = {written}"));
        assert_eq!(config.server.limits.hooks.memory, Some(bytes), "{written}");
    }
}

#[test]
fn what_is_written_back_reads_the_same() {
    for text in ["500ms", "1500ms", "1s", "90s", "2m", "1h", "24h", "250us", "0s"] {
        let duration = good(&format!("drain = '{text}'")).server.drain;
        assert_eq!(super::super::duration_text(duration), text);
    }
    for text in ["64MiB", "1KiB", "3GiB", "1000"] {
        let config = good(&format!("[limits]\nbody = '{text}'"));
        let bytes = config.server.limits.hooks.body.expect("a size");
        assert_eq!(super::super::size_text(bytes), text);
    }
}

#[test]
fn wrong_types_say_what_was_expected_and_found() {
    for (written, message) in [
        ("access_log = 'yes'", "`access_log` must be `true` or `false`: found the string `yes`"),
        ("workers = 0", "`workers` must be a whole number from 1 to 1024: found the number `0`"),
        (
            "workers = 1.5",
            "`workers` must be a whole number from 1 to 1024: found the number `1.5`",
        ),
        ("hooks_dir = 1", "`hooks_dir` must be a path: found the number `1`"),
        ("http = 1", "`http` must be a table: found the number `1`"),
        ("hooks = []", "`hooks` must be a table: found an array"),
        ("limits = 'x'", "`limits` must be a table: found the string `x`"),
    ] {
        assert_eq!(bad(written), format!("boathook.toml:1: {message}"));
    }
}

#[test]
fn unknown_keys_of_ours_are_found_at_every_level() {
    assert_eq!(
        bad(
            "[http]\nmax_heders = 1\n[limits]\ncpuu = '1s'\n[log]\nlevl = 'x'\n[hooks.a.limits]\nexchange = '1s'"
        ),
        "boathook.toml:2: unknown key `http.max_heders`\n\
         hint: did you mean `max_headers`?\n\
         boathook.toml:4: unknown key `limits.cpuu`\n\
         hint: did you mean `cpu`?\n\
         boathook.toml:6: unknown key `log.levl`\n\
         hint: did you mean `level`?\n\
         boathook.toml:8: unknown key `hooks.a.limits.exchange`\n\
         hint: the keys here are `body`, `cpu`, `fetches`, `fuel`, `handles`, `host_calls`, `instances`, `log`, `measure`, \
         `memory`, `queue`, `queue_wait`, `start`, `tables`, `wall`"
    );
}

#[test]
fn a_mistake_names_the_layer_that_made_it() {
    let said = Said {
        toml: "drain = '1s'",
        vars: &[("BOATHOOK_drain", "soon")],
        sets: &["access_log=maybe"],
        ..Said::default()
    };
    let text = said.bad();
    assert!(
        text.starts_with("BOATHOOK_drain: `drain` must be a duration: found the string `soon`\n"),
        "{text}"
    );
    assert!(text.contains("\n--set: `access_log` must be `true` or `false`"), "{text}");
}

#[test]
fn a_null_takes_back_what_a_lower_layer_said() {
    let said =
        Said { toml: "workers = 3\ndrain = '1s'", sets: &["workers=null"], ..Said::default() };
    assert_eq!(said.good().server.workers, None);
    assert_eq!(said.good().server.drain, millis(1_000));
}

#[test]
fn what_is_kept_for_later_is_refused_by_name() {
    assert_eq!(
        bad("[sockets]\nsecret = 'x'"),
        "boathook.toml:1: `sockets` is not supported in this version"
    );
    assert_eq!(
        bad("environment = 'production'"),
        "boathook.toml:1: `environment` cannot be configured: it decides which files are read\n\
         hint: use `--env` or `BOATHOOK_ENV`"
    );
}

#[test]
fn trust_is_given_to_nobody_everybody_hops_or_networks() {
    let trust = |written: &str| good(&format!("trust_proxy = {written}")).server.trust_proxy;
    assert_eq!(trust("false"), TrustProxy::Nobody);
    assert_eq!(trust("true"), TrustProxy::All);
    assert_eq!(trust("0"), TrustProxy::Nobody);
    assert_eq!(trust("2"), TrustProxy::Hops(2));
    assert_eq!(trust("[]"), TrustProxy::Nobody);
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let inside = |written: &str, text: &str| match trust(written) {
        TrustProxy::Networks(networks) => {
            networks.iter().any(|net| net.contains(&address(text).to_canonical()))
        }
        other => panic!("{other:?}"),
    };
    assert!(inside("['10.0.0.0/8']", "10.255.0.1"));
    assert!(!inside("['10.0.0.0/8']", "11.0.0.1"));
    assert!(inside("['10.0.0.0/8']", "::ffff:10.0.0.1"));
    assert!(inside("'127.0.0.1, ::1'", "::1"));
    assert!(!inside("'127.0.0.1'", "127.0.0.2"));
    assert!(inside("['0.0.0.0/0']", "8.8.8.8"));
    assert!(!inside("['0.0.0.0/0']", "2001::1"));
    assert!(inside("['::/0']", "2001::1"));
    assert!(inside("'uniquelocal'", "192.168.3.4"));
    for wrong in ["'nobody'", "['10.0.0.0/33']", "[1]", "-1", "256", "'10.0.0.0/x'", "''"] {
        let text = bad(&format!("trust_proxy = {wrong}"));
        assert!(text.starts_with("boathook.toml:1: `trust_proxy` must be "), "{text}");
    }
}

#[test]
fn tls_needs_both_files_and_log_a_known_level() {
    let config = good("[tls]\ncert = 'c.pem'\nkey = '/k.pem'\n[log]\nlevel = 'silly'");
    assert_eq!(config.server.tls, Some(Tls { cert: "c.pem".into(), key: "/k.pem".into() }));
    assert_eq!(config.server.log_level, LogLevel::Silly);
    assert_eq!(
        bad("[tls]\ncert = 'c.pem'\n[log]\nlevel = 'verbos'"),
        "boathook.toml:1: `tls` lacks `key`\n\
         hint: name a PEM file: `key = \"key.pem\"`\n\
         boathook.toml:4: `log.level` must be one of `silent`, `error`, `warn`, `debug`, `info`, \
         `verbose`, `silly`: found the string `verbos`\n\
         hint: did you mean `verbose`?"
    );
}

#[test]
fn hyper_gets_no_header_buffer_that_it_panics_at() {
    for wrong in ["1024", "'1GiB'"] {
        let text = bad(&format!("[http]\nmax_header_bytes = {wrong}"));
        assert!(text.contains("must be from `8KiB` to `16MiB`"), "{text}");
    }
}

#[test]
fn limits_go_from_hook_over_root_over_manifest_over_default() {
    let set = |memory| PartialLimits { memory, ..PartialLimits::default() };
    let memory =
        |root, manifest, hook| Limits::resolve(&set(root), &set(manifest), &set(hook)).memory;
    assert_eq!(memory(None, None, None), MEMORY);
    assert_eq!(memory(None, Some(2), None), 2);
    assert_eq!(memory(Some(1), Some(2), None), 1);
    assert_eq!(memory(Some(1), Some(2), Some(3)), 3);
    assert_eq!(Limits::default().instances_on(2), 16);
    assert_eq!(Limits::default().cpu, millis(100));
}

#[test]
fn the_limits_for_all_are_those_of_a_hook_and_the_exchange() {
    use super::super::names::{LIMITS, ROOT_LIMITS};
    let mut keys = LIMITS.to_vec();
    keys.push("exchange");
    keys.sort_unstable();
    assert_eq!(keys, ROOT_LIMITS);
}

#[test]
fn root_limits_hold_every_key() {
    let config = good(
        "[limits]\ncpu='1ms'\nstart='2ms'\nwall='3ms'\nfuel=4\nmemory=5\nbody=6\nlog=7\nhost_calls=8\n\
         fetches=15\nhandles=9\ntables=10\ninstances=11\nqueue=0\nqueue_wait='13ms'\nexchange='14ms'\n\
         measure=['cpu', 'memory']",
    );
    let expected = PartialLimits {
        cpu: Some(millis(1)),
        start: Some(millis(2)),
        wall: Some(millis(3)),
        fuel: Some(4),
        memory: Some(5),
        body: Some(6),
        log: Some(7),
        host_calls: Some(8),
        fetches: Some(15),
        handles: Some(9),
        tables: Some(10),
        instances: Some(11),
        queue: Some(0),
        queue_wait: Some(millis(13)),
        measure: Some([Measure::Cpu, Measure::Memory].into_iter().collect()),
    };
    assert_eq!(config.server.limits, RootLimits { hooks: expected, exchange: millis(14) });
}

#[test]
fn what_holds_for_fetches_is_read_and_has_defaults() {
    let fetch = good("").server.fetch;
    assert_eq!((fetch.ca_file, fetch.max_requests), (None, defaults::MAX_REQUESTS));
    let config = good("[fetch]\nca_file = 'ca.pem'\nconnect_timeout = '1s'\nmax_requests = 7");
    let fetch = config.server.fetch;
    assert!(fetch.ca_file.is_some_and(|path| path.ends_with("ca.pem")));
    assert_eq!((fetch.connect_timeout, fetch.max_requests), (millis(1000), 7));
    let problems = bad("[fetch]\nca = 'x'\nmax_requests = 0");
    assert!(problems.contains("unknown key `fetch.ca`"), "{problems}");
    assert!(problems.contains("`fetch.max_requests` must be"), "{problems}");
}

#[test]
fn a_hooks_own_timeout_goes_before_the_servers() {
    let mut config = good("hook_timeout = 2000\n[slow]\n_hookTimeout = 500");
    let timeout = |config: &super::super::Config, key: &str| {
        let (timeout, origin) = hook_timeout(&config.tree, key, &config.server).expect("a timeout");
        (timeout, origin.to_string())
    };
    assert_eq!(timeout(&config, "slow"), (millis(500), "boathook.toml:3".into()));
    assert_eq!(timeout(&config, "other"), (millis(2_000), "boathook.toml:1".into()));
    let defaults = json!({ "__configKey__": { "_hookTimeout": 20_000 } });
    config.tree.merge_defaults("other", "other", defaults.clone()).expect("mergeable");
    config.tree.merge_defaults("slow", "slow", defaults).expect("mergeable");
    let of_defaults = "defaults of hook `other`".to_owned();
    assert_eq!(timeout(&config, "other"), (millis(20_000), of_defaults));
    assert_eq!(timeout(&config, "slow"), (millis(500), "boathook.toml:3".into()));
    assert_eq!(timeout(&good(""), "x"), (millis(10_000), "default".into()));
}

#[test]
fn a_hook_timeout_must_be_positive_and_whole() {
    for wrong in ["0", "-1", "1.5", "'500'", "'0s'", "true"] {
        let text = bad(&format!("hook_timeout = {wrong}"));
        assert!(text.starts_with("boathook.toml:1: `hook_timeout` must be a "), "{text}");
        let config = good(&format!("[slow]\n_hookTimeout = {wrong}"));
        let problem = hook_timeout(&config.tree, "slow", &config.server).expect_err("refused");
        let text = problem.to_string();
        assert!(
            text.starts_with(
                "boathook.toml:2: `slow._hookTimeout` must be a positive whole number of milliseconds: \
                 found "
            ),
            "{text}"
        );
    }
}

#[test]
fn limits_are_listed_under_the_keys_that_set_them() {
    let measure = [Measure::Cpu].into_iter().collect();
    let limits = Limits { fuel: Some(7), instances: Some(3), measure, ..Limits::default() };
    let rows = limits.written().rows();
    let mut keys: Vec<&str> = rows.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    assert_eq!(keys, super::super::names::LIMITS);
    let toml: Vec<String> = rows.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    let config = good(&format!("[hooks.a.limits]\n{}", toml.join("\n")));
    assert_eq!(config.hook("a").limits, limits.written());
}

#[test]
fn a_limit_that_is_measured_ends_nothing_before_the_exchange_does() {
    let config = good("hooks.a.limits = { cpu = '1ms', fuel = 5, measure = ['cpu', 'fuel'] }");
    let nothing = PartialLimits::default();
    let limits = Limits::resolve(&nothing, &nothing, &config.hook("a").limits);
    assert_eq!((limits.cpu, limits.cpu_max()), (millis(1), EXCHANGE));
    assert_eq!((limits.fuel, limits.fuel_max()), (Some(5), None));
    assert_eq!((limits.wall_max(), limits.memory_max()), (limits.wall, limits.memory));
}

#[test]
fn what_is_measured_of_memory_and_tables_is_bounded_by_the_pool() {
    let measure = Measure::ALL.into_iter().collect();
    let limits = Limits { measure, ..Limits::default() };
    assert_eq!((limits.memory_max(), limits.tables_max()), (limits.memory * 4, limits.tables * 4));
    assert_eq!(limits.host_calls_max(), u64::MAX);
    let huge = Limits { memory: 8 << 30, measure, ..Limits::default() };
    assert_eq!(huge.memory_max(), 8 << 30);
}

#[test]
fn what_guards_the_server_is_not_measured() {
    assert_eq!(
        bad("[limits]\nmeasure = ['cpu', 'queue', 'wal', 3]"),
        "boathook.toml:2: `limits.measure.1`: `queue` cannot be measured: it guards the server, not \
         against the hook but against its clients\n\
         boathook.toml:2: `limits.measure.2` must be the name of a limit: found the string `wal`\n\
         hint: did you mean `wall`?\n\
         boathook.toml:2: `limits.measure.3` must be the name of a limit: found the number `3`\n\
         hint: those that can be measured are `cpu`, `wall`, `fuel`, `memory`, `tables`, \
         `host_calls`"
    );
}

#[test]
fn the_admin_listener_is_there_if_it_is_asked_for() {
    assert_eq!(good("").server.admin, None);
    assert_eq!(good("[admin]").server.admin, None);
    let listen = good("[admin]\nlisten = ':9137'").server.admin.map(|listen| listen.to_string());
    assert_eq!(listen.as_deref(), Some("127.0.0.1:9137"));
    assert_eq!(
        bad("[admin]\nlisen = ':9137'"),
        "boathook.toml:2: unknown key `admin.lisen`\nhint: did you mean `listen`?"
    );
}
