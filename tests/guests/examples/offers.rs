//! Offers methods of every kind, and public data.

use boathook_sdk::prelude::*;

#[derive(Default)]
struct Offers;

impl Hook for Offers {
    fn initialize(&mut self) -> Result<()> {
        hooks::publish("answer", 42)
    }

    fn methods(&self) -> Methods<Self> {
        Methods::new()
            .method("double", "Twice the number.", |_, args| {
                Ok(json!(args.as_u64().map(|n| n * 2)))
            })
            .method(
                "fail",
                "Fails.",
                |_, _| Err(Error::new("I would rather not").with_code("E_NO")),
            )
            .method("panic", "Traps.", |_, _| panic!("in a method"))
            .method("spin", "Never ends.", |_, _| {
                guests::spin(None);
                Ok(Value::Null)
            })
    }
}

export!(Offers, name = "offers");
