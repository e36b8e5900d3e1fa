//! Defines [`Router`]: all bindings in their order, and which of them a request meets.
//!
//! A request must not pay for routes that it cannot meet, so bindings hang in a tree of static
//! segments: a path is walked down once, and what hangs on the way are the candidates. Each is then
//! held against the path on its own, so the tree can only be too generous, never wrong.
//!
//! A path with doubtful slashes (see [`Path`]) is looked up once for each reading. If another
//! reading finds a binding that the path as sent does not, a target could answer what a hook in
//! front of it did not see; if it misses a target, the target could answer what no route was meant
//! to reach. Such a request is refused.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Deref;

use http::Method;
use smallvec::SmallVec;

use super::binding::Binding;
use super::params::Params;
use super::path::{Path, View};
use super::pattern::PatternLimit;
use super::shape::{ShapeError, segment_at};
use super::sort;
use super::verbs::VerbSet;

/// Which side of the app's own routes a binding stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Routes of hooks that come before.
    Before,
    /// The app's own routes.
    App,
    /// Routes of hooks that see what nobody answered.
    After,
}

/// All bindings of a running app. Made when hooks are lifted, read by every request, never changed.
#[derive(Debug)]
pub struct Router {
    entries: Vec<Entry>,
    root: Node,
}

/// A binding that a request meets.
#[derive(Clone, Debug)]
pub struct Match {
    /// Its place in the order of the chain; [`Router::origin`] says where it was declared.
    pub index: usize,
    /// What its placeholders stand for.
    pub params: Params,
}

/// The bindings that a request meets, by rising index.
#[derive(Clone, Debug, Default)]
pub struct Matches(SmallVec<[Match; 8]>);

/// Why a request cannot be matched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatchError {
    /// Encoded, doubled or backward slashes, or `;parameters`, and it depends on how they are read
    /// which hooks see the request or whether a target is reached. The client's mistake: 400.
    #[error("ambiguous slashes or parameters in path")]
    Ambiguous,
    /// A param is not UTF-8 once decoded. The client's mistake: 400.
    #[error("invalid percent-encoding: param of `{address}` is not UTF-8")]
    NotUtf8 {
        /// The address whose param it is.
        address: String,
    },
    /// A regex took too many steps. The operator's mistake, and maybe the client's attack: 500.
    #[error("regex of `{address}` ran out of steps\nhint: avoid nested repetitions in it")]
    Steps {
        /// The address, or the one whose skip pattern it was.
        address: String,
    },
    /// Path, or path and query, are longer than what is held against a regex: 414.
    #[error("path is too long for the regex of `{address}`")]
    TooLong {
        /// The address, or the one whose skip pattern it was.
        address: String,
    },
}

#[derive(Debug)]
struct Entry {
    binding: Binding,
    verbs: VerbSet,
    section: Section,
    /// The index in the list that `Router::new` was given.
    origin: usize,
    /// The first binding on the very same path, maybe this one.
    twin: usize,
}

/// The bindings that begin with the same static segments.
#[derive(Debug, Default)]
struct Node {
    /// Those that end here.
    whole: Vec<u32>,
    /// Those that go on with something that is not static.
    open: Vec<u32>,
    /// By their next segment, in lower case and sorted.
    children: Vec<(Box<str>, Node)>,
}

type Candidates = SmallVec<[u32; 32]>;

impl Router {
    /// Puts bindings in the order of the chain: `before` and `after` as given, `app` sorted as
    /// Sails sorts explicit routes.
    pub fn new(before: Vec<Binding>, app: Vec<Binding>, after: Vec<Binding>) -> Router {
        let app_order = sort::sorted(app.iter().map(|binding| &binding.address));
        let mut app: Vec<Option<Binding>> = app.into_iter().map(Some).collect();
        let app = app_order.into_iter().filter_map(|at| app[at].take().map(|found| (at, found)));
        let before = before.into_iter().enumerate().map(|entry| (Section::Before, entry));
        let after = after.into_iter().enumerate().map(|entry| (Section::After, entry));
        let mut router = Router { entries: Vec::new(), root: Node::default() };
        let mut twins = HashMap::new();
        for (section, (origin, binding)) in
            before.chain(app.map(|entry| (Section::App, entry))).chain(after)
        {
            let verbs = binding.address.verbs().set();
            let index = router.entries.len();
            let twin = *twins.entry(binding.address.path().to_owned()).or_insert(index);
            router.entries.push(Entry { binding, verbs, section, origin, twin });
        }
        router.plant();
        router
    }

