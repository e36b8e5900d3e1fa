//! Makes hooks of component text, for what no compiler of a guest language would write.
//!
//! Each has routes of its own: `GET /<name>`, which answers as it should, and one for every deed. A
//! deed is the core code of its `handle-route`; falling out of it is the good answer, too.

/// A hook in parts.
pub(super) struct Text {
    pub(super) name: &'static str,
    /// What the component imports, and the core functions that it makes of that.
    imports: &'static str,
    /// What the core module imports of these: the arguments of its instantiation.
    with: &'static str,
    /// Imports, tables and functions of the core module.
    fields: &'static str,
    /// The body of `cabi_realloc`.
    realloc: &'static str,
    /// The last part of a route's path, and what happens there.
    deeds: &'static [(&'static str, &'static str)],
}

const NOTHING: Text =
    Text { name: "", imports: "", with: "", fields: "", realloc: "unreachable", deeds: &[] };

/// One that has the host write into its memory.
const ASKS_FOR_THE_PATH: Text = Text {
    imports: r#"
            (import "boathook:hook/request@0.1.0"
                (instance $request (export "path" (func (result string)))))
            (core func $path (canon lower (func $request "path")
                (memory $libc "memory") (realloc (func $libc "realloc"))))"#,
    with: r#"(with "host" (instance (export "path" (func $path))))"#,
    fields: r#"(import "host" "path" (func $path (param i32)))"#,
    deeds: &[("path", "(call $path (i32.const 32))")],
    ..NOTHING
};

/// Where the good answer lies: `ok(respond)`.
const GOOD: u32 = 8;
/// Where the answer of `routes` begins. From 32 up to here a deed may make an answer of its own.
const ROUTES: u32 = 64;
/// Bytes of one route in memory.
const ROUTE_BYTES: u32 = 32;

/// All of them.
pub(super) const HOOKS: &[Text] = &[
    Text { name: "traps", deeds: &[("now", "unreachable")], ..NOTHING },
    Text {
        name: "recurses",
        fields: "(func $deeper (param i32) (result i32)
            (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))",
        deeds: &[("down", "(drop (call $deeper (i32.const 0)))")],
        ..NOTHING
    },
    Text {
        name: "allocates",
        deeds: &[(
            "all",
            "(loop $more (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
             unreachable",
        )],
        ..NOTHING
    },
    Text {
        name: "grows-tables",
        fields: "(table $table 1 funcref)",
        deeds: &[(
            "all",
            "(loop $more (br_if $more
                (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1))))
             unreachable",
        )],
        ..NOTHING
    },
    // What a value may be is the component model's word, and whoever breaks it traps.
    Text {
        name: "answers-garbage",
        deeds: &[
            ("result", "(i32.store8 (i32.const 32) (i32.const 7)) (return (i32.const 32))"),
            ("outcome", "(i32.store8 (i32.const 36) (i32.const 9)) (return (i32.const 32))"),
            ("pointer", "(return (i32.const 0xffffff00))"),
            ("odd-pointer", "(return (i32.const 33))"),
            (
                "text",
                "(i32.store8 (i32.const 32) (i32.const 1))
                 (i32.store (i32.const 36) (i32.const 0xfff0)) (i32.store (i32.const 40) (i32.const 4))
                 (i32.store (i32.const 0xfff0) (i32.const -1)) (return (i32.const 32))",
            ),
            (
                "length",
                "(i32.store8 (i32.const 32) (i32.const 1))
                 (i32.store (i32.const 36) (i32.const 16)) (i32.store (i32.const 40) (i32.const -1))
                 (return (i32.const 32))",
            ),
        ],
        ..NOTHING
    },
    // The host calls `cabi_realloc` to hand the path over.
    Text {
        name: "spins-in-realloc",
        realloc: "(loop $on (br $on)) unreachable",
        ..ASKS_FOR_THE_PATH
    },
    // What the host hands over must lie in the guest's memory.
    Text { name: "misplaces", realloc: "(i32.const 0x7ffffff0)", ..ASKS_FOR_THE_PATH },
    Text {
        name: "keeps-handles",
        imports: r#"
            (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
            (alias export $poll "pollable" (type $pollable))
            (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
                (alias outer 1 $pollable (type $outer))
                (export "pollable" (type $pollable (eq $outer)))
                (export "subscribe-duration" (func (param "when" u64) (result (own $pollable))))))
            (core func $subscribe (canon lower (func $clock "subscribe-duration")))
            (type $own (resource (rep i32)))
            (core func $new (canon resource.new $own))"#,
        with: r#"(with "host" (instance
            (export "subscribe" (func $subscribe)) (export "new" (func $new))))"#,
        fields: r#"(import "host" "subscribe" (func $subscribe (param i64) (result i32)))
            (import "host" "new" (func $new (param i32) (result i32)))"#,
        realloc: "unreachable",
        deeds: &[
            (
                "pollables",
                "(loop $more (drop (call $subscribe (i64.const 1000000000))) (br $more))",
            ),
            ("own", "(loop $more (drop (call $new (i32.const 1))) (br $more))"),
        ],
    },
];

