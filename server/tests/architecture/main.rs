//! The invariants of ARCHITECTURE.md that can be checked by reading the repository.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod example;
mod imports;
mod start_template;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use imports::{Crate, Import};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The names of the crates from which a package is built, with the package itself.
fn crates_of(package: &str, features: &[&str]) -> Vec<String> {
    crates_by("normal", package, features)
}

/// The same by these kinds of dependencies.
fn crates_by(edges: &str, package: &str, features: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--edges",
            edges,
            "--prefix",
            "none",
            "--package",
            package,
        ])
        .args(features)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn files_below(directory: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, ending, found);
        } else if path
            .extension()
            .is_some_and(|extension| extension == ending)
        {
            found.push(path);
        }
    }
}

fn rust_files(directories: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in directories {
        files_below(&root().join(directory), "rs", &mut found);
    }
    found
}

/// The types of a file that other files can name.
fn visible_types(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let line = line.trim_start().strip_prefix("pub")?;
        let line = match line.strip_prefix('(') {
            Some(restricted) => restricted.split_once(')')?.1,
            None => line,
        };
        let (kind, rest) = line.trim_start().split_once(' ')?;
        if !["struct", "enum", "trait", "type", "union"].contains(&kind) {
            return None;
        }
        rest.split(|letter: char| !letter.is_alphanumeric()).next()
    })
}

#[test]
fn two_types_of_one_crate_have_two_names() {
    assert_eq!(
        visible_types("pub struct A;\n    pub(super) enum B<T> {\nstruct C;\npub fn d() {}\n")
            .collect::<Vec<_>>(),
        ["A", "B"]
    );
    for directory in [
        "protocol/src",
        "client/src",
        "app/src",
        "local-postgres/src",
        "server/src",
        "testkit/src",
        "xtask/src",
    ] {
        let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in rust_files(&[directory]) {
            // Each file of a program is a small crate of its own, which may name things by itself.
            let is_program = path.components().any(|part| part.as_os_str() == "bin");
            // Each command of the program `holdfast` has its own enum, as clap's documentation
            // does.
            let is_command = path.starts_with(root().join("server/src/cli"));
            if is_program || is_command {
                continue;
            }
            for name in visible_types(&fs::read_to_string(&path).unwrap()) {
                let at = path.display().to_string();
                files.entry(name.to_owned()).or_default().push(at);
            }
        }
        assert!(files.len() > 5, "{directory}: {files:?}");
        files.retain(|_, at| at.len() > 1);
        assert!(files.is_empty(), "{files:#?}");
    }
}

#[test]
fn protocol_has_no_crate_that_does_io_or_is_a_framework() {
    let crates = crates_of("holdfast-protocol", &[]);
    assert!(crates.iter().any(|name| name == "serde"), "{crates:?}");
    let forbidden = [
        "tokio",
        "sqlx",
        "axum",
        "hyper",
        "leptos",
        "web-sys",
        "js-sys",
        "wasm-bindgen",
        "gloo-net",
        "gloo-storage",
        "rand",
        "getrandom",
        "time",
        "chrono",
        "mio",
        "reqwest",
    ];
    for name in &crates {
        assert!(
            !forbidden.contains(&name.as_str()),
            "protocol depends on {name}"
        );
    }
}

#[test]
fn app_and_client_see_no_database_no_server_and_no_password_hash() {
    let app = crates_of("holdfast-app", &["--features", "ssr"]);
    let client = crates_of("holdfast-client", &[]);
    for (name, crates) in [("app", app), ("client", client)] {
        assert!(crates.iter().any(|name| name == "leptos"), "{crates:?}");
        for forbidden in [
            "sqlx",
            "sqlx-core",
            "axum",
            "leptos_axum",
            "argon2",
            "holdfast-server",
        ] {
            assert!(
                !crates.iter().any(|name| name == forbidden),
                "{name} depends on {forbidden}"
            );
        }
    }
}

/// The crates of this repository from which a package is built, by their short names.
fn own_crates_of(package: &str, features: &[&str]) -> Vec<String> {
    let mut crates = crates_of(package, features);
    crates.sort();
    crates.dedup();
    let own = crates
        .iter()
        .filter_map(|name| name.strip_prefix("holdfast-"));
    own.map(str::to_owned).collect()
}

