//! The ways around a guard: whatever a client sends, nothing that is under `/admin` for the upstream gets
//! there without the guard's word.

use crate::harness::App;

/// What is sent, and what it gets: 401 is the guard's word, 400 the server's, and 200 the upstream's,
/// which then saw a path that is not under `/admin` however it is read.
const WAYS: &[(&str, u16)] = &[
    ("GET /admin", 401),
    ("HEAD /admin", 401),
    ("POST /admin/x", 401),
    ("OPTIONS /admin", 401),
    ("OPTIONS /admin/x", 401),
    ("PROPFIND /admin/x", 401),
    ("TRACE /admin/x", 401),
    ("BREW /admin/x", 401),
    ("get /admin/x", 401),
    ("GET /admin/", 401),
    ("GET /ADMIN/x", 401),
    ("GET /admin/x.json", 401),
    ("GET /admin/app.js", 401),
    ("GET /admin?x=.js", 401),
    ("GET /admin/x?a=/../..", 401),
    ("GET /%61dmin", 401),
    ("GET /%61dmin/x", 401),
    ("GET /%41dmin/x", 401),
    ("GET /adm%69n/%78", 401),
    ("GET http://elsewhere/admin/x", 401),
    ("GET /admin/../x", 400),
    ("GET /x/../admin", 400),
    ("GET /./admin", 400),
    ("GET /%2e/admin", 400),
    ("GET /x/%2e%2e/admin", 400),
    ("GET /x/..%2fadmin", 400),
    ("GET /x/..%5cadmin", 400),
    ("GET /%zzadmin", 400),
    ("GET //admin", 400),
    ("GET //admin/x", 400),
    ("GET ///admin/x", 400),
    ("GET /%2fadmin", 400),
    ("GET /%2Fadmin/x", 400),
    ("GET \\admin", 400),
    ("GET /\\admin", 400),
    ("GET /%5cadmin", 400),
    ("GET /admin%2fx", 400),
    ("GET /admin%2Fx", 400),
    ("GET /admin%5cx", 400),
    ("GET /admin//x", 401),
    ("GET /admin/%2e%2e/x", 400),
    ("GET /admin%00", 400),
    ("GET /admin;x", 400),
    ("GET /admin;a=b/x", 400),
    ("GET /admin%3bx", 400),
    ("GET /administrator", 200),
    ("GET /admin.json", 200),
    ("GET /admin%20", 200),
    ("GET /%2561dmin", 200),
    ("GET /public/admin", 200),
    ("GET /x?path=/admin", 200),
];

#[test]
fn nothing_gets_past_a_guard_to_the_upstream() {
    let mut app = App::lift(
        "
        //- boathook.toml
        [[routes]]
        address = \"/*\"
        upstream = \"http://{upstream}\"
        //- hooks
        guards
        ",
    );
    let mut wrong = Vec::new();
    for (way, expected) in WAYS {
        let (method, target) = way.split_once(' ').expect("`METHOD target`");
        let mut client = app.connect();
        client.send(format!("{method} {target} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"));
        let status = client.response(method).map_or(0, |response| response.status);
        if status != *expected {
            wrong.push(format!("{way}: not {expected} but {status}"));
        }
    }
    let inside: Vec<String> =
        app.upstream().seen().into_iter().filter(|line| is_admin(line)).collect();
    assert!(inside.is_empty(), "the upstream saw {inside:?}\n{}", wrong.join("\n"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // With a word for the guard the same paths do get there.
    for target in ["/admin", "/admin/x.json", "/%61dmin/x"] {
        assert_eq!(
            app.send("GET", target, &["authorization: me".into()], "").status,
            200,
            "{target}"
        );
    }
    assert!(app.upstream().seen().iter().any(|line| is_admin(line)));
}

/// Whether an upstream that reads as generously as can be takes this request line for one to `/admin`.
fn is_admin(line: &str) -> bool {
    let target = line.split(' ').nth(1).unwrap_or_default();
    let mut path = target.split(['?', ';']).next().unwrap_or_default().to_lowercase();
    for (escape, plain) in [("%2f", "/"), ("%5c", "/"), ("\\", "/"), ("%2e", "."), ("%61", "a")] {
        path = path.replace(escape, plain);
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty() && *segment != ".") {
        match segment {
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    segments.first() == Some(&"admin")
}
