//! Turns the bytes of a component into a [`Program`]: compiled, checked against the world, ready to
//! be instantiated any number of times.
//!
//! Everything that is wrong with a component is found here, before a socket is bound.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::component::{Component, InstancePre};

use super::cache::{Cache, Entry};
use super::child::What;
use super::engine::{Engine, Variant};
use super::{child, snapshot};
use crate::config::{Mode, size_text};
use crate::hook::find::Found;
use crate::hook::{Facts, Wasm};
use crate::host::State;
use crate::sandbox::bindings::exports::boathook::hook::{
    background, lifecycle, listening, methods, observing, routing, swapping,
};

/// The WIT package that this server speaks.
pub const PACKAGE: &str = "boathook:hook";
/// And its version.
pub const VERSION: &str = "0.1.0";

/// Interfaces that a hook may export.
const EXPORTS: [&str; 7] =
    ["lifecycle", "routing", "observing", "methods", "listening", "background", "swapping"];
/// Interfaces that a hook may import.
const IMPORTS: &[&str] = &[
    "types", "request", "response", "config", "log", "events", "hooks", "kv", "fetch", "secrets",
    "session", "tasks",
];

/// A compiled hook.
pub struct Program {
    pub(super) pre: InstancePre<State>,
    pub(super) exports: Arc<Indices>,
    /// What a snapshot of it is made of, or why there can be none.
    source: Result<Source, String>,
}

/// What a hook's programs are made of.
pub(super) struct Source {
    name: Arc<str>,
    wasm: Wasm,
    exports: Vec<String>,
    metered: bool,
    variant: Arc<Variant>,
    compiler: Arc<Compiler>,
}

/// How components are compiled.
#[derive(Debug, Default)]
pub struct Compiler {
    /// Where compiled code is kept; nowhere if there is none.
    pub cache: Option<Cache>,
    /// The program whose child compiles; this process does if there is none.
    pub program: Option<PathBuf>,
    /// Whether requests are served meanwhile: they go first then.
    pub serves: AtomicBool,
}

impl Compiler {
    /// Takes a component from the cache, or compiles it.
    fn component(
        &self,
        engine: &wasmtime::Engine,
        wasm: &Wasm,
        what: What<'_>,
    ) -> Result<Component, Vec<LoadError>> {
        let key = Cache::key(wasm.digest(), &circumstances(engine));
        let cached = |cache: &Cache| cache.get(&key).and_then(|entry| map(engine, &entry).ok());
        if let Some(component) = self.cache.as_ref().and_then(cached) {
            return Ok(component);
        }
        let bytes = wasm.bytes().map_err(|why| vec![LoadError::Invalid(why)])?;
        let code = self.compile(engine, &bytes, what)?;
        let kept = self.cache.as_ref().filter(|cache| cache.keep(&key, &code));
        match kept.and_then(cached) {
            Some(component) => Ok(component),
            None => load(engine, &code).map_err(invalid),
        }
    }

    /// Compiles a component, whatever is in the cache.
    fn compile(
        &self,
        engine: &wasmtime::Engine,
        wasm: &[u8],
        what: What<'_>,
    ) -> Result<Vec<u8>, Vec<LoadError>> {
        let others_first = self.serves.load(Ordering::Relaxed);
        match &self.program {
            Some(program) => child::compile(program, wasm, what, others_first)
                .map_err(|text| vec![LoadError::Invalid(text)]),
            None => engine.precompile_component(wasm).map_err(invalid),
        }
    }
}

/// What the engine refused.
fn invalid(error: wasmtime::Error) -> Vec<LoadError> {
    vec![LoadError::Invalid(format!("{error:#}"))]
}

/// All that is wrong, in one text.
fn in_one(errors: Vec<LoadError>) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Everything but the component that compiled code depends on.
fn circumstances(engine: &wasmtime::Engine) -> Vec<u8> {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let mut all = hasher.finish().to_le_bytes().to_vec();
    all.extend(env!("CARGO_PKG_VERSION").as_bytes());
    all
}

/// Makes a component of an entry of the cache. Its code stays in the file and comes into memory page by page
/// as it is used, shared with all others that have it: an interpreter's is 40 MiB, of which a hook needs
/// few. A disk from which nothing may be executed does not allow for that; then it is copied.
#[expect(unsafe_code, reason = "compiled code is trusted; see the safety comment")]
fn map(engine: &wasmtime::Engine, entry: &Entry) -> wasmtime::Result<Component> {
    // SAFETY: the code comes out of our own compiler: the entry has a hash of itself that was compared just
    // now, and nobody but this user and root may write to it; we never do, but replace it by renaming.
    let mapped = unsafe { Component::deserialize_file(engine, entry.path()) };
    mapped.or_else(|error| match entry.code() {
        Ok(code) => load(engine, &code),
        Err(_) => Err(error),
    })
}

