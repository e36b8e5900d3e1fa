//! Keeps a core module from asking for the time while it hands out memory.
//!
//! A component must call nothing outside of itself in `cabi_realloc`, the function by which it makes room for what it
//! is handed: the engine ends it there. In Go that function allocates as everything else does, so it may start
//! the garbage collector, which looks at both clocks, and asks what files and timers are ready once anything has
//! ever slept; or the scheduler, which looks at a clock as long as a collection or a timer is under way. Bindings for Go
//! say so to the adapter of preview 1, by a function that stops one of the two clocks there, and that after the
//! scheduler has run.
//!
//! So this puts functions of its own in place of the two imports. As long as the module is in `cabi_realloc`, each
//! clock says what it said last, and nothing is ready. Nothing else of the module changes, and nothing that its
//! author's code sees: that does not run then.

use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, MemArg, Module, ValType,
};
use wasmparser::{
    CodeSectionReader, Export, ExternalKind, FunctionSectionReader, GlobalSectionReader, Parser,
    Payload, TypeRef,
};

const PREVIEW_1: &str = "wasi_snapshot_preview1";
/// What returns the time, `(clock: i32, precision: i64, result: *u64) -> errno`.
const CLOCK: &str = "clock_time_get";
/// What waits, `(what: *, events: *, len: i32, events_len: *u32) -> errno`.
const POLL: &str = "poll_oneoff";
/// What bindings for Go import: by this a module says that its `cabi_realloc` may look at a clock.
const PAUSE: &str = "adapter_monotonic_clock_set_paused";
/// What hands out memory, `(old: *, old_len: usize, align: usize, new_len: usize) -> *`.
const REALLOC: &str = "cabi_realloc";
/// The clock in `clock_time_get` that tells the time of day. All others are taken for the one that never goes back.
const WALL: i32 = 0;

/// The module with its clock guarded, if it is one that needs that.
///
/// # Errors
/// If the module is broken.
pub(super) fn guarded(wasm: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let Some(mut guard) = Guard::of(wasm)? else { return Ok(None) };
    let mut module = Module::new();
    guard.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(Some(module.finish()))
}

/// A function of the module: where it is among all of them, and its type.
#[derive(Clone, Copy, Debug)]
struct Place {
    index: u32,
    kind: u32,
}

/// Writes the module again, with two or three functions and three globals behind those that it has.
#[derive(Debug)]
struct Guard {
    clock: Place,
    realloc: Place,
    poll: Option<Place>,
    functions: u32,
    globals: u32,
}

impl Guard {
    fn of(wasm: &[u8]) -> anyhow::Result<Option<Self>> {
        let (mut clock, mut poll, mut realloc, mut is_asked_for) = (None, None, None, false);
        // The types of all functions, and how many globals there are.
        let (mut kinds, mut globals, mut has_globals) = (Vec::new(), 0, false);
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        let is_ours = import.module == PREVIEW_1;
                        match import.ty {
                            TypeRef::Func(kind) => {
                                let index = u32::try_from(kinds.len())?;
                                is_asked_for |= is_ours && import.name == PAUSE;
                                let place = Some(Place { index, kind });
                                match import.name {
                                    CLOCK if is_ours => clock = place,
                                    POLL if is_ours => poll = place,
                                    _ => {}
                                }
                                kinds.push(kind);
                            }
                            TypeRef::Global(_) => globals += 1,
                            _ => {}
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for kind in section {
                        kinds.push(kind?);
                    }
                }
                Payload::GlobalSection(section) => {
                    globals += section.count();
                    has_globals = true;
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let Export { name, kind, index } = export?;
                        if name == REALLOC && kind == ExternalKind::Func {
                            realloc = Some(index);
                        }
                    }
                }
                _ => {}
            }
        }
        let kind = realloc.and_then(|index| kinds.get(usize::try_from(index).ok()?).copied());
        let realloc = realloc.zip(kind).map(|(index, kind)| Place { index, kind });
        let functions = u32::try_from(kinds.len())?;
        let both = clock.zip(realloc).filter(|_| is_asked_for && has_globals);
        Ok(both.map(|(clock, realloc)| Self { clock, realloc, poll, functions, globals }))
    }

    /// The function in place of the clock.
    fn guarded_clock(&self) -> u32 {
        self.functions
    }

    /// The function in place of `cabi_realloc`.
    fn guarded_realloc(&self) -> u32 {
        self.functions + 1
    }

    /// The function in place of what waits.
    fn guarded_poll(&self) -> u32 {
        self.functions + 2
    }

    /// The global that is 1 while memory is handed out.
    fn is_in_realloc(&self) -> u32 {
        self.globals
    }

    /// The last time that the wall clock said.
    fn wall(&self) -> u32 {
        self.globals + 1
    }

    /// The last time that any other clock said.
    fn steady(&self) -> u32 {
        self.globals + 2
    }

    fn clock_body(&self) -> Function {
        let memory = MemArg { offset: 0, align: 3, memory_index: 0 };
        let (clock, precision, result, failed) = (0, 1, 2, 3);
        let mut body = Function::new([(1, ValType::I32)]);
        let mut code = body.instructions();
        code.global_get(self.is_in_realloc()).if_(BlockType::Empty).local_get(result);
        code.global_get(self.wall()).global_get(self.steady());
        code.local_get(clock).i32_const(WALL).i32_eq().select().i64_store(memory);
        code.i32_const(0).return_().end();
        code.local_get(clock).local_get(precision).local_get(result).call(self.clock.index);
        code.local_tee(failed).i32_eqz().if_(BlockType::Empty);
        code.local_get(clock).i32_const(WALL).i32_eq().if_(BlockType::Empty);
        code.local_get(result).i64_load(memory).global_set(self.wall()).else_();
        code.local_get(result).i64_load(memory).global_set(self.steady()).end().end();
        code.local_get(failed).end();
        body
    }

    fn poll_body(&self, poll: Place) -> Function {
        let memory = MemArg { offset: 0, align: 2, memory_index: 0 };
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.global_get(self.is_in_realloc()).if_(BlockType::Empty);
        code.local_get(3).i32_const(0).i32_store(memory).i32_const(0).return_().end();
        code.local_get(0).local_get(1).local_get(2).local_get(3).call(poll.index).end();
        body
    }

    fn realloc_body(&self) -> Function {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.i32_const(1).global_set(self.is_in_realloc());
        code.local_get(0).local_get(1).local_get(2).local_get(3).call(self.realloc.index);
        code.i32_const(0).global_set(self.is_in_realloc()).end();
        body
    }
}

