//! The files that pages load: where they are, their names, and how long a browser may keep them.
//!
//! In a release each name contains a hash of the file's content:
//! `holdfast.0123456789abcdef.js`. A browser keeps such a file without a time limit and never
//! requests it again. While a new release is rolled out, a page of the old release may
//! request its files from an instance of the new release. The instance answers with the file
//! of the old release, if the operator kept it. Otherwise it answers 404, and the page
//! reloads. It never answers with a file of the new release, which would not fit the page.
//!
//! `files.json` is beside these files and lists the names of this release. An operator may
//! keep the files of earlier releases there as well, for pages that are still open.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::{env, fs};

use anyhow::Context;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use leptos::config::{Env, LeptosOptions};
use serde::Deserialize;

/// The list of the names, in the folder of the files.
const NAMES: &str = "files.json";

/// Hexadecimal digits of a hash in a name.
const HASH_DIGITS: usize = 16;

/// Where the pages' files are: the folder that cargo-leptos sets, or else the folder of a
/// release build.
pub fn leptos_options() -> LeptosOptions {
    let variable = |name: &str| env::var(name).ok();
    let site_root = variable("LEPTOS_SITE_ROOT").map_or_else(default_site_root, PathBuf::from);
    LeptosOptions::builder()
        // The variable is set in this workspace only.
        .output_name(option_env!("LEPTOS_OUTPUT_NAME").unwrap_or("holdfast"))
        .site_root(site_root.to_string_lossy().into_owned())
        .site_pkg_dir(variable("LEPTOS_SITE_PKG_DIR").unwrap_or_else(|| "pkg".to_owned()))
        .env(if is_watched() { Env::DEV } else { Env::PROD })
        .reload_port(
            variable("LEPTOS_RELOAD_PORT")
                .and_then(|port| port.parse().ok())
                .unwrap_or(3001),
        )
        .build()
}

/// Whether `cargo leptos watch` runs this server.
pub fn is_watched() -> bool {
    env::var_os("LEPTOS_WATCH").is_some()
}

/// `target/site` in the current directory, or else `site` beside the binary.
fn default_site_root() -> PathBuf {
    let built = PathBuf::from("target/site");
    if built.is_dir() {
        return built;
    }
    env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(|directory| directory.join("site")))
        .filter(|site| site.is_dir())
        .unwrap_or(built)
}

/// Whether the pages' files are where they should be.
pub fn is_built(options: &LeptosOptions) -> bool {
    Path::new(&*options.site_root)
        .join(&*options.site_pkg_dir)
        .is_dir()
}

/// The names of the files of a release.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SiteFiles {
    /// The script that loads the module.
    pub js: String,
    /// The WebAssembly module.
    pub wasm: String,
    /// The style sheet.
    pub css: String,
    /// The files of each piece that was cut out of the module, by the name of the piece. A development
    /// build has none.
    #[serde(default)]
    pub pieces: BTreeMap<String, Vec<String>>,
}

impl SiteFiles {
    /// The names without a hash, as in the development build.
    pub fn without_hashes(output_name: &str) -> Self {
        Self {
            js: format!("{output_name}.js"),
            wasm: format!("{output_name}.wasm"),
            css: format!("{output_name}.css"),
            pieces: BTreeMap::new(),
        }
    }
}

/// The names of the files of this site. In the development build they have no hash.
///
/// # Errors
/// If the list of names exists and cannot be read.
pub fn names(options: &LeptosOptions, watched: bool) -> anyhow::Result<SiteFiles> {
    let path = Path::new(&*options.site_root)
        .join(&*options.site_pkg_dir)
        .join(NAMES);
    let without_hashes = SiteFiles::without_hashes(&options.output_name);
    if watched {
        return Ok(without_hashes);
    }
    let names = match fs::read(&path) {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(without_hashes),
        Err(error) => return Err(error).context(format!("cannot read {}", path.display())),
    };
    serde_json::from_slice(&names)
        .with_context(|| format!("{} does not list the pages' files", path.display()))
}

/// The longest path below the folder of the site, in bytes. A file system takes no path that is
/// longer than 4,095 bytes.
const LONGEST_PATH: usize = 1024;

/// The longest name, in bytes. A file system takes 255, and the server also looks for the file
/// with `.br` or `.gz` after its name.
const LONGEST_NAME: usize = 255 - 3;

/// The file in this folder that the path of a request names. A client can write a path in many
/// ways, and all of them name one file. `None` if no file can have this path: an attempt to open
/// it would be an error, and any client could fill the log with such errors.
pub fn named(folder: &Path, path: &str) -> Option<PathBuf> {
    let decoded = percent_decoded(path.as_bytes());
    let is_too_long = |name: &[u8]| name.len() > LONGEST_NAME;
    if decoded.len() > LONGEST_PATH
        || decoded.contains(&0)
        || decoded.split(|byte| *byte == b'/').any(is_too_long)
    {
        return None;
    }
    let mut file = folder.to_owned();
    for part in Path::new(OsStr::from_bytes(&decoded)).components() {
        // A path with `..` names no file: the folder's service answers 404.
        if let Component::Normal(name) = part {
            file.push(name);
        }
    }
    Some(file)
}

