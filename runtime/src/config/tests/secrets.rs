//! Secrets: where they lie, and that no message shows one.

use super::{Said, bad, good};
use crate::config::Place;

#[test]
fn a_secret_has_a_variable_of_its_own_unless_a_place_is_named() {
    let config = good("[secrets]\nstripe-key = { file = 'k' }\nother = { env = 'OTHER_KEY' }");
    assert_eq!(config.secrets.place("stripe-key").0, Place::File("k".into()));
    assert_eq!(config.secrets.place("stripe_key").0, Place::File("k".into()));
    assert_eq!(config.secrets.place("other").0, Place::Variable("OTHER_KEY".into()));
    let own = Place::Variable("BOATHOOK_SECRET_MAIL_KEY".into());
    assert_eq!(config.secrets.place("mail-key").0, own);
}

#[test]
fn the_variable_of_a_secret_sets_no_key_and_is_not_shown() {
    let vars = [("BOATHOOK_SECRET_A", "hush"), ("BOATHOOK_secrets__b__file", "b.key")];
    let config = Said { vars: &vars, ..Said::default() }.good();
    assert_eq!(config.secrets.place("b").0, Place::File("b.key".into()));
    assert!(!format!("{config:?}").contains("hush"));
}

#[test]
fn a_secret_written_into_the_configuration_is_refused_and_not_quoted() {
    let text = bad("[secrets]\nstripe-key = 'sk_live_1234'");
    assert_eq!(
        text,
        "boathook.toml:2: `secrets.stripe-key` must be a table with `env` or `file`\n\
         hint: a secret does not belong into the configuration: set `BOATHOOK_SECRET_STRIPE_KEY`, or \
         write `{ file = \"...\" }`"
    );
    for (written, message) in [
        ("a = {}", "`secrets.a` must have either `env` or `file`"),
        ("a = { env = 'A', file = 'a' }", "`secrets.a` must have either `env` or `file`"),
        ("a = { fil = 'a' }", "unknown key `secrets.a.fil`"),
        ("'a b' = { env = 'A' }", "the key of `secrets.a b` must be a name"),
    ] {
        let text = bad(&format!("[secrets]\n{written}"));
        assert!(text.contains(message), "{text}");
    }
}
