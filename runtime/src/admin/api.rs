//! Answers those who change the app while it runs: who has the secret `admin` may list hooks, deploy one, and
//! take it back.
//!
//! | request | what it does |
//! |---|---|
//! | `GET /hooks` | lists the hooks: generation, component, earlier components |
//! | `POST /hooks/NAME`, a component, its SHA-256 in `x-sha256` | deploys it; `?all=true` with all that changes |
//! | `POST /hooks/NAME/rollback` | puts back the component before, or the one of `?to=DIGEST`; `?all=true` as above |
//!
//! Every answer is JSON; one that is no success has `error`.

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use crate::body::Body;
use crate::config::{Config, Place, Problem};
use crate::deploy::{COMPONENT_BYTES_MAX, DeployError, Deployed, Deployer, Digest};
use crate::secrets::{self, Secret};

/// The name of the secret.
pub const SECRET: &str = "admin";
/// Shorter ones are guessed.
const SECRET_BYTES_MIN: usize = 16;
/// Between two pieces of a component that is sent.
const PAUSE: Duration = Duration::from_secs(10);
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
            match read(Body::incoming(body)).await {
                Ok(component) => {
                    let (deployer, hook) = (deployer.clone(), (*hook).to_owned());
                    to_its_end(
                        async move { deployer.deploy(&hook, component, &announced, all).await },
                    )
                    .await
                }
                Err(refusal) => refusal,
            }
        }
        (&Method::POST, [hook, "rollback"]) => {
            let (deployer, hook, to) = (deployer.clone(), (*hook).to_owned(), query("to"));
            to_its_end(async move { deployer.roll_back(&hook, to.as_deref(), all).await }).await
        }
        (_, [] | [_] | [_, "rollback"]) => {
            refusal(StatusCode::METHOD_NOT_ALLOWED, "`/hooks` is for GET, what is below for POST")
        }
        _ => {
            refusal(StatusCode::NOT_FOUND, "there are /hooks, /hooks/NAME and /hooks/NAME/rollback")
        }
    }
}

/// Does it, though who asked for it may leave: what was begun is not to be left half done.
async fn to_its_end(
    work: impl Future<Output = Result<Deployed, DeployError>> + Send + 'static,
) -> Answer {
    match tokio::spawn(work).await {
        Ok(came) => said(came),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

async fn read(mut body: Body) -> Result<bytes::Bytes, Answer> {
    match body.gather(COMPONENT_BYTES_MAX as u64, PAUSE).await {
        Ok(Some(component)) => Ok(component),
        Ok(None) => {
            let text = format!("a component has up to {} MiB", COMPONENT_BYTES_MAX >> 20);
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
        hooks.push(json!({
            "name": &**hook.name(),
            "generation": hook.generation,
            "version": hook.found.manifest.version,
            "mode": hook.found.mode,
            "digest": digest,
            "earlier": earlier,
            "instances": hook.instances(),
        }));
    }
    json!({ "hooks": hooks, "disabled": app.disabled })
}

fn said(came: Result<Deployed, DeployError>) -> Answer {
    match came {
        Ok(Deployed { digest, replaced }) => {
            let names = |names: &[Arc<str>]| -> Vec<String> {
                names.iter().map(ToString::to_string).collect()
            };
            let document = json!({
                "digest": digest,
                "lifted": names(&replaced.lifted),
                "kept": names(&replaced.kept),
                "gone": names(&replaced.gone),
            });
            (StatusCode::OK, document)
        }
        Err(error) => {
            let status = match &error {
                DeployError::NotAsAnnounced(_) => StatusCode::BAD_REQUEST,
                DeployError::NoEarlier { .. } | DeployError::Others(_) => StatusCode::CONFLICT,
                DeployError::Lift(_) => StatusCode::UNPROCESSABLE_ENTITY,
                DeployError::Disk(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            refusal(status, &error.to_string())
        }
    }
}

fn refusal(status: StatusCode, text: &str) -> Answer {
    (status, json!({ "error": text }))
}