/// Makes a component of compiled code.
#[expect(unsafe_code, reason = "compiled code is trusted; see the safety comment")]
fn load(engine: &wasmtime::Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the code comes out of our own compiler: just now, through a pipe from our own child, or
    // from an entry of the cache as above.
    unsafe { Component::deserialize(engine, code) }
}

/// Blocks of this size go back to the system when they are freed. What requests need is smaller; components of
/// interpreters and their code are larger, and are needed again at the next deploy, if ever.
#[cfg(target_env = "gnu")]
const GIVEN_BACK_BYTES: libc::c_int = 4 << 20;

/// Has the allocator of this process give large blocks back. Left alone it learns from the first component that
/// such blocks are common, and keeps up to 64 MiB for each thread. To be called before there are threads.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "there is no safe call for it")]
pub fn give_back_large_blocks() {
    // SAFETY: both set a number of the allocator's own, under its lock. It takes them or says no; then more memory
    // is kept.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, GIVEN_BACK_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 2 * GIVEN_BACK_BYTES);
    }
}

/// Other allocators do so by themselves, or not at all.
#[cfg(not(target_env = "gnu"))]
pub fn give_back_large_blocks() {}

/// Where the exported interfaces are; none where the component has no such interface.
#[derive(Default)]
pub(super) struct Indices {
    pub(super) lifecycle: Option<lifecycle::GuestIndices>,
    pub(super) routing: Option<routing::GuestIndices>,
    pub(super) observing: Option<observing::GuestIndices>,
    pub(super) methods: Option<methods::GuestIndices>,
    pub(super) listening: Option<listening::GuestIndices>,
    pub(super) background: Option<background::GuestIndices>,
    pub(super) swapping: Option<swapping::GuestIndices>,
}

/// One thing that keeps a component from being a hook.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadError {
    /// It was made for another version of the WIT package.
    #[error(
        "{direction} `{name}`, but this server speaks `{PACKAGE}@{VERSION}`\n\
         hint: build the hook with the SDK of this version"
    )]
    OtherVersion {
        /// `imports` or `exports`.
        direction: &'static str,
        /// As it stands in the component.
        name: String,
    },
    /// It needs something that the server does not offer.
    #[error("imports `{0}`, which this server does not offer")]
    UnknownImport(String),
    /// It exports something of our package that does not exist.
    #[error("exports `{0}`, which is no interface of `{PACKAGE}@{VERSION}`")]
    UnknownExport(String),
    /// It exports something, and nothing of ours.
    #[error(
        "is a component but not a hook: it exports {0}, and nothing of `{PACKAGE}`\n\
         hint: a hook exports one of lifecycle, routing, observing, methods, listening, \
         background, swapping"
    )]
    NotAHook(String),
    /// It could not even start within its limit.
    #[error(
        "needs {needs} of memory from the start, and `limits.memory` is {limit}\n\
         hint: raise it in `[hooks.<name>] limits`"
    )]
    Memory {
        /// What it has from the start.
        needs: String,
        /// What it may have.
        limit: String,
    },
    /// It would go through its lifecycle for every request, and nobody said that it may.
    #[error("{}", snapshot::would_replay(hook, reason))]
    WouldReplay {
        /// The hook.
        hook: String,
        /// Why there is no snapshot.
        reason: String,
    },
    /// The engine refused it: not valid, or its types do not fit.
    #[error("{0}")]
    Invalid(String),
}

