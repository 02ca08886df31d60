//! Which file of a crate imports which other one, as its sources say it.
//!
//! This only reads a part of Rust: `use`, and paths that begin with `crate`, `self`, `super` or a
//! module of the file. A name that a module only re-exports counts as an import of the file that
//! defines it. Tests beside the code do not count, because they may use everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The path of a module, without its crate; empty for the crate's root.
type Module = Vec<String>;

/// The sources of one crate, by module.
#[derive(Default)]
pub struct Crate {
    files: BTreeMap<Module, File>,
}

struct File {
    /// The name of the file, for a message.
    path: String,
    /// Everything that it names, as paths from the crate's root.
    names: BTreeSet<Module>,
    /// The names that it re-exports, by their name here.
    hands_on: BTreeMap<String, Module>,
}

/// An import of a file by another file, and the imported names.
#[derive(Debug, PartialEq, Eq)]
pub struct Import {
    pub from: String,
    pub to: String,
    pub names: Vec<String>,
}

impl Crate {
    /// The crate whose root lies in this directory.
    pub fn read(directory: &Path) -> Self {
        let mut sources = BTreeMap::new();
        collect(directory, directory, &mut sources);
        let sources = sources.into_iter().map(|(module, path)| {
            let text = fs::read_to_string(&path).unwrap();
            (module, (path.display().to_string(), text))
        });
        Self::of(sources.collect())
    }

    /// The crate of these sources: path and text, by module.
    pub fn of(sources: BTreeMap<Module, (String, String)>) -> Self {
        let modules: BTreeSet<Module> = sources.keys().cloned().collect();
        let files = sources.into_iter().map(|(module, (path, text))| {
            let (names, hands_on) = Reader::new(&module, &modules, &text).read();
            let file = File {
                path,
                names,
                hands_on,
            };
            (module, file)
        });
        Self {
            files: files.collect(),
        }
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// The imports that are part of a circle.
    pub fn circles(&self) -> Vec<Import> {
        let imports = self.imports();
        self.those(&imports, |from, to| leads_to(&imports, to, from))
    }

    /// The imports that do not lead from a layer to one below it. The layers are the modules in the
    /// crate's root, with everything in them, the uppermost layer first. The root itself may import
    /// everything.
    ///
    /// # Panics
    /// If a module is in no layer.
    pub fn not_downwards(&self, layers: &[&[&str]]) -> Vec<Import> {
        let layer_of = |module: &Module| {
            let name = module.first()?.as_str();
            let layer = layers.iter().position(|layer| layer.contains(&name));
            Some(layer.unwrap_or_else(|| panic!("{name} is in no layer")))
        };
        let is_wrong = |from: &Module, to: &Module| {
            from.first() != to.first()
                && layer_of(from).is_some_and(|from| layer_of(to).is_none_or(|to| to <= from))
        };
        self.those(&self.imports(), is_wrong)
    }

    fn those(&self, imports: &Imports, is_meant: impl Fn(&Module, &Module) -> bool) -> Vec<Import> {
        let meant = imports.iter().filter(|((from, to), _)| is_meant(from, to));
        let import = |((from, to), names): (&(Module, Module), &BTreeSet<String>)| Import {
            from: self.files[from].path.clone(),
            to: self.files[to].path.clone(),
            names: names.iter().cloned().collect(),
        };
        meant.map(import).collect()
    }

    fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (module, file) in &self.files {
            for name in &file.names {
                let (defined_in, rest) = self.definition(name, 0);
                if defined_in != *module {
                    let name = rest.first().or(defined_in.last()).cloned();
                    let names = imports.entry((module.clone(), defined_in)).or_default();
                    names.extend(name);
                }
            }
        }
        imports
    }

    /// The module that defines a name, and the name in it.
    fn definition(&self, name: &[String], steps: u32) -> (Module, Module) {
        let length = (0..=name.len())
            .rev()
            .find(|length| self.files.contains_key(&name[..*length]))
            .unwrap_or_default();
        let (module, rest) = name.split_at(length);
        let file = self.files.get(module);
        let handed_on = file.zip(rest.first());
        let handed_on = handed_on.and_then(|(file, first)| file.hands_on.get(first));
        match handed_on {
            // A module that re-exports a name to itself would cause an endless loop.
            Some(from) if steps < 8 => {
                let whole = [from.as_slice(), &rest[1..]].concat();
                self.definition(&whole, steps + 1)
            }
            _ => (module.to_vec(), rest.to_vec()),
        }
    }
}

type Imports = BTreeMap<(Module, Module), BTreeSet<String>>;

fn leads_to(imports: &Imports, from: &Module, to: &Module) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(module) = next.pop() {
        if module == to {
            return true;
        }
        let imported = imports.keys().filter(|(importing, _)| importing == module);
        next.extend(imported.map(|(_, to)| to).filter(|to| seen.insert(to)));
    }
    false
}

/// The files of a crate. Programs of the package below `bin` are crates of their own, and so is
/// `main.rs` beside `lib.rs`.
fn collect(root: &Path, directory: &Path, found: &mut BTreeMap<Module, PathBuf>) {
    let has_library = root.join("lib.rs").exists();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path != root.join("bin") {
                collect(root, &path, found);
            }
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let relative = path.strip_prefix(root).unwrap().with_extension("");
        let parts = relative
            .iter()
            .map(|part| part.to_str().unwrap().to_owned());
        let mut module: Module = parts.collect();
        match module.last().map(String::as_str) {
            Some("main") if directory == root && has_library => continue,
            Some("lib" | "main") if directory == root => module.clear(),
            Some("mod") => drop(module.pop()),
            // Tests beside the code, in a file of their own.
            Some("tests") => continue,
            _ => {}
        }
        found.insert(module, path);
    }
}