#[test]
fn the_crates_of_the_browser_depend_on_each_other_in_one_direction() {
    let app = ["--features", "ssr"];
    assert_eq!(own_crates_of("holdfast-protocol", &[]), ["protocol"]);
    let client = ["client", "protocol"];
    assert_eq!(own_crates_of("holdfast-client", &[]), client);
    assert_eq!(
        own_crates_of("holdfast-app", &app),
        ["app", "client", "protocol"]
    );
    let frontend = ["app", "client", "frontend", "protocol"];
    assert_eq!(own_crates_of("holdfast-frontend", &[]), frontend);
}

#[test]
fn the_server_goes_without_the_pages() {
    let with = crates_of("holdfast-server", &[]);
    // The crates of its tests must not bring the pages back.
    let all = "normal,build,dev";
    let without = crates_by(all, "holdfast-server", &["--no-default-features"]);
    for (crates, has_pages) in [(with, true), (without, false)] {
        let found = crates.iter().any(|name| name == "holdfast-app");
        assert_eq!(found, has_pages, "{crates:?}");
    }
}

#[test]
fn an_application_has_no_demonstrations_unless_it_asks_for_them() {
    let demonstrates = |package, feature| {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--offline",
                "--edges",
                "features",
                "--prefix",
                "none",
            ])
            .args(["--package", package, "--no-default-features"])
            .args(["--features", feature])
            .current_dir(root())
            .output()
            .unwrap();
        let tree = String::from_utf8(output.stdout).unwrap();
        assert!(tree.contains("holdfast-client v"), "{package}: {tree}");
        tree.contains("holdfast-client feature \"demonstration\"")
    };
    assert!(
        demonstrates("holdfast-app", "hydrate"),
        "the page `/flow` needs them"
    );
    assert!(!demonstrates("notes", "hydrate"));
    assert!(!demonstrates("notes", "ssr"));
}

#[test]
fn the_layers_of_the_client_only_look_down() {
    let client = Crate::read(&root().join("client/src"));
    let found = client.not_downwards(&[
        &[
            "require_session",
            "resource",
            "recovery",
            "renaming",
            "leaving",
            "new_password",
            "demonstration",
        ],
        &["session"],
        &["engine"],
        &["late_engine"],
        &["engine_code"],
        &["recovering", "estimating"],
        &["changes", "request", "server_functions", "host"],
        &["calls"],
        &["driver"],
        &["turns", "vault", "logout", "new_code", "staged"],
        &[
            "config",
            "transport",
            "download",
            "lock",
            "surroundings",
            "told",
            "traces",
            "other_tabs",
        ],
        &["names", "address", "clock", "watch"],
    ]);
    assert_eq!(found, []);
}

#[test]
fn the_private_postgres_knows_nothing_of_holdfast() {
    let crates = crates_of("holdfast-local-postgres", &[]);
    assert!(crates.iter().any(|name| name == "sqlx"), "{crates:?}");
    let ours = crates.iter().filter(|name| name.starts_with("holdfast"));
    assert_eq!(ours.collect::<Vec<_>>(), ["holdfast-local-postgres"]);
    for path in rust_files(&["local-postgres/src"]) {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let code = code.replace("holdfast_local_postgres", "").to_lowercase();
        assert!(!code.contains("holdfast"), "{}", path.display());
    }
}

/// Whether a line contains a statement, and not a sentence with "select" or "update".
fn is_sql(line: &str) -> bool {
    let line = line
        .trim_start()
        .trim_start_matches(['"', 'r', '#'])
        .to_lowercase();
    let comment = line.starts_with("//");
    let statement = [
        ("select ", " from "),
        ("insert into ", ""),
        ("update ", " set "),
        ("delete from ", ""),
        ("create table ", ""),
        ("alter table ", ""),
        ("with ", " as ("),
    ]
    .iter()
    .any(|(start, then)| line.starts_with(start) && line.contains(then));
    !comment && (statement || line.contains("sqlx::query"))
}

