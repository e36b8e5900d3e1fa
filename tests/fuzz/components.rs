//! Components that are almost valid: the whole way of a hook, from its bytes to a response.

use std::ops::Range;
use std::path::PathBuf;

use super::http::Client;
use super::mutate::{Random, leb128, mutate};
use super::run::run;
use super::serve::{lift, runtime};

/// Whatever a mutant does, it is over soon.
const LIMITS: &str = "
    hook_timeout = \"300ms\"
    limits = { start = \"300ms\", cpu = \"100ms\", wall = \"300ms\", memory = \"16MiB\", instances = 2 }
";

const MANIFEST: &str = "manifest_version = 1\nname = \"fuzz\"\nversion = \"1.2.3\"\nafter = []\n\
    mode = \"pooled\"\nlimits = { memory = \"1MiB\", cpu = \"10ms\" }\ndefaults = { a = [1, 2] }\n";

/// A hook by hand, with a manifest.
fn raw() -> Vec<u8> {
    let mut wasm = wat::parse_str(include_str!("raw.wat")).expect("the text is a component");
    let payload = [&leb128(8)[..], b"boathook", MANIFEST.as_bytes()].concat();
    wasm.push(0);
    wasm.extend(leb128(payload.len() as u32));
    wasm.extend(payload);
    wasm
}

/// A guest that the SDK has made.
fn guest(name: &str) -> Vec<u8> {
    let guests = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("guests");
    let path = guests.join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}\nhint: run `scripts/build-guests` first", path.display())
    })
}

/// Where a component's sections are, by reading its top level.
fn sections(wasm: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 8;
    while let Some(end) = section_end(wasm, at) {
        found.push(at..end);
        at = end;
    }
    found
}

fn section_end(wasm: &[u8], at: usize) -> Option<usize> {
    let (mut size, mut shift, mut cursor) = (0usize, 0, at + 1);
    loop {
        let byte = *wasm.get(cursor)?;
        size |= usize::from(byte & 0x7f) << shift;
        (shift, cursor) = (shift + 7, cursor + 1);
        if byte & 0x80 == 0 {
            return Some(cursor + size).filter(|end| *end <= wasm.len());
        }
        if shift > 28 {
            return None;
        }
    }
}

/// What is worth changing most: the header, heads of sections, small sections, the manifest.
fn hot(wasm: &[u8]) -> Vec<Range<usize>> {
    let header = 0..8;
    let mut hot = vec![header];
    for section in sections(wasm) {
        let is_big = section.len() > 2_000;
        hot.push(if is_big { section.start..section.start + 64 } else { section });
    }
    hot
}

/// A mutant: bytes changed, or whole sections left out, repeated or exchanged. Half of those with other
/// bytes keep their framing.
fn mutant(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    // The small one most of the time: it is compiled in no time.
    let at = if random.once_in(8) { random.below(seeds.len()) } else { 0 };
    let mut wasm = seeds[at].clone();
    let others: Vec<&[u8]> = seeds.iter().map(Vec::as_slice).collect();
    if random.once_in(8) {
        let mut parts: Vec<&[u8]> = sections(&wasm).into_iter().map(|part| &wasm[part]).collect();
        let (one, other) = (random.below(parts.len()), random.below(parts.len()));
        match random.below(3) {
            0 => drop(parts.remove(one)),
            1 => parts.insert(other, parts[one]),
            _ => parts.swap(one, other),
        }
        return [&wasm[..8], &parts.concat()].concat();
    }
    if random.once_in(8) {
        // One more manifest, with a length that fits: the last one counts.
        let mut text = MANIFEST.as_bytes().to_vec();
        mutate(
            random,
            &mut text,
            &[],
            &[b"[limits]\n", b"name = \"x\"\n", b"grants = { net = [] }"],
        );
        let payload = [&leb128(8)[..], b"boathook", &text].concat();
        wasm.push(0);
        wasm.extend(leb128(payload.len() as u32));
        wasm.extend(payload);
        return wasm;
    }
    if random.once_in(2) {
        // Inside of one section, whose length is made to fit: it is read to its end.
        let found = sections(&wasm);
        let section = found[random.below(found.len())].clone();
        let id = wasm[section.start];
        let header = 1 + leb128_length(&wasm[section.start + 1..]);
        let mut payload = wasm[section.start + header..section.end].to_vec();
        mutate(random, &mut payload, &[], &others);
        let length = leb128(payload.len() as u32);
        wasm.splice(section, [&[id], &length[..], &payload].concat());
        return wasm;
    }
    let hot = hot(&wasm);
    mutate(random, &mut wasm, &hot, &others);
    wasm
}

