//! Answers those who change the app while it runs: who has the secret `admin` may list hooks, deploy one, take it
//! back, disable and enable it, and set its limits.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /hooks` | lists the hooks: state, generation, component, earlier ones, limits, and what was set so |
//! | `POST /hooks/NAME`, a component, its SHA-256 in `x-sha256` | deploys it; `?all=true` with all that changes |
//! | `POST /hooks/NAME/rollback` | puts back the component before, or the one of `?to=DIGEST`; `?all=true` as above |
//! | `POST /hooks/NAME/disable`, `POST /hooks/NAME/enable` | takes it out of the set, and puts it back; `?all=true` |
//! | `POST /hooks/NAME/limits`, a JSON object such as `{"cpu": "20ms"}` | sets these limits; `null` takes one back |
//! | `DELETE /hooks/NAME/limits` | takes back all limits that were set so |
//!
//! Every answer is JSON; one that is no success has `error`.

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use crate::app::App;
use crate::body::Body;
use crate::config::{Config, Place, Problem, size_text};
use crate::deploy::{COMPONENT_BYTES_MAX, Change, DeployError, Deployed, Deployer, Digest};
use crate::hook::{BreakerState, Hook};
use crate::running::Replaced;
use crate::secrets::{self, Secret};

/// The name of the secret.
pub const SECRET: &str = "admin";
/// Shorter ones are guessed.
const SECRET_BYTES_MIN: usize = 16;
/// Between two pieces of a component that is sent.
const PAUSE: Duration = Duration::from_secs(10);
/// Bytes of an object of limits.
const LIMITS_BYTES_MAX: usize = 64 << 10;
/// The header that says which component is sent.
pub const DIGEST_HEADER: &str = "x-sha256";

/// What a request came to: a status and a document.
type Answer = (StatusCode, Value);

/// The secret `admin`; none if the operator has given none, and nothing is to be changed from outside.
///
/// # Errors
/// If one is named and is not there, or is too short.
pub fn secret(config: &Config) -> Result<Option<Secret>, Problem> {
    let (place, origin) = config.secrets.place(SECRET);
    if let Place::Variable(variable) = &place
        && origin.is_none()
        && config.variables.get(variable).is_none()
    {
        return Ok(None);
    }
    let secret = secrets::find(config, SECRET)?;
    if secret.expose().len() < SECRET_BYTES_MIN {
        return Err(Problem {
            message: format!("secret `{SECRET}`: it is shorter than {SECRET_BYTES_MIN} bytes"),
            origin,
            hint: Some("make one: `openssl rand -hex 32`".into()),
        });
    }
    Ok(Some(secret))
}

/// Whether a path is one of those answered here.
pub(super) fn is_ours(path: &str) -> bool {
    path == "/hooks" || path.starts_with("/hooks/")
}