/// Decodes `%` and two hexadecimal digits (RFC 3986 §2.1).
fn percent_decoded(mut text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    while let Some((&first, rest)) = text.split_first() {
        let byte = match rest {
            [high, low, ..] if first == b'%' => byte_of_digits(*high, *low),
            _ => None,
        };
        decoded.push(byte.unwrap_or(first));
        text = if byte.is_some() { &rest[2..] } else { rest };
    }
    decoded
}

fn byte_of_digits(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Says how long a browser may keep a file. A file with a hash in its name never changes.
/// For any other file the browser has to ask each time; if the file is the same, the answer
/// is a 304 without a body. A 404 is not kept, because the file may be there later.
pub async fn kept(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let kept = if is_hashed(&path) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    with_cache_control(kept, next.run(request).await)
}

/// The same for a file at the root of the site, such as the icon. Its name has no hash, because other
/// programs know it. A browser keeps it for a day, so a second visit loads nothing but the page. During
/// development it asks each time.
pub fn kept_for_a_day(response: Response) -> Response {
    let kept = if is_watched() {
        "no-cache"
    } else {
        "public, max-age=86400"
    };
    with_cache_control(kept, response)
}

fn with_cache_control(kept: &'static str, mut response: Response) -> Response {
    let kept = match response.status() {
        StatusCode::OK | StatusCode::NOT_MODIFIED | StatusCode::PARTIAL_CONTENT => kept,
        _ => "no-store",
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// Whether the name has a hash before its extension.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut parts = name.rsplit('.');
    let hash = parts.nth(1).unwrap_or_default();
    let is_digit = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    parts.next().is_some() && hash.len() == HASH_DIGITS && hash.bytes().all(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_with_a_whole_hash_is_kept_without_a_limit() {
        for (path, expected) in [
            ("/holdfast.0123456789abcdef.js", true),
            ("/pkg/holdfast.0123456789abcdef.wasm", true),
            ("/holdfast.js", false),
            ("/holdfast.0123456789ABCDEF.js", false),
            ("/holdfast.0123456789abcde.js", false),
            ("/0123456789abcdef.js", false),
            ("/holdfast.0123456789abcdef.d/x.js", false),
            ("/", false),
        ] {
            assert_eq!(is_hashed(path), expected, "{path}");
        }
    }

    #[test]
    fn a_file_has_one_name_however_its_path_is_written() {
        for path in [
            "/a b/c.js",
            "a%20b/c.js",
            "//./a%20b///c.js",
            "/a%20b%2Fc.j%73",
            "/a%20b%2f./c%2ejs/",
        ] {
            let file = named(Path::new("site/pkg"), path);
            let expected = Some(PathBuf::from("site/pkg/a b/c.js"));
            assert_eq!(file, expected, "{path}");
        }
        for (path, name) in [
            ("/a%2", "a%2"),
            ("/a%+1", "a%+1"),
            ("/%zz%", "%zz%"),
            ("/%2541", "%41"),
            ("/a+b", "a+b"),
            ("/%C3%A4", "\u{e4}"),
        ] {
            let file = named(Path::new("site"), path);
            assert_eq!(file, Some(Path::new("site").join(name)), "{path}");
        }
    }

    #[test]
    fn a_path_that_no_file_can_have_names_none() {
        let longest = format!("/{}", "%41".repeat(LONGEST_NAME));
        assert!(named(Path::new("site"), &longest).is_some());
        for path in [
            "/x%00".to_owned(),
            format!("{longest}a"),
            format!("/a/{}", "b".repeat(LONGEST_NAME + 1)),
            "/a".repeat(LONGEST_PATH / 2 + 1),
        ] {
            assert_eq!(named(Path::new("site"), &path), None, "{path}");
        }
    }

    #[test]
    fn names_are_those_that_the_release_lists() {
        let site = env::temp_dir().join(format!("holdfast-names-{}", std::process::id()));
        let package = site.join("pkg");
        fs::create_dir_all(&package).expect("a folder");
        let options = LeptosOptions::builder()
            .output_name("holdfast")
            .site_root(site.to_string_lossy().into_owned())
            .site_pkg_dir("pkg")
            .build();
        let without_hashes = SiteFiles::without_hashes("holdfast");
        assert_eq!(names(&options, false).expect("names"), without_hashes);

        let list = r#"{"js": "a.0.js", "wasm": "a.1.wasm", "css": "a.2.css",
            "pieces": {"home": ["a-home.3.wasm", "a-chunk.4.wasm"]}}"#;
        fs::write(package.join(NAMES), list).expect("a file");
        let listed = names(&options, false).expect("names");
        assert_eq!(listed.js, "a.0.js");
        assert_eq!(listed.wasm, "a.1.wasm");
        assert_eq!(listed.css, "a.2.css");
        assert_eq!(listed.pieces["home"], ["a-home.3.wasm", "a-chunk.4.wasm"]);
        // The development build ignores the list of a release that was built before.
        assert_eq!(names(&options, true).expect("names"), without_hashes);

        fs::write(package.join(NAMES), "{").expect("a file");
        assert!(names(&options, false).is_err());
        fs::remove_dir_all(site).expect("it was there");
    }
}
