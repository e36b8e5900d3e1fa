//! Prints `lines` lines of a hundred bytes to its standard output, or prints for ever.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Prints;

impl Hook for Prints {
    fn routes(&self) -> Routes<Self> {
        Routes::new().before("GET /prints", Self::print)
    }
}

impl Prints {
    #[expect(clippy::print_stdout, reason = "that is what it is for")]
    fn print(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        for number in 0..guests::number(req, "lines").unwrap_or(u64::MAX) {
            println!("{number:0>100}");
        }
        res.ok(())
    }
}

export!(Prints, name = "prints");