    /// Hangs all bindings into the tree. They come sorted, so that each is hung behind those that hang
    /// there: tens of thousands of routes in any order would take minutes.
    fn plant(&mut self) {
        let mut order: Vec<usize> = (0..self.entries.len()).collect();
        order.sort_by_cached_key(|at| {
            let (statics, _) = self.entries[*at].binding.address.shape().statics();
            statics.into_iter().map(str::to_ascii_lowercase).collect::<Vec<_>>()
        });
        for at in order {
            self.root.insert(at as u32, &self.entries[at].binding);
        }
    }

    /// The bindings with an index from `from` on that a request meets, in order. Called once a
    /// request, and again with a higher `from` when a hook has changed its path or method.
    pub fn find(
        &self,
        method: &Method,
        path: &Path,
        query: Option<&str>,
        from: usize,
    ) -> Result<Matches, MatchError> {
        let verbs = VerbSet::of(method);
        let accept = |entry: &Entry| entry.verbs.meets(verbs);
        self.find_all(path, query, from, accept)
    }

    /// The methods for `Allow` if nobody answered an OPTIONS request: those that the bindings on
    /// this path name. `ALL` and `OPTIONS` bindings had their chance to answer and add nothing.
    pub fn allowed(&self, path: &Path, query: Option<&str>) -> Vec<Method> {
        let options = VerbSet::of(&Method::OPTIONS);
        let accept = |entry: &Entry| !entry.verbs.meets(options);
        // Whatever is wrong with the path, the request itself was refused for it already.
        let found = self.find_all(path, query, 0, accept).unwrap_or_default();
        let all = found.iter().map(|found| self.entries[found.index].verbs);
        all.fold(VerbSet::NONE, VerbSet::with).methods().cloned().collect()
    }

    /// All bindings in the order of the chain, with the list that each was given in and its place
    /// there. For `boathook routes`.
    pub fn bindings(&self) -> impl Iterator<Item = (Section, usize, &Binding)> {
        self.entries.iter().map(|entry| (entry.section, entry.origin, &entry.binding))
    }

    /// The binding with this index.
    pub fn binding(&self, index: usize) -> Option<&Binding> {
        self.entries.get(index).map(|entry| &entry.binding)
    }

    /// The list that a binding was given in and its place there, from its index in a [`Match`].
    ///
    /// # Panics
    ///
    /// If the index is not from a match of this router.
    pub fn origin(&self, index: usize) -> (Section, usize) {
        (self.entries[index].section, self.entries[index].origin)
    }

    fn find_all(
        &self,
        path: &Path,
        query: Option<&str>,
        from: usize,
        accept: impl Fn(&Entry) -> bool,
    ) -> Result<Matches, MatchError> {
        let mut found = Matches::default();
        self.find_in(path.view(), query, from, &accept, &mut found)?;
        for reading in path.readings() {
            let mut other = Matches::default();
            self.find_in(reading, query, from, &accept, &mut other)?;
            if !self.is_safe(&found, &other) {
                return Err(MatchError::Ambiguous);
            }
        }
        Ok(found)
    }

    /// Whether a request may go on with the bindings `found`, though whoever reads its path
    /// differently finds `other`. Hooks may see more than they had to (that is how `/:name` gets at
    /// `b%2Fc`), never less; a target must be reached either way.
    fn is_safe(&self, found: &[Match], other: &[Match]) -> bool {
        let holds = |list: &[Match], index| list.iter().any(|found| found.index == index);
        other.iter().all(|found_too| holds(found, found_too.index))
            && found
                .iter()
                .filter(|found| !self.entries[found.index].binding.hook_route)
                .all(|target| holds(other, target.index))
    }

