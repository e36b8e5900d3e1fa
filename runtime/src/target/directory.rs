//! Answers with files of a folder, and with nothing where there is none.
//!
//! Three libraries share the work: `cap-std` opens files so that no path and no symbolic link leads
//! out of the folder, tower-http's `ServeDir` speaks conditions and ranges, `mime_guess` knows types.
//! What is left here is which path means which file.
//!
//! - Only GET and HEAD are answered.
//! - The path is decoded once, segment by segment. A segment that is empty, not UTF-8, wrongly
//!   encoded, or holds a slash, a backslash or a control character means no file.
//! - Names that begin with a dot mean no file, `.well-known` excepted.
//! - A folder is answered with its `index.html`, after a redirect to its path with a slash. A folder
//!   without one is nothing: there are no listings.
//! - Links within the folder are followed, links out of it mean no file.
//! - The folder is looked up for every request: a deploy may replace it.
//!
//! Not here: `Cache-Control`, compression. Hooks set the former.

#[cfg(test)]
mod tests;

use std::fs;
use std::future::{Future, Ready, ready};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use http::header::{
    CONTENT_TYPE, ETAG, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
    LAST_MODIFIED, LOCATION, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::ServeDir;
use tower_http::services::fs::{Backend, File, Metadata};

use super::strip_prefix;
use crate::body::Body;
use crate::error::{Code, Failure};
use crate::exchange::Request;

/// A folder of files.
#[derive(Debug)]
pub struct Directory {
    root: Arc<Path>,
    prefix: Box<str>,
}

/// A folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// It is not there, or may not be looked at.
    #[error("cannot use directory: `{}`", root.display())]
    Unusable {
        /// The folder.
        root: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error("not a directory: `{}`", root.display())]
    NotDirectory {
        /// The path.
        root: PathBuf,
    },
}

/// Files up to this are read while they are being opened, and go out as one piece. Larger ones are
/// streamed, in pieces of the same size.
const CHUNK_BYTES: usize = 64 * 1024;

const INDEX: &str = "index.html";

/// The headers that say under which conditions, and which part of a file is wanted.
const CONDITIONS: [HeaderName; 6] =
    [IF_MATCH, IF_UNMODIFIED_SINCE, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE];

impl Directory {
    /// The files below `root`, at the paths below `prefix`, which is taken off them; empty if they
    /// lie at `/`.
    ///
    /// # Errors
    /// When there is no such folder. It may be replaced later on.
    pub fn new(root: impl Into<PathBuf>, prefix: &str) -> Result<Self, DirectoryError> {
        let root = root.into();
        match fs::metadata(&root) {
            Ok(found) if found.is_dir() => {
                Ok(Self { root: root.into(), prefix: prefix.trim_end_matches('/').into() })
            }
            Ok(_) => Err(DirectoryError::NotDirectory { root }),
            Err(source) => Err(DirectoryError::Unusable { root, source }),
        }
    }

    /// Answers with the file that the request asks for. `None` where there is none.
    ///
    /// The request is looked at before the future is made, so that the future can be sent.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn serve(
        &self,
        request: &Request,
    ) -> impl Future<Output = Result<Option<Response<Body>>, Failure>> + Send + use<> {
        let path = request.path.as_str();
        let place = match request.method {
            Method::GET | Method::HEAD => Place::of(strip_prefix(path, &self.prefix)),
            _ => None,
        };
        let asked = place.map(|place| {
            let redirect = beside(path, request.query.as_deref());
            (place, redirect, conditional(&request.method, &request.headers))
        });
        let root = self.root.clone();
        async move {
            match asked {
                Some((place, redirect, asked)) => answer(root, place, redirect, asked).await,
                None => Ok(None),
            }
        }
    }
}

/// Where in the folder a path leads.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    path: PathBuf,
    /// Whether the path ends with a slash.
    folder: bool,
}

impl Place {
    /// Reads what is left of a path: empty, or with its slash in front. Empty is the folder itself,
    /// asked for without a slash.
    fn of(rest: &str) -> Option<Self> {
        let folder = rest.ends_with('/');
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let mut path = PathBuf::from(".");
        if !rest.is_empty() {
            for segment in rest.split('/') {
                path.push(name(segment)?);
            }
        }
        Some(Self { path, folder })
    }
}

