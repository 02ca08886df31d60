//! The files of the site.

use std::path::PathBuf;

use axum::http::Method;

use crate::support::{Answer, Fleet};

/// The site of a test, with a file that a browser loads and an icon. It is removed after the test.
pub(crate) struct Site(PathBuf);

impl Site {
    pub(crate) fn make() -> Self {
        let number = u64::from_le_bytes(holdfast_server::random::bytes());
        let folder = std::env::temp_dir().join(format!("holdfast-site-{number:016x}"));
        std::fs::create_dir_all(folder.join("pkg")).unwrap();
        let content: Vec<u8> = (0..u8::MAX).cycle().take(1_000_000).collect();
        std::fs::write(folder.join("pkg/large.wasm"), &content).unwrap();
        std::fs::write(folder.join("icon.svg"), &content[..100_000]).unwrap();
        Self(folder)
    }

    /// The setting of a server that serves it.
    pub(crate) fn setting(&self) -> (&'static str, String) {
        ("LEPTOS_SITE_ROOT", self.0.display().to_string())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Requests a file with these headers.
async fn get(fleet: &Fleet, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let sent = fleet.http.send(method, fleet.at(0), path, headers, None);
    sent.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_says_how_long_it_is_kept_and_is_sent_as_a_whole_or_not_at_all() {
    let site = Site::make();
    let fleet = Fleet::start_told(1, vec![site.setting()]).await;
    // A file at the root is not kept for ever, because its name stays when its content changes. The
    // files of this site have no hashes in their names.
    // A part of a page is no document.
    for (path, length, kept, framed) in [
        ("/icon.svg", 100_000, "public, max-age=86400", "DENY"),
        ("/pkg/large.wasm", 1_000_000, "no-cache", ""),
    ] {
        let whole = get(&fleet, Method::GET, path, &[]).await;
        assert_eq!((whole.status.as_u16(), whole.body.len()), (200, length));
        assert_eq!(whole.header("vary"), "accept-encoding");
        assert_eq!(whole.header("cache-control"), kept);
        assert_eq!(whole.header("x-frame-options"), framed);
        assert_eq!(
            whole.header("permissions-policy").is_empty(),
            framed.is_empty()
        );
        assert_eq!(whole.header("x-content-type-options"), "nosniff");
        let policy = whole.header("content-security-policy");
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
        // The answer to a request for a part is the whole file, which is allowed.
        let part = [("range", "bytes=0-9")];
        let part = get(&fleet, Method::GET, path, &part).await;
        assert_eq!((part.status.as_u16(), part.body.len()), (200, length));
        let known = [("if-modified-since", whole.header("last-modified"))];
        let known = get(&fleet, Method::GET, path, &known).await;
        assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
        assert_eq!(known.header("cache-control"), kept);
    }
    let missing = get(&fleet, Method::GET, "/no-such-file.svg", &[]).await;
    assert_eq!(missing.status, 404);
    assert_eq!(missing.header("cache-control"), "no-store");
    // A client that accepts no form of the answer gets the file anyway, and no error.
    for none in ["identity;q=0", "br;q=0, *; q=0.0"] {
        let none = [("accept-encoding", none)];
        let whole = get(&fleet, Method::GET, "/pkg/large.wasm", &none).await;
        assert_eq!((whole.status.as_u16(), whole.body.len()), (200, 1_000_000));
        let unknown = get(&fleet, Method::GET, "/api/v1/nope", &none).await;
        assert_eq!(unknown.status, 404);
        assert_eq!(unknown.header("content-type"), "application/problem+json");
    }
    // With another method there is no file, and no page either.
    let posted = get(&fleet, Method::POST, "/icon.svg", &[]).await;
    assert_eq!(posted.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_can_name_no_file_is_not_found_and_logs_no_error() {
    let site = Site::make();
    let fleet = Fleet::start_told(1, vec![site.setting()]).await;
    let (long, longer) = ("a".repeat(253), "a".repeat(256));
    let deep = "a/".repeat(2100);
    for name in [
        "x%00",
        &long,
        &longer,
        &long.replace('a', "a%"),
        &deep,
        "large.wasm/x",
    ] {
        for folder in ["", "pkg/"] {
            let path = format!("/{folder}{name}");
            let encoded = [("accept-encoding", "br, gzip")];
            let answer = get(&fleet, Method::GET, &path, &encoded).await;
            assert_eq!(answer.status, 404, "{path}");
        }
    }
    let log = fleet.instances[0].log();
    assert!(!log.contains("ERROR"), "{log}");
}
