//! What hooks may read of secrets, environment and files: what is named, and nothing beside it.

use std::os::unix::fs::symlink;

use crate::harness::{App, Ran, check};

const GRANTED: &str = "
    //- env
    BOATHOOK_SECRET_STRIPE_KEY=sk_live_12345
    BOATHOOK_SECRET_OTHER=other_12345
    MAIL=from_a_variable
    TZ=Europe/Paris
    UNSAID=hush
    //- mail.key
    from_a_file
    //- data/letters.txt
    alpha
    //- data/deep/er.txt
    beta
    //- outside.txt
    out of reach
    //- hooks/reads/own.txt
    its own
    //- boathook.toml
    [secrets]
    file-key = { file = \"mail.key\" }
    env-key = { env = \"MAIL\" }
    [hooks.reads.grants]
    secrets = [\"stripe-key\", \"file-key\", \"env-key\"]
    env = [\"TZ\", \"NOT_SET\"]
    files = [\"data\"]
    //- hooks
    reads: reads-granted
    ";

#[test]
fn a_hook_reads_the_secrets_that_it_was_granted_wherever_they_lie() {
    App::lift(GRANTED).check(
        "
        //- GET /secret?name=stripe-key
        //- 200

        sk_live_12345
        //- GET /secret?name=file-key
        //- 200

        from_a_file
        //- GET /secret?name=env-key
        //- 200

        from_a_variable
        ",
    );
}

#[test]
fn a_secret_that_was_not_granted_is_an_error_that_says_what_to_write() {
    App::lift(GRANTED).check(
        "
        //- GET /secret?name=other
        //- 403

        E_NOT_GRANTED: hook `reads` has no grant for the secret `other`
        hint: add `grants = { secrets = [\"other\"] }` to `[hooks.reads]`
        ",
    );
}

#[test]
fn secrets_are_not_in_the_log_nor_in_errors() {
    let mut app = App::lift(GRANTED);
    app.check(
        "
        //- GET /leak?name=stripe-key&how=log
        //- 200
        //- GET /leak?name=stripe-key&how=stderr
        //- 200
        //- GET /leak?name=file-key&how=panic
        //- 500
        //- GET /leak?name=file-key&how=error
        //- 400

        ...slipped: [secret file-key]
        //- log
        slipped: [secret stripe-key]
        slipped: [secret stripe-key]
        slipped: [secret file-key]
        slipped: [secret file-key]
        //- not in log
        sk_live
        from_a_file
        ",
    );
}

#[test]
fn a_secret_that_a_hook_puts_into_its_settings_is_not_shown() {
    let explained = Ran::of(
        "
        //- boathook.toml
        reads-granted.leaks = \"key\"
        hooks.reads-granted.grants.secrets = [\"key\"]
        //- env
        BOATHOOK_SECRET_KEY=sk_live_12345
        //- hooks
        reads-granted
        ",
        &["config", "explain", "reads-granted", "{dir}"],
    );
    assert_eq!(explained.code, Some(0), "{explained:?}");
    assert!(explained.out.contains("[secret key]"), "{explained:?}");
    assert!(!explained.out.contains("sk_live"), "{explained:?}");
}

#[test]
fn a_secret_that_is_missing_fails_the_lift_before_anything_runs() {
    check(
        "
        //- boathook.toml
        [secrets]
        file-key = { file = \"nowhere.key\" }
        [hooks.reads-granted.grants]
        secrets = [\"stripe-key\", \"file-key\"]
        //- hooks
        reads-granted
        //- fails
        boathook.toml:2: hook `reads-granted`: load: secret `file-key`: /
        boathook.toml:4: hook `reads-granted`: load: secret `stripe-key`: `BOATHOOK_SECRET_STRIPE_KEY` is not set
        hint: set it, or write `stripe-key = { file = \"...\" }` in `[secrets]`
        ",
    );
}

#[test]
fn a_hook_that_read_a_secret_before_it_was_loaded_has_no_snapshot() {
    check(
        "
        //- boathook.toml
        reads-granted.early = \"key\"
        hooks.reads-granted = { mode = \"fresh\", replay = true, grants = { secrets = [\"key\"] } }
        //- env
        BOATHOOK_SECRET_KEY=sk_live_12345
        //- hooks
        reads-granted
        //- GET /early
        //- 200

        sk_live_12345
        //- GET /early
        //- 200

        sk_live_12345
        //- log
        no snapshot: it read a secret before it was loaded, which must be in no copy
        ",
    );
}

#[test]
fn a_hook_sees_the_variables_that_are_named_and_no_others() {
    let mut app = App::lift(GRANTED);
    app.check("//- GET /variables\n//- 200\n\n[\"TZ=Europe/Paris\"]");
    check(
        "
        //- hooks
        reads-granted
        //- GET /variables
        //- 200

        []
        ",
    );
}

#[test]
fn the_servers_own_variables_cannot_be_granted() {
    check(
        "
        //- boathook.toml
        hooks.reads-granted.grants.env = [\"BOATHOOK_SECRET_KEY\"]
        //- hooks
        reads-granted
        //- fails
        boathook.toml:1: hook `reads-granted`: load: its grant `env` names the server's own
        hint: grant a secret by `secrets
        ",
    );
}

#[test]
fn a_hook_reads_its_own_folder_and_those_that_were_granted() {
    App::lift(GRANTED).check(
        "
        //- GET /file?path=own.txt
        //- 200

        its own
        //- GET /file?path=/own.txt
        //- 200

        its own
        //- GET /file?path=/data/letters.txt
        //- 200

        alpha
        //- GET /file?path=data/deep/er.txt
        //- 200

        beta
        //- GET /folder?path=data
        //- 200

        [\"deep\",\"letters.txt\"]
        ",
    );
}

#[test]
fn no_path_and_no_link_leads_out_of_a_folder() {
    let mut app = App::lift(GRANTED);
    let data = app.folder().join("data");
    symlink("../outside.txt", data.join("sideways.txt")).expect("a link");
    symlink(app.folder().join("outside.txt"), data.join("whole.txt")).expect("a link");
    symlink("..", data.join("up")).expect("a link");
    symlink("letters.txt", data.join("inside.txt")).expect("a link");
    for path in [
        "data/../outside.txt",
        "data/sideways.txt",
        "data/whole.txt",
        "data/up/outside.txt",
        "../../outside.txt",
        "/etc/passwd",
        "/proc/self/environ",
    ] {
        let answer = app.ask("GET", &format!("/file?path={path}"));
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
    }
    app.check("//- GET /file?path=data/inside.txt\n//- 200\n\nalpha");
}

#[test]
fn a_hook_changes_nothing_in_the_folders_that_it_reads() {
    let mut app = App::lift(GRANTED);
    for path in ["data/letters.txt", "data/new.txt", "own.txt"] {
        let answer = app.ask("GET", &format!("/write?path={path}"));
        assert_eq!(answer.text(), "[true,true,true,true,true]", "{path}");
    }
    app.check("//- GET /file?path=data/letters.txt\n//- 200\n\nalpha");
    assert!(!app.folder().join("data/new.txt").exists());
}

#[test]
fn a_hook_without_a_folder_and_without_a_grant_sees_no_file() {
    check(
        "
        //- outside.txt
        out of reach
        //- hooks
        reads-granted
        //- GET /file?path=outside.txt
        //- 404
        //- GET /file?path=/etc/passwd
        //- 404
        ",
    );
}

#[test]
fn a_hook_that_lies_in_the_app_folder_itself_does_not_see_the_app() {
    check(
        "
        //- boathook.toml
        [installed.lies-here]
        path = \".\"
        //- hooks
        reads.wasm = reads-granted
        //- GET /file?path=boathook.toml
        //- 404
        ",
    );
}

#[test]
fn a_folder_that_is_not_there_or_is_too_much_fails_the_lift() {
    check(
        "
        //- boathook.toml
        hooks.reads-granted.grants = {
            files = [\"nowhere\", \"boathook.toml\", \"../x\", \".\", \"\", \"/\"], env = true
        }
        //- hooks
        reads-granted
        //- fails
        its grant `env` must be an array of names
        its grant `files` names `nowhere`, and there is no folder
        its grant `files` names `boathook.toml`, and there is no folder
        hint: name a folder; a file alone cannot be granted
        its grant `files` names `../x`
        its grant `files` names the whole app folder, secrets and all
        its grant `files` names ``
        its grant `files` names the whole app folder, secrets and all
        ",
    );
}