/// A segment's file name.
fn name(segment: &str) -> Option<String> {
    let escapes_are_whole = segment.split('%').skip(1).all(|after| {
        after.as_bytes().get(..2).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let name = percent_decode_str(segment).decode_utf8().ok()?;
    let fit = escapes_are_whole
        && !name.is_empty()
        && (!name.starts_with('.') || name == ".well-known")
        && !name.contains(|letter: char| matches!(letter, '/' | '\\') || letter.is_control());
    fit.then(|| name.into_owned())
}

/// The address of the same path with a slash at its end, relative to itself. An absolute one would
/// lead to another server for a path like `//example.com`, and past the prefix of a proxy.
fn beside(path: &str, query: Option<&str>) -> String {
    let last = path.rsplit('/').next().unwrap_or_default();
    match query {
        Some(query) => format!("./{last}/?{query}"),
        None => format!("./{last}/"),
    }
}

/// What `ServeDir` has to know of a request. It is asked for one file under one name.
fn conditional(method: &Method, headers: &HeaderMap) -> http::Request<()> {
    let mut asked = http::Request::new(());
    *asked.method_mut() = method.clone();
    *asked.uri_mut() = http::Uri::from_static("/file");
    for name in CONDITIONS {
        if let Some(value) = headers.get(&name) {
            asked.headers_mut().insert(name, value.clone());
        }
    }
    // A unit that is not known is to be ignored (RFC 9110 section 14.2).
    let in_bytes = |value: &HeaderValue| {
        value.as_bytes().get(..6).is_some_and(|unit| unit.eq_ignore_ascii_case(b"bytes="))
    };
    if !asked.headers().get(RANGE).is_some_and(in_bytes) {
        asked.headers_mut().remove(RANGE);
    }
    asked
}

async fn answer(
    root: Arc<Path>,
    place: Place,
    redirect: String,
    mut asked: http::Request<()>,
) -> Result<Option<Response<Body>>, Failure> {
    // Whoever has a copy is likely to be told to keep it, and HEAD wants none of the bytes.
    let wants_bytes = asked.method() == Method::GET
        && !asked.headers().contains_key(IF_NONE_MATCH)
        && !asked.headers().contains_key(IF_MODIFIED_SINCE);
    let looked_up = root.clone();
    let found = tokio::task::spawn_blocking(move || find(&looked_up, place, wants_bytes))
        .await
        .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
    let (opened, content_type) = match found {
        Ok(Some(Found::File { opened, content_type })) => (opened, content_type),
        Ok(Some(Found::Folder)) => return Ok(Some(redirected(&redirect))),
        Ok(None) => return Ok(None),
        Err(error) => return Err(failure(&root, &error)),
    };
    if let Some(wanted) = asked.headers_mut().remove(IF_RANGE)
        && !is_current(&wanted, opened.about.clone()).await
    {
        asked.headers_mut().remove(RANGE);
    }
    let whole = matches!(opened.contents, Contents::Bytes(_));
    let response = speak(opened, asked).await.map_err(|error| failure(&root, &error))?;
    let (mut parts, body) = response.into_parts();
    if parts.headers.contains_key(CONTENT_TYPE) {
        parts.headers.insert(CONTENT_TYPE, content_type);
    }
    let body = if http_body::Body::is_end_stream(&body) {
        Body::Empty
    } else if whole {
        let bytes = body.collect().await.map_err(|error| failure(&root, &error))?.to_bytes();
        Body::whole(bytes)
    } else {
        Body::stream(body)
    };
    Ok(Some(Response::from_parts(parts, body)))
}

/// Lets `ServeDir` answer with this file.
async fn speak(
    opened: Opened,
    asked: http::Request<()>,
) -> io::Result<Response<tower_http::services::fs::ServeFileSystemResponseBody>> {
    ServeDir::with_backend("", OneFile::new(opened))
        .ignore_multi_range_requests(true)
        .with_buf_chunk_size(CHUNK_BYTES)
        .try_call(asked)
        .await
}

/// Whether `If-Range` names the file as it is (RFC 9110 section 13.1.5). `ServeDir` does not look at
/// it, but it gives the validators.
async fn is_current(wanted: &HeaderValue, about: About) -> bool {
    let mut head = http::Request::new(());
    *head.method_mut() = Method::HEAD;
    *head.uri_mut() = http::Uri::from_static("/file");
    let opened = Opened { about, contents: Contents::Bytes(Cursor::default()) };
    let Ok(response) = speak(opened, head).await else { return false };
    // The tags are strong ones, so a weak one never equals them.
    [ETAG, LAST_MODIFIED].iter().any(|name| response.headers().get(name) == Some(wanted))
}

fn redirected(location: &str) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    // A path and a query that came in a request are fit for a header.
    if let Ok(location) = HeaderValue::from_str(location) {
        *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
        response.headers_mut().insert(LOCATION, location);
    } else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response
}

fn failure(root: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::Internal, format!("directory `{}`: {error}", root.display()))
}

/// What lies at a place.
#[derive(Debug)]
enum Found {
    File {
        opened: Opened,
        content_type: HeaderValue,
    },
    /// A folder that has an index, asked for without a slash.
    Folder,
}

