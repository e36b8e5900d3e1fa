//! Holds what does not build or lift at the moment, and shows it to browsers: what they ask for would come from a
//! set that is older than its sources. Programs that ask go on to get their answers from that set, and so do forms
//! that a browser sends. A page that shows trouble fetches itself again when there is another, or none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use http::{Method, Request, Response, StatusCode};

use crate::body::Body;
use crate::error::page::{Page, wants_html};

/// What is wrong at the moment.
#[derive(Debug, Default)]
pub struct Trouble(Mutex<Now>);

#[derive(Debug)]
struct Now {
    /// By the hook's folder.
    builds: BTreeMap<PathBuf, Build>,
    /// The folders of hooks that are not lifted anyway, so that nobody is to be kept from the others.
    off: BTreeSet<PathBuf>,
    lift: Option<String>,
    /// A number for what is shown. A page may be older than this process, so it does not begin anew with it.
    change: u64,
}

/// How it stands with a hook that did not build.
#[derive(Debug)]
enum Build {
    /// It still does not.
    Fails(String),
    /// It does again, and what serves is what ran before.
    Mended,
    /// The same, and it is being lifted.
    Lifting,
}

impl Default for Now {
    fn default() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let change = u64::try_from(since.as_millis()).unwrap_or_default();
        Self { builds: BTreeMap::new(), off: BTreeSet::new(), lift: None, change }
    }
}

impl Now {
    /// What there is to show, under its headings.
    fn texts(&self) -> Vec<(String, String)> {
        let builds = self.builds.iter().filter(|(folder, _)| !self.off.contains(*folder));
        let builds = builds.map(|(folder, build)| match build {
            Build::Fails(wrong) => (format!("{} does not build", folder.display()), wrong.clone()),
            Build::Mended | Build::Lifting => {
                (format!("{} builds again", folder.display()), "It is being lifted.".to_owned())
            }
        });
        let lift =
            self.lift.iter().map(|wrong| ("The app does not lift".to_owned(), wrong.clone()));
        builds.chain(lift).collect()
    }

    /// Whether something is wrong, and not only being lifted.
    fn is_wrong(&self) -> bool {
        let fails = |(folder, build): (&PathBuf, &Build)| {
            matches!(build, Build::Fails(_)) && !self.off.contains(folder)
        };
        self.lift.is_some() || self.builds.iter().any(fails)
    }
}

impl Trouble {
    /// Notes how building the hook of a folder ended: well, or what is wrong. What builds again is trouble until
    /// it is lifted: what serves is older.
    pub fn built(&self, folder: &Path, wrong: Option<String>) {
        self.change(|now| match (wrong, now.builds.get_mut(folder)) {
            (Some(wrong), _) => {
                now.builds.insert(folder.to_owned(), Build::Fails(wrong));
            }
            (None, Some(build)) => *build = Build::Mended,
            (None, None) => {}
        });
    }

    /// The folders of the hooks that did not build and are not lifted since.
    pub fn folders(&self) -> Vec<PathBuf> {
        self.now().builds.keys().cloned().collect()
    }

    /// Says whose hooks are not lifted anyway. What is wrong with them is not shown.
    pub fn pass_over(&self, off: BTreeSet<PathBuf>) {
        self.change(|now| now.off = off);
    }

    /// Forgets what is not there any more.
    pub fn retain(&self, is_there: impl Fn(&Path) -> bool) {
        self.change(|now| now.builds.retain(|folder, _| is_there(folder)));
    }

    /// Notes that there is nothing to be lifted after these were built.
    pub fn stays(&self, folders: &[PathBuf]) {
        self.change(|now| {
            now.builds.retain(|folder, build| {
                !(matches!(build, Build::Mended) && folders.contains(folder))
            });
        });
    }

    /// Notes that the app is about to be lifted, as it lies there now.
    pub fn lifting(&self) {
        self.change(|now| {
            for build in now.builds.values_mut().filter(|build| matches!(build, Build::Mended)) {
                *build = Build::Lifting;
            }
        });
    }

    /// Notes how lifting the app ended: well, or what is wrong.
    pub fn lifted(&self, wrong: Option<String>) {
        self.change(|now| {
            now.builds.retain(|_, build| !matches!(build, Build::Lifting));
            now.lift = wrong;
        });
    }

    /// The page that answers a request in the set's place; none where the set should answer.
    pub fn answer<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let now = self.now();
        let texts = now.texts();
        if texts.is_empty() || !wants_html(request.headers()) {
            return None;
        }
        let (title, lead) = match now.is_wrong() {
            true => (
                "What you have saved does not run",
                "All other clients are still served by what ran last. This page goes away by itself \
                 once it is mended.",
            ),
            false => (
                "What you have saved is being lifted",
                "Until it is, all other clients are served by what ran last. This page goes away by itself.",
            ),
        };
        let page = Page {
            title,
            lead,
            facts: Vec::new(),
            texts: texts.iter().map(|(heading, text)| (&**heading, text.clone())).collect(),
            changes: Some(now.change),
        };
        Some(page.response(StatusCode::INTERNAL_SERVER_ERROR))
    }

    /// Changes what is noted, and the number if something else is to be shown then.
    fn change(&self, with: impl FnOnce(&mut Now)) {
        let mut now = self.now();
        let before = now.texts();
        with(&mut now);
        now.change += u64::from(now.texts() != before);
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
        trouble.lifting();
        trouble.lifted(None);
        assert!(page().is_some());
        trouble.retain(|folder| folder != b);
        assert_eq!(page(), None);
    }

    #[test]
    fn what_builds_again_is_trouble_until_it_is_lifted_or_there_is_nothing_to_lift() {
        let trouble = Trouble::default();
        let page = || ask(&trouble, Method::GET, "text/html");
        let a = Path::new("hooks/a");
        trouble.built(a, None);
        assert_eq!(page(), None);
        trouble.built(a, Some("no".into()));
        let wrong = page();
        trouble.lifting();
        trouble.built(a, None);
        // That lift had begun before.
        trouble.lifted(None);
        let mended = page();
        assert!(mended.is_some() && mended != wrong);
        trouble.lifting();
        assert_eq!(page(), mended);
        trouble.lifted(None);
        assert_eq!(page(), None);
        trouble.built(a, Some("no".into()));
        trouble.built(a, None);
        trouble.stays(&[PathBuf::from("hooks/b")]);
        assert!(page().is_some());
        trouble.stays(&[a.to_owned()]);
        assert_eq!(page(), None);
    }

    #[test]
    fn a_hook_that_is_not_lifted_anyway_keeps_nobody_from_the_others() {
        let trouble = Trouble::default();
        let page = || ask(&trouble, Method::GET, "text/html");
        let a = PathBuf::from("hooks/a");
        trouble.pass_over([a.clone()].into());
        trouble.built(&a, Some("no".into()));
        assert_eq!((page(), trouble.folders()), (None, vec![a]));
        trouble.pass_over(BTreeSet::new());
        assert!(page().is_some());
    }

    #[test]
    fn a_page_of_an_earlier_process_sees_that_this_is_another() {
        let at = |trouble: &Trouble| trouble.now().change;
        let earlier = at(&Trouble::default());
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert!(at(&Trouble::default()) > earlier);
    }
}
