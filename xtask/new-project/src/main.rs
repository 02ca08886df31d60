//! Makes a new project from a template: `new-project <template> <folder> <name> <key=value>…`.
//!
//! It asks nothing: the values are the answers to the questions of the template.

use std::path::PathBuf;

use anyhow::Context;
use cargo_generate::{GenerateArgs, TemplatePath, Vcs, generate};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| {
        let missing = || {
            format!("Usage: new-project <template> <folder> <name> <key=value>…; {what} is missing")
        };
        arguments.next().with_context(missing)
    };
    let (template, folder, name) = (
        next("the template")?,
        next("the folder")?,
        next("the name")?,
    );
    generate(GenerateArgs {
        template_path: TemplatePath {
            path: Some(template),
            ..TemplatePath::default()
        },
        destination: Some(PathBuf::from(folder)),
        name: Some(name),
        define: arguments.collect(),
        silent: true,
        vcs: Some(Vcs::None),
        ..GenerateArgs::default()
    })?;
    Ok(())
}
