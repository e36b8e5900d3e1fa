//! What hooks answer: the helpers, JSON of every kind, redirects.

use crate::harness::{App, check};

const APP: &str = "
    //- hooks
    helpers
    ";

#[test]
fn each_helper_has_its_status_and_its_text() {
    let mut app = App::lift(APP);
    for (helper, status, text) in [
        ("ok", 200, "OK"),
        ("bad-request", 400, "Bad Request"),
        ("unauthorized", 401, "Unauthorized"),
        ("forbidden", 403, "Forbidden"),
        ("not-found", 404, "Not Found"),
        ("server-error", 500, "Internal Server Error"),
    ] {
        app.check(&format!(
            "
            //- GET /helpers/{helper}
            //- {status}
            content-type: text/plain; charset=utf-8
            content-length: {}

            {text}
            //- GET /helpers/{helper}?data={{%22a%22:1}}
            //- {status}
            content-type: application/json; charset=utf-8

            {{\"a\":1}}
            ",
            text.len()
        ));
    }
}

#[test]
fn a_server_error_keeps_its_data_to_itself_in_production() {
    check(
        "
        //- args
        --env
        production
        //- hooks
        helpers
        //- GET /helpers/server-error?data={%22password%22:1}
        //- 500

        Internal Server Error
        ",
    );
}

#[test]
fn json_keeps_every_value_as_it_is() {
    let mut app = App::lift(APP);
    for value in [
        "%22%22",
        "%22x%22",
        "%22%5C%22quoted%5C%22%22",
        "0",
        "45",
        "-1.5",
        "null",
        "true",
        "false",
        "[]",
        "{}",
    ] {
        let response = app.ask("GET", &format!("/helpers/json?data={value}"));
        let wanted = value.replace("%22", "\"").replace("%5C", "\\");
        assert_eq!((response.status, response.text()), (200, wanted));
        assert_eq!(response.header("content-type"), Some("application/json; charset=utf-8"));
    }
}

#[test]
fn json_has_the_status_that_was_set() {
    App::lift(APP).check(
        "
        //- GET /helpers/json?data=1&status=201
        //- 201

        1
        ",
    );
}

#[test]
fn json_keeps_a_content_type_that_was_set() {
    App::lift(APP).check(
        "
        //- GET /helpers/json?data=1&type=application/vnd.api%2bjson
        //- 200
        content-type: application/vnd.api+json

        1
        ",
    );
}

#[test]
fn bytes_have_the_content_type_that_was_set_and_none_otherwise() {
    App::lift(APP).check(
        "
        //- GET /helpers/send?data=%22x%22
        //- 200
        -content-type

        x
        //- GET /helpers/send?data=%22x%22&type=image/png
        //- 200
        content-type: image/png
        ",
    );
}

#[test]
fn a_redirect_is_302_unless_the_hook_set_another_status() {
    App::lift(APP).check(
        "
        //- GET /helpers/redirect
        //- 302
        location: /elsewhere
        //- GET /helpers/redirect?status=301
        //- 301
        location: /elsewhere
        ",
    );
}

#[test]
fn a_body_can_be_written_in_parts() {
    App::lift(APP).check(
        "
        //- GET /helpers/chunks
        //- 200
        content-length: 13

        one two three
        ",
    );
}

#[test]
fn a_hook_that_says_next_to_everything_leaves_a_404() {
    App::lift(APP).check(
        "
        //- GET /helpers/unknown
        //- 404
        ",
    );
}

#[test]
fn every_answer_has_a_date_and_an_error_has_the_request_s_id() {
    let mut app = App::lift(APP);
    let response = app.ask("GET", "/helpers/ok");
    assert!(response.header("date").is_some(), "{response:?}");
    let response = app.ask("GET", "/nowhere");
    let id = response.header("x-request-id").expect("an id").to_owned();
    assert_eq!(id.len(), 16);
    assert!(response.text().contains(&format!("request {id}")), "{}", response.text());
}
