//! The cache of compiled hooks: whatever lies in it or in its place, nothing is loaded that the server
//! has not compiled itself, and the server serves.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::harness::App;

const HELLO: &str = "
    //- hooks
    hello
    ";

/// An app that has been lifted once, and has stopped.
fn lifted_once(fixture: &str) -> App {
    let mut app = App::lift(fixture);
    app.stop();
    assert_eq!(app.logged("warn: "), 0, "{}", app.log_text());
    app
}

/// Says why something was not done. Written past `eprintln`, whose text is not shown for a test that passes.
#[track_caller]
fn left_out(why: &str) {
    let place = std::panic::Location::caller();
    let _ = writeln!(std::io::stderr().lock(), "\nNOT TESTED, {place}: {why}");
}

/// Where an app keeps what it compiled.
fn folder(app: &App) -> PathBuf {
    app.folder().join(".boathook/cache")
}

/// The one entry of the cache.
fn entry(app: &App) -> PathBuf {
    let entries = fs::read_dir(folder(app)).expect("the cache");
    let paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    let [path] = &paths[..] else { panic!("not one entry: {paths:?}") };
    path.clone()
}

/// Starts once more, and has to warn so often with such a line; then it serves like any other.
#[track_caller]
fn serves_with_warnings(app: &mut App, times: usize, warning: &str) {
    app.start_again();
    app.check("//- GET /hello\n//- 200\n\nHello from a hook!");
    app.stop();
    let warned = app.logged("warn: ");
    if warned != times || app.logged(warning) != times {
        app.fail(&format!("not {times} warnings like this one: {warning}"));
    }
}

/// Does something to the entry. It has to be noticed, and made good.
#[track_caller]
fn is_made_anew(app: &mut App, warnings: usize, warning: &str, harm: impl Fn(&Path)) {
    harm(&entry(app));
    serves_with_warnings(app, warnings, warning);
    serves_with_warnings(app, 0, "warn: ");
    let made = fs::symlink_metadata(entry(app)).expect("the entry");
    assert!(made.is_file() && made.permissions().mode() & 0o777 == 0o600, "{warning}: {made:?}");
}

#[test]
fn what_was_compiled_once_is_not_compiled_again() {
    let mut app = lifted_once(HELLO);
    let name = entry(&app);
    let (before, made) = (fs::read(&name).unwrap(), fs::metadata(&name).unwrap());
    serves_with_warnings(&mut app, 0, "warn: ");
    assert_eq!(fs::metadata(entry(&app)).unwrap().ino(), made.ino(), "it was written anew");
    assert_eq!(fs::read(entry(&app)).unwrap(), before);
}

#[test]
fn an_entry_that_was_harmed_is_noticed_and_made_anew() {
    let mut app = lifted_once(HELLO);
    let warning = ".cwasm: is damaged: it is not used, and will be made anew";
    is_made_anew(&mut app, 1, warning, |entry| fs::write(entry, "").unwrap());
    is_made_anew(&mut app, 1, warning, |entry| {
        let whole = fs::read(entry).unwrap();
        fs::write(entry, &whole[..whole.len() / 2]).unwrap();
    });
    is_made_anew(&mut app, 1, warning, |entry| {
        let mut whole = fs::read(entry).unwrap();
        let middle = whole.len() / 2;
        whole[middle] ^= 0x10;
        fs::write(entry, whole).unwrap();
    });
}

#[test]
fn an_entry_that_is_no_file_of_this_users_alone_is_noticed_and_made_anew() {
    let mut app = lifted_once(HELLO);
    let elsewhere = app.folder().join("elsewhere");
    fs::copy(entry(&app), &elsewhere).unwrap();
    is_made_anew(&mut app, 1, ".cwasm: is a link: it is not used", |entry| {
        fs::remove_file(entry).unwrap();
        symlink(&elsewhere, entry).unwrap();
    });
    is_made_anew(&mut app, 1, ".cwasm: is not a file: it is not used", |entry| {
        fs::remove_file(entry).unwrap();
        fs::create_dir(entry).unwrap();
    });
    is_made_anew(&mut app, 1, ".cwasm: others may write to it: it is not used", |entry| {
        fs::set_permissions(entry, Permissions::from_mode(0o620)).unwrap();
    });
    if chown(entry(&app), Some(65534), None).is_err() {
        left_out("this user cannot give a file away");
        return;
    }
    is_made_anew(&mut app, 1, ".cwasm: others may write to it: it is not used", |_| {});
}