/// Answers a request. `deployer` is there once the app is lifted.
pub(super) async fn answer(
    secret: Option<&Secret>,
    deployer: Option<&Arc<Deployer>>,
    request: Request<Incoming>,
) -> Response<Body> {
    let (status, document) = match (secret, deployer) {
        (None, _) => refusal(
            StatusCode::FORBIDDEN,
            "there is no secret `admin`\nhint: set `BOATHOOK_SECRET_ADMIN`, here and where the server starts",
        ),
        (Some(secret), _) if !has(&request, secret) => {
            refusal(StatusCode::UNAUTHORIZED, "this is for those who have the secret `admin`")
        }
        (_, None) => refusal(StatusCode::SERVICE_UNAVAILABLE, "the app is not lifted yet"),
        (_, Some(deployer)) => act(deployer, request).await,
    };
    let mut response = Response::new(Body::whole(format!("{document}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Whether a request has the secret. Digests are compared, so that the time it takes tells nothing.
fn has<B>(request: &Request<B>, secret: &Secret) -> bool {
    let given = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    let given = given.and_then(|given| given.split_at_checked(7));
    given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case(b"bearer ")
            && Sha256::digest(given) == Sha256::digest(secret.expose())
    })
}

async fn act(deployer: &Arc<Deployer>, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let query = |name: &str| {
        let pairs = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
        pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let all = query("all").is_some_and(|all| all == "true");
    let parts: Vec<&str> = head.uri.path().split('/').skip(2).collect();
    match (&head.method, parts.as_slice()) {
        (&Method::GET | &Method::HEAD, []) => (StatusCode::OK, list(deployer).await),
        (&Method::POST, [hook]) => {
            let announced = head.headers.get(DIGEST_HEADER).and_then(|value| value.to_str().ok());
            let Some(announced) = announced.and_then(Digest::parse) else {
                let text =
                    "`x-sha256` must have the SHA-256 of the component, 64 hexadecimal digits";
                return refusal(StatusCode::BAD_REQUEST, text);
            };
            match read(Body::incoming(body), COMPONENT_BYTES_MAX).await {
                Ok(component) => {
                    let (deployer, hook) = (deployer.clone(), (*hook).to_owned());
                    let deployed = async move {
                        let deployed = deployer.deploy(&hook, component, &announced, all).await;
                        deployed.map(|deployed| of_deployed(&deployed))
                    };
                    to_its_end(deployed).await
                }
                Err(refusal) => refusal,
            }
        }
        (&Method::POST, [hook, "rollback"]) => {
            let (deployer, hook, to) = (deployer.clone(), (*hook).to_owned(), query("to"));
            let deployed = async move {
                let deployed = deployer.roll_back(&hook, to.as_deref(), all).await;
                deployed.map(|deployed| of_deployed(&deployed))
            };
            to_its_end(deployed).await
        }
        (&Method::POST, [hook, "disable"]) => change(deployer, hook, Change::Disable, all).await,
        (&Method::POST, [hook, "enable"]) => change(deployer, hook, Change::Enable, all).await,
        (&Method::DELETE, [hook, "limits"]) => change(deployer, hook, Change::Reset, all).await,
        (&Method::POST, [hook, "limits"]) => {
            match read(Body::incoming(body), LIMITS_BYTES_MAX).await.and_then(|text| limits(&text))
            {
                Ok(limits) => change(deployer, hook, limits, all).await,
                Err(refusal) => refusal,
            }
        }
        (_, [] | [_] | [_, "rollback" | "disable" | "enable" | "limits"]) => refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "`/hooks` is for GET, what is below for POST, and `/hooks/NAME/limits` for DELETE too",
        ),
        _ => refusal(
            StatusCode::NOT_FOUND,
            "there are /hooks, /hooks/NAME, and below that rollback, disable, enable and limits",
        ),
    }
}

/// The limits that a body names.
fn limits(text: &[u8]) -> Result<Change, Answer> {
    serde_json::from_slice(text).map(Change::Limit).map_err(|error| {
        let text = format!("limits are a JSON object, such as {{\"cpu\": \"20ms\"}}: {error}");
        refusal(StatusCode::BAD_REQUEST, &text)
    })
}

async fn change(deployer: &Arc<Deployer>, hook: &str, change: Change, all: bool) -> Answer {
    let (deployer, hook) = (deployer.clone(), hook.to_owned());
    let changed = async move {
        let replaced = deployer.change(&hook, change, all).await?;
        let mut document = of_replaced(&replaced);
        let app = deployer.running().app();
        document["disabled"] = app.disabled.contains(&hook).into();
        document["overrides"] = of_overrides(&app, &hook);
        Ok(document)
    };
    to_its_end(changed).await
}

/// Does it, though who asked for it may leave: what was begun is not to be left half done.
async fn to_its_end(
    work: impl Future<Output = Result<Value, DeployError>> + Send + 'static,
) -> Answer {
    match tokio::spawn(work).await {
        Ok(Ok(document)) => (StatusCode::OK, document),
        Ok(Err(error)) => refused(&error),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

async fn read(mut body: Body, bytes_max: usize) -> Result<bytes::Bytes, Answer> {
    match body.gather(bytes_max as u64, PAUSE).await {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => {
            let text = format!("the body may have up to {}", size_text(bytes_max as u64));
            Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, &text))
        }
        Err(error) => Err(refusal(StatusCode::BAD_REQUEST, &error.to_string())),
    }
}

/// The hooks as they are, in hook order.
async fn list(deployer: &Deployer) -> Value {
    let app = deployer.running().app();
    let mut hooks = Vec::new();
    for hook in &app.hooks {
        let digest = Digest::from(hook.found.digest);
        let earlier = deployer.history(hook.name()).await;
        let earlier: Vec<_> = earlier.into_iter().filter(|known| *known != digest).collect();
        let limits = hook.found.limits.written().rows().into_iter();
        let limits: Map<_, _> = limits.map(|(key, value)| (key.to_owned(), value)).collect();
        hooks.push(json!({
            "name": &**hook.name(),
            "state": state(hook),
            "generation": hook.generation,
            "version": hook.found.manifest.version,
            "mode": hook.found.mode,
            "digest": digest,
            "earlier": earlier,
            "instances": hook.instances(),
            "limits": limits,
            "overrides": of_overrides(&app, hook.name()),
        }));
    }
    json!({ "hooks": hooks, "disabled": app.disabled, "overrides": app.config.overrides })
}

/// What a hook does at the moment.
fn state(hook: &Hook) -> &'static str {
    match hook.breaker() {
        BreakerState::Closed => "serves",
        BreakerState::Open => "broken",
        BreakerState::HalfOpen => "on trial",
    }
}

/// What was said of a hook while the server ran.
fn of_overrides(app: &App, hook: &str) -> Value {
    let said = app.config.overrides.get(hook).cloned().unwrap_or_default();
    json!(said)
}

fn of_deployed(Deployed { digest, replaced }: &Deployed) -> Value {
    let mut document = of_replaced(replaced);
    document["digest"] = json!(digest);
    document
}

fn of_replaced(replaced: &Replaced) -> Value {
    let names = |names: &[Arc<str>]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "lifted": names(&replaced.lifted),
        "kept": names(&replaced.kept),
        "gone": names(&replaced.gone),
    })
}

fn refused(error: &DeployError) -> Answer {
    let status = match error {
        DeployError::NotAsAnnounced(_) => StatusCode::BAD_REQUEST,
        DeployError::NoHook(_) => StatusCode::NOT_FOUND,
        DeployError::NoEarlier { .. } | DeployError::Others(_) => StatusCode::CONFLICT,
        DeployError::Lift(_) => StatusCode::UNPROCESSABLE_ENTITY,
        DeployError::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    refusal(status, &error.to_string())
}

fn refusal(status: StatusCode, text: &str) -> Answer {
    (status, json!({ "error": text }))
}
