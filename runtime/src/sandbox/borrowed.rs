//! Links the two calls into the host that nearly every hook makes for every request, without a copy of
//! what the guest hands over: what is generated makes a vector of every list and a string of every
//! text. What the calls do is in `host/`, as for all others.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, WasmList, WasmStr};

use super::Result;
use crate::host::{GuestError, State};

/// What `request.header` returns.
type Header = (Option<Vec<u8>>,);
/// What `response.set-headers` returns.
type Set = (std::result::Result<(), GuestError>,);

/// Links them in place of the generated ones.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.allow_shadowing(true);
    let mut request = linker.instance("boathook:hook/request@0.1.0")?;
    request.func_wrap("header", |mut store: StoreContextMut<'_, State>, (name,): (WasmStr,)| {
        store.data_mut().enter()?;
        let name = name.to_str(&store)?;
        Ok::<Header, _>((store.data().request_header(&name)?,))
    })?;
    let mut response = linker.instance("boathook:hook/response@0.1.0")?;
    response.func_wrap(
        "set-headers",
        |mut store: StoreContextMut<'_, State>, (block,): (WasmList<u8>,)| {
            store.data_mut().enter()?;
            let last = store.data_mut().last_block.take();
            let block = store.data().parsed(block.as_le_slice(&store), last);
            Ok::<Set, _>((store.data_mut().set_block(block),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
