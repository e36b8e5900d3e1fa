//! Defines which methods an address answers, as written ([`Verbs`]) and as a set ([`VerbSet`]).
//!
//! The set is what matching works on: one bit for each method that an address can name, and one
//! bit for all others together, which only `ALL` reaches.

use http::Method;

/// Which methods an address answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verbs {
    /// No verb was written: GET (and with it HEAD), PUT, POST, DELETE and PATCH, as in Sails.
    Unspecified,
    /// `ALL`: every method there is, OPTIONS, TRACE and PROPFIND included.
    All,
    /// One verb. GET answers HEAD too.
    One(Method),
}

/// The methods that have a bit of their own, in the order in which Express lists them in `Allow`.
static KNOWN: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::PUT,
    Method::POST,
    Method::DELETE,
    Method::PATCH,
    Method::OPTIONS,
    Method::TRACE,
    Method::CONNECT,
];

const GET_AND_HEAD: u16 = 0b11;
const UNSPECIFIED: u16 = 0b11_1111;
const OTHERS: u16 = 1 << KNOWN.len();
const ALL: u16 = (OTHERS << 1) - 1;

impl Verbs {
    /// Reads a verb in any case, `None` if Sails knows no such verb.
    pub(super) fn parse(word: &str) -> Option<Verbs> {
        if word.eq_ignore_ascii_case("all") {
            return Some(Verbs::All);
        }
        let known = KNOWN.iter().find(|method| word.eq_ignore_ascii_case(method.as_str()))?;
        Some(Verbs::One(known.clone()))
    }

    /// The methods as a set.
    pub(super) fn set(&self) -> VerbSet {
        VerbSet(match self {
            Verbs::Unspecified => UNSPECIFIED,
            Verbs::All => ALL,
            Verbs::One(Method::GET) => GET_AND_HEAD,
            Verbs::One(method) => bit(method),
        })
    }
}

/// A set of methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VerbSet(u16);

impl VerbSet {
    pub(super) const NONE: VerbSet = VerbSet(0);

    /// The set that holds this method alone (all unknown methods are one).
    pub(super) fn of(method: &Method) -> VerbSet {
        VerbSet(bit(method))
    }

    pub(super) fn meets(self, other: VerbSet) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn with(self, other: VerbSet) -> VerbSet {
        VerbSet(self.0 | other.0)
    }

    pub(super) fn without(self, other: VerbSet) -> VerbSet {
        VerbSet(self.0 & !other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The methods with a name of their own, in the order of `Allow`.
    pub(super) fn methods(self) -> impl Iterator<Item = &'static Method> {
        KNOWN.iter().enumerate().filter(move |(at, _)| self.0 & (1 << at) != 0).map(|(_, m)| m)
    }

    /// Whether methods without a name here, such as PROPFIND, are in it.
    pub(super) fn has_others(self) -> bool {
        self.0 & OTHERS != 0
    }
}

fn bit(method: &Method) -> u16 {
    match *method {
        Method::GET => 1,
        Method::HEAD => 1 << 1,
        Method::PUT => 1 << 2,
        Method::POST => 1 << 3,
        Method::DELETE => 1 << 4,
        Method::PATCH => 1 << 5,
        Method::OPTIONS => 1 << 6,
        Method::TRACE => 1 << 7,
        Method::CONNECT => 1 << 8,
        _ => OTHERS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn propfind() -> Method {
        Method::from_bytes(b"PROPFIND").unwrap()
    }

    #[test]
    fn bits_and_list_agree() {
        for (at, method) in KNOWN.iter().enumerate() {
            assert_eq!(bit(method), 1 << at, "{method}");
        }
        assert_eq!(bit(&propfind()), OTHERS);
    }

    #[test]
    fn no_verb_means_five_methods_and_head() {
        let set = Verbs::Unspecified.set();
        let names: Vec<_> = set.methods().map(Method::as_str).collect();
        assert_eq!(names, ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"]);
        assert!(!set.has_others());
    }

    #[test]
    fn all_means_every_method() {
        let set = Verbs::All.set();
        assert_eq!(set.methods().count(), KNOWN.len());
        assert!(set.meets(VerbSet::of(&propfind())));
    }

    #[test]
    fn get_answers_head_but_head_does_not_answer_get() {
        assert!(Verbs::One(Method::GET).set().meets(VerbSet::of(&Method::HEAD)));
        assert!(!Verbs::One(Method::HEAD).set().meets(VerbSet::of(&Method::GET)));
    }

    #[test]
    fn verbs_are_read_in_any_case_and_unknown_ones_are_not() {
        assert_eq!(Verbs::parse("gEt"), Some(Verbs::One(Method::GET)));
        assert_eq!(Verbs::parse("all"), Some(Verbs::All));
        assert_eq!(Verbs::parse("PROPFIND"), None);
        assert_eq!(Verbs::parse(""), None);
    }
}