/// Looks the place up. Blocks.
fn find(root: &Path, place: Place, wants_bytes: bool) -> io::Result<Option<Found>> {
    let Some(root) = present(Dir::open_ambient_dir(root, ambient_authority()))? else {
        return Ok(None);
    };
    let mut path = place.path;
    if place.folder {
        path.push(INDEX);
    }
    let mut options = OpenOptions::new();
    // Opening a pipe would otherwise wait for somebody to write into it. Files do not care.
    options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    let Some(file) = present(root.open_with(&path, &options))? else { return Ok(None) };
    let mut file = file.into_std();
    let about = file.metadata()?;
    if about.is_dir() && !place.folder {
        let index = present(root.metadata(path.join(INDEX)))?;
        return Ok(index.filter(|index| index.is_file()).map(|_| Found::Folder));
    }
    if !about.is_file() {
        return Ok(None);
    }
    let mut about = About { length: about.len(), modified: about.modified().ok() };
    let contents = if wants_bytes && about.length <= CHUNK_BYTES as u64 {
        let mut bytes = Vec::with_capacity(about.length as usize + 1);
        (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut bytes)?;
        // The file may be growing.
        about.length = bytes.len() as u64;
        Contents::Bytes(Cursor::new(bytes.into()))
    } else {
        Contents::File(tokio::fs::File::from_std(file))
    };
    let content_type = content_type(&path);
    Ok(Some(Found::File { opened: Opened { about, contents }, content_type }))
}

/// Tells "there is nothing there for you" from what the operator has to know.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) => match error.kind() {
            // A path that leads out of the folder is `PermissionDenied`, too.
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::InvalidFilename => Ok(None),
            _ if is_no_file(&error) => Ok(None),
            _ => Err(error),
        },
    }
}

/// A socket, a device that nobody answers for, links in a circle.
fn is_no_file(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [rustix::io::Errno::NXIO, rustix::io::Errno::LOOP]
        .iter()
        .any(|errno| code == Some(errno.raw_os_error()))
}

/// The type by the name's ending. Text is said to be UTF-8: browsers would guess, and guess wrong.
fn content_type(path: &Path) -> HeaderValue {
    let guessed = mime_guess::from_path(path).first_raw().unwrap_or("application/octet-stream");
    match guessed {
        "text/html" => HeaderValue::from_static("text/html; charset=utf-8"),
        "text/css" => HeaderValue::from_static("text/css; charset=utf-8"),
        "text/javascript" => HeaderValue::from_static("text/javascript; charset=utf-8"),
        "text/plain" => HeaderValue::from_static("text/plain; charset=utf-8"),
        text if text.starts_with("text/") => {
            HeaderValue::from_str(&format!("{text}; charset=utf-8"))
                .unwrap_or(HeaderValue::from_static("text/plain; charset=utf-8"))
        }
        other => HeaderValue::from_static(other),
    }
}

/// A file that has been found, as a file system with nothing else in it.
#[derive(Clone, Debug)]
struct OneFile {
    about: About,
    opened: Arc<Mutex<Option<Opened>>>,
}

/// What is asked of a file besides its contents.
#[derive(Clone, Debug)]
struct About {
    length: u64,
    modified: Option<SystemTime>,
}

#[derive(Debug)]
struct Opened {
    about: About,
    contents: Contents,
}

#[derive(Debug)]
enum Contents {
    Bytes(Cursor<Bytes>),
    File(tokio::fs::File),
}

impl OneFile {
    fn new(opened: Opened) -> Self {
        Self { about: opened.about.clone(), opened: Arc::new(Mutex::new(Some(opened))) }
    }
}

impl Backend for OneFile {
    type File = Opened;
    type Metadata = About;
    type OpenFuture = Ready<io::Result<Opened>>;
    type MetadataFuture = Ready<io::Result<About>>;

    fn open(&self, _: PathBuf) -> Self::OpenFuture {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        ready(opened.ok_or_else(|| io::ErrorKind::NotFound.into()))
    }

    fn metadata(&self, _: PathBuf) -> Self::MetadataFuture {
        ready(Ok(self.about.clone()))
    }
}

impl Metadata for About {
    fn is_dir(&self) -> bool {
        false
    }

    fn modified(&self) -> io::Result<SystemTime> {
        self.modified.ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn len(&self) -> u64 {
        self.length
    }
}

impl File for Opened {
    type Metadata = About;
    type MetadataFuture<'a> = Ready<io::Result<About>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        ready(Ok(self.about.clone()))
    }
}

impl AsyncRead for Opened {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().contents {
            Contents::Bytes(bytes) => Pin::new(bytes).poll_read(context, buffer),
            Contents::File(file) => Pin::new(file).poll_read(context, buffer),
        }
    }
}

impl AsyncSeek for Opened {
    fn start_seek(self: Pin<&mut Self>, position: io::SeekFrom) -> io::Result<()> {
        match &mut self.get_mut().contents {
            Contents::Bytes(bytes) => Pin::new(bytes).start_seek(position),
            Contents::File(file) => Pin::new(file).start_seek(position),
        }
    }

    fn poll_complete(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        match &mut self.get_mut().contents {
            Contents::Bytes(bytes) => Pin::new(bytes).poll_complete(context),
            Contents::File(file) => Pin::new(file).poll_complete(context),
        }
    }
}
