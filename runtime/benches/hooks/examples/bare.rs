//! The work of `headers` by a hook that imports no WASI: no SDK, no standard library, the world
//! `middleware`. It is what `fresh_pure` measures, and about the least that a Rust hook can be.

#![cfg_attr(target_family = "wasm", no_std)]
#![cfg_attr(
    target_family = "wasm",
    expect(unsafe_code, reason = "generated, and the allocator's entry")
)]

#[cfg(target_family = "wasm")]
mod hook {
    extern crate alloc;

    use alloc::string::String;
    use alloc::vec;
    use alloc::vec::Vec;
    use core::alloc::Layout;

    use bench_hooks::{NOBODY, READ, SET, WRITTEN};

    wit_bindgen::generate!({ path: "../../../wit", world: "middleware" });

    use boathook::hook::types::Error;
    use boathook::hook::{request, response};
    use exports::boathook::hook::routing::{Guest, Outcome, Phase, Route, RouteFlags};

    #[global_allocator]
    static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

    #[panic_handler]
    fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
        core::arch::wasm32::unreachable()
    }

    /// What the host asks for memory: on this target the C library has it otherwise, and here is none.
    #[unsafe(no_mangle)]
    extern "C" fn cabi_realloc(old: *mut u8, length: usize, align: usize, new: usize) -> *mut u8 {
        if new == 0 {
            return core::ptr::without_provenance_mut(align);
        }
        let layout = |size| Layout::from_size_align(size, align).unwrap_or(Layout::new::<u8>());
        let memory = match length {
            // SAFETY: the size is not zero.
            0 => unsafe { alloc::alloc::alloc(layout(new)) },
            // SAFETY: nor is it here, and the host says of `old` what this function said of it.
            _ => unsafe { alloc::alloc::realloc(old, layout(length), new) },
        };
        assert!(!memory.is_null(), "out of memory");
        memory
    }

    struct Bare;

    impl Guest for Bare {
        fn routes() -> Result<Vec<Route>, Error> {
            let (address, options) = (String::from("GET /*"), String::from("{}"));
            Ok(vec![Route { address, phase: Phase::Before, flags: RouteFlags::empty(), options }])
        }

        fn handle_route(_route: u32) -> Result<Outcome, Error> {
            let read = request::header(READ);
            let mut block = Vec::with_capacity(256);
            field(&mut block, WRITTEN, read.as_deref().unwrap_or(NOBODY.as_bytes()));
            for (name, value) in SET {
                field(&mut block, name, value.as_bytes());
            }
            response::set_headers(&block)?;
            Ok(Outcome::Next)
        }
    }

    fn field(block: &mut Vec<u8>, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            block.extend_from_slice(part);
        }
    }

    export!(Bare);
}
