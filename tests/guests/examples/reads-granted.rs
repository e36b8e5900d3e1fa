//! Reads what it was granted, or was not: secrets, environment variables, files. As the query or its setting
//! `leaks` says, it then lets a secret slip.

use std::fs;
use std::io::Write as _;

use boathook_sdk::prelude::*;
use guests::wanted;

#[derive(Default)]
struct ReadsGranted {
    early: Option<String>,
}

impl Hook for ReadsGranted {
    fn configure(&mut self) -> Result<()> {
        match config::get_own::<String>("leaks")? {
            Some(name) => config::set_own("leaked", json!([secrets::get(&name)?])),
            None => Ok(()),
        }
    }

    fn initialize(&mut self) -> Result<()> {
        if let Some(name) = config::get_own::<String>("early")? {
            self.early = Some(secrets::get(&name)?);
        }
        Ok(())
    }

    fn routes(&self) -> Routes<Self> {
        Routes::new()
            .before("GET /secret", Self::secret)
            .before("GET /early", Self::early)
            .before("GET /leak", Self::leak)
            .before("GET /variables", Self::variables)
            .before("GET /file", Self::file)
            .before("GET /folder", Self::folder)
            .before("GET /write", Self::write)
    }
}

impl ReadsGranted {
    fn secret(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match secrets::get(&wanted(req, "name")?) {
            Ok(text) => res.text(&text),
            Err(error) => res.status(403).text(error.to_string()),
        }
    }

    fn early(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        res.text(self.early.as_deref().unwrap_or_default())
    }

    fn leak(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let text = format!("slipped: {}", secrets::get(&wanted(req, "name")?)?);
        match wanted(req, "how")?.as_str() {
            "log" => log::info!("{text}"),
            "stderr" => writeln!(std::io::stderr(), "{text}")?,
            "panic" => panic!("{text}"),
            "error" => return Err(Error::bad_request(&text).with_details(json!({ "said": text }))),
            other => return Err(Error::bad_request(other)),
        }
        res.ok(())
    }

    fn variables(&mut self, _req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let mut all: Vec<_> =
            std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
        all.sort();
        res.json(all)
    }

    fn file(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        match fs::read_to_string(wanted(req, "path")?) {
            Ok(text) => res.text(&text),
            Err(error) => res.status(404).text(error.to_string()),
        }
    }

    fn folder(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let entries = fs::read_dir(wanted(req, "path")?)?;
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        res.json(names)
    }

    fn write(&mut self, req: &mut Request, res: &mut Response) -> Result<Outcome> {
        let path = wanted(req, "path")?;
        let written = fs::write(&path, "mine").err();
        let appended = fs::OpenOptions::new().append(true).open(&path).err();
        let removed = fs::remove_file(&path).err();
        let made = fs::create_dir(format!("{path}-folder")).err();
        let renamed = fs::rename(&path, format!("{path}-renamed")).err();
        let all = [written, appended, removed, made, renamed];
        res.json(all.iter().map(|error| error.is_some()).collect::<Vec<_>>())
    }
}

export!(ReadsGranted, name = "reads-granted");