#[test]
fn an_entry_of_another_compiler_is_made_anew() {
    let mut app = lifted_once(HELLO);
    let other = lifted_once(
        "
        //- boathook.toml
        hooks.hello.limits.fuel = 1_000_000
        //- hooks
        hello
        ",
    );
    let mut code = fs::read(entry(&other)).unwrap();
    code.truncate(code.len() - 32);
    is_made_anew(&mut app, 0, "warn: ", |entry| {
        // Whole, under the right name, and code that this engine would not make: it counts fuel.
        let key = entry.file_stem().unwrap().to_str().unwrap();
        let mut seal = Sha256::new();
        seal.update((key.len() as u64).to_le_bytes());
        seal.update(key);
        seal.update(&code);
        fs::write(entry, [&code, &seal.finalize()[..]].concat()).unwrap();
    });
}

#[test]
fn something_that_cannot_be_replaced_is_in_the_way_and_the_server_serves() {
    let mut app = lifted_once(HELLO);
    let entry = entry(&app);
    fs::remove_file(&entry).unwrap();
    fs::create_dir_all(entry.join("inside")).unwrap();
    app.start_again();
    app.check("//- GET /hello\n//- 200");
    app.stop();
    app.log(&[".cwasm: is not a file: it is not used", "cache: compiled code was not kept: "]);
}

const NONE: &str = "warn: hooks are compiled at every start: ";

#[test]
fn a_folder_that_is_none_is_not_used() {
    let mut app = lifted_once(HELLO);
    let folder = folder(&app);
    let moved = app.folder().join("moved");
    fs::rename(&folder, &moved).unwrap();
    fs::write(&folder, "").unwrap();
    serves_with_warnings(&mut app, 1, NONE);
    for target in [&moved, Path::new("nowhere"), &folder] {
        fs::remove_file(&folder).unwrap();
        symlink(target, &folder).unwrap();
        serves_with_warnings(&mut app, 1, ".boathook/cache: is not a folder (hint: remove it)");
    }
    fs::remove_dir_all(app.folder().join(".boathook")).unwrap();
    fs::write(app.folder().join(".boathook"), "").unwrap();
    serves_with_warnings(&mut app, 1, NONE);
}

#[test]
fn a_folder_that_others_may_write_to_is_not_used() {
    let mut app = lifted_once(HELLO);
    let folder = folder(&app);
    for mode in [0o777, 0o770, 0o702] {
        fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        serves_with_warnings(
            &mut app,
            1,
            "others may write to it (hint: remove it, or `chmod 700`",
        );
    }
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    if chown(&folder, Some(65534), None).is_err() {
        left_out("this user cannot give a folder away");
        return;
    }
    serves_with_warnings(&mut app, 1, "others may write to it");
}

/// A file system of its own in the place of a folder, until it is dropped.
struct Mount(PathBuf);

impl Mount {
    /// None where this user may not mount anything; that is printed.
    #[track_caller]
    fn at(folder: &Path, options: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder);
        match mount.output() {
            Ok(output) if output.status.success() => Some(Self(folder.to_owned())),
            failed => {
                left_out(&format!("mounting is not permitted here: {failed:?}"));
                None
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(&self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            left_out(&format!("{} is still mounted", self.0.display()));
        }
    }
}

const TWO: &str = "
    //- hooks
    hello
    letters
    ";

#[test]
fn a_full_disk_costs_one_warning_and_the_next_start_its_time() {
    let mut app = lifted_once(TWO);
    let Some(_mount) = Mount::at(&folder(&app), "mode=700,size=16k") else { return };
    serves_with_warnings(&mut app, 1, "compiled code was not kept: No space left on device");
    assert_eq!(fs::read_dir(folder(&app)).unwrap().count(), 0, "something was left half written");
}

#[test]
fn code_from_a_disk_where_nothing_may_be_executed_is_copied() {
    let mut app = lifted_once(HELLO);
    let Some(_mount) = Mount::at(&folder(&app), "mode=700,noexec") else { return };
    for _ in 0..2 {
        serves_with_warnings(&mut app, 0, "warn: ");
    }
    let before = fs::metadata(entry(&app)).unwrap().ino();
    serves_with_warnings(&mut app, 0, "warn: ");
    assert_eq!(fs::metadata(entry(&app)).unwrap().ino(), before, "it was written anew");
}

#[test]
fn a_disk_that_is_read_only_costs_one_warning_and_every_start_its_time() {
    let mut app = lifted_once(TWO);
    let Some(_mount) = Mount::at(&folder(&app), "mode=700,ro") else { return };
    serves_with_warnings(&mut app, 1, "compiled code was not kept: Read-only file system");
}
