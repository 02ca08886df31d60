//! `examples/notes`: what an application changes to adopt Holdfast, and its README about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{files_below, root};

/// The most lines of code that an adoption may change.
const MOST: usize = 40;

/// The file that is copied as it is.
const COPIED: &str = "src/sign_in.rs";

/// Files that belong to the template and not to the application.
const OF_THE_TEMPLATE: [&str; 3] = ["README.md", "Cargo.toml.liquid", "cargo-generate.toml"];

/// The text files of an application by their paths.
fn application(directory: &str) -> BTreeMap<String, String> {
    let directory = root().join(directory);
    let mut files = Vec::new();
    for ending in ["rs", "toml", "sql", "scss", "md", "liquid"] {
        files_below(&directory, ending, &mut files);
    }
    let path = |file: &Path| file.strip_prefix(&directory).unwrap().display().to_string();
    let mut application: BTreeMap<_, _> = files
        .iter()
        .map(|file| (path(file), fs::read_to_string(file).unwrap()))
        .collect();
    application.retain(|path, _| !OF_THE_TEMPLATE.contains(&path.as_str()));
    application
}

/// The application before its adoption. It has another name only because two packages of one
/// workspace cannot have the same.
pub(super) fn before() -> BTreeMap<String, String> {
    let mut before = application("examples/notes-before");
    for text in before.values_mut() {
        *text = text
            .replace("notes-before", "notes")
            .replace("notes_before", "notes");
    }
    before
}

fn after() -> BTreeMap<String, String> {
    application("examples/notes")
}

/// The lines of a file that an adoption removes and adds, each with `-` or `+` before it. A line that
/// changes is removed and added.
pub(super) fn changes(before: &str, after: &str) -> Vec<String> {
    let (old, new): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    // The length of the longest common sequence of the lines from here on.
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            common[i][j] = if a == b {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut changes = Vec::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            changes.push(format!("-{}", old[i]));
            i += 1;
        } else {
            changes.push(format!("+{}", new[j]));
            j += 1;
        }
    }
    changes
}

/// The changes of each file that changes.
fn changes_by_file() -> BTreeMap<String, Vec<String>> {
    let (before, after) = (before(), after());
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let text =
        |files: &BTreeMap<String, String>, path: &str| files.get(path).cloned().unwrap_or_default();
    let changed = paths
        .into_iter()
        .filter(|path| *path != COPIED)
        .map(|path| {
            (
                path.clone(),
                changes(&text(&before, path), &text(&after, path)),
            )
        });
    changed.filter(|(_, changes)| !changes.is_empty()).collect()
}

/// Whether an added line is code: not empty, and not a comment.
fn is_added_code(path: &str, line: &str) -> bool {
    let Some(line) = line.strip_prefix('+').map(str::trim) else {
        return false;
    };
    let comment = match path.rsplit('.').next() {
        Some("sql") => "--",
        Some("toml") => "#",
        _ => "//",
    };
    !line.is_empty() && !line.starts_with(comment)
}

fn count(changes: &BTreeMap<String, Vec<String>>) -> usize {
    let of = |(path, lines): (&String, &Vec<String>)| {
        let code = lines.iter().filter(|line| is_added_code(path, line));
        code.count()
    };
    changes.iter().map(of).sum()
}

fn readme() -> String {
    fs::read_to_string(root().join("examples/notes/README.md")).unwrap()
}

#[test]
fn a_line_that_is_changed_or_added_counts_once() {
    let changes = |after| changes("a\nb\nc\n", after);
    assert_eq!(changes("a\nb\nc\n"), Vec::<String>::new());
    assert_eq!(changes("a\nB\nc\nd\n"), ["-b", "+B", "+d"]);
    assert_eq!(changes("c\n"), ["-a", "-b"]);
    assert_eq!(changes("x\na\nb\nc"), ["+x"]);
    for (path, line, counts) in [
        ("a.rs", "+    let a = 1;", true),
        ("a.rs", "+    // a", false),
        ("a.rs", "+", false),
        ("a.rs", "-    let a = 1;", false),
        ("a.toml", "+# a", false),
        ("a.sql", "+-- a", false),
        ("a.sql", "+create table a ();", true),
    ] {
        assert_eq!(is_added_code(path, line), counts, "{path}: {line}");
    }
}

