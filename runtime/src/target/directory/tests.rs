//! The directory over real files.

use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::exchange::{RequestId, Scheme, SessionCookie};

/// A folder with something of everything, beside a file that nobody may see.
fn site() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("site");
    fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    for name in ["sub", "empty", ".git", ".well-known", "ä b"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    for (name, contents) in [
        ("index.html", "<p>home"),
        ("a.txt", "0123456789"),
        ("data.bin", "binary"),
        ("page.svg", "<svg/>"),
        ("sub/index.html", "<p>sub"),
        ("sub/style.css", "p{}"),
        (".env", "secret"),
        (".git/config", "secret"),
        (".well-known/security.txt", "contact"),
        ("ä b/c+d.txt", "odd"),
        ("%2e.txt", "percent"),
    ] {
        fs::write(root.join(name), contents).unwrap();
    }
    fs::write(root.join("large.bin"), vec![b'l'; 3 * CHUNK_BYTES + 1]).unwrap();
    symlink("a.txt", root.join("inside.txt")).unwrap();
    symlink("sub", root.join("inside")).unwrap();
    symlink("../secret.txt", root.join("outside.txt")).unwrap();
    symlink(folder.path().join("secret.txt"), root.join("absolute.txt")).unwrap();
    symlink("..", root.join("outside")).unwrap();
    symlink("circle", root.join("circle")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    folder
}

type Header<'a> = (&'static str, &'a str);

fn request(method: Method, path: &str, headers: &[Header<'_>]) -> Request {
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (path, None),
    };
    Request {
        method,
        path: crate::router::Path::parse(path).unwrap(),
        query,
        version: http::Version::HTTP_11,
        headers: headers
            .iter()
            .map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            })
            .collect(),
        body: Body::Empty,
        ip: IpAddr::from([127, 0, 0, 1]),
        scheme: Scheme::Http,
        peer: crate::exchange::Hop { ip: IpAddr::from([127, 0, 0, 1]), trusted: false },
        id: RequestId::next(),
        started: Instant::now(),
        upgrade: None,
        session_cookie: SessionCookie::default(),
    }
}

