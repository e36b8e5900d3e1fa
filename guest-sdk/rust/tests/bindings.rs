//! Proves that `src/bindings.rs` is what wit-bindgen makes of `wit/` today.
//!
//! After a change to `wit/`: `BINDINGS=overwrite cargo test -p boathook-sdk --test bindings`.

use std::fs;
use std::path::Path;

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};
use wit_bindgen_rust::Opts;

#[test]
fn checked_in_bindings_are_current() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = here.join("src/bindings.rs");
    let generated = generate(&here.join("../../wit"));
    if std::env::var_os("BINDINGS").is_some_and(|value| value == "overwrite") {
        fs::write(&path, &generated).expect("src/bindings.rs can be written");
    }
    let checked_in = fs::read_to_string(&path).expect("src/bindings.rs can be read");
    assert!(
        checked_in == generated,
        "src/bindings.rs is not what wit-bindgen makes of wit/\n\
         hint: BINDINGS=overwrite cargo test -p boathook-sdk --test bindings"
    );
}

fn generate(wit: &Path) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).expect("wit/ parses");
    let world = resolve.select_world(&[package], Some("hook")).expect("wit/ has the world `hook`");
    let options = Opts {
        format: true,
        generate_all: true,
        pub_export_macro: true,
        export_macro_name: Some("export_bindings".into()),
        default_bindings_module: Some("boathook_sdk::bindings".into()),
        ..Opts::default()
    };
    let mut files = Files::default();
    options
        .build()
        .generate(&mut resolve, world, &mut files)
        .expect("wit-bindgen accepts the world");
    let (_, text) = files.iter().next().expect("wit-bindgen wrote one file");
    String::from_utf8(text.to_vec()).expect("bindings are UTF-8")
}
