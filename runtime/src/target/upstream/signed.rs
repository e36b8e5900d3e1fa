//! Signs locals for an upstream: as a JSON Web Token in compact form (RFC 7515, 7519), by HMAC with SHA-256,
//! which a library in any language verifies.
//!
//! The token holds for a minute, and names the request that it came with. It is signed and not encrypted: the
//! upstream and whoever it shows its headers to can read it.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::config::ForwardLocals;
use crate::error::{Code, Failure};
use crate::exchange::{Locals, Request};
use crate::secrets::Secret;

/// Bytes of the header's value. Servers take heads of 8 KiB and more, for all headers together.
const TOKEN_BYTES_MAX: usize = 4 << 10;
/// Bytes of a secret at least: as many as the signature has (RFC 7518, 3.2).
pub(crate) const SECRET_BYTES_MIN: usize = 32;
/// How long it holds: the way to the upstream, and clocks that differ.
const HOLDS: Duration = Duration::from_secs(60);

/// What signs the locals of one route's requests.
#[derive(Clone, Debug)]
pub struct Signer {
    header: HeaderName,
    keys: Vec<String>,
    /// The token's first part.
    protected: String,
    secret: Secret,
}

impl Signer {
    /// One that does as the configuration says.
    ///
    /// # Errors
    /// If the secret is too short, or the header's name is none.
    pub fn new(forward: &ForwardLocals, secret: Secret) -> Result<Self, String> {
        let found = secret.expose().len();
        if found < SECRET_BYTES_MIN {
            return Err(format!(
                "`forward_locals`: secret `{}` has {found} bytes, of {SECRET_BYTES_MIN} at least\n\
                 hint: make one by `openssl rand -hex 32`",
                forward.secret
            ));
        }
        let header = forward.header.parse();
        let header = header.map_err(|_| format!("`{}` is not a header", forward.header))?;
        // Whoever knows several secrets, as while one is replaced, knows by `kid` which one it is.
        let protected = json!({ "alg": "HS256", "typ": "JWT", "kid": forward.secret }).to_string();
        let protected = URL_SAFE_NO_PAD.encode(protected);
        Ok(Self { header, keys: forward.keys.clone(), protected, secret })
    }

    /// The header for a request that goes to `target`, path and query as the upstream sees them.
    ///
    /// # Errors
    /// If the locals are too large. To leave them out would be to say that nobody is logged in.
    pub(super) fn sign(
        &self,
        locals: &Locals,
        request: &Request,
        target: &str,
    ) -> Result<(HeaderName, HeaderValue), Failure> {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let head = json!({
            "iss": "boathook",
            "iat": now.as_secs(),
            "exp": (now + HOLDS).as_secs(),
            "jti": request.id.to_string(),
            "method": request.method.as_str(),
            "target": target,
        });
        // The locals are JSON already, and stay letter by letter as a hook wrote them.
        let head = head.to_string();
        let claims = format!("{},\"locals\":{}}}", head.trim_end_matches('}'), self.named(locals));
        let signed = format!("{}.{}", self.protected, URL_SAFE_NO_PAD.encode(claims));
        let token = format!("{signed}.{}", self.signature(&signed)?);
        if token.len() > TOKEN_BYTES_MAX {
            let text = format!(
                "`forward_locals`: the header `{}` would have {} bytes, of {TOKEN_BYTES_MAX}\n\
                 hint: keep less in {}",
                self.header,
                token.len(),
                crate::host::list(&self.keys)
            );
            return Err(Failure::new(Code::LocalsTooLarge, text));
        }
        let value = HeaderValue::try_from(token);
        let value = value.map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        Ok((self.header.clone(), value))
    }

    /// Those of the locals that are to go, those that are missing left out.
    fn named(&self, locals: &Locals) -> String {
        let found = self.keys.iter().filter_map(|key| {
            let value = locals.get(key)?;
            Some(format!("{}:{value}", Value::from(key.as_str())))
        });
        format!("{{{}}}", found.collect::<Vec<_>>().join(","))
    }

    fn signature(&self, text: &str) -> Result<String, Failure> {
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.expose().as_bytes());
        let mut mac = mac.map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        mac.update(text.as_bytes());
        Ok(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Exchange;

    fn signer(secret: &str) -> Result<Signer, String> {
        let forward = ForwardLocals {
            header: "x-boathook-locals".into(),
            keys: vec!["me".into(), "a \"b\"".into(), "gone".into()],
            secret: "upstream".into(),
        };
        Signer::new(&forward, Secret::new(secret))
    }

    #[test]
    fn a_signature_is_that_of_the_standard() {
        // As `openssl dgst -sha256 -hmac` has it.
        let signer = signer("0123456789abcdef0123456789abcdef").unwrap();
        let signature = signer.signature("eyJhbGciOiJIUzI1NiJ9.e30").unwrap();
        assert_eq!(signature, "x68P15GCa1HmSDdw4rVLsw6ZdUMyLZHfITcI3kWE3Eg");
    }

    #[test]
    fn a_token_has_the_named_locals_and_the_request() {
        let request = Exchange::blank().request;
        let mut locals = Locals::default();
        locals.set("me".into(), r#"{"id": 12345678901234567890123}"#.into());
        locals.set("a \"b\"".into(), "\"}\"".into());
        locals.set("other".into(), "1".into());
        let signer = signer(&"s".repeat(32)).unwrap();
        let (name, value) = signer.sign(&locals, &request, "/x?y=}").unwrap();
        assert_eq!(name, "x-boathook-locals");
        let token = value.to_str().unwrap();
        let parts: Vec<_> = token.split('.').collect();
        let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(text(parts[0]), r#"{"alg":"HS256","typ":"JWT","kid":"upstream"}"#);
        let claims = text(parts[1]);
        let wanted = r#","locals":{"me":{"id": 12345678901234567890123},"a \"b\"":"}"}}"#;
        assert!(claims.ends_with(wanted), "{claims}");
        let claims: Value = serde_json::from_str(&claims).unwrap();
        assert_eq!((&claims["target"], &claims["method"]), (&json!("/x?y=}"), &json!("GET")));
        assert_eq!(claims["jti"], request.id.to_string());
        let time = |name: &str| claims[name].as_u64().unwrap();
        assert_eq!(time("exp") - time("iat"), HOLDS.as_secs());
    }

    #[test]
    fn locals_that_are_too_large_are_an_error_and_those_just_below_are_not() {
        let request = Exchange::blank().request;
        let signer = signer(&"s".repeat(32)).unwrap();
        let length = |bytes: usize| {
            let mut locals = Locals::default();
            locals.set("me".into(), format!("\"{}\"", "x".repeat(bytes)));
            signer.sign(&locals, &request, "/").map(|(_, value)| value.len())
        };
        let room = TOKEN_BYTES_MAX - length(0).unwrap();
        let fits = room / 4 * 3 - 3;
        assert!(length(fits).unwrap() <= TOKEN_BYTES_MAX);
        let failure = length(fits + 12).unwrap_err();
        assert_eq!(failure.code, Code::LocalsTooLarge);
    }

    #[test]
    fn a_short_secret_is_refused_and_not_shown() {
        assert!(signer(&"s".repeat(32)).is_ok());
        let text = signer("swordfish").unwrap_err();
        assert!(text.contains("secret `upstream` has 9 bytes, of 32"), "{text}");
        assert!(!text.contains("swordfish"));
    }
}
