//! Fails in the phase that `in` names, in the way that `how` names: with an error, a trap or an exit, by
//! never ending, by taking memory without end, or by an answer that nobody would want.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Misbehave;

fn act(phase: &str) -> Result<()> {
    if config::get_own::<String>("in")?.as_deref() != Some(phase) {
        return Ok(());
    }
    match config::get_own::<String>("how")?.as_deref() {
        Some("error") => Err(Error::new("out of luck")),
        Some("trap") => panic!("out of luck"),
        Some("exit") => exit(),
        Some("grow") => grow(),
        Some("large" | "huge" | "deep" | "many") => Ok(()),
        Some("spin") => {
            guests::spin(None);
            Ok(())
        }
        _ => {
            guests::sleep(3_600_000);
            Ok(())
        }
    }
}

#[expect(clippy::exit, reason = "that is the misbehaviour")]
fn exit() -> ! {
    std::process::exit(0)
}

fn grow() -> ! {
    loop {
        std::mem::forget(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

/// Whether it is to misbehave in this phase, and in this way.
fn is_asked(phase: &str, how: &str) -> bool {
    let is = |key: &str, wanted: &str| {
        config::get_own::<String>(key).ok().flatten().as_deref() == Some(wanted)
    };
    is("in", phase) && is("how", how)
}

impl Hook for Misbehave {
    fn defaults(&self, _overrides: &Value) -> Result<Value> {
        act("defaults")?;
        for (how, mib) in [("large", 2), ("huge", 5)] {
            if is_asked("defaults", how) {
                return Ok(json!({ "__configKey__": { how: "x".repeat(mib << 20) } }));
            }
        }
        if is_asked("defaults", "deep") {
            let deep = (0..200).fold(json!(0), |inner, _| json!([inner]));
            return Ok(json!({ "__configKey__": { "deep": deep } }));
        }
        Ok(json!({}))
    }

    fn configure(&mut self) -> Result<()> {
        act("configure")
    }

    fn initialize(&mut self) -> Result<()> {
        act("initialize")
    }

    fn lower(&mut self) -> Result<()> {
        act("lower")
    }

    fn routes(&self) -> Routes<Self> {
        // There is no error to return here, and an option ahead of every route is one.
        if act("routes").is_err() {
            return Routes::new().read_body();
        }
        let many = if is_asked("routes", "many") { 100_000 } else { 0 };
        (0..many).fold(Routes::new(), |routes, number| {
            routes.before(format!("GET /many/{number}"), |_, _, res| res.ok(()))
        })
    }
}

export!(Misbehave, name = "misbehave");
