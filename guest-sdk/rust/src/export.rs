//! Makes a component of a hook, and writes its manifest.

/// Exports a hook: the one line that makes a component of a struct.
///
/// The manifest goes into the component's custom section `boathook`, as TOML: `manifest_version`,
/// `name` and `version` (the package's unless given), and whatever else is given, as it is given.
///
/// ```
/// # use boathook_sdk::prelude::*;
/// # #[derive(Default)] struct RateLimit;
/// # impl Hook for RateLimit {}
/// export!(RateLimit, name = "rate-limit", mode = "single", limits = { memory = "32MiB" });
/// ```
///
/// Values are literals, arrays and inline tables, as in TOML: `after = ["orm"]`.
#[macro_export]
macro_rules! export {
    ($hook:ty $(, $key:ident = $value:tt)* $(,)?) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            ::std::thread_local! {
                static INSTANCE: ::std::cell::RefCell<$crate::Instance<$hook>> =
                    ::std::cell::RefCell::default();
            }

            impl $crate::glue::Exported for Component {
                type Hook = $hook;

                fn with<R>(call: impl FnOnce(&mut $crate::Instance<$hook>) -> R) -> R {
                    INSTANCE.with_borrow_mut(call)
                }
            }

            $crate::bindings::export_bindings!(Component with_types_in $crate::bindings);

            const MANIFEST: &str = $crate::__manifest!($($key = $value,)*);

            #[unsafe(link_section = "boathook")]
            static SECTION: [u8; MANIFEST.len()] = $crate::manifest_section(MANIFEST);
        };

        #[cfg(not(target_family = "wasm"))]
        const _: fn() -> $crate::Instance<$hook> = <$crate::Instance<$hook>>::default;
        #[cfg(not(target_family = "wasm"))]
        const _: &str = $crate::__manifest!($($key = $value,)*);
    };
}

/// Makes the section of the manifest's text. In the text an entry ends in NUL, so that a line break
/// inside of a value, which TOML's inline tables do not allow, can be told apart and becomes a space.
#[doc(hidden)]
pub const fn manifest_section<const LENGTH: usize>(text: &str) -> [u8; LENGTH] {
    let (mut bytes, mut at) = ([0; LENGTH], 0);
    while at < LENGTH {
        bytes[at] = match text.as_bytes()[at] {
            b'\n' => b' ',
            b'\0' => b'\n',
            other => other,
        };
        at += 1;
    }
    bytes
}

/// Makes the manifest's text of keys and values. `[name] [version] [the rest so far] left to read`.
#[doc(hidden)]
#[macro_export]
macro_rules! __manifest {
    (@ $name:tt $version:tt $rest:tt name = $value:literal, $($left:tt)*) => {
        $crate::__manifest!(@ [::core::stringify!($value)] $version $rest $($left)*)
    };
    (@ $name:tt $version:tt $rest:tt version = $value:literal, $($left:tt)*) => {
        $crate::__manifest!(@ $name [::core::stringify!($value)] $rest $($left)*)
    };
    (@ $name:tt $version:tt [$($rest:tt)*] $key:ident = $value:tt, $($left:tt)*) => {
        $crate::__manifest!(@ $name $version [$($rest)* [$key $value]] $($left)*)
    };
    (@ [$name:expr] [$version:expr] [$([$key:ident $value:tt])*]) => {
        ::core::concat!(
            "manifest_version = 1\0name = ", $name, "\0version = ", $version, "\0",
            $(::core::stringify!($key), " = ", ::core::stringify!($value), "\0",)*
        )
    };
    ($($key:ident = $value:tt,)*) => {
        $crate::__manifest!(@
            [::core::concat!("\"", ::core::env!("CARGO_PKG_NAME"), "\"")]
            [::core::concat!("\"", ::core::env!("CARGO_PKG_VERSION"), "\"")]
            [] $($key = $value,)*)
    };
}

#[cfg(test)]
mod tests {
    macro_rules! manifest {
        ($($key:ident = $value:tt),* $(,)?) => {{
            const TEXT: &str = crate::__manifest!($($key = $value,)*);
            let section: [u8; TEXT.len()] = super::manifest_section(TEXT);
            String::from_utf8(section.to_vec()).expect("literals are UTF-8")
        }};
    }

    #[test]
    fn the_manifest_is_toml_with_the_keys_as_typed() {
        let text = manifest!(
            after = ["orm", "custom-data"],
            mode = "single",
            name = "rate-limit",
            limits = { memory = "32MiB", host_calls = 100 },
            replay = true,
        );
        assert_eq!(
            text,
            "manifest_version = 1\nname = \"rate-limit\"\nversion = \"0.1.0\"\n\
             after = [\"orm\", \"custom-data\"]\nmode = \"single\"\n\
             limits = { memory = \"32MiB\", host_calls = 100 }\nreplay = true\n"
        );
    }

    #[test]
    fn a_value_of_several_lines_becomes_one() {
        let text = manifest!(
            limits = {
                memory = "32MiB",
                cpu = "20ms"
            },
            mode = "fresh",
        );
        let lines: Vec<_> = text.lines().skip(3).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(lines[0].contains("\"32MiB\"") && lines[0].contains("\"20ms\""), "{text}");
    }

    #[test]
    fn the_manifest_takes_name_and_version_from_the_package() {
        let version = env!("CARGO_PKG_VERSION");
        let expected =
            format!("manifest_version = 1\nname = \"boathook-sdk\"\nversion = \"{version}\"\n");
        assert_eq!(manifest!(), expected);
    }
}
