//! Lints `wit/`: a name or a missing word there cannot be mended after the first release.
//!
//! The package is looked at as it was written, before wit-parser resolves it: resolving adds what
//! worlds import by implication, which nobody can document.

use wit_parser::{
    Docs, Function, Resolve, Stability, Type, TypeDef, TypeDefKind, TypeOwner, UnresolvedPackage,
    UnresolvedPackageGroup, World, WorldItem, WorldKey,
};

use super::{report, root};

const PACKAGE: &str = "boathook:hook@0.1.0";

#[test]
fn the_package_resolves_and_is_of_this_version() {
    let mut resolve = Resolve::default();
    let (id, _) = resolve.push_path(root().join("wit")).expect("wit/ resolves");
    assert_eq!(resolve.packages[id].name.to_string(), PACKAGE);
    for world in ["hook", "middleware"] {
        resolve.select_world(&[id], Some(world)).expect("the world exists");
    }
}

#[test]
fn every_item_is_documented_dated_and_well_named() {
    report(Lint::run(&package()));
}

#[test]
fn every_export_says_which_limits_apply() {
    let package = package();
    let mut findings = Vec::new();
    for (_, world) in &package.worlds {
        for (key, item) in &world.exports {
            match item {
                WorldItem::Interface { id, .. } => {
                    let interface = &package.interfaces[*id];
                    let name = interface.name.as_deref().unwrap_or(&world.name);
                    for function in interface.functions.values() {
                        limits(name, function, &mut findings);
                    }
                }
                WorldItem::Function(function) => limits(&world.name, function, &mut findings),
                WorldItem::Type { .. } => findings.push(format!("{key:?}: a world exports types?")),
            }
        }
    }
    findings.sort();
    findings.dedup();
    report(findings);
}

/// The lints themselves: each finds its mistake, and no other.
#[test]
fn each_mistake_is_found() {
    for (wit, findings) in [
        ("interface i {}", vec!["i: no doc comment", "i: no @since"]),
        ("/// I.\n@since(version = 0.1.0)\ninterface i {}", vec![]),
        ("/// I.\n@since(version = 0.2.0)\ninterface i {}", vec!["i: @since is after the package"]),
        ("/// I.\n@unstable(feature = x)\ninterface i {}", vec!["i: no @since"]),
        (
            "/// I.\n@since(version = 0.1.0)\ninterface i {\n\
             /// R.\n@since(version = 0.1.0)\nrecord r { a: u8, /// B.\n b: u8 }\n\
             /// F.\nf: func();\n}",
            vec!["i.r.a: no doc comment", "i.f: no @since"],
        ),
        (
            "/// I.\n@since(version = 0.1.0)\ninterface i {\n\
             /// E.\n@since(version = 0.1.0)\nenum e { UP }\n}",
            vec!["i.e.UP: no doc comment", "i.e.UP: not kebab-case"],
        ),
        (
            "/// I.\n@since(version = 0.1.0)\ninterface i {}\n\
             /// J.\n@since(version = 0.1.0)\ninterface j {}\n\
             /// W.\n@since(version = 0.1.0)\nworld w { import i; /// J.\n import j; }",
            vec!["w.import i: no doc comment"],
        ),
    ] {
        let text = format!("package a:b@0.1.0;\n{wit}");
        let group = UnresolvedPackageGroup::parse("test.wit", &text).map_err(|(_, error)| error);
        assert_eq!(Lint::run(&group.expect("WIT").main), findings, "{wit}");
    }
}

fn package() -> UnresolvedPackage {
    UnresolvedPackageGroup::parse_dir(root().join("wit")).expect("wit/ parses").main
}

fn limits(interface: &str, function: &Function, findings: &mut Vec<String>) {
    let docs = function.docs.contents.as_deref().unwrap_or_default();
    if !docs.lines().any(|line| line.trim_start().starts_with("Limits: ")) {
        findings.push(format!("{interface}.{}: docs have no `Limits:` sentence", function.name));
    }
}

struct Lint<'a> {
    package: &'a UnresolvedPackage,
    findings: Vec<String>,
}

impl<'a> Lint<'a> {
    fn run(package: &'a UnresolvedPackage) -> Vec<String> {
        let mut lint = Self { package, findings: Vec::new() };
        lint.package(package);
        lint.findings
    }

