//! `examples/notes-before`: how it differs from the start template of Leptos. The folder `start-axum` has
//! copies of files of the template, which is in the public domain (Unlicense).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::example::{before, changes};
use super::root;

/// The files of the template, with the names that git gives to their contents in the commit of which the
/// README speaks. `git ls-tree -r 39d6b57` prints them, and GitHub shows them.
const TEMPLATE: [(&str, &str); 7] = [
    (".gitignore", "6985cf1bd09ddd9ef8516d37668d37e78dddf38c"),
    ("Cargo.toml", "7dcb8e32a3d849d02a6887e611f1fbe5d3f62550"),
    (
        "public/favicon.ico",
        "2ba8527cb12f5f28f331b8d361eef560492d4c77",
    ),
    ("src/app.rs", "efd11a5aa0f7d0a4a29ad95c09f6bb9186b748c6"),
    ("src/lib.rs", "151489d7595507524c36db99474fcab554d2dbb6"),
    ("src/main.rs", "8ac039e351da35c0550e5504c1d0f659d1531ebb"),
    (
        "style/main.scss",
        "e4538e156f6205c9e65d219311ec444dba066ec4",
    ),
];

/// A copy of a file of the template, for those that the application has changed.
fn copy(path: &str) -> PathBuf {
    let name = Path::new(path).file_name().unwrap().to_str().unwrap();
    root().join(format!("server/tests/architecture/start-axum/{name}.txt"))
}

/// The text of a file of the template, as `cargo leptos new` makes it for a project `notes` without
/// nightly features.
fn rendered(path: &str) -> String {
    let nightly = "{% if nightly == \"Yes\" %}, features = [\"nightly\"]{% endif %}";
    let text = fs::read_to_string(copy(path)).unwrap();
    let text = text.replace(nightly, "");
    let text = text.replace("{{project-name}}", "notes");
    let text = text.replace("{{crate_name}}", "notes");
    assert!(!text.contains("{{") && !text.contains("{%"), "{path}");
    text
}

/// What git calls this content.
fn blob(path: &Path) -> String {
    let output = Command::new("git")
        .args(["hash-object", "--no-filters"])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", path.display());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn readme() -> String {
    fs::read_to_string(root().join("examples/notes-before/README.md")).unwrap()
}

/// The lines that the README shows, by file.
fn told_by_file() -> BTreeMap<String, Vec<String>> {
    let readme = readme();
    let blocks = readme.split("\n```diff\n@@ ").skip(1);
    let mut told = BTreeMap::new();
    for block in blocks {
        let (path, lines) = block.split_once(" @@\n").unwrap();
        let lines = lines.split_once("\n```").unwrap().0;
        let of_file: &mut Vec<String> = told.entry(path.to_owned()).or_default();
        of_file.extend(lines.lines().map(str::to_owned));
    }
    told
}

#[test]
fn the_files_of_the_template_are_those_of_its_commit() {
    for (path, expected) in TEMPLATE {
        let unchanged = root().join("examples/notes-before").join(path);
        let file = Some(copy(path)).filter(|copy| copy.exists());
        assert_eq!(blob(&file.unwrap_or(unchanged)), expected, "{path}");
    }
}

/// The README shows each line of the template that the application has removed or changed, and says how
/// many lines it has added.
#[test]
fn the_readme_of_the_application_before_says_how_it_differs_from_the_template() {
    let (before, mut told) = (before(), told_by_file());
    let readme = readme();
    for (path, _) in TEMPLATE.iter().filter(|(path, _)| copy(path).exists()) {
        let changes = changes(&rendered(path), &before[*path]);
        let is_line = |change: &&String| change.trim_end().len() > 1;
        let (removed, added): (Vec<_>, Vec<_>) = changes
            .iter()
            .filter(is_line)
            .cloned()
            .partition(|change| change.starts_with('-'));
        assert_eq!(told.remove(*path).unwrap_or_default(), removed, "{path}");
        let said = format!("| `{path}` | {} |", added.len());
        assert!(readme.contains(&said), "the README lacks {said}");
    }
    assert!(told.is_empty(), "{told:?}");
}