impl Program {
    /// Compiles a hook's component and checks it against the world.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn load(
        engine: &Engine,
        compiler: &Arc<Compiler>,
        hook: &Found,
    ) -> Result<Self, Vec<LoadError>> {
        let Facts { imports, exports, .. } = &hook.facts;
        let metered = hook.limits.fuel.is_some();
        let problems = check_names(imports, exports);
        if !problems.is_empty() {
            return Err(problems);
        }
        if hook.facts.memory > hook.limits.memory_max() {
            let (needs, limit) = (hook.facts.memory, hook.limits.memory);
            return Err(vec![LoadError::Memory {
                needs: size_text(needs),
                limit: size_text(limit),
            }]);
        }
        let Some(variant) = engine.variant(metered) else {
            return Err(vec![LoadError::Invalid("the engine has no room for it".into())]);
        };
        let source = Source {
            name: hook.name.clone(),
            wasm: hook.wasm.clone(),
            exports: exports.clone(),
            metered,
            variant: variant.clone(),
            compiler: compiler.clone(),
        };
        match hook.mode {
            // Its one instance is replaced after a failure alone: it would hardly ever be used.
            Mode::Single => source.load(&hook.wasm),
            Mode::Pooled => {
                let program = source.load(&hook.wasm)?;
                Ok(Self { source: Ok(source), ..program })
            }
            Mode::Fresh => match hook.wasm.bytes().and_then(|wasm| snapshot::instrument(&wasm)) {
                Ok(instrumented) => {
                    let program = source.load(&Wasm::held(instrumented))?;
                    Ok(Self { source: Ok(source), ..program })
                }
                Err(reason) => {
                    let program = source.load(&hook.wasm)?;
                    if program.has_lifecycle() && !hook.replay {
                        let hook = hook.name.to_string();
                        return Err(vec![LoadError::WouldReplay { hook, reason }]);
                    }
                    Ok(Self { source: Err(reason), ..program })
                }
            },
        }
    }

    /// What a snapshot of it is made of, or why there can be none.
    pub(super) fn source(&self) -> Result<&Source, String> {
        self.source.as_ref().map_err(String::clone)
    }

    /// Whether it has a lifecycle at all.
    pub fn has_lifecycle(&self) -> bool {
        self.exports.lifecycle.is_some()
    }

    /// Whether it takes part in routing.
    pub fn has_routing(&self) -> bool {
        self.exports.routing.is_some()
    }

    /// Whether it can observe responses.
    pub fn has_observing(&self) -> bool {
        self.exports.observing.is_some()
    }

    /// Whether it offers methods.
    pub fn has_methods(&self) -> bool {
        self.exports.methods.is_some()
    }

    /// Whether it can receive events.
    pub fn has_listening(&self) -> bool {
        self.exports.listening.is_some()
    }

    /// Whether it can be given tasks and ticks.
    pub fn has_background(&self) -> bool {
        self.exports.background.is_some()
    }

    /// Whether it hands something to the next generation.
    pub fn has_swapping(&self) -> bool {
        self.exports.swapping.is_some()
    }
}

impl Source {
    /// The component as it was found.
    ///
    /// # Errors
    /// If it is not there any more.
    pub(super) fn wasm(&self) -> Result<Arc<[u8]>, String> {
        self.wasm.bytes()
    }

    /// Compiles the instrumented component.
    ///
    /// # Errors
    /// What is wrong with it, in one text.
    pub(super) fn instrumented(&self, wasm: Vec<u8>) -> Result<Program, String> {
        self.load(&Wasm::held(wasm)).map_err(in_one)
    }

    /// Compiles a snapshot. It is not kept on the disk: the memory of a hook may hold what came by the
    /// environment alone, such as a password.
    ///
    /// # Errors
    /// What is wrong with it, in one text.
    pub(super) fn snapshot(&self, wasm: &[u8]) -> Result<Program, String> {
        let compiled = self.compiler.compile(&self.variant.engine, wasm, self.what());
        let component =
            compiled.and_then(|code| load(&self.variant.engine, &code).map_err(invalid));
        self.link(&component.map_err(in_one)?).map_err(in_one)
    }

    fn load(&self, wasm: &Wasm) -> Result<Program, Vec<LoadError>> {
        self.link(&self.compiler.component(&self.variant.engine, wasm, self.what())?)
    }

    fn what(&self) -> What<'_> {
        What { hook: &self.name, metered: self.metered }
    }

    fn link(&self, component: &Component) -> Result<Program, Vec<LoadError>> {
        let pre = self.variant.linker.instantiate_pre(component).map_err(invalid)?;
        let exports = Indices::find(&pre, &self.exports).map_err(invalid)?;
        Ok(Program { pre, exports: Arc::new(exports), source: Err("there is one already".into()) })
    }
}

