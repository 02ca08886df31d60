//! `cargo xtask bench size`: what a browser downloads for the first page.
//!
//! It requests the product's page like a browser that understands Brotli, and then every file that
//! the page names. The files of the bare page, and of the bare page with Holdfast's client, are the
//! output of the same tool, which also compresses them.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail, ensure};
use axum::http::Method;
use holdfast_testkit::{Answer, Http, Server, program};
use nix::sys::signal::Signal;

/// The name of one kind of file, and the function that reads its size.
type Row = (&'static str, fn(&Weight) -> usize);

/// The size of the page of one product, in bytes, by kind.
#[derive(Debug, Default, PartialEq, Eq)]
struct Weight {
    html: usize,
    css: usize,
    js: usize,
    wasm: usize,
    other: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut folders = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(bare), Some(with_client)) = (folders.next(), folders.next()) else {
        bail!("the arguments are the folders of the bare page and of the one with the client");
    };
    let data_dir = std::env::temp_dir().join(format!("holdfast-size-{}", std::process::id()));
    let settings = [
        ("HOLDFAST_DATA_DIR", data_dir.display().to_string()),
        ("HOLDFAST_LOG", "warn".to_owned()),
    ];
    let mut server = Server::start(&program()?, &settings, None, Stdio::inherit()).await?;
    let ours = over_the_wire(server.address()).await;
    // The server stops normally, so that it stops its Postgres.
    server.signal(Signal::SIGTERM)?;
    server.until_gone().await?;
    let _ = fs::remove_dir_all(data_dir);
    print_table(&ours?, &on_disk(&bare)?, &on_disk(&with_client)?);
    Ok(())
}

async fn over_the_wire(server: SocketAddr) -> anyhow::Result<Weight> {
    let page = get(server, "/", "br").await?;
    let mut weight = Weight {
        html: page.body.len(),
        ..Weight::default()
    };
    // Only the plain text names the files.
    let plain = get(server, "/", "identity").await?;
    if page.header("content-encoding") != "br" {
        println!("The server does not compress its pages.");
    }
    for path in files_named_in(&plain.text()) {
        let file = get(server, &path, "br").await?;
        if file.header("content-encoding") != "br" {
            println!("{path} is not compressed.");
        }
        weight.add(&path, file.body.len());
    }
    ensure!(
        weight.css > 0 && weight.js > 0 && weight.wasm > 0,
        "the page names no style, no script or no module"
    );
    Ok(weight)
}

async fn get(server: SocketAddr, path: &str, encoding: &str) -> anyhow::Result<Answer> {
    let headers = [("accept-encoding", encoding), ("accept", "text/html,*/*")];
    let answer = Http.send(Method::GET, server, path, &headers, None).await;
    let answer = answer.with_context(|| path.to_owned())?;
    ensure!(
        answer.status == 200,
        "{path} was answered {}",
        answer.status
    );
    Ok(answer)
}

fn on_disk(site: &Path) -> anyhow::Result<Weight> {
    let size = |name: &str| {
        let path = site.join(format!("{name}.br"));
        let file = fs::metadata(&path);
        let file = file.with_context(|| format!("cannot find {}", path.display()))?;
        anyhow::Ok(usize::try_from(file.len())?)
    };
    Ok(Weight {
        html: size("page.html")?,
        js: size("pkg/bare.js")?,
        wasm: size("pkg/bare.wasm")?,
        ..Weight::default()
    })
}

/// The files of this origin that a page loads, each once: those to which it has a link, and those that the
/// call of its script names before the last two lists. The first of these lists has the files that only a
/// browser with a session loads, and the other one has sentences.
fn files_named_in(html: &str) -> BTreeSet<String> {
    let links = html.split(" href=\"").skip(1);
    let links = links.filter_map(|rest| rest.split('"').next());
    let call = html.rsplit_once("})(\"").map_or("", |(_, call)| call);
    let (in_call, _) = call.split_once("], [").unwrap_or_default();
    let in_call = in_call.split('"');
    links
        .chain(in_call)
        .filter(|address| {
            let name = address.rsplit('/').next().unwrap_or_default();
            address.starts_with('/') && name.contains('.')
        })
        .map(str::to_owned)
        .collect()
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

fn print_table(ours: &Weight, bare: &Weight, with_client: &Weight) {
    println!(
        "| compressed with Brotli | Holdfast | bare Leptos | bare Leptos with `holdfast-client` |"
    );
    println!("| --- | --- | --- | --- |");
    let rows: [Row; 6] = [
        ("HTML", |weight| weight.html),
        ("CSS", |weight| weight.css),
        ("JavaScript", |weight| weight.js),
        ("WebAssembly", |weight| weight.wasm),
        ("icon", |weight| weight.other),
        ("together", Weight::total),
    ];
    for (name, of) in rows {
        println!(
            "| {name} | {} | {} | {} |",
            kib(of(ours)),
            kib(of(bare)),
            kib(of(with_client))
        );
    }
    println!(
        "| ratio to bare Leptos | {:.2} | 1 | {:.2} |",
        ratio(ours.total(), bare.total()),
        ratio(with_client.total(), bare.total())
    );
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
        let html = r#"<link href="/pkg/a.css"><a href="/sign-in"><link href="/favicon.svg">
            <link href="https://elsewhere.example/b.css"><script>(function (script) {
            })("/pkg/a.js", "/pkg/a.wasm", ["/pkg/page.wasm"], ["/pkg/engine.wasm"], ["No. /x.y"])"#;
        let files: Vec<String> = files_named_in(html).into_iter().collect();
        assert_eq!(
            files,
            [
                "/favicon.svg",
                "/pkg/a.css",
                "/pkg/a.js",
                "/pkg/a.wasm",
                "/pkg/page.wasm"
            ]
        );
    }

    #[test]
    fn a_file_weighs_in_its_kind() {
        let mut weight = Weight::default();
        weight.add("/pkg/a.wasm", 10);
        weight.add("/favicon.svg", 1);
        assert_eq!((weight.wasm, weight.other, weight.total()), (10, 1, 11));
    }
}
