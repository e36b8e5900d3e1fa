//! Locals for an upstream, in a signed header that nobody else can send.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};

use crate::harness::{App, Ran, check};

const SECRET: &str = "only-for-tests-and-of-32-bytes-at-least";

/// One route with the header, and one without.
const FORWARDS: &str = "
    //- boathook.toml
    [[routes]]
    address = \"/app/*\"
    upstream = \"http://{upstream}/base\"
    strip_prefix = \"/app\"
    forward_locals = { keys = [\"me\", \"found\"], secret = \"upstream\" }
    [[routes]]
    address = \"/plain/*\"
    upstream = \"http://{upstream}\"
    //- env
    BOATHOOK_SECRET_UPSTREAM=only-for-tests-and-of-32-bytes-at-least
    //- hooks
    rewrites
    ";

/// What the upstream got under the name, all lines of it.
fn arrived(app: &mut App, target: &str, headers: &[&str]) -> Vec<String> {
    let headers: Vec<String> = headers.iter().map(ToString::to_string).collect();
    let response = app.send("GET", target, &headers, "");
    assert_eq!(response.status, 200, "{}", response.text());
    let echo = response.text();
    let fields = echo.lines().skip(1).take_while(|line| !line.is_empty());
    let ours = |name: &str| name.replace(['_', '.'], "-") == "x-boathook-locals";
    let fields = fields.filter_map(|line| line.split_once(": ")).filter(|(name, _)| ours(name));
    fields.map(|(_, value)| value.to_owned()).collect()
}

/// What a token says, if this secret has signed it.
fn verified(token: &str, secret: &str) -> Option<Value> {
    let (signed, signature) = token.rsplit_once('.')?;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(signed.as_bytes());
    mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let (protected, claims) = signed.split_once('.')?;
    let read = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    let protected: Value = read(protected)?;
    assert_eq!(protected, json!({ "alg": "HS256", "typ": "JWT", "kid": "upstream" }));
    read(claims)
}

#[track_caller]
fn only(tokens: &[String]) -> Value {
    let [token] = tokens else { panic!("not one header: {tokens:?}") };
    verified(token, SECRET).unwrap_or_else(|| panic!("not signed: {token}"))
}

#[test]
fn an_upstream_gets_the_locals_and_can_tell_who_says_so() {
    let mut app = App::lift(FORWARDS);
    let local = r#"x-set-local: me={"id":7,"name":"J\u00f6rg"}"#;
    let tokens = arrived(&mut app, "/app/cart?a=b", &[local]);
    let claims = only(&tokens);
    // A local that is not there is left out.
    assert_eq!(claims["locals"], json!({ "me": { "id": 7, "name": "J\u{f6}rg" } }));
    assert_eq!(claims["iss"], "boathook");
    assert_eq!((&claims["method"], &claims["target"]), (&json!("GET"), &json!("/base/cart?a=b")));
    let time = |name: &str| claims[name].as_u64().expect("a time in seconds");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock").as_secs();
    assert!(time("iat") <= now && now <= time("exp"), "{claims}");
    // Whoever changes a letter, or has another secret, is found out.
    let token = &tokens[0];
    assert_eq!(verified(token, "another-secret-of-just-as-many-bytes!"), None);
    for at in [0, token.len() / 2, token.len() - 2] {
        let mut forged = token.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).expect("letters");
        assert_eq!(verified(&forged, SECRET), None, "{at}");
    }
    // With no local at all it is there, too: nobody is logged in, and that is signed.
    assert_eq!(only(&arrived(&mut app, "/app/", &[]))["locals"], json!({}));
    assert_eq!(arrived(&mut app, "/plain/", &[local]), Vec::<String>::new());
}

#[test]
fn the_header_of_a_client_reaches_neither_hooks_nor_any_upstream() {
    let mut app = App::lift(FORWARDS);
    for name in [
        "x-boathook-locals",
        "X-Boathook-Locals",
        "x_boathook_locals",
        "X-BOATHOOK_LOCALS",
        "x.boathook.locals",
    ] {
        let line = format!("{name}: forged");
        let look = format!("x-look-for: {name}");
        let headers = [line.as_str(), line.as_str(), &look, "connection: x-boathook-locals"];
        let claims = only(&arrived(&mut app, "/app/", &headers));
        assert_eq!(claims["locals"], json!({ "found": null }), "{name}");
        assert_eq!(arrived(&mut app, "/plain/", &headers), Vec::<String>::new(), "{name}");
    }
    // A hook that looks for another one finds it.
    let headers = ["x-other: here", "x-look-for: x-other"];
    let claims = only(&arrived(&mut app, "/app/", &headers));
    assert_eq!(claims["locals"], json!({ "found": "here" }));
}

#[test]
fn a_hook_tells_an_upstream_by_locals_alone() {
    let mut app = App::lift(FORWARDS);
    for name in ["x-boathook-locals", "x_boathook_locals"] {
        let set = format!("x-set-header: {name}=made by a hook");
        let claims = only(&arrived(&mut app, "/app/", &[&set]));
        assert_eq!(claims["locals"], json!({}));
        assert_eq!(arrived(&mut app, "/plain/", &[&set]), Vec::<String>::new());
    }
}

#[test]
fn locals_that_do_not_fit_are_an_error_and_not_left_out() {
    let mut app = App::lift(FORWARDS);
    let local = |bytes: usize| vec![format!("x-set-local: me=\"{}\"", "x".repeat(bytes))];
    assert_eq!(app.send("GET", "/app/", &local(2_500), "").status, 200);
    let response = app.send("GET", "/app/", &local(3_100), "");
    assert_eq!(response.status, 500);
    assert!(response.text().contains("E_LOCALS_TOO_LARGE"), "{}", response.text());
    app.log(&["`forward_locals`: the header `x-boathook-locals` would have "]);
    assert_eq!(app.send("GET", "/plain/", &local(3_100), "").status, 200);
}

#[test]
fn a_secret_that_is_missing_or_short_is_found_before_anything_runs() {
    let missing = FORWARDS.replace("BOATHOOK_SECRET_UPSTREAM", "OTHER");
    check(&format!(
        "{missing}
    //- fails
    boathook.toml:1: route `/app/*`: `forward_locals`: secret `upstream`: `BOATHOOK_SECRET_UPSTREAM` is not set
    hint: set it, or write `upstream = {{ file = \"...\" }}` in `[secrets]`
    "
    ));
    let short = FORWARDS.replace(SECRET, "short");
    check(&format!(
        "{short}
    //- fails
    route `/app/*`: `forward_locals`: secret `upstream` has 5 bytes, of 32 at least
    hint: make one by `openssl rand -hex 32`
    "
    ));
    // `check` says the same.
    let app = App::lift(FORWARDS);
    let ran = Ran::beside(&app, &["check", "{dir}"]);
    assert_eq!(ran.code, Some(1), "its environment has no secret: {}", ran.err);
    assert!(ran.err.contains("`BOATHOOK_SECRET_UPSTREAM` is not set"), "{}", ran.err);
}