#[test]
fn sql_stands_only_in_the_store_and_in_migrations() {
    assert!(is_sql("    \"select account_id from accounts\""));
    assert!(is_sql("sqlx::query!("));
    assert!(!is_sql("/// Update the state, then set it."));
    let store = root().join("server/src/store");
    let in_store = |path: &Path| {
        path.starts_with(&store) && fs::read_to_string(path).unwrap().lines().any(is_sql)
    };
    let files = rust_files(&[
        "server/src",
        "local-postgres/src",
        "app/src",
        "client/src",
        "protocol/src",
        "frontend/src",
    ]);
    assert!(
        files.iter().any(|path| in_store(path)),
        "the search finds the store's own SQL"
    );
    for path in files.iter().filter(|path| !path.starts_with(&store)) {
        let text = fs::read_to_string(path).unwrap();
        for (number, line) in text.lines().enumerate() {
            assert!(!is_sql(line), "{}:{} holds SQL", path.display(), number + 1);
        }
    }
}

#[test]
fn only_one_module_knows_the_pages_and_only_the_gate_before_server_functions_the_client() {
    for (name, knowing) in [
        (
            "holdfast_app",
            &["pages.rs", "pages/fault.rs", "pages/language.rs"][..],
        ),
        ("holdfast_client", &["server_functions.rs"]),
    ] {
        let mut files = rust_files(&["server/src"]);
        files.retain(|path| fs::read_to_string(path).unwrap().contains(name));
        files.sort_by_key(|path| path.with_extension(""));
        let knowing = knowing
            .iter()
            .map(|file| root().join("server/src").join(file));
        assert_eq!(files, knowing.collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn nothing_below_the_routes_imports_http() {
    // The first two put all parts together, and the others are routes of another kind.
    let may = [
        "lib.rs",
        "builder.rs",
        "overview.rs",
        "pages.rs",
        "pages",
        "server_functions.rs",
        "serving.rs",
        "routes",
        "http",
    ];
    let sources = root().join("server/src");
    let may = may.map(|name| sources.join(name));
    let mut importing = 0;
    for path in rust_files(&["server/src"]) {
        let imports = fs::read_to_string(&path).unwrap().contains("crate::http");
        importing += usize::from(imports);
        let is_above = may.iter().any(|above| path.starts_with(above));
        assert!(is_above || !imports, "{} imports http", path.display());
    }
    assert!(importing > 0);
}

#[test]
fn nothing_in_the_server_but_its_root_imports_routes() {
    for path in rust_files(&["server/src"]) {
        let inside = path.components().any(|part| part.as_os_str() == "routes");
        let imports = fs::read_to_string(&path).unwrap().contains("crate::routes");
        assert!(inside || !imports, "{} imports routes", path.display());
    }
}

/// The directories of the crates' roots: libraries, programs, and tests of more than one file.
fn roots() -> Vec<PathBuf> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest.split_once("members = [").unwrap().1;
    let members = members.split_once(']').unwrap().0;
    let members = members.split('"').skip(1).step_by(2);
    let mut roots = Vec::new();
    for member in members.chain([
        "xtask/wasm-bindgen",
        "xtask/flamegraph",
        "xtask/new-project",
    ]) {
        let mut files = Vec::new();
        for directory in ["src", "tests"] {
            let directory = root().join(member).join(directory);
            if directory.is_dir() {
                files_below(&directory, "rs", &mut files);
            }
        }
        let is_root = |path: &PathBuf| path.ends_with("main.rs") || path.ends_with("lib.rs");
        let found = files.iter().filter(|path| is_root(path));
        roots.extend(found.map(|path| path.parent().unwrap().to_owned()));
    }
    roots.sort();
    roots.dedup();
    roots
}

#[test]
fn no_two_files_import_each_other() {
    let roots = roots();
    for expected in [
        "server/src",
        "app/src",
        "client/src",
        "testkit/src/bin/soak",
        "xtask/src",
    ] {
        assert!(roots.contains(&root().join(expected)), "{roots:?}");
    }
    let mut circles = String::new();
    for directory in roots {
        let sources = Crate::read(&directory);
        assert!(sources.len() > 0, "{}", directory.display());
        for Import { from, to, names } in sources.circles() {
            let short = |path: &str| path.replace(&format!("{}/", root().display()), "");
            let names = names.join(", ");
            circles.push_str(&format!(
                "{} imports {names} of {}\n",
                short(&from),
                short(&to)
            ));
        }
    }
    assert!(
        circles.is_empty(),
        "these files import in a circle:\n{circles}"
    );
}

/// A crate of made-up files, each as its module and its text.
fn made_up(files: &[(&str, &str)]) -> Crate {
    let sources = files.iter().map(|(module, text)| {
        let parts = module.split("::").filter(|part| !part.is_empty());
        let module_path = parts.map(str::to_owned).collect();
        (module_path, ((*module).to_owned(), (*text).to_owned()))
    });
    Crate::of(sources.collect::<BTreeMap<_, _>>())
}

fn lines(found: Vec<Import>) -> Vec<String> {
    let line = |it: Import| format!("{} -> {}: {}", it.from, it.to, it.names.join(", "));
    found.into_iter().map(line).collect()
}

fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    lines(made_up(files).circles())
}

#[test]
fn an_import_that_does_not_look_down_is_found() {
    let files = made_up(&[
        (
            "",
            "mod above;\nmod below;\npub use above::A;\npub use below::{B, C};",
        ),
        ("above", "use crate::C;\nuse super::below::B;"),
        ("beside", "use crate::above::A;"),
        ("below", "use crate::A;\nmod inside;"),
        ("below::inside", "use super::B;\nuse crate::beside::D;"),
    ]);
    let found = lines(files.not_downwards(&[&["above", "beside"], &["below"]]));
    let expected = [
        "below -> above: A",
        "below::inside -> beside: D",
        "beside -> above: A",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_circle_is_found_with_the_names_that_tie_it() {
    let found = circles_of(&[
        ("a", "use crate::b::{self, Two};\nuse crate::c::Other;"),
        (
            "b",
            "use std::fmt;\nuse super::a::{One, deep::{Deep as D, More}};",
        ),
        ("c", ""),
    ]);
    assert_eq!(found, ["a -> b: Two, b", "b -> a: One, deep"]);
    // Over three files, and without `use`.
    let found = circles_of(&[
        (
            "a",
            "fn a() -> crate::b::B { 'b'; let x: &'a str = \"//\"; }",
        ),
        ("b", "type X = super::c::C;"),
        ("c", "use crate::a::a;"),
    ]);
    assert_eq!(found, ["a -> b: B", "b -> c: C", "c -> a: a"]);
    // A file and its parent.
    let found = circles_of(&[
        ("p", "mod q;\npub fn f() { q::g() }\npub struct P;"),
        ("p::q", "use super::P;"),
    ]);
    assert_eq!(found, ["p -> p::q: g", "p::q -> p: P"]);
}

#[test]
fn what_is_no_import_makes_no_circle() {
    // A module that re-exports a name, and the file that defines it.
    let handed_on = [
        ("p", "mod q;\nmod r;\npub use q::Q;\npub use r::R;"),
        ("p::q", "use super::R;"),
        ("p::r", ""),
    ];
    assert_eq!(circles_of(&handed_on), Vec::<String>::new());
    let others = [
        (
            "a",
            "use crate::b::B;\n// use crate::b;\nconst T: &str = r#\"crate::a::\"#;",
        ),
        (
            "b",
            "// crate::a::A\nconst S: &str = \"crate::a::A \\\" crate::a\";\n\
             const Q: char = '\"'; pub(in crate::a) fn f(a: a::A) {}\n\
             #[cfg(test)]\nmod tests {\n    use crate::a::A;\n}",
        ),
    ];
    assert_eq!(circles_of(&others), Vec::<String>::new());
}

#[test]
fn every_file_that_the_contributors_are_led_to_exists() {
    let page = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let table = page.split_once("## Where do I add").unwrap().1;
    let table = table.split_once("\n## ").unwrap().0;
    let quoted = table.split('`').skip(1).step_by(2);
    let is_path = |text: &&str| text.contains('/') && !text.contains(' ');
    let paths: Vec<&str> = quoted.filter(is_path).collect();
    assert!(paths.len() > 20, "{paths:?}");
    for path in paths {
        // If the file is still to be written, its directory counts.
        let known = match path.split_once('<') {
            Some((known, _)) => known.trim_end_matches(|last: char| last != '/'),
            None => path,
        };
        assert!(root().join(known).exists(), "there is no {path}");
    }
}

/// An operator may move the tables of an earlier version to another schema.
#[test]
fn the_statements_that_move_the_tables_name_every_table() {
    let mut scripts = Vec::new();
    files_below(&root().join("migrations"), "sql", &mut scripts);
    let made: BTreeSet<String> = scripts
        .iter()
        .flat_map(|script| names_after(&fs::read_to_string(script).unwrap(), "create table "))
        .collect();
    assert!(made.contains("accounts"), "{made:?}");
    let page = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let moved = page
        .lines()
        .filter_map(|line| line.strip_suffix(" set schema holdfast;"));
    let moved: BTreeSet<String> = moved
        .flat_map(|line| names_after(line, "alter table "))
        .filter(|name| name != "holdfast_migrations")
        .collect();
    assert_eq!(moved, made);
}

/// The word after this beginning, in each line that has it.
fn names_after(text: &str, beginning: &str) -> Vec<String> {
    let rests = text.lines().filter_map(|line| line.strip_prefix(beginning));
    let names = rests.filter_map(|rest| rest.split_whitespace().next());
    names.map(str::to_owned).collect()
}

#[test]
fn each_mistake_that_the_guide_lists_has_its_test() {
    let guide = fs::read_to_string(root().join("docs/build-on-holdfast.md")).unwrap();
    let section = guide.split_once("\n## Mistakes\n").unwrap().1;
    let section = section.split_once("\n## ").unwrap().0;
    let rows = section
        .lines()
        .filter(|line| line.starts_with("| "))
        .skip(2);
    assert!(rows.clone().all(|row| row.contains("` in `")), "{section}");
    let section = section.replace('\n', " ");
    // The code before and after each `in` is a test and its file.
    let names = section.split("` in `");
    let files = names.clone().skip(1);
    let mut found = 0;
    for (name, file) in names.zip(files) {
        let name = name.rsplit('`').next().unwrap();
        let file = file.split('`').next().unwrap();
        let text = fs::read_to_string(root().join(file)).unwrap();
        let is_there = [
            format!("fn {name}("),
            format!("'{name}'"),
            format!("```{name}"),
        ];
        assert!(
            is_there.iter().any(|it| text.contains(it)),
            "{file}: {name}"
        );
        found += 1;
    }
    assert_eq!(found, rows.count() + 3);
}

/// The workspace has several projects for cargo-leptos, which asks for the name of one.
#[test]
fn a_call_of_cargo_leptos_in_the_workspace_names_the_project() {
    let mut pages = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    files_below(&root().join("docs"), "md", &mut pages);
    pages.retain(|page| !page.starts_with(root().join("docs/decisions")));
    let mut calls = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap().replace('\n', " ");
        for call in text.split("cargo leptos ").skip(1) {
            let makes_one = call.starts_with("new");
            let in_workspace = call
                .split_once('`')
                .is_some_and(|(call, _)| call.contains("--project"));
            assert!(makes_one || in_workspace, "{}: {call:.40}", page.display());
            calls += usize::from(in_workspace);
        }
    }
    assert!(calls > 0);
}

/// The numbers of the bars that the tests of a file name: `fn bar_12_…` or `bar 12: …`.
fn bars_named_in(text: &str) -> std::collections::BTreeSet<u32> {
    let rust = text
        .split("fn ")
        .skip(1)
        .filter_map(|rest| rest.split_once('(').map(|(name, _)| name))
        .filter(|name| !name.contains(char::is_whitespace))
        .flat_map(|name| name.split("bar_").skip(1));
    let browser = ["test(", "describe("]
        .iter()
        .flat_map(|call| text.split(call).skip(1))
        .filter_map(|rest| rest.trim_start().strip_prefix(['\'', '"', '`']))
        .filter_map(|rest| rest.split(['\'', '"', '`']).next())
        .flat_map(|title| title.split("bar ").skip(1));
    rust.chain(browser)
        .filter_map(|rest| {
            let end = rest
                .find(|character: char| !character.is_ascii_digit())
                .unwrap_or(rest.len());
            rest[..end].parse().ok()
        })
        .collect()
}

#[test]
fn the_page_of_bars_links_every_test_of_a_bar_and_no_other() {
    let mut files = rust_files(&[
        "protocol",
        "client",
        "app/src",
        "server/src",
        "server/tests",
    ]);
    files_below(&root().join("end2end/tests"), "ts", &mut files);
    let mut written: Vec<(u32, String)> = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(root()).unwrap().display().to_string();
        written.extend(
            bars_named_in(&text)
                .into_iter()
                .map(|bar| (bar, path.clone())),
        );
    }
    written.sort();
    assert!(written.len() > 50, "{written:?}");

    let page = fs::read_to_string(root().join("docs/bars.md")).unwrap();
    let mut listed: Vec<(u32, String)> = Vec::new();
    for line in page.lines() {
        let Some((number, _)) = line.strip_prefix("| ").and_then(|row| row.split_once(" |")) else {
            continue;
        };
        let Ok(number) = number.parse() else { continue };
        let links = line.split("](../").skip(1);
        let paths = links.filter_map(|link| link.split(')').next());
        listed.extend(paths.map(|path| (number, path.to_owned())));
    }
    listed.sort();
    assert_eq!(written, listed);
}

#[test]
fn a_server_that_is_rebuilt_on_every_change_has_the_pages() {
    let manifest = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    // cargo-leptos builds without the default features.
    let default = manifest("server/Cargo.toml");
    assert!(default.contains("\ndefault = [\"pages\"]\n"), "{default}");
    let watched = manifest("Cargo.toml");
    assert!(
        watched.contains("\nbin-features = [\"pages\"]\n"),
        "{watched}"
    );
}

/// An application sets no variable of the program `holdfast`, so a sentence that it may get names the
/// setting with `Setting`.
#[test]
fn only_files_of_the_program_name_its_variables() {
    let of_the_program = [
        "server/src/cli/",
        "server/src/config.rs",
        "server/src/private_postgres.rs",
        "server/src/secrets.rs",
        "server/src/setting.rs",
    ];
    for file in rust_files(&["server/src"]) {
        let path = file.strip_prefix(root()).unwrap().display().to_string();
        if of_the_program.iter().any(|own| path.starts_with(own)) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let names_one = line.contains("HOLDFAST_") || line.contains("DATABASE_URL");
            assert!(!names_one, "{path}: {line}");
        }
    }
}