impl Indices {
    fn find(pre: &InstancePre<State>, exports: &[String]) -> wasmtime::Result<Self> {
        let mut found = Self::default();
        for name in exports {
            match ours(name).map(|(interface, _)| interface) {
                Some("lifecycle") => found.lifecycle = Some(lifecycle::GuestIndices::new(pre)?),
                Some("routing") => found.routing = Some(routing::GuestIndices::new(pre)?),
                Some("observing") => found.observing = Some(observing::GuestIndices::new(pre)?),
                Some("methods") => found.methods = Some(methods::GuestIndices::new(pre)?),
                Some("listening") => found.listening = Some(listening::GuestIndices::new(pre)?),
                Some("background") => {
                    found.background = Some(background::GuestIndices::new(pre)?);
                }
                Some("swapping") => found.swapping = Some(swapping::GuestIndices::new(pre)?),
                _ => {}
            }
        }
        Ok(found)
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Program")
    }
}

/// Splits `boathook:hook/routing@0.1.0` into interface and version; none for a name of others.
fn ours(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix(PACKAGE)?.strip_prefix('/')?;
    Some(rest.split_once('@').unwrap_or((rest, "")))
}

/// What the names alone say.
fn check_names(imports: &[String], exports: &[String]) -> Vec<LoadError> {
    let mut problems = Vec::new();
    let mut hook = false;
    for name in exports {
        match ours(name) {
            None => {}
            Some((_, version)) if version != VERSION => {
                problems.push(LoadError::OtherVersion { direction: "exports", name: name.clone() });
                hook = true;
            }
            Some((interface, _)) => {
                hook = true;
                if !EXPORTS.contains(&interface) {
                    problems.push(LoadError::UnknownExport(name.clone()));
                }
            }
        }
    }
    if !hook && !exports.is_empty() {
        let names: Vec<String> = exports.iter().map(|name| format!("`{name}`")).collect();
        problems.push(LoadError::NotAHook(names.join(", ")));
    }
    for name in imports {
        match ours(name) {
            Some((_, version)) if version != VERSION => {
                problems.push(LoadError::OtherVersion { direction: "imports", name: name.clone() });
            }
            Some((interface, _)) if !IMPORTS.contains(&interface) => {
                problems.push(LoadError::UnknownImport(name.clone()));
            }
            Some(_) => {}
            None if is_wasi(name) => {}
            None => problems.push(LoadError::UnknownImport(name.clone())),
        }
    }
    problems
}

/// The parts of WASI 0.2 that are linked for the standard libraries of guest languages, and for their HTTP
/// libraries what sends requests.
fn is_wasi(name: &str) -> bool {
    let packages = ["cli/", "clocks/", "filesystem/", "io/", "random/", "sockets/"];
    let interfaces = ["http/types@", "http/outgoing-handler@"];
    packages.iter().chain(&interfaces).any(|part| {
        name.strip_prefix("wasi:")
            .is_some_and(|rest| rest.starts_with(part) && rest.contains("@0.2."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(imports: &[&str], exports: &[&str]) -> Vec<LoadError> {
        let own = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        check_names(&own(imports), &own(exports))
    }

    #[test]
    fn the_empty_hook_is_a_hook() {
        assert_eq!(check(&[], &[]), []);
    }

    #[test]
    fn extra_exports_are_no_error() {
        assert_eq!(check(&[], &["boathook:hook/routing@0.1.0", "init"]), []);
    }

    #[test]
    fn a_component_of_somebody_else_is_not_a_hook() {
        let problems = check(&[], &["wasi:cli/run@0.2.0"]);
        assert_eq!(problems, [LoadError::NotAHook("`wasi:cli/run@0.2.0`".into())]);
    }

    #[test]
    fn every_foreign_import_is_named() {
        let incoming = "wasi:http/incoming-handler@0.2.0";
        let problems = check(&["a:b/c", incoming, "wasi:io/poll@0.2.6"], &[]);
        assert_eq!(
            problems,
            [LoadError::UnknownImport("a:b/c".into()), LoadError::UnknownImport(incoming.into())]
        );
    }

    #[test]
    fn of_http_a_hook_may_import_what_sends_requests() {
        let both = ["wasi:http/types@0.2.8", "wasi:http/outgoing-handler@0.2.0"];
        assert_eq!(check(&both, &[]), []);
        let other = "wasi:http/types@0.3.0";
        assert_eq!(check(&[other], &[]), [LoadError::UnknownImport(other.into())]);
    }

    #[test]
    fn another_version_is_named() {
        let problems = check(&["boathook:hook/log@0.2.0"], &["boathook:hook/routing@0.1.0"]);
        let LoadError::OtherVersion { direction: "imports", name } = &problems[0] else {
            panic!("{problems:?}");
        };
        assert_eq!(name, "boathook:hook/log@0.2.0");
    }
}
