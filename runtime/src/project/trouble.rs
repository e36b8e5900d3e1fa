//! Holds what does not build or lift at the moment, and shows it to browsers: what they ask for would come from a
//! set that is older than its sources. Programs that ask go on to get their answers from that set, and so do forms
//! that a browser sends. A page that shows trouble fetches itself again when there is another, or none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{Method, Request, Response, StatusCode};

use crate::body::Body;
use crate::error::page::{Page, wants_html};

/// What is wrong at the moment.
#[derive(Debug, Default)]
pub struct Trouble(Mutex<Now>);

#[derive(Debug, Default)]
struct Now {
    /// By the hook's folder.
    builds: BTreeMap<PathBuf, String>,
    lift: Option<String>,
    /// Counts the changes of the above.
    change: u64,
}

impl Trouble {
    /// Notes how building the hook of a folder ended: well, or what is wrong.
    pub fn built(&self, folder: &Path, wrong: Option<String>) {
        let mut now = self.now();
        let before = match wrong {
            Some(wrong) => now.builds.insert(folder.to_owned(), wrong.clone()) != Some(wrong),
            None => now.builds.remove(folder).is_some(),
        };
        now.change += u64::from(before);
    }

    /// Forgets what is not there any more.
    pub fn retain(&self, is_there: impl Fn(&Path) -> bool) {
        let mut now = self.now();
        let before = now.builds.len();
        now.builds.retain(|folder, _| is_there(folder));
        now.change += u64::from(now.builds.len() != before);
    }

    /// Notes how lifting the app ended: well, or what is wrong.
    pub fn lifted(&self, wrong: Option<String>) {
        let mut now = self.now();
        now.change += u64::from(now.lift != wrong);
        now.lift = wrong;
    }

    /// The page that answers a request in the set's place; none where the set should answer.
    pub fn answer<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let now = self.now();
        if (now.builds.is_empty() && now.lift.is_none()) || !wants_html(request.headers()) {
            return None;
        }
        let folder = |(folder, wrong): (&PathBuf, &String)| {
            (format!("{} does not build", folder.display()), wrong.clone())
        };
        let mut texts: Vec<(String, String)> = now.builds.iter().map(folder).collect();
        let lift = now.lift.clone();
        texts.extend(lift.map(|wrong| ("The app does not lift".to_owned(), wrong)));
        let page = Page {
            title: "What you have saved does not run",
            lead: "All other clients are still served by what ran last. This page goes away by itself \
                   once it is mended.",
            facts: Vec::new(),
            texts: texts.iter().map(|(heading, text)| (&**heading, text.clone())).collect(),
            changes: Some(now.change),
        };
        Some(page.response(StatusCode::INTERNAL_SERVER_ERROR))
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::page::CHANGE;

    fn ask(trouble: &Trouble, method: Method, accept: &str) -> Option<String> {
        let request = Request::builder().method(method).header("accept", accept).body(()).unwrap();
        let response = trouble.answer(&request)?;
        assert_eq!(response.status(), 500);
        Some(response.headers()[CHANGE].to_str().unwrap().to_owned())
    }

    #[test]
    fn browsers_that_go_to_an_address_see_it_and_nobody_else() {
        let trouble = Trouble::default();
        assert_eq!(ask(&trouble, Method::GET, "text/html"), None);
        trouble.built(Path::new("hooks/a"), Some("no".into()));
        assert!(ask(&trouble, Method::GET, "text/html, */*;q=0.8").is_some());
        assert!(ask(&trouble, Method::HEAD, "text/html").is_some());
        for (method, accept) in
            [(Method::POST, "text/html"), (Method::GET, "*/*"), (Method::GET, "application/json")]
        {
            assert_eq!(ask(&trouble, method, accept), None);
        }
    }

    #[test]
    fn it_lasts_until_all_of_it_is_mended_and_each_change_has_a_number() {
        let trouble = Trouble::default();
        let page = || ask(&trouble, Method::GET, "text/html");
        let (a, b) = (Path::new("hooks/a"), Path::new("hooks/b"));
        trouble.built(a, Some("no".into()));
        let first = page().unwrap();
        trouble.built(a, Some("no".into()));
        trouble.built(b, None);
        assert_eq!(page(), Some(first.clone()));
        trouble.built(b, Some("not either".into()));
        trouble.lifted(Some("no".into()));
        assert_ne!(page(), Some(first));
        trouble.built(a, None);
        trouble.lifted(None);
        assert!(page().is_some());
        trouble.retain(|folder| folder != b);
        assert_eq!(page(), None);
    }
}
