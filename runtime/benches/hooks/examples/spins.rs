//! Never comes back: only its limits end a call. Where it listens, `path` of its own settings says, so
//! that an app can have several of it.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Spins {
    address: String,
}

impl Hook for Spins {
    fn initialize(&mut self) -> Result<()> {
        let path: Option<String> = config::get_own("path")?;
        self.address = format!("GET {}", path.as_deref().unwrap_or("/spin"));
        Ok(())
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new().before(self.address.clone(), Self::spin)
    }
}

impl Spins {
    fn spin(&mut self, _req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        loop {
            std::hint::spin_loop();
        }
    }
}

export!(Spins, name = "spins");
