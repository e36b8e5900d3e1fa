//! Finds a hook's cases, runs them one after the other, and judges what came of each.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::case::{Act, Case, Step};
use super::expect::{Mismatch, Snapshots};
use super::run::{Kept, run};
use super::seen::Seen;
use super::{Hook, TestError};
use crate::config::{Problem, Problems, cases, manifest};
use crate::hook::find::MANIFEST_FILE;
use crate::project::build::HOOKS;
use crate::project::watch::stale;
use crate::sandbox::Compiler;

/// The folder of a hook's cases, in the hook's own.
pub const FOLDER: &str = "tests";
/// Bytes of one file of cases: far more than anybody writes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// A hook's folder with cases in it.
#[derive(Debug)]
pub struct Suite {
    /// The hook's folder.
    pub folder: PathBuf,
    /// The component, where it does not lie in that folder.
    pub component: Option<PathBuf>,
    /// The files of cases, by name.
    pub files: Vec<CaseFile>,
}

/// A file of cases.
#[derive(Debug)]
pub struct CaseFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its cases, in its order.
    pub cases: Vec<Case>,
}

/// Why there are no cases to run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// There is no folder to look in.
    #[error("{}: there is no such folder", .0.display())]
    Missing(PathBuf),
    /// None was found.
    #[error(
        "{}: holds no cases: neither {FOLDER}/*.toml or {FOLDER}/*.json, nor hooks with them\n\
         hint: write one, such as {FOLDER}/hello.toml with `[[case]]`, `name` and `request`", .0.display()
    )]
    None(PathBuf),
    /// A component was named, and the folder holds several hooks.
    #[error("{}: `--component` is for the folder of one hook", .0.display())]
    Several(PathBuf),
    /// Files of cases are wrong.
    #[error(transparent)]
    Files(#[from] Problems),
}

/// What became of a case.
#[derive(Debug)]
pub struct Verdict {
    /// The hook's name.
    pub hook: String,
    /// The case's.
    pub case: String,
    /// The file that it stands in.
    pub file: PathBuf,
    /// How long it took, the lift included.
    pub took: Duration,
    /// Fuel that the hook's calls have used in its steps.
    pub fuel: u64,
    /// What is not as it is to be; nothing if it passed.
    pub findings: Vec<Finding>,
    /// What came of each step, for whoever looks for the reason; of one that is repeated, the first time that
    /// went wrong, or the last.
    pub seen: Vec<Seen>,
    /// The snapshots that it has written.
    pub wrote: Vec<PathBuf>,
}

/// Something that keeps a case from passing.
#[derive(Clone, Debug)]
pub enum Finding {
    /// It could not be run.
    Error(String),
    /// Of one step.
    Step {
        /// Which, from 0.
        at: usize,
        /// What it was, in a few words.
        what: String,
        /// What is wrong.
        mismatch: Mismatch,
    },
    /// Of the case as a whole.
    Whole(String),
}

/// Finds the cases of a hook's folder, or of all hooks of an app's. `component` lies elsewhere than in the hook's
/// folder.
///
/// # Errors
/// If there are none, or files of cases are wrong: everything that is wrong with them, at once.
pub fn find(dir: &Path, component: Option<&Path>) -> Result<Vec<Suite>, SuiteError> {
    if !dir.is_dir() {
        return Err(SuiteError::Missing(dir.to_owned()));
    }
    let mut folders = vec![dir.to_owned()];
    if case_files(dir).is_empty() {
        folders = below(&dir.join(HOOKS));
        folders.retain(|folder| !case_files(folder).is_empty());
    }
    if component.is_some() && folders.len() > 1 {
        return Err(SuiteError::Several(dir.to_owned()));
    }
    let (mut suites, mut problems) = (Vec::new(), Problems::default());
    for folder in folders {
        let mut files = Vec::new();
        for path in case_files(&folder) {
            match read(&path) {
                Ok(cases) => files.push(CaseFile { path, cases }),
                Err(found) => problems.0.extend(found.0),
            }
        }
        suites.push(Suite { folder, component: component.map(Path::to_owned), files });
    }
    match (problems.0.is_empty(), suites.is_empty()) {
        (false, _) => Err(problems.into()),
        (true, true) => Err(SuiteError::None(dir.to_owned())),
        (true, false) => Ok(suites),
    }
}

/// The files of cases in a hook's folder, by name.
fn case_files(folder: &Path) -> Vec<PathBuf> {
    let is_case = |path: &PathBuf| {
        path.extension().is_some_and(|extension| extension == "toml" || extension == "json")
    };
    below(&folder.join(FOLDER)).into_iter().filter(is_case).collect()
}

/// What is in a folder and not hidden, by name.
fn below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let seen = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    let mut paths: Vec<PathBuf> = seen.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn read(path: &Path) -> Result<Vec<Case>, Problems> {
    let cannot = |why: String| {
        let message = format!("{}: cannot be read: {why}", path.display());
        Problems(vec![Problem { message, origin: None, hint: None }])
    };
    let about = fs::metadata(path).map_err(|error| cannot(error.to_string()))?;
    if about.len() > FILE_BYTES_MAX {
        return Err(cannot(format!("it is over {FILE_BYTES_MAX} bytes")));
    }
    let text = fs::read_to_string(path).map_err(|error| cannot(error.to_string()))?;
    cases::parse(path, &text)
}