/// Asks, and says in short what came: nothing, or the status and the body or the place.
async fn ask(
    directory: &Directory,
    method: Method,
    path: &str,
    headers: &[Header<'_>],
) -> Option<(u16, HeaderMap, String)> {
    let response = directory.serve(&request(method, path, headers)).await.unwrap()?;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    Some((parts.status.as_u16(), parts.headers, String::from_utf8_lossy(&bytes).into_owned()))
}

async fn get(directory: &Directory, path: &str) -> Option<(u16, String)> {
    let (status, headers, body) = ask(directory, Method::GET, path, &[]).await?;
    Some((status, headers.get(LOCATION).map_or(body, |at| at.to_str().unwrap().to_owned())))
}

#[tokio::test]
async fn a_path_means_a_file_or_nothing() {
    let folder = site();
    let directory = Directory::new(folder.path().join("site"), "").unwrap();
    let table: &[(&str, Option<(u16, &str)>)] = &[
        ("/", Some((200, "<p>home"))),
        ("/a.txt", Some((200, "0123456789"))),
        ("/%61.txt", Some((200, "0123456789"))),
        ("/sub/style.css", Some((200, "p{}"))),
        ("/sub/", Some((200, "<p>sub"))),
        ("/sub", Some((301, "./sub/"))),
        ("/sub?a=b", Some((301, "./sub/?a=b"))),
        ("/%C3%A4%20b/c+d.txt", Some((200, "odd"))),
        ("/%252e.txt", Some((200, "percent"))),
        ("/.well-known/security.txt", Some((200, "contact"))),
        ("/inside.txt", Some((200, "0123456789"))),
        ("/inside/style.css", Some((200, "p{}"))),
        // No such file, or none that could be.
        ("/missing", None),
        ("/empty", None),
        ("/empty/", None),
        ("/a.txt/", None),
        ("/a.txt/b", None),
        ("/A.TXT", None),
        ("/pipe", None),
        ("/circle", None),
        // Out of the folder. Dot segments do not get here: the path refuses them.
        ("/sub%2fstyle.css", None),
        ("//etc/passwd", None),
        ("//sub/", None),
        ("/sub//style.css", None),
        ("/outside.txt", None),
        ("/absolute.txt", None),
        ("/outside/secret.txt", None),
        // Hidden.
        ("/.env", None),
        ("/%2eenv", None),
        ("/.git/config", None),
        ("/...", None),
        // Odd.
        ("/%ff", None),
        ("/%c0%ae%c0%ae/secret.txt", None),
        ("/a.txt%0a", None),
    ];
    for (path, expected) in table {
        let found = get(&directory, path).await;
        let expected = expected.map(|(status, text)| (status, text.to_owned()));
        assert_eq!(found, expected, "{path}");
    }
    let long = format!("/{}", "x".repeat(5000));
    assert_eq!(get(&directory, &long).await, None);
    let deep = "/x".repeat(5000);
    assert_eq!(get(&directory, &deep).await, None);
}

#[tokio::test]
async fn below_a_prefix_the_files_are_the_same() {
    let folder = site();
    let directory = Directory::new(folder.path().join("site"), "/static/").unwrap();
    for (path, expected) in [
        ("/static/a.txt", Some((200, "0123456789"))),
        ("/STATIC/a.txt", Some((200, "0123456789"))),
        ("/static/", Some((200, "<p>home"))),
        ("/static", Some((301, "./static/"))),
        ("/static/sub", Some((301, "./sub/"))),
    ] {
        let expected = expected.map(|(status, text): (u16, &str)| (status, text.to_owned()));
        assert_eq!(get(&directory, path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn a_redirect_never_leads_to_another_server() {
    assert_eq!(beside("//example.com", None), "./example.com/");
    assert_eq!(beside("/a:b", None), "./a:b/");
}

#[tokio::test]
async fn only_get_and_head_are_answered() {
    let folder = site();
    let directory = Directory::new(folder.path().join("site"), "").unwrap();
    for method in [Method::POST, Method::PUT, Method::OPTIONS, Method::DELETE, Method::CONNECT] {
        assert!(ask(&directory, method, "/a.txt", &[]).await.is_none());
    }
    for path in ["/a.txt", "/large.bin"] {
        let (_, of_get, _) = ask(&directory, Method::GET, path, &[]).await.unwrap();
        let (status, of_head, body) = ask(&directory, Method::HEAD, path, &[]).await.unwrap();
        assert_eq!((status, body.as_str()), (200, ""));
        assert_eq!(of_get, of_head);
    }
}

#[tokio::test]
async fn types_are_known_and_text_is_utf_8() {
    let folder = site();
    let directory = Directory::new(folder.path().join("site"), "").unwrap();
    for (path, expected) in [
        ("/", "text/html; charset=utf-8"),
        ("/a.txt", "text/plain; charset=utf-8"),
        ("/sub/style.css", "text/css; charset=utf-8"),
        ("/page.svg", "image/svg+xml"),
        ("/data.bin", "application/octet-stream"),
    ] {
        let (_, headers, body) = ask(&directory, Method::GET, path, &[]).await.unwrap();
        assert_eq!(headers[CONTENT_TYPE], expected, "{path}");
        assert_eq!(headers["content-length"], body.len().to_string(), "{path}");
    }
}

#[tokio::test]
async fn ranges_and_conditions_are_kept() {
    let folder = site();
    let directory = Directory::new(folder.path().join("site"), "").unwrap();
    let (_, headers, _) = ask(&directory, Method::GET, "/a.txt", &[]).await.unwrap();
    let etag = headers[ETAG].to_str().unwrap().to_owned();
    let modified = headers[LAST_MODIFIED].to_str().unwrap().to_owned();
    let weak = format!("W/{etag}");
    let (old, new) = ("Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT");
    let part = ("range", "bytes=2-4");
    let table: &[(&[Header<'_>], u16, &str)] = &[
        (&[part], 206, "234"),
        (&[("range", "bytes=-3")], 206, "789"),
        (&[("range", "bytes=7-")], 206, "789"),
        (&[("range", "bytes=7-99")], 206, "789"),
        (&[("range", "bytes=10-")], 416, ""),
        (&[("range", "bytes=0-1,3-4")], 200, "0123456789"),
        (&[("range", "lines=0-1")], 200, "0123456789"),
        (&[("range", "nonsense")], 200, "0123456789"),
        (&[("if-none-match", &etag)], 304, ""),
        (&[("if-none-match", &weak)], 304, ""),
        (&[("if-none-match", "*")], 304, ""),
        (&[("if-none-match", "\"other\"")], 200, "0123456789"),
        (&[("if-none-match", "\"other\""), ("if-modified-since", &modified)], 200, "0123456789"),
        (&[("if-modified-since", &modified)], 304, ""),
        (&[("if-modified-since", new)], 304, ""),
        (&[("if-modified-since", old)], 200, "0123456789"),
        (&[("if-modified-since", "nonsense")], 200, "0123456789"),
        (&[("if-match", &etag)], 200, "0123456789"),
        (&[("if-match", "\"other\"")], 412, ""),
        (&[("if-unmodified-since", old)], 412, ""),
        (&[part, ("if-range", &etag)], 206, "234"),
        (&[part, ("if-range", &weak)], 200, "0123456789"),
        (&[part, ("if-range", "\"other\"")], 200, "0123456789"),
        (&[part, ("if-range", &modified)], 206, "234"),
        (&[part, ("if-range", old)], 200, "0123456789"),
    ];
    for (headers, status, text) in table {
        let found = ask(&directory, Method::GET, "/a.txt", headers).await.unwrap();
        assert_eq!((found.0, found.2.as_str()), (*status, *text), "{headers:?}");
    }
    let (_, headers, _) = ask(&directory, Method::GET, "/a.txt", &[part]).await.unwrap();
    assert_eq!(headers["content-range"], "bytes 2-4/10");
    let (_, headers, _) =
        ask(&directory, Method::GET, "/a.txt", &[("range", "bytes=10-")]).await.unwrap();
    assert_eq!(headers["content-range"], "bytes */10");
    let (_, headers, _) =
        ask(&directory, Method::GET, "/a.txt", &[("if-none-match", &etag)]).await.unwrap();
    assert_eq!(headers[ETAG], etag);
}

#[tokio::test]
async fn large_files_are_streamed_and_have_ranges_too() {
    let folder = site();
    let directory = Directory::new(folder.path().join("site"), "").unwrap();
    let response =
        directory.serve(&request(Method::GET, "/large.bin", &[])).await.unwrap().unwrap();
    assert!(matches!(response.body(), Body::Stream(_)));
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(bytes.len(), 3 * CHUNK_BYTES + 1);
    let range = [("range", "bytes=100-70099")];
    let (status, _, body) = ask(&directory, Method::GET, "/large.bin", &range).await.unwrap();
    assert_eq!((status, body.len()), (206, 70_000));
}

#[tokio::test]
async fn a_folder_may_be_replaced_and_even_be_missing_for_a_while() {
    let folder = site();
    let root = folder.path().join("site");
    let directory = Directory::new(&root, "").unwrap();
    fs::rename(&root, folder.path().join("old")).unwrap();
    assert_eq!(get(&directory, "/a.txt").await, None);
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a.txt"), "new").unwrap();
    assert_eq!(get(&directory, "/a.txt").await, Some((200, "new".into())));
}

#[test]
fn a_folder_that_is_none_is_an_error_that_names_it() {
    let folder = site();
    let file = folder.path().join("secret.txt");
    let error = Directory::new(&file, "").unwrap_err();
    assert_eq!(error.to_string(), format!("not a directory: `{}`", file.display()));
    let missing = folder.path().join("missing");
    let error = Directory::new(&missing, "").unwrap_err();
    assert_eq!(error.to_string(), format!("cannot use directory: `{}`", missing.display()));
}