    fn package(&mut self, package: &UnresolvedPackage) {
        for (_, interface) in &package.interfaces {
            // One without a name stands in a world, or belongs to another package.
            let Some(name) = &interface.name else { continue };
            if interface.types.is_empty() && interface.functions.is_empty() && self.foreign(name) {
                continue;
            }
            self.item(name, name, &interface.docs);
            self.since(name, &interface.stability);
            for (local, id) in &interface.types {
                self.type_def(name, local, &package.types[*id]);
            }
            for function in interface.functions.values() {
                self.function(name, function);
            }
        }
        for (_, world) in &package.worlds {
            self.item(&world.name, &world.name, &world.docs);
            self.since(&world.name, &world.stability);
            self.world(world);
        }
    }

    fn foreign(&self, interface: &str) -> bool {
        self.package.foreign_deps.values().any(|interfaces| interfaces.contains_key(interface))
    }

    fn world(&mut self, world: &World) {
        let imports = world.imports.iter().map(|item| ("import", item));
        let exports = world.exports.iter().map(|item| ("export", item));
        for (verb, (key, item)) in imports.chain(exports) {
            let name = match key {
                WorldKey::Name(name) => name.clone(),
                WorldKey::Interface(id) => {
                    self.package.interfaces[*id].name.clone().unwrap_or_default()
                }
            };
            let place = format!("{}.{verb} {name}", world.name);
            match item {
                WorldItem::Interface { docs, .. } => self.item(&place, &name, docs),
                WorldItem::Function(function) => self.function(&world.name, function),
                WorldItem::Type { id, .. } => {
                    self.type_def(&world.name, &name, &self.package.types[*id]);
                }
            }
        }
    }

    fn type_def(&mut self, owner: &str, name: &str, type_def: &TypeDef) {
        // `use`: it is documented where it comes from.
        if let TypeDefKind::Type(Type::Id(id)) = type_def.kind
            && self.package.types[id].owner != type_def.owner
            && self.package.types[id].owner != TypeOwner::None
        {
            return;
        }
        let place = format!("{owner}.{name}");
        self.item(&place, name, &type_def.docs);
        self.since(&place, &type_def.stability);
        let mut members = |names_and_docs: Vec<(&String, &Docs)>| {
            for (name, docs) in names_and_docs {
                self.item(&format!("{place}.{name}"), name, docs);
            }
        };
        match &type_def.kind {
            TypeDefKind::Record(all) => {
                members(all.fields.iter().map(|field| (&field.name, &field.docs)).collect());
            }
            TypeDefKind::Variant(all) => {
                members(all.cases.iter().map(|case| (&case.name, &case.docs)).collect());
            }
            TypeDefKind::Flags(all) => {
                members(all.flags.iter().map(|flag| (&flag.name, &flag.docs)).collect());
            }
            TypeDefKind::Enum(all) => {
                members(all.cases.iter().map(|case| (&case.name, &case.docs)).collect());
            }
            _ => {}
        }
    }

    fn function(&mut self, owner: &str, function: &Function) {
        let name = function.item_name();
        let place = format!("{owner}.{}", function.name);
        self.item(&place, name, &function.docs);
        self.since(&place, &function.stability);
        for param in &function.params {
            self.name(&format!("{place}({})", param.name), &param.name);
        }
    }

    fn item(&mut self, place: &str, name: &str, docs: &Docs) {
        if docs.contents.as_deref().unwrap_or_default().trim().is_empty() {
            self.findings.push(format!("{place}: no doc comment"));
        }
        self.name(place, name);
    }

    /// WIT itself allows words in capitals.
    fn name(&mut self, place: &str, name: &str) {
        let word = |word: &str| {
            word.starts_with(|first: char| first.is_ascii_lowercase())
                && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        if !name.split('-').all(word) {
            self.findings.push(format!("{place}: not kebab-case"));
        }
    }

    fn since(&mut self, place: &str, stability: &Stability) {
        let now = self.package.name.version.as_ref();
        match stability {
            Stability::Stable { since, .. } if now.is_some_and(|now| since <= now) => {}
            Stability::Stable { .. } => {
                self.findings.push(format!("{place}: @since is after the package"));
            }
            Stability::Unstable { .. } | Stability::Unknown => {
                self.findings.push(format!("{place}: no @since"));
            }
        }
    }
}