impl Suite {
    /// Whether what the hook is built of is newer than the component that is tested, as far as its manifest says
    /// what that is.
    pub fn is_stale(&self) -> bool {
        let path = self.folder.join(MANIFEST_FILE);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let manifest = manifest::parse(&text, &path.display().to_string()).ok();
        let says_what = manifest.and_then(|it| it.build).is_some_and(|it| !it.watch.is_empty());
        says_what && self.component.is_none() && !stale(&self.folder).is_empty()
    }

    /// Reads the hook.
    ///
    /// # Errors
    /// If there is no component, or its manifest is wrong.
    pub fn open(&self, compiler: Arc<Compiler>) -> Result<Hook, TestError> {
        Hook::open_with(&self.folder, self.component.as_deref(), compiler)
    }
}

/// Runs a case and judges it.
pub fn judge(case: &Case, hook: &Hook, file: &Path, snapshots: &mut Snapshots) -> Verdict {
    let begun = Instant::now();
    let mut fuel = 0;
    let mut steps: Vec<Judged> = case.steps.iter().map(|_| Judged::default()).collect();
    let ran = run(case, hook, Kept::Named, &mut |at, seen| {
        fuel += seen.fuel;
        let mismatches = case.steps[at].expect.check(&seen, snapshots);
        steps[at].note(seen, mismatches);
    });
    let took = begun.elapsed();
    let (mut findings, mut seen) = (Vec::new(), Vec::new());
    for (at, (step, judged)) in case.steps.iter().zip(steps).enumerate() {
        let what = judged.what(step);
        let of_step = |mismatch| Finding::Step { at, what: what.clone(), mismatch };
        findings.extend(judged.mismatches.into_iter().map(of_step));
        seen.push(judged.seen);
    }
    match ran {
        Ok(amiss) => findings.extend(amiss.into_iter().map(Finding::Whole)),
        Err(error) => findings.push(Finding::Error(error.to_string())),
    }
    Verdict {
        hook: hook.name().to_owned(),
        case: case.name.clone(),
        file: file.to_owned(),
        took,
        fuel,
        findings,
        seen,
        wrote: snapshots.take_wrote(),
    }
}

/// What became of a step, of all the times that it happened.
#[derive(Default)]
struct Judged {
    times: u64,
    /// How many of them were not as they are to be.
    wrong: u64,
    /// Which was the first of those, from 1.
    first: u64,
    /// What was wrong then.
    mismatches: Vec<Mismatch>,
    /// What came of it then; of the last time, if nothing was wrong.
    seen: Seen,
}

impl Judged {
    fn note(&mut self, seen: Seen, mismatches: Vec<Mismatch>) {
        self.times += 1;
        if self.wrong == 0 {
            self.seen = seen;
        }
        if mismatches.is_empty() {
            return;
        }
        self.wrong += 1;
        if self.wrong == 1 {
            self.first = self.times;
            self.mismatches = mismatches;
        }
    }

    /// What the step was, in a few words, and how often it went wrong.
    fn what(&self, step: &Step) -> String {
        if step.repeat == 1 || self.wrong == 0 {
            return step.to_string();
        }
        let Self { times, wrong, first, .. } = self;
        format!("{step} (the first of {wrong} that failed, number {first} of {times})")
    }
}

impl Verdict {
    /// Whether everything is as it is to be.
    pub fn passed(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.act {
            Act::Request(request) => write!(out, "{} {}", request.method, request.target),
            Act::Tasks => out.write_str("tasks"),
            Act::Tick(name) => write!(out, "tick `{name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_those_of_the_folder_or_of_all_hooks_of_an_app() {
        let dir = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let case = "[[case]]\nname = \"a\"\nrequest = \"GET /\"\n";
        assert!(matches!(find(dir.path(), None), Err(SuiteError::None(_))));
        let nowhere = find(&dir.path().join("nowhere"), None);
        assert!(matches!(nowhere, Err(SuiteError::Missing(_))), "{nowhere:?}");
        put("hooks/one/tests/b.toml", case);
        put("hooks/one/tests/a.json", r#"{ "case": [{ "name": "a", "request": "GET /" }] }"#);
        put("hooks/one/tests/.hidden.toml", "no");
        put("hooks/one/tests/notes.md", "no");
        put("hooks/two/hook.toml", "");
        let suites = find(dir.path(), None).unwrap();
        let [Suite { folder, files, .. }] = &suites[..] else { panic!("{suites:?}") };
        assert_eq!(*folder, dir.path().join("hooks/one"));
        let names: Vec<_> = files.iter().map(|file| file.path.file_name().unwrap()).collect();
        assert_eq!(names, ["a.json", "b.toml"]);
        put("hooks/two/tests/a.toml", "[[case]]\nnaem = 1");
        let error = find(dir.path(), None).unwrap_err().to_string();
        assert!(error.contains("did you mean `name`?"), "{error}");
        assert_eq!(find(folder, None).unwrap().len(), 1);
    }
}
