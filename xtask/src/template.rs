//! New projects from `examples/notes`, which is a template for `cargo leptos new` and `cargo generate`.
//!
//! Both tools use the library of cargo-generate. The program `xtask/new-project` does so, too. It has a
//! lock file of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::files::{contents, read, write};
use crate::machine;
use crate::progress::{self, Board};
use crate::temporary::TemporaryDirectory;
use crate::toolbox::{self, Toolbox};
use crate::workspace;

const PROGRAM: &str = "xtask/new-project";

/// Files that tell cargo-generate what to do, or are about the example only.
const NOT_IN_A_PROJECT: &[&str] = &[
    "Cargo.toml.liquid",
    "README.md",
    "before.rhai",
    "cargo-generate.toml",
];

/// Answers to the question where Holdfast is, and what the client is in the manifest as cargo reads it.
/// Without one, the answer must be refused.
const ANSWERS: &[(&str, Option<&str>)] = &[
    ("/srv/holdfast", Some("\"path\":\"/srv/holdfast/client\"")),
    ("/srv/two words", Some("\"path\":\"/srv/two words/client\"")),
    (
        "https://code.example/holdfast",
        Some("\"source\":\"git+https://code.example/holdfast\""),
    ),
    (
        "ssh://git@code.example/holdfast",
        Some("\"source\":\"git+ssh://git@code.example/holdfast\""),
    ),
    (
        "file:///srv/holdfast",
        Some("\"source\":\"git+file:///srv/holdfast\""),
    ),
    // Cargo does not know this form of a URL, and would look for a folder of this name.
    ("git@code.example:holdfast", None),
    // It would be relative to the new project, and not to the folder in which a person works.
    ("../holdfast", None),
    ("/srv/a\"b", None),
];

/// Tries the template with each answer, and in a folder in which it must not make a project.
pub fn check(toolbox: &Toolbox) -> Outcome {
    progress::show(&["the template"], |board| build(toolbox, board))?;
    let place = TemporaryDirectory::new("holdfast-template")?;
    for (number, (answer, expected)) in ANSWERS.iter().enumerate() {
        let project = place.path().join(format!("project-{number}"));
        let output = try_to_make(toolbox, &project, answer)?;
        let understood = if output.status.success() {
            let mut cargo = toolbox.cargo(&["read-manifest", "--offline"]);
            machine::ask(cargo.current_dir(&project))
        } else {
            None
        };
        let is_right = match expected {
            Some(expected) => understood.is_some_and(|manifest| manifest.contains(expected)),
            None => !output.status.success() && said(&output).contains("value for holdfast"),
        };
        if !is_right {
            eprint!("{}", said(&output));
            return Err(Failure::new(format!(
                "The template has accepted or refused the answer {answer:?}, and it should have done the opposite, or the new manifest has another line than expected."
            )));
        }
    }
    stays_alone(toolbox, place.path())?;
    console::note("The template makes a project, or says why not.");
    Ok(())
}

/// A project in the folder of another one would become a member of its workspace, and cargo-generate
/// would write the manifest of that workspace again, without its comments.
fn stays_alone(toolbox: &Toolbox, place: &Path) -> Outcome {
    let other = place.join("other");
    let manifest = other.join("Cargo.toml");
    let before = "# A workspace.\n[workspace]\nmembers = []\n";
    write(&manifest, before)?;
    let output = try_to_make(toolbox, &other.join("project"), "/srv/holdfast")?;
    // cargo-leptos shows what a template prints, and not why it stops.
    let printed = String::from_utf8_lossy(&output.stdout);
    let is_refused = !output.status.success() && printed.contains("outside of");
    if is_refused && read(&manifest)? == before {
        return Ok(());
    }
    eprint!("{}", said(&output));
    Err(Failure::new(
        "The template makes a project in the folder of another project.",
    ))
}

/// Makes a new project in a folder that does not exist, and compares its files with those of the
/// example. This comes after [`check`], which builds the program. `holdfast` is the answer to the question where Holdfast is.
pub fn make(toolbox: &Toolbox, project: &Path, holdfast: &str) -> Outcome {
    let output = try_to_make(toolbox, project, holdfast)?;
    if !output.status.success() {
        eprint!("{}", said(&output));
        return Err(Failure::of_program("The template", output.status));
    }
    compare(project)
}

/// Builds the program as a part of the progress.
fn build(toolbox: &Toolbox, board: &Board) -> Outcome {
    // It runs for a moment, so it is not optimised.
    let mut cargo = toolbox.cargo(&["build", "--locked", "--manifest-path"]);
    cargo
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .arg(workspace::path(PROGRAM).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target());
    board.run("the template", &mut cargo)
}

fn target() -> PathBuf {
    workspace::target().join("tools/new-project")
}

fn try_to_make(toolbox: &Toolbox, project: &Path, holdfast: &str) -> Outcome<Output> {
    let program = target().join("debug/new-project");
    let place = project.parent().unwrap_or(project);
    let mut command: Command = toolbox.command(&program.to_string_lossy());
    command
        .arg(workspace::path("examples/notes"))
        .arg(place)
        .args(project.file_name())
        .arg(format!("holdfast={holdfast}"))
        .current_dir(place)
        // The library stops without the name of a person, which this template does not use.
        .env("USER", "nobody")
        .stdin(Stdio::null());
    command
        .output()
        .map_err(|error| toolbox::cannot_start("`new-project`", &error))
}

fn said(output: &Output) -> String {
    let (text, errors) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(text).into_owned() + &String::from_utf8_lossy(errors)
}

/// A new project has the files of the example as they are, and a manifest of its own.
fn compare(project: &Path) -> Outcome {
    let read = |folder: &Path| {
        contents(folder)
            .map_err(|error| Failure::new(format!("Cannot read {}: {error}.", folder.display())))
    };
    let (made, mut expected) = (read(project)?, read(&workspace::path("examples/notes"))?);
    expected.retain(|path, _| !NOT_IN_A_PROJECT.iter().any(|not| path == Path::new(not)));
    let paths = made.keys().chain(expected.keys());
    let differs = |path: &&PathBuf| {
        let has_its_own = **path == Path::new("Cargo.toml");
        made.get(*path) != expected.get(*path) && !has_its_own
    };
    match paths.into_iter().find(differs) {
        None => Ok(()),
        Some(path) => Err(Failure::new(format!(
            "A new project has another {} than the example.",
            path.display()
        ))),
    }
}
