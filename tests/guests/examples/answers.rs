//! Does whatever its input says: the fuzzer's bytes, read as a program of calls into the host.
//!
//! The body is the program of `handle-route`, the header `x-observe`, in hexadecimal, that of
//! `handle-response`. An instruction is a byte that says what to call, and then its arguments: a number
//! is two bytes, a text or a block its length in two bytes and its bytes. What is missing at the end
//! reads as zeros. No program is wrong.

use boathook_sdk::prelude::*;

#[cfg(target_family = "wasm")]
use boathook_sdk::bindings::boathook::hook::{config, events, hooks, kv, log, request, response};

#[derive(Default)]
struct Answers;

impl Hook for Answers {
    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("ALL /answers/:id", Self::answer)
            .read_body()
            .observe_response(Self::observe)
    }
}

impl Answers {
    fn answer(&mut self, req: &mut Request, _res: &mut Response) -> Result<Outcome> {
        Program { bytes: &req.body()? }.run()
    }

    fn observe(&mut self, req: &Request, _res: &mut Response) -> Result<()> {
        let digits = req.header("x-observe").unwrap_or_default();
        let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        let bytes: Vec<u8> = (0..digits.len()).step_by(2).map_while(byte).collect();
        Program { bytes: &bytes }.run().map(|_| ())
    }
}

/// What is left of a program.
struct Program<'a> {
    bytes: &'a [u8],
}

impl<'a> Program<'a> {
    fn byte(&mut self) -> u8 {
        let (byte, rest) = self.bytes.split_first().unwrap_or((&0, &[]));
        self.bytes = rest;
        *byte
    }

    fn number(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    fn block(&mut self) -> &'a [u8] {
        let length = usize::from(self.number()).min(self.bytes.len());
        let (block, rest) = self.bytes.split_at(length);
        self.bytes = rest;
        block
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.block()).into_owned()
    }

    fn maybe<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.byte() % 2 == 1).then(|| read(self))
    }

    /// Runs to the end. Every refusal of the host's is passed over.
    fn run(mut self) -> Result<Outcome> {
        while !self.bytes.is_empty() {
            let instruction = self.byte();
            match instruction {
                200..=209 => return Ok(Outcome::Next),
                210..=215 => return Ok(Outcome::NextRoute),
                216..=240 => return Ok(Outcome::Respond),
                241..=252 => return Err(self.error()),
                // Rare, or the hook would be kept from its requests most of the time.
                253 => panic!("as the program says"),
                _ => self.call(instruction % 38),
            }
        }
        Ok(Outcome::Respond)
    }

    fn error(&mut self) -> Error {
        let mut error = Error::new(self.text()).with_code(self.text());
        if let Some(status) = self.maybe(Self::number) {
            error = error.with_status(status);
        }
        match self.maybe(Self::text) {
            Some(details) => error.with_details(details),
            None => error,
        }
    }

    #[cfg(target_family = "wasm")]
    fn call(&mut self, function: u8) {
        match function {
            0 => drop(response::set_status(self.number())),
            1 => drop(response::set_headers(self.block())),
            2 => drop(response::append_headers(self.block())),
            3 => drop(response::remove_header(&self.text())),
            4 => drop(response::set_body(self.block())),
            5 => drop(response::write_body(self.block())),
            6 => drop(response::redirect(&self.text(), self.maybe(Self::number))),
            7 => drop(response::json(&self.text())),
            8 => drop(response::ok(self.maybe(Self::text).as_deref())),
            9 => drop(response::bad_request(self.maybe(Self::text).as_deref())),
            10 => drop(response::server_error(self.maybe(Self::text).as_deref())),
            11 => drop(response::header(&self.text())),
            12 => drop(response::body()),
            13 => drop(request::set_header(&self.text(), self.block())),
            14 => drop(request::remove_header(&self.text())),
            15 => drop(request::set_path(&self.text())),
            16 => drop(request::set_query(&self.text())),
            17 => drop(request::set_body(self.block())),
            18 => drop(request::set_local(&self.text(), &self.text())),
            19 => drop((request::header(&self.text()), request::headers())),
            20 => drop((request::cookie(&self.text()), request::cookies())),
            21 => drop((request::param(&self.text()), request::local(&self.text()))),
            22 => log::log(log::Level::Silly, &self.text(), &self.text()),
            23 => log::log(log::Level::Error, &self.text(), &self.text()),
            24 => drop(events::emit(&self.text(), &self.text())),
            25 => drop(events::subscribe(&self.text())),
            26 => drop(events::wait(&[self.text(), self.text()])),
            27 => drop(config::get(&self.text())),
            28 => drop(config::set(&self.text(), &self.text())),
            29 => drop(hooks::publish(&self.text(), &self.text())),
            30 => drop(hooks::data(&self.text(), &self.text())),
            31 => drop(hooks::call(&self.text(), &self.text(), &self.text())),
            32 => drop(kv::get(&self.namespace(), &self.text())),
            33 => {
                let (namespace, key, value) = (self.namespace(), self.text(), self.block());
                drop(kv::set(&namespace, &key, value, self.maybe(Self::number).map(u64::from)));
            }
            34 => drop(kv::delete(&self.namespace(), &self.text())),
            35 => {
                let (namespace, key) = (self.namespace(), self.text());
                let (old, new) = (self.maybe(Self::block), self.maybe(Self::block));
                drop(kv::compare_and_set(&namespace, &key, old, new, None));
            }
            36 => {
                let (namespace, key, by) = (self.namespace(), self.text(), self.number());
                let window = self.maybe(Self::number).map(u64::from);
                drop(kv::increment(&namespace, &key, i64::from(by) << (by % 49), window));
            }
            _ => {
                let (namespace, prefix) = (self.namespace(), self.text());
                let cursor = self.maybe(Self::text);
                drop(kv::keys(&namespace, &prefix, cursor.as_deref(), self.number().into()));
            }
        }
    }

    /// One that is granted, or any.
    #[cfg(target_family = "wasm")]
    fn namespace(&mut self) -> String {
        self.maybe(Self::text).unwrap_or_else(|| "test".into())
    }

    /// There is no host to call.
    #[cfg(not(target_family = "wasm"))]
    fn call(&mut self, _function: u8) {}
}

export!(Answers, name = "answers");
