//! `boathook ls`, `deploy` and `rollback`: ask the server that runs, at its admin listener. What all such commands
//! share is here, too.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use clap::Args;
use http::header::{AUTHORIZATION, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use url::form_urlencoded;

use super::{App, Json, block_on, say, say_json, text};
use crate::admin::api;
use crate::config::{Config, Problems};
use crate::deploy::Digest;
use crate::hook::find::Found;
use crate::secrets::Secret;

/// For the whole conversation. A hook has `hook_timeout` for each phase, and compiling an interpreter takes
/// seconds.
const PATIENCE: Duration = Duration::from_secs(300);
/// Bytes of an answer: a list of a thousand hooks is a tenth.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// List the hooks of the server that runs
#[derive(Debug, Args)]
pub(super) struct Ls {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    pub(super) json: Json,
}

/// Put a component in the place of a hook of the server that runs
#[derive(Debug, Args)]
pub(super) struct Deploy {
    /// The component
    file: PathBuf,
    #[command(flatten)]
    server: Server,
    /// The hook's name [default: what the component says, or its file is called]
    #[arg(long)]
    name: Option<String>,
    /// Lift all hooks that change with it, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    pub(super) json: Json,
}

/// Put back what a hook of the server that runs was before
#[derive(Debug, Args)]
pub(super) struct Rollback {
    /// The hook
    hook: String,
    #[command(flatten)]
    server: Server,
    /// The first digits of the SHA-256 of the component that it is to be [default: the one before]
    #[arg(long, value_name = "DIGEST")]
    to: Option<String>,
    /// Lift all hooks that change with it, too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    pub(super) json: Json,
}

/// Which server is meant: the one of the app folder, whose configuration says where its admin listener is
/// and where the secret `admin` lies.
#[derive(Debug, Args)]
pub(super) struct Server {
    #[command(flatten)]
    pub(super) app: App,
    /// Where the admin listener is [default: `admin.listen`]
    #[arg(long, value_name = "HOST:PORT")]
    admin: Option<String>,
}

impl Ls {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let document = self.server.ask(Method::GET, "/hooks", Bytes::new())?;
        if self.json.json {
            say_json(&document);
        } else {
            say(&text::columns(&rows(&document)));
        }
        Ok(())
    }
}

impl Deploy {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let found = Found::alone(&self.file)?;
        let name = self.name.unwrap_or_else(|| found.name.to_string());
        let query = if self.all { "?all=true" } else { "" };
        let path = format!("/hooks/{}{query}", escaped(&name));
        let component = Bytes::from_owner(found.wasm.bytes().map_err(anyhow::Error::msg)?);
        let document = self.server.ask(Method::POST, &path, component)?;
        tell(&name, "is", &document, self.json.json);
        Ok(())
    }
}

impl Rollback {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let to = self.to.map(|to| format!("&to={}", escaped(&to))).unwrap_or_default();
        let path = format!("/hooks/{}/rollback?all={}{to}", escaped(&self.hook), self.all);
        let document = self.server.ask(Method::POST, &path, Bytes::new())?;
        tell(&self.hook, "is again", &document, self.json.json);
        Ok(())
    }
}

/// What is said where the server is asked no longer, though it may still be compiling behind its requests.
fn no_answer() -> anyhow::Error {
    anyhow!(
        "no answer after {PATIENCE:?}\n\
         hint: the server goes on with what it has begun: `boathook ls` and its log tell what came of it"
    )
}

