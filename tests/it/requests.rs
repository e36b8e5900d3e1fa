//! Requests as hooks see them, and as they leave them for what follows.

use crate::harness::{App, check};

const UPSTREAM: &str = "
    //- boathook.toml
    [[routes]]
    address = \"/*\"
    upstream = \"http://{upstream}\"
    ";

#[test]
fn a_hook_changes_the_request_for_what_follows() {
    App::lift(&format!("{UPSTREAM}//- hooks\n    rewrites")).check(
        "
        //- GET /before?q=1
        x-set-path: /behind
        //- 200

        ...GET /behind?q=1
        //- GET /before?q=1
        x-set-query: r=2
        //- 200

        ...GET /before?r=2
        //- GET /before
        x-set-header: X-User=Ada
        x-unset-header: x-secret
        x-secret: s3cret
        //- 200

        ...x-user: Ada
        //- POST /before
        x-set-body: another body

        the first body
        //- 200

        ...content-length: 12
        ...another body
        ",
    );
    let mut app = App::lift(&format!("{UPSTREAM}//- hooks\n    rewrites"));
    let headers = ["x-unset-header: x-secret".into(), "x-secret: s3cret".into()];
    let text = app.send("GET", "/x", &headers, "").text();
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn a_hook_cannot_break_the_request_s_framing_nor_its_path() {
    let mut app = App::lift(&format!("{UPSTREAM}//- hooks\n    rewrites"));
    for header in [
        "x-set-header: content-length=3",
        "x-set-header: transfer-encoding=chunked",
        "x-set-header: connection=upgrade",
        "x-set-header: bad name=1",
        "x-set-path: no-slash",
        "x-set-path: /a/../b",
        "x-set-path: /a?b",
        "x-set-query: a#b",
    ] {
        let response = app.send("GET", "/x", &[header.into()], "");
        assert_eq!(response.status, 502, "{header}: {}", response.text());
        assert!(response.text().contains("E_HOOK_BAD_RESPONSE"), "{header}: {}", response.text());
    }
    assert_eq!(app.upstream().seen(), Vec::<String>::new());
}

#[test]
fn after_a_change_of_path_what_follows_is_matched_anew() {
    check(
        "
        //- boathook.toml
        routes = [{ address = \"GET /new/:id\", respond = { body = \"new\" } }]
        //- hooks
        letters
        rewrites
        guards: guards; after = [\"rewrites\"]
        //- GET /old
        x-set-path: /new/7
        //- 200

        new
        //- GET /old
        x-set-path: /admin/secret
        //- 401
        ",
    );
}

#[test]
fn a_hook_sees_the_whole_request() {
    check(
        "
        //- hooks
        echoes
        //- POST /echoes?a=1&b=%20
        cookie: one=1; two=%20x
        x: y
        x: z

        the body
        //- 200

        ...\"method\":\"POST\"
        ...\"path\":\"/echoes\"
        ...\"query\":\"a=1&b=%20\"
        ...\"ip\":\"127.0.0.1\"
        ...\"protocol\":\"http\"
        ...\"cookies\":[[\"one\",\"1\"],[\"two\",\" x\"]]
        ...\"x\":\"y, z\"
        ...\"body\":\"the body\"
        ...\"locals\":{}
        ",
    );
}

#[test]
fn a_request_without_anything_has_empty_values_and_no_missing_ones() {
    check(
        "
        //- hooks
        echoes
        //- GET /echoes
        //- 200

        {\"body\":\"\",\"cookies\":[],\"ip\":\"127.0.0.1\",\"locals\":{},\"method\":\"GET\",\"options\":{\"own\":1},\"params\":[],\"path\":\"/echoes\",\"protocol\":\"http\",\"query\":\"\",\"x\":null}
        ",
    );
}

#[test]
fn x_forwarded_for_counts_only_where_the_peer_is_trusted() {
    let ask = |trust: &str, expected: &str| {
        check(&format!(
            "
            //- boathook.toml
            trust_proxy = {trust}
            //- hooks
            echoes
            //- GET /echoes
            x-forwarded-for: 203.0.113.7
            x-forwarded-proto: https
            //- 200

            ...\"ip\":\"{expected}\"
            "
        ));
    };
    ask("false", "127.0.0.1");
    ask("true", "203.0.113.7");
    ask("['127.0.0.0/8']", "203.0.113.7");
    ask("['10.0.0.0/8']", "127.0.0.1");
}