#[test]
fn the_example_has_adopted_holdfast_with_few_lines_and_says_how_many() {
    let changes = changes_by_file();
    let count = count(&changes);
    assert!(count > 10, "{changes:#?}");
    assert!(count <= MOST, "{count} lines: {changes:#?}");
    let said = format!("**{count} lines**");
    assert!(readme().contains(&said), "the README does not say {said}");
    // No other page repeats the number, which may change.
    for page in ["README.md", "docs/build-on-holdfast.md", "CHANGELOG.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        assert!(!text.contains(&format!("{count} lines")), "{page}");
    }
}

/// The lines of the README's blocks that are removed or added, by file. The first line of a block
/// names its file.
fn told_by_file() -> BTreeMap<String, Vec<String>> {
    let readme = readme();
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for block in readme.split("\n```diff\n").skip(1) {
        let block = block.split_once("\n```").unwrap().0;
        let (name, lines) = block.split_once('\n').unwrap();
        let path = name
            .strip_prefix("@@ ")
            .unwrap()
            .strip_suffix(" @@")
            .unwrap();
        let changes = lines.lines().filter(|line| line.starts_with(['-', '+']));
        let of_file = told.entry(path.to_owned()).or_default();
        of_file.extend(changes.map(str::to_owned));
    }
    told
}

#[test]
fn the_readme_of_the_example_has_each_line_that_changes() {
    let (told, changes) = (told_by_file(), changes_by_file());
    for (path, changes) in &changes {
        let told = told
            .get(path)
            .unwrap_or_else(|| panic!("nothing is told of {path}"));
        assert_eq!(told, changes, "{path}");
    }
    assert_eq!(told.len(), changes.len());
}

#[test]
fn the_readme_of_the_example_shows_lines_around_a_change_as_they_are() {
    let after = after();
    let readme = readme();
    let mut shown = 0;
    for block in readme.split("\n```diff\n@@ ").skip(1) {
        let (path, block) = block.split_once(" @@\n").unwrap();
        let block = block.split_once("\n```").unwrap().0;
        for line in block.lines().filter_map(|line| line.strip_prefix(' ')) {
            let is_there = after[path].lines().any(|there| there == line);
            assert!(is_there, "{path} has no line {line:?}");
            shown += 1;
        }
    }
    assert!(shown > 0);
}

#[test]
fn the_readme_of_the_example_names_the_file_to_copy_and_its_length() {
    let after = after();
    let lines = after[COPIED].lines();
    let code = lines.filter(|line| is_added_code(COPIED, &format!("+{line}")));
    let said = format!("copies one file of {} lines", code.count());
    let readme = readme().replace('\n', " ");
    assert!(readme.contains(&said), "the README does not say {said}");
    assert!(readme.contains(&format!("`{COPIED}`")));
}

/// A new project has a place for Holdfast of its own, and the profile that the workspace has here.
#[test]
fn a_new_project_starts_with_the_manifest_of_the_example() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let example = read("examples/notes/Cargo.toml");
    let template = read("examples/notes/Cargo.toml.liquid");
    let (template, profile) = template
        .split_once("\n# The workspace of Holdfast")
        .unwrap();
    assert!(profile.contains("[profile.wasm-release]"), "{profile}");
    let from = |folder: &str| {
        format!(
            "{{% if holdfast contains \"://\" %}}git = \"{{{{holdfast}}}}\"{{% else %}}path = \"{{{{holdfast}}}}/{folder}\"{{% endif %}}"
        )
    };
    // The name of the library stays, because the sources name it. A new project has a licence of its
    // own.
    let expected = example
        .replacen("license = \"MIT OR Apache-2.0\"\n", "", 1)
        .replacen("name = \"notes\"", "name = \"{{project-name}}\"", 1)
        .replacen("[lib]\n", "[lib]\nname = \"notes\"\n", 1)
        // In the workspace, `target/site` belongs to our own pages.
        .replacen("target/notes-site", "target/site", 1)
        .replace("path = \"../../client\"", &from("client"))
        .replace("path = \"../../server\"", &from("server"));
    assert_ne!(expected, example);
    assert_eq!(template.trim_end(), expected.trim_end());
}