impl Server {
    /// Asks the admin listener, and returns what it answers to what went well.
    pub(super) fn ask(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Value> {
        let (config, problems) = self.app.look()?;
        if !problems.0.is_empty() {
            return Err(problems.into());
        }
        let secret = api::secret(&config).map_err(Problems::from)?.with_context(|| {
            "there is no secret `admin`\nhint: set `BOATHOOK_SECRET_ADMIN`, here and where the server starts"
        })?;
        let admin = self.address(&config)?;
        let asked = async {
            let asked = ask(&admin, &secret, method, path, body);
            let answered = tokio::time::timeout(PATIENCE, asked).await;
            answered.unwrap_or_else(|_| Err(no_answer()))
        };
        block_on(Some(1), asked).with_context(|| format!("the admin listener on {admin}"))
    }

    /// Where nothing listens, though this app's server would if it ran: then it does not. None if somebody does, or
    /// if it is not known where that would be.
    pub(super) fn is_stopped(&self, config: &Config) -> Option<String> {
        let listen = config.server.admin.as_ref().filter(|_| self.admin.is_none())?.to_string();
        // With port 0 it listens wherever there was room.
        if listen.ends_with(":0") {
            return None;
        }
        let refused = std::net::TcpStream::connect(&listen).err()?;
        (refused.kind() == std::io::ErrorKind::ConnectionRefused).then_some(listen)
    }

    fn address(&self, config: &Config) -> anyhow::Result<String> {
        if let Some(admin) = &self.admin {
            return Ok(admin.clone());
        }
        let listen = config.server.admin.as_ref().context(
            "the app has no admin listener\nhint: write `admin.listen = \"127.0.0.1:1338\"` into boathook.toml, \
             or say where it is: `--admin HOST:PORT`",
        )?;
        Ok(listen.to_string())
    }
}

async fn ask(
    admin: &str,
    secret: &Secret,
    method: Method,
    path: &str,
    body: Bytes,
) -> anyhow::Result<Value> {
    let stream =
        TcpStream::connect(admin).await.context("cannot connect\nhint: does the server run?")?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender; what went wrong with it the request says.
    tokio::spawn(connection);
    let digest = Digest::of(&body).to_string();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, admin)
        .header(AUTHORIZATION, format!("Bearer {}", secret.expose()))
        .header(api::DIGEST_HEADER, digest)
        .body(Full::new(body))?;
    let response = sender.send_request(request).await.context("it does not answer")?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| anyhow!("it did not answer to the end: {error}"))?.to_bytes();
    let document: Value = serde_json::from_slice(&body)
        .with_context(|| format!("it answers {status}, and not as Boathook does"))?;
    if !status.is_success() {
        bail!("{}", document["error"].as_str().unwrap_or("it says no more than that it failed"));
    }
    Ok(document)
}

pub(super) fn escaped(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Tells what became of a deploy.
fn tell(hook: &str, verb: &str, document: &Value, json: bool) {
    if json {
        return say_json(document);
    }
    let digest = document["digest"].as_str().unwrap_or_default();
    say(&format!("{hook} {verb} {digest}"));
    say_replaced(document);
}

/// Tells what became of each hook.
pub(super) fn say_replaced(document: &Value) {
    for (what, key) in [("lifted", "lifted"), ("unchanged", "kept"), ("gone", "gone")] {
        let names = document[key].as_array().into_iter().flatten().filter_map(Value::as_str);
        let names = names.collect::<Vec<_>>().join(", ");
        if !names.is_empty() {
            say(&format!("  {what}: {names}"));
        }
    }
}

fn rows(document: &Value) -> Vec<Vec<String>> {
    let titles = ["hook", "state", "generation", "mode", "instances", "component", "earlier"];
    let mut rows =
        vec![[&titles[..], &["override"]].concat().iter().map(|&it| it.into()).collect()];
    let short =
        |digest: &Value| digest.as_str().unwrap_or_default().chars().take(12).collect::<String>();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for hook in document["hooks"].as_array().into_iter().flatten() {
        let earlier = hook["earlier"].as_array().into_iter().flatten().map(short);
        rows.push(vec![
            text(&hook["name"]),
            text(&hook["state"]),
            hook["generation"].to_string(),
            text(&hook["mode"]),
            hook["instances"].to_string(),
            short(&hook["digest"]),
            earlier.collect::<Vec<_>>().join(" "),
            overridden(&hook["overrides"]),
        ]);
    }
    for hook in document["disabled"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let nothing = titles[2..].iter().map(|_| String::new());
        let said = overridden(&document["overrides"][hook]);
        rows.push(
            [hook.to_owned(), "disabled".into()].into_iter().chain(nothing).chain([said]).collect(),
        );
    }
    rows
}

/// What was said of a hook while it served, in the words of the commands.
pub(super) fn overridden(said: &Value) -> String {
    let enabled = said["enabled"].as_bool();
    let switch = enabled.map(|enabled| if enabled { "enable" } else { "disable" }.to_owned());
    let limits = said["limits"].as_object().into_iter().flatten().map(|(limit, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{limit}={value}")
    });
    switch.into_iter().chain(limits).collect::<Vec<_>>().join(" ")
}
