//! A hook that answers whatever the fuzzer says: every request has one well-formed response, and the
//! hook's neighbour answers as if nothing were.
//!
//! The guest `answers` says how its program is written.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::http::Client;
use super::mutate::{Random, mutate};
use super::run::run;
use super::serve::{lift, runtime};

const APP: &str = "
    limits = { cpu = \"1s\", wall = \"2s\", body = \"32KiB\" }
    kv = { store = \"memory\", size = \"64KiB\", value = \"1KiB\" }
    hooks.answers.grants.kv = [\"test\", \"a:ro\"]
    [[routes]]
    address = \"/answers/*\"
    respond = { status = 200, body = \"nobody answered\" }
";

/// What is worth saying: names and values that frame messages, cut lines, leave their place.
const WORDS: &[&[u8]] = &[
    b"",
    b"0",
    b"a",
    b"x-a",
    b"content-length",
    b"Transfer-Encoding",
    b"connection",
    b"set-cookie",
    b"location",
    b"content-type",
    b"content-encoding",
    b"content-range",
    b"date",
    b"host",
    b"x-request-id",
    b"close",
    b"chunked",
    b"x-a: 1\r\nx-b: 2\r\n",
    b"content-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    b"transfer-encoding: chunked\r\n",
    b"connection: close\r\n",
    b"x-a: \0\r\n",
    b"x-a: 1\rx-b: 2\n",
    b"x-a:\xff\xfe\r\n",
    b": nameless\r\n",
    b"x a: 1\r\n",
    b"set-cookie: a=1\r\nset-cookie: b=2\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    b"\r\n\r\n",
    b"/answers/1",
    b"/hello",
    b"//evil.example/",
    b"/%2e%2e/%00",
    b"/\xc3\xa9?#",
    b"http://evil.example/\r\nx: y",
    b"a=b&c=%",
    b"{}",
    b"{\"a\": [1, null, 1e999]}",
    b"[[[[[[[[[[[[[[[[[[[[",
    b"\"\\ud800\"",
    b"null",
    b"answers",
    b"hello",
    b"hook:answers:loaded",
    b"ready",
    b"lower",
    b"\x1b[2J\nerror: forged",
];

/// Statuses, most of them at some edge.
const NUMBERS: &[u16] =
    &[0, 1, 99, 100, 101, 199, 200, 204, 205, 206, 299, 301, 304, 404, 416, 500, 599, 600, 65535];

/// A program for the guest: most of it calls with arguments that fit.
fn program(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.below(6) {
        let function = random.below(38) as u8;
        bytes.push(function);
        match function {
            0 => bytes.extend(number(random)),
            6 => {
                block(random, &mut bytes);
                bytes.push(random.byte());
                bytes.extend(number(random));
            }
            8..=10 => {
                bytes.push(random.byte());
                block(random, &mut bytes);
            }
            // In the namespace that is granted, most of the time.
            32..=37 => {
                bytes.push(u8::from(random.once_in(8)));
                (0..=random.below(3)).for_each(|_| block(random, &mut bytes));
            }
            _ => (0..=random.below(3)).for_each(|_| block(random, &mut bytes)),
        }
    }
    bytes.push(200 + random.below(54) as u8);
    (0..2).for_each(|_| block(random, &mut bytes));
    bytes.push(random.byte());
    bytes.extend(number(random));
    bytes.push(random.byte());
    block(random, &mut bytes);
    if random.once_in(4) {
        mutate(random, &mut bytes, &[], &[]);
    }
    bytes
}

fn number(random: &mut Random) -> [u8; 2] {
    NUMBERS[random.below(NUMBERS.len())].to_le_bytes()
}

fn block(random: &mut Random, bytes: &mut Vec<u8>) {
    let mut block = random.pick(WORDS).to_vec();
    if random.once_in(3) {
        block.extend(random.pick(WORDS));
    }
    if random.once_in(50) {
        block = block.repeat(2_000);
        block.truncate(60_000);
    }
    bytes.extend((block.len() as u16).to_le_bytes());
    bytes.extend(block);
}

/// An input: how many bytes the first program has, in two bytes, both programs, and the method's byte
/// last.
fn input(random: &mut Random) -> Vec<u8> {
    let first = program(random);
    let second = if random.once_in(2) { program(random) } else { Vec::new() };
    let method = random.byte();
    let length = u16::try_from(first.len()).unwrap_or(u16::MAX).to_le_bytes();
    [&length[..], &first, &second, &[method]].concat()
}

/// Sends an input's request, and holds what comes of it against HTTP.
fn target(client: &mut Client, bytes: &[u8]) -> u16 {
    let (length, rest) = bytes.split_at(2);
    let (method, rest) = rest.split_last().expect("a method");
    let length = usize::from(u16::from_le_bytes([length[0], length[1]])).min(rest.len());
    let (first, second) = rest.split_at(length);
    let method = match method % 16 {
        0 => "GET",
        1 => "HEAD",
        2 => "OPTIONS",
        3 => "PROPFIND",
        _ => "POST",
    };
    // What a client may send as a header is bounded, and refused before any hook is asked.
    let hex = second.iter().take(3_000).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let head = format!("x-observe: {hex}\r\n");
    client.ask(method, "/answers/7?a=b", &head, first).status
}

#[test]
fn whatever_a_hook_answers_the_response_is_one_and_well_formed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(folder.path().join("hooks")).expect("a folder can be made");
    std::fs::write(folder.path().join("boathook.toml"), APP).expect("and written to");
    let guests = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("guests");
    for guest in ["answers", "letters"] {
        let file = format!("{guest}.wasm");
        std::fs::copy(guests.join(&file), folder.path().join("hooks").join(&file))
            .unwrap_or_else(|error| panic!("{file}: {error}\nhint: run `scripts/build-guests`"));
    }
    let runtime = runtime();
    let served = lift(&runtime, folder.path()).unwrap_or_else(|said| panic!("{said}"));
    let mut client = Client::new(served.address);
    let (mut requests, mut broken, mut statuses) = (0u32, 0, std::collections::BTreeSet::new());
    run("whatever_a_hook_answers", 10_000, input, |bytes| {
        let status = target(&mut client, bytes);
        statuses.insert(status);
        requests += 1;
        broken += u32::from(status == 503);
        if requests % 50 == 0 {
            let now = client.ask("GET", "/foo", "", b"");
            assert_eq!((now.status, &now.body[..]), (200, &b"ac"[..]));
        }
    });
    assert!(requests < 1_000 || statuses.len() > 10, "only these answers: {statuses:?}");
    assert!(broken * 4 < requests.max(100), "the breaker was open for {broken} of {requests}");
}