/// Reads one file.
struct Reader<'a> {
    module: &'a Module,
    modules: &'a BTreeSet<Module>,
    tokens: Vec<String>,
    names: BTreeSet<Module>,
    hands_on: BTreeMap<String, Module>,
}

impl<'a> Reader<'a> {
    fn new(module: &'a Module, modules: &'a BTreeSet<Module>, text: &str) -> Self {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        Self {
            module,
            modules,
            tokens: tokens(code),
            names: BTreeSet::new(),
            hands_on: BTreeMap::new(),
        }
    }

    fn read(mut self) -> (BTreeSet<Module>, BTreeMap<String, Module>) {
        let mut at = 0;
        while at < self.tokens.len() {
            if self.token(at) == "use" {
                let is_public = at > 0 && ["pub", ")"].contains(&self.token(at - 1));
                at = self.read_use(at + 1, &[], is_public);
            } else if self.begins_path(at) {
                at = self.read_path(at);
            } else {
                at += 1;
            }
        }
        (self.names, self.hands_on)
    }

    fn token(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", String::as_str)
    }

    /// Reads one branch of a `use`. Returns where it ends.
    fn read_use(&mut self, mut at: usize, before: &[String], is_public: bool) -> usize {
        let mut path = before.to_vec();
        loop {
            match self.token(at) {
                "{" => {
                    at += 1;
                    while !["}", ""].contains(&self.token(at)) {
                        at = self.read_use(at, &path, is_public);
                        if self.token(at) == "," {
                            at += 1;
                        }
                    }
                    return at + 1;
                }
                "::" => at += 1,
                "as" => {
                    let name = self.token(at + 1).to_owned();
                    self.imported(&path, &name, is_public);
                    return at + 2;
                }
                "," | "}" | ";" | "" => {
                    let name = path.last().cloned().unwrap_or_default();
                    self.imported(&path, &name, is_public);
                    return at;
                }
                part => {
                    // `{self}` is the module itself.
                    if part != "self" || path.is_empty() {
                        path.push(part.to_owned());
                    }
                    at += 1;
                }
            }
        }
    }

    fn imported(&mut self, path: &[String], name: &str, is_public: bool) {
        let Some(path) = self.whole_path(path) else {
            return;
        };
        if is_public {
            self.hands_on.insert(name.to_owned(), path.clone());
        }
        self.names.insert(path);
    }

    /// Whether a path of this crate begins here, outside `use`. `pub(in crate::session)` does not
    /// count.
    fn begins_path(&self, at: usize) -> bool {
        let begins = at == 0 || !["::", ".", "$", "in"].contains(&self.token(at - 1));
        begins
            && self.token(at + 1) == "::"
            && self.whole_path(&[self.token(at).to_owned()]).is_some()
    }

    fn read_path(&mut self, mut at: usize) -> usize {
        let mut path = vec![self.token(at).to_owned()];
        while self.token(at + 1) == "::" && is_name(self.token(at + 2)) {
            path.push(self.token(at + 2).to_owned());
            at += 2;
        }
        let path = self.whole_path(&path);
        self.names.extend(path);
        at + 1
    }

    /// `None` for a path of another crate.
    fn whole_path(&self, path: &[String]) -> Option<Module> {
        let (first, rest) = path.split_first()?;
        let mut module = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.module.clone(),
            "super" => self.module.split_last()?.1.to_vec(),
            _ => {
                let child = [self.module.as_slice(), std::slice::from_ref(first)].concat();
                self.modules.contains(&child).then_some(child)?
            }
        };
        for part in rest {
            if part == "super" {
                module.pop();
            } else {
                module.push(part.clone());
            }
        }
        Some(module)
    }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Names, `::` and single characters, without comments and texts.
fn tokens(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(length) = text_at(rest) {
            length
        } else if is_name(rest) {
            let is_part = |character: char| character.is_alphanumeric() || character == '_';
            let length = rest.find(|character: char| !is_part(character));
            let length = length.unwrap_or(rest.len());
            found.push(rest[..length].to_owned());
            length
        } else if rest.starts_with("::") {
            found.push("::".to_owned());
            2
        } else {
            if !first.is_whitespace() {
                found.push(first.to_string());
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    found
}

/// How long the text or the character is that begins here.
fn text_at(code: &str) -> Option<usize> {
    let raw = code.strip_prefix('b').unwrap_or(code);
    if let Some(raw) = raw.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let begin = code.len() - raw.len() + hashes + 1;
            let length = code[begin..].find(&end)?;
            return Some(begin + length + end.len());
        }
    }
    let quote = code.chars().next()?;
    let mut characters = code.char_indices().skip(1);
    match quote {
        '"' => {
            while let Some((at, character)) = characters.next() {
                match character {
                    '\\' => drop(characters.next()),
                    '"' => return Some(at + 1),
                    _ => {}
                }
            }
            Some(code.len())
        }
        '\'' => {
            // A lifetime has no second quote where a character has it.
            let is_escaped = code[1..].starts_with('\\');
            let (at, _) = characters.nth(usize::from(is_escaped) + 1)?;
            if is_escaped {
                return code[at..].find('\'').map(|more| at + more + 1);
            }
            code[at..].starts_with('\'').then_some(at + 1)
        }
        _ => None,
    }
}
