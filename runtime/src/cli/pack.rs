//! `boathook pack`: makes a hook of what a compiler made.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{Json, say, say_json};
use crate::hook::find::Found;
use crate::lift;
use crate::project::pack::{Section, pack};
use crate::project::{put_wasm, read_wasm};

/// Make a hook of a core module, or write a component's manifest.
#[derive(Debug, Args)]
pub(super) struct Pack {
    /// A core module with the exports of a hook, or a component
    file: PathBuf,
    /// Where the hook goes
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// A hook.toml to be written into it, over what it says itself
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// The hook's name, over all of it
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    pub(super) json: Json,
}

impl Pack {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let file = self.file.display();
        let wasm = read_wasm(&self.file)?;
        let manifest = self.manifest.map(|path| {
            let label = path.display().to_string();
            let text = std::fs::read_to_string(&path);
            text.with_context(|| format!("{label}: cannot be read")).map(|text| (label, text))
        });
        let manifest = manifest.transpose()?;
        let section = Section {
            manifest: manifest.as_ref().map(|(label, text)| (&**label, &**text)),
            name: self.name.as_deref(),
        };
        let component = pack(&wasm, section).with_context(|| file.to_string())?;
        // Before it is written: what stands in its place may be at work.
        let hook = Found::unwritten(&self.out, component)?;
        lift::try_load(&hook, &super::compiler())?;
        put_wasm(&self.out, &hook.wasm.bytes().map_err(anyhow::Error::msg)?)?;
        let (out, size) = (self.out.display(), hook.facts.size);
        if self.json.json {
            say_json(&json!({
                "ok": true,
                "name": &*hook.name,
                "file": out.to_string(),
                "size": size,
            }));
        } else {
            say(&format!("packed: hook `{}`, {size} bytes, in {out}", hook.name));
        }
        Ok(())
    }
}