/// The modules, functions and names at the root of the server's crate that its documentation shows.
fn documented_names(library: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut before = "";
    for line in library.lines() {
        let shown = before != "#[doc(hidden)]";
        let module = line
            .strip_prefix("pub mod ")
            .and_then(|rest| rest.strip_suffix(';'));
        let reexport = line
            .strip_prefix("pub use ")
            .and_then(|rest| rest.strip_suffix(';'))
            .and_then(|rest| rest.rsplit("::").next());
        let function = line
            .strip_prefix("pub fn ")
            .and_then(|rest| rest.split('(').next());
        if shown {
            names.extend(module.or(reexport).or(function).map(str::to_owned));
        }
        before = line;
    }
    names
}

/// An application must be able to do what our pages and our server do.
#[test]
fn our_pages_and_our_server_use_what_an_application_can_use() {
    let library = fs::read_to_string(root().join("server/src/lib.rs")).unwrap();
    let documented = documented_names(&library);
    assert!(documented.contains("http") && !documented.contains("store"));
    // `site_files` and `shared_files` find and share the files of our own site. An application serves
    // its files with leptos_axum.
    uses_only("pages.rs", &documented, &["site_files", "shared_files"]);
    // `secrets` is the secret beside the private Postgres. The two other files of the program choose the
    // database, and finish what an operator's command for that secret has begun.
    uses_only("cli/serve.rs", &documented, &["site_files", "secrets"]);
    let serve = fs::read_to_string(root().join("server/src/cli/serve.rs")).unwrap();
    let of_program = serve
        .lines()
        .filter_map(|line| line.strip_prefix("use super::"));
    let of_program: Vec<_> = of_program
        .filter_map(|path| path.split(':').next())
        .collect();
    assert_eq!(of_program, ["replacing", "which_database"]);
}

/// Checks which names of the server's crate this file imports.
fn uses_only(file: &str, documented: &BTreeSet<String>, exceptions: &[&str]) {
    let text = fs::read_to_string(root().join("server/src").join(file)).unwrap();
    let imported = text
        .split("\nuse crate::")
        .skip(1)
        .filter_map(|rest| rest.split_once(';'));
    let used: Vec<&str> = imported
        .flat_map(|(import, _)| match import.strip_prefix('{') {
            Some(several) => several.trim_end_matches('}').split(", ").collect(),
            None => vec![import],
        })
        .filter_map(|path| path.split([':', ' ']).next())
        .collect();
    assert!(used.len() > 4, "{file}: {used:?}");
    assert_eq!(
        text.matches("crate::").count(),
        text.matches("\nuse crate::").count(),
        "{file} names something of the crate outside of its imports"
    );
    for name in used {
        let is_fine = documented.contains(name) || exceptions.contains(&name);
        assert!(
            is_fine,
            "{file} uses crate::{name}, which no application can use"
        );
    }
}