/// A core module that becomes a hook: it answers `GET /<name>`, and its exports are called as compilers
/// call them.
pub(crate) fn core_module(name: &'static str) -> String {
    let data = Text { name, ..NOTHING }.data();
    format!(
        r#"(module
        (memory (export "memory") 1)
        (data (i32.const 0) "{data}")
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "boathook:hook/routing@0.1.0#routes") (result i32) (i32.const {ROUTES}))
        (func (export "boathook:hook/routing@0.1.0#handle-route") (param i32) (result i32)
            (i32.const {GOOD})))"#
    )
}

impl Text {
    /// The component as text.
    pub(super) fn component(&self) -> String {
        let Self { imports, with, fields, realloc, .. } = self;
        let code: Vec<String> = (1..)
            .zip(self.deeds)
            .map(|(at, (_, code))| {
                format!("(if (i32.eq (local.get $route) (i32.const {at})) (then {code}))")
            })
            .collect();
        let (code, data) = (code.join("\n"), self.data());
        format!(
            r#"(component
            (core module $libc
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) {realloc}))
            (core instance $libc (instantiate $libc))
            {imports}
            (core module $hook
                (import "libc" "memory" (memory 1))
                {fields}
                (data (i32.const 0) "{data}")
                (func (export "routes") (result i32) (i32.const {ROUTES}))
                (func (export "handle-route") (param $route i32) (result i32)
                    {code}
                    (i32.const {GOOD})))
            (core instance $hook (instantiate $hook (with "libc" (instance $libc)) {with}))
            {TYPES}
            (func $routes (result (result (list $route) (error $error)))
                (canon lift (core func $hook "routes") (memory $libc "memory")))
            (func $handle (param "route" u32) (result (result $outcome (error $error)))
                (canon lift (core func $hook "handle-route") (memory $libc "memory")))
            (instance $routing
                (export "routes" (func $routes)) (export "handle-route" (func $handle)))
            (export "boathook:hook/routing@0.1.0" (instance $routing)))"#
        )
    }

    /// What its memory holds at the start, as the component model lays it out: the good answer, and
    /// `ok` of the routes.
    fn data(&self) -> String {
        let name = self.name;
        let deeds = self.deeds.iter().map(|(deed, _)| format!("GET /{name}/{deed}"));
        let addresses: Vec<String> = std::iter::once(format!("GET /{name}")).chain(deeds).collect();
        let count = addresses.len() as u32;
        let (list, mut text) = (ROUTES + 16, ROUTES + 16 + count * ROUTE_BYTES);
        let mut memory = vec![0; list as usize];
        let mut put = |at: u32, value: u32| {
            let at = at as usize;
            memory[at..at + 4].copy_from_slice(&value.to_le_bytes());
        };
        put(GOOD + 4, 2);
        put(ROUTES + 4, list);
        put(ROUTES + 8, count);
        for address in &addresses {
            let mut route = [0; ROUTE_BYTES as usize / 4];
            (route[0], route[1]) = (text, address.len() as u32);
            text += route[1];
            memory.extend(route.iter().flat_map(|word| word.to_le_bytes()));
        }
        memory.extend(addresses.concat().bytes());
        memory.iter().map(|byte| format!("\\{byte:02x}")).collect()
    }
}

/// The types of `routing`. An exported function may only speak of types that have a name.
const TYPES: &str = r#"
    (type $error-record (record (field "code" string) (field "message" string)
        (field "status" (option u16)) (field "details" (option string))))
    (export $error "error" (type $error-record))
    (type $phase-variant (variant (case "before") (case "after") (case "named" string)))
    (export $phase "phase" (type $phase-variant))
    (type $flags-flags (flags "skip-assets" "keep-assets" "read-body" "observe-response"
        "observe-finish"))
    (export $flags "route-flags" (type $flags-flags))
    (type $route-record (record (field "address" string) (field "phase" $phase)
        (field "flags" $flags) (field "options" string)))
    (export $route "route" (type $route-record))
    (type $outcome-enum (enum "next" "next-route" "respond"))
    (export $outcome "outcome" (type $outcome-enum))"#;