/// How many bytes a number takes as WebAssembly writes it.
fn leb128_length(bytes: &[u8]) -> usize {
    1 + bytes.iter().take_while(|byte| **byte & 0x80 != 0).count()
}

/// Lifts an app whose one hook is these bytes and, if it lifts, asks it something.
fn with_servers(name: &'static str, runs: u64, make: impl FnMut(&mut Random) -> Vec<u8>) -> Seen {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hooks = folder.path().join("hooks");
    std::fs::create_dir(&hooks).expect("a folder can be made");
    std::fs::write(folder.path().join("boathook.toml"), LIMITS).expect("and written to");
    let runtime = runtime();
    let mut seen = Seen::default();
    run(name, runs, make, |bytes| {
        std::fs::write(hooks.join("fuzz.wasm"), bytes).expect("a file can be written");
        seen.inputs += 1;
        match lift(&runtime, folder.path()) {
            Ok(served) => {
                let response = Client::new(served.address).ask("GET", "/fuzz", "", b"");
                seen.lifted += 1;
                seen.reached += u64::from(response.status != 404);
            }
            Err(said) => assert!(!said.contains("panicked"), "{said}"),
        }
    });
    seen
}

/// How far mutants came.
#[derive(Debug, Default)]
struct Seen {
    inputs: u64,
    lifted: u64,
    reached: u64,
}

#[test]
fn a_mutated_component_is_refused_or_served() {
    let seeds = [raw(), guest("routing-only"), guest("lifecycle-only"), guest("outcomes")];
    let seen = with_servers("a_mutated_component_is_refused_or_served", 10_000, |random| {
        mutant(random, &seeds)
    });
    // Most are refused. If none came through, the seeds would be broken, and nothing tested.
    assert!(seen.inputs < 1_000 || seen.reached > 10, "{seen:?}");
}

#[test]
fn answers_that_no_sdk_would_give_are_refused_or_served() {
    let seed = raw();
    let data = |needle: &[u8]| {
        let at = seed.windows(needle.len()).position(|part| part == needle);
        at.expect("the data stands in the component as it stands in the text")
    };
    let routes = data(b"\0\0\0\0\x40\0\0\0\x01\0\0\0");
    let route = data(b"\x80\0\0\0\x09\0\0\0");
    let answer = data(b"\x01\0\0\0\0\x01\0\0");
    let texts = data(b"E_FUZZfuzz");
    let answers = [route..route + 32, answer..answer + 36, texts..texts + 24];
    let all =
        [&answers[..], &[routes..routes + 12, data(b"GET /fuzz")..data(b"GET /fuzz") + 9]].concat();
    let seen = with_servers("answers_that_no_sdk_would_give", 2_000, |random| {
        let mut wasm = seed.clone();
        let places = if random.once_in(3) { &all[..] } else { &answers[1..] };
        for _ in 0..=random.below(3) {
            let place = places[random.below(places.len())].clone();
            let mut part = wasm[place.clone()].to_vec();
            mutate(random, &mut part, &[], &[]);
            // Other bytes, and as many: the component stays valid, its answers do not.
            part.resize(place.len(), 0);
            wasm.splice(place, part);
        }
        wasm
    });
    assert!(seen.inputs < 1_000 || seen.reached > 100, "{seen:?}");
}