impl Reencode for Guard {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, index: u32) -> Result<u32, Error> {
        let is_poll = self.poll.is_some_and(|poll| poll.index == index);
        Ok(match index {
            _ if index == self.clock.index => self.guarded_clock(),
            _ if is_poll => self.guarded_poll(),
            other => other,
        })
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_function_section(self, functions, section)?;
        functions.function(self.clock.kind).function(self.realloc.kind);
        self.poll.map(|poll| functions.function(poll.kind));
        Ok(())
    }

    fn parse_global_section(
        &mut self,
        globals: &mut GlobalSection,
        section: GlobalSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_global_section(self, globals, section)?;
        let kind = |val_type| GlobalType { val_type, mutable: true, shared: false };
        globals.global(kind(ValType::I32), &ConstExpr::i32_const(0));
        globals.global(kind(ValType::I64), &ConstExpr::i64_const(0));
        globals.global(kind(ValType::I64), &ConstExpr::i64_const(0));
        Ok(())
    }

    fn parse_export(
        &mut self,
        exports: &mut ExportSection,
        export: Export<'_>,
    ) -> Result<(), Error> {
        if export.name == REALLOC {
            exports.export(REALLOC, ExportKind::Func, self.guarded_realloc());
            return Ok(());
        }
        utils::parse_export(self, exports, export)
    }

    fn parse_code_section(
        &mut self,
        code: &mut CodeSection,
        section: CodeSectionReader<'_>,
    ) -> Result<(), Error> {
        utils::parse_code_section(self, code, section)?;
        code.function(&self.clock_body()).function(&self.realloc_body());
        self.poll.map(|poll| code.function(&self.poll_body(poll)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module whose `cabi_realloc` asks for the time, as its `look` does.
    const LOOKS: &str = r#"
        (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
        (memory (export "memory") 1)
        (global $other (mut i32) (i32.const 7))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
          (call $look (local.get 2) (i32.const 16)))
        (func $look (export "look") (param i32 i32) (result i32)
          (call $clock (local.get 0) (i64.const 1) (local.get 1)))"#;
    const WAITS: &str = r#"(import "wasi_snapshot_preview1" "poll_oneoff" (func (param i32 i32 i32 i32) (result i32)))"#;
    const ASKS: &str = r#"(import "wasi_snapshot_preview1" "adapter_monotonic_clock_set_paused" (func (param i32)))"#;

    fn text(of: &str) -> Vec<u8> {
        wat::parse_str(format!("(module {of})")).unwrap()
    }

    #[test]
    fn modules_that_do_not_ask_for_it_are_left_alone() {
        assert_eq!(guarded(&text(LOOKS)).unwrap(), None);
        assert_eq!(guarded(&text(ASKS)).unwrap(), None);
        assert!(guarded(b"\0asm\x01\0\0\0\x01\xff").is_err());
    }

    #[test]
    fn a_module_that_does_is_valid_afterwards_and_keeps_its_imports_and_exports() {
        let before = text(&format!("{ASKS} {WAITS} {LOOKS}"));
        let after = guarded(&before).unwrap().expect("it asks for it");
        wasmparser::Validator::new().validate_all(&after).unwrap();
        let named = |wasm: &[u8]| {
            let mut names = Vec::new();
            for payload in Parser::new(0).parse_all(wasm) {
                match payload.unwrap() {
                    Payload::ImportSection(section) => {
                        names.extend(
                            section.into_imports().map(|import| import.unwrap().name.to_owned()),
                        );
                    }
                    Payload::ExportSection(section) => {
                        names.extend(
                            section.into_iter().map(|export| export.unwrap().name.to_owned()),
                        );
                    }
                    _ => {}
                }
            }
            names
        };
        assert_eq!(named(&after), named(&before));
    }

    #[test]
    fn the_clock_is_called_by_nobody_but_its_guard() {
        let after = guarded(&text(&format!("{ASKS} {LOOKS}"))).unwrap().unwrap();
        let mut callers = Vec::new();
        let mut at = 0;
        for payload in Parser::new(0).parse_all(&after) {
            let Payload::CodeSectionEntry(body) = payload.unwrap() else { continue };
            for operator in body.get_operators_reader().unwrap() {
                if let wasmparser::Operator::Call { function_index: 1 } = operator.unwrap() {
                    callers.push(at);
                }
            }
            at += 1;
        }
        // Of four bodies the third is the guard's.
        assert_eq!((callers, at), (vec![2], 4));
    }
}