    fn find_in(
        &self,
        view: &View,
        query: Option<&str>,
        from: usize,
        accept: impl Fn(&Entry) -> bool,
        found: &mut Matches,
    ) -> Result<(), MatchError> {
        // Bindings on one path often follow each other, above all on `/*`: they are matched once.
        let mut last: Option<(usize, Option<Params>)> = None;
        for index in self.root.candidates(view.plain()) {
            let index = index as usize;
            let entry = &self.entries[index];
            if index < from || !accept(entry) {
                continue;
            }
            let params = match &last {
                Some((twin, params)) if *twin == entry.twin => params.clone(),
                _ => {
                    let params = entry.params(view)?;
                    last.insert((entry.twin, params)).1.clone()
                }
            };
            if let Some(params) = params
                && !entry.skips(view, query)?
            {
                found.0.push(Match { index, params });
            }
        }
        Ok(())
    }
}

impl Entry {
    /// The params if the path matches the address.
    fn params(&self, view: &View) -> Result<Option<Params>, MatchError> {
        self.binding.address.matches(view).map_err(|error| self.error(error))
    }

    /// Whether the binding does not apply all the same.
    fn skips(&self, view: &View, query: Option<&str>) -> Result<bool, MatchError> {
        self.binding.skips(view, query).map_err(|limit| self.error(limit.into()))
    }

    fn error(&self, error: ShapeError) -> MatchError {
        let address = self.binding.address.to_string();
        match error {
            ShapeError::NotUtf8 => MatchError::NotUtf8 { address },
            ShapeError::Limit(PatternLimit::Steps) => MatchError::Steps { address },
            ShapeError::Limit(PatternLimit::Text) => MatchError::TooLong { address },
        }
    }
}

impl Node {
    fn insert(&mut self, index: u32, binding: &Binding) {
        let (statics, is_whole) = binding.address.shape().statics();
        let mut node = self;
        for segment in statics {
            let at = match node.position(segment) {
                Ok(at) => at,
                Err(at) => {
                    let child = (segment.to_ascii_lowercase().into(), Node::default());
                    node.children.insert(at, child);
                    at
                }
            };
            node = &mut node.children[at].1;
        }
        if is_whole { node.whole.push(index) } else { node.open.push(index) }
    }

    /// All that may match a path, by rising index.
    fn candidates(&self, path: &str) -> Candidates {
        let mut found = Candidates::from_slice(&self.open);
        let mut node = self;
        let mut at = 0;
        let mut lists = usize::from(!self.open.is_empty());
        while let Some(span) = segment_at(path, at) {
            if span.is_empty() && span.end == path.len() {
                break;
            }
            at = span.end;
            match node.position(&path[span]) {
                Ok(child) => node = &node.children[child].1,
                Err(_) => return sorted(found, lists),
            }
            lists += usize::from(!node.open.is_empty());
            found.extend_from_slice(&node.open);
        }
        lists += usize::from(!node.whole.is_empty());
        found.extend_from_slice(&node.whole);
        sorted(found, lists)
    }

    fn position(&self, segment: &str) -> Result<usize, usize> {
        self.children.binary_search_by(|(known, _)| compare_ignoring_case(known, segment))
    }
}

/// Each list is in order by itself.
fn sorted(mut found: Candidates, lists: usize) -> Candidates {
    if lists > 1 {
        found.sort_unstable();
    }
    found
}

fn compare_ignoring_case(lower: &str, text: &str) -> Ordering {
    lower.bytes().cmp(text.bytes().map(|byte| byte.to_ascii_lowercase()))
}

impl Deref for Matches {
    type Target = [Match];

    fn deref(&self) -> &[Match] {
        &self.0
    }
}

impl IntoIterator for Matches {
    type Item = Match;
    type IntoIter = smallvec::IntoIter<[Match; 8]>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
