//! What a browser downloads for the first page.
//!
//! The product's page is asked for over the wire, like a browser that knows Brotli, and then every
//! file that the page names. The bare page's files are the same tool's output, compressed by it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::bare_leptos;
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::http;
use crate::release;
use crate::server::RunningServer;
use crate::setup::{self, Purpose};

/// One kind of file, and its share.
type Row = (&'static str, fn(&Weight) -> usize);

/// What the page of one product weighs, in bytes, by kind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Weight {
    html: usize,
    css: usize,
    js: usize,
    wasm: usize,
    other: usize,
}

pub fn run() -> Outcome {
    let toolbox = setup::prepare(Purpose::Run)?;
    let binary = release::provide(&toolbox)?;
    let bare = bare_leptos::build(&toolbox)?;

    console::begin("Measuring what a browser downloads.");
    let server = RunningServer::start(&toolbox, &binary)?;
    let ours = over_the_wire(server.address())?;
    let bare = on_disk(&bare)?;
    print_table(&ours, &bare);
    Ok(())
}

fn over_the_wire(address: &str) -> Outcome<Weight> {
    let page = get(address, "/")?;
    let mut weight = Weight {
        html: page.body.len(),
        ..Weight::default()
    };
    // The files are named in plain text only.
    let plain = http::get(address, "/", "identity")?;
    let plain = String::from_utf8_lossy(&plain.body).into_owned();
    if page.encoding != "br" {
        console::note("The server does not compress its pages.");
    }
    for path in files_named_in(&plain) {
        let file = get(address, &path)?;
        if file.encoding != "br" {
            console::note(&format!("{path} is not compressed."));
        }
        weight.add(&path, file.body.len());
    }
    Ok(weight)
}

fn get(address: &str, path: &str) -> Outcome<http::Answer> {
    let answer = http::get(address, path, "br")?;
    if answer.status != 200 {
        let status = answer.status;
        return Err(Failure::new(format!("{path} was answered {status}.")));
    }
    Ok(answer)
}

fn on_disk(site: &Path) -> Outcome<Weight> {
    let size = |name: &str| {
        let path = site.join(format!("{name}.br"));
        fs::metadata(&path)
            .map(|file| usize::try_from(file.len()).unwrap_or(usize::MAX))
            .map_err(|error| Failure::new(format!("Cannot find {}: {error}.", path.display())))
    };
    Ok(Weight {
        html: size("page.html")?,
        js: size("pkg/bare.js")?,
        wasm: size("pkg/bare.wasm")?,
        ..Weight::default()
    })
}

/// The files of our own that a page names, each once: in attributes and in its inline scripts.
fn files_named_in(html: &str) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for quote in ['"', '\''] {
        for piece in html.split(quote).filter(|piece| piece.starts_with('/')) {
            let name = piece.rsplit('/').next().unwrap_or_default();
            let is_file = name.contains('.') && !piece.contains([' ', '<', '>']);
            if is_file {
                files.insert(piece.to_owned());
            }
        }
    }
    files
}

impl Weight {
    fn add(&mut self, path: &str, bytes: usize) {
        let kind = path.rsplit('.').next().unwrap_or_default();
        *match kind {
            "css" => &mut self.css,
            "js" => &mut self.js,
            "wasm" => &mut self.wasm,
            _ => &mut self.other,
        } += bytes;
    }

    fn total(&self) -> usize {
        self.html + self.css + self.js + self.wasm + self.other
    }
}

fn print_table(ours: &Weight, bare: &Weight) {
    println!("| compressed with Brotli | Holdfast | bare Leptos |\n| --- | --- | --- |");
    let rows: [Row; 6] = [
        ("HTML", |weight| weight.html),
        ("CSS", |weight| weight.css),
        ("JavaScript", |weight| weight.js),
        ("WebAssembly", |weight| weight.wasm),
        ("icon", |weight| weight.other),
        ("together", Weight::total),
    ];
    for (name, of) in rows {
        println!("| {name} | {} | {} |", kib(of(ours)), kib(of(bare)));
    }
    println!("| ratio | {:.2} | |", ratio(ours.total(), bare.total()));
}

fn kib(bytes: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "sizes of files")]
    let kib = bytes as f64 / 1024.0;
    format!("{kib:.1} KiB")
}

fn ratio(ours: usize, bare: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "sizes of files")]
    let ratio = ours as f64 / bare.max(1) as f64;
    ratio
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_page_are_found_once_each() {
        let html = r#"<link href="/pkg/a.css"><a href="/sign-in"><link href="/pkg/a.js">
            <script>import('/pkg/a.js').then(m=>m.default('/pkg/a.wasm'))</script>"#;
        let files: Vec<String> = files_named_in(html).into_iter().collect();
        assert_eq!(files, ["/pkg/a.css", "/pkg/a.js", "/pkg/a.wasm"]);
    }

    #[test]
    fn a_file_weighs_in_its_kind() {
        let mut weight = Weight::default();
        weight.add("/pkg/a.wasm", 10);
        weight.add("/favicon.svg", 1);
        assert_eq!((weight.wasm, weight.other, weight.total()), (10, 1, 11));
    }
}
