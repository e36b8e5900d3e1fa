//! Defines what crosses the sandbox's border, generated from `wit/`. Nothing is written by hand here.
//!
//! Exports are optional by interface, so the generated world type, which wants all of them, is not
//! used: [`super::instance`] resolves each interface on its own.
#![expect(missing_docs, reason = "generated; the documentation is in wit/")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "hook",
    imports: {
        // These wait: the hook's fiber is suspended, never a thread.
        "boathook:hook/events.wait": async | trappable,
        "boathook:hook/fetch.send": async | trappable,
        "boathook:hook/hooks.call": async | trappable,
        "boathook:hook/kv": async | trappable,
        "boathook:hook/response.body": async | trappable,
        "boathook:hook/session.get": async | trappable,
        "boathook:hook/session.all": async | trappable,
        "boathook:hook/session.set": async | trappable,
        "boathook:hook/session.delete": async | trappable,
        "boathook:hook/session.destroy": async | trappable,
        "boathook:hook/session.regenerate": async | trappable,
        "boathook:hook/session.flash": async | trappable,
        "boathook:hook/session.read-flash": async | trappable,
        "boathook:hook/tasks.defer": async | trappable,
        default: trappable,
    },
    exports: { default: async },
});
