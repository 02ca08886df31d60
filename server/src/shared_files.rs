//! Sends the files of the site from memory.
//!
//! A security duty: a client may take a file as slowly as it wants, or never. With HTTP/2 it
//! can request many files on one connection without taking any. If each download had an open
//! file and a buffer of its own, a few connections would use up the open files of the process.
//! So the server reads a file as a whole and closes it before it answers. All downloads of the
//! same file share one copy of its content, which is dropped after the last of them. So the
//! memory for downloads is bounded by the size of the site, however many there are.
//!
//! While a copy exists, the file is not read again. A client that requests many files and drops
//! them makes the server read each time. So an address has few of the places in which files are
//! read, and its other requests wait for these. A flood from one address delays its own files
//! only. A request that waits keeps its connection, so only some requests of an address wait, and
//! the server refuses the others at once.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use anyhow::anyhow;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body::{Frame, SizeHint};
use tokio::sync::Semaphore;

use crate::client_address::ClientAddress;
use crate::error::ApiError;
use crate::limits::Refusal;
use crate::limits::address::Address;
use crate::limits::turns::{Most, Turns};

/// How many files are open at once.
const MOST_OPEN: usize = 8;

/// The requests of one address. A page of Holdfast has five files, and people behind one address
/// open pages at the same time.
const OF_ONE: Most = Most {
    at_once: 2,
    in_all: 64,
};

/// The requests of an address that many people share.
const OF_MANY: Most = Most {
    at_once: MOST_OPEN / 2,
    in_all: 512,
};

/// How many bytes of a file are given to a connection at once. The connection asks for the next
/// piece when the client takes this one, so the server knows whether the client still takes
/// something.
const PIECE: usize = 16 * 1024;

/// The files that are being sent. Clones share them.
#[derive(Debug, Clone)]
pub struct SharedFiles(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    copies: Mutex<HashMap<Version, Weak<Bytes>>>,
    open: Semaphore,
    of_address: Turns<Address>,
}

/// A file as it is at this moment. If two answers have the same version, they have the same
/// content.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Version {
    file: PathBuf,
    /// The encoding, the time of the last change and the length.
    facts: [Option<HeaderValue>; 4],
}

impl Version {
    /// The version of the file that is answered with these headers.
    fn of(file: &Path, headers: &HeaderMap) -> Self {
        let names = [
            header::CONTENT_ENCODING,
            // This has the time in nanoseconds, and the other one in seconds.
            header::ETAG,
            header::LAST_MODIFIED,
            header::CONTENT_LENGTH,
        ];
        Self {
            file: file.to_owned(),
            facts: names.map(|name| headers.get(name).cloned()),
        }
    }
}

impl Default for SharedFiles {
    fn default() -> Self {
        Self(Arc::new(Inner {
            copies: Mutex::default(),
            open: Semaphore::new(MOST_OPEN),
            of_address: Turns::default(),
        }))
    }
}

impl SharedFiles {
    /// Answers a client's request for `file`. `open` opens the file and answers with its content.
    /// For HEAD it opens nothing, and answers with the same headers.
    pub async fn answer<F>(
        &self,
        client: ClientAddress,
        file: &Path,
        mut request: Request,
        open: impl Fn(Request) -> F,
    ) -> Response
    where
        F: Future<Output = Response>,
    {
        // A part of a file would be a copy of its own. A server may ignore this header
        // (RFC 9110 §14.2).
        request.headers_mut().remove(header::RANGE);
        let _of_the_address = match client.ip().map(Address::of) {
            Some(address) => {
                let most = if client.is_shared() { OF_MANY } else { OF_ONE };
                match self.0.of_address.take(address, most).await {
                    Some(turn) => Some(turn),
                    None => {
                        let refusal = Refusal::TooMany { retry_after: 1 };
                        return ApiError::from(refusal).into_response();
                    }
                }
            }
            // The request did not come over the network.
            None => None,
        };
        // The semaphore is never closed.
        let _of_all = self.0.open.acquire().await;

        let is_get = request.method() == Method::GET;
        let (mut parts, body) = request.into_parts();
        let again = parts.clone();
        let described = if is_get {
            parts.method = Method::HEAD;
            open(Request::from_parts(parts, Body::empty())).await
        } else {
            open(Request::from_parts(parts, body)).await
        };
        if !is_get || described.status() != StatusCode::OK {
            return whole(described);
        }
        if let Some(content) = self.copy(&Version::of(file, described.headers())) {
            return download(described, content);
        }
        let (read, body) = open(Request::from_parts(again, Body::empty()))
            .await
            .into_parts();
        if read.status != StatusCode::OK {
            return whole(Response::from_parts(read, body));
        }
        match to_bytes(body, usize::MAX).await {
            // All downloads would share the part that was there, and browsers would keep it.
            Ok(content) if length(&read.headers).is_some_and(|length| length != content.len()) => {
                let file = file.display();
                let why = anyhow!("{file} was being written while the server read it");
                ApiError::Unavailable(why).into_response()
            }
            Ok(content) => {
                let content = self.share(Version::of(file, &read.headers), content);
                download(Response::from_parts(read, Body::empty()), content)
            }
            Err(error) => ApiError::Internal(error.into()).into_response(),
        }
    }

    /// The copy of this version that is being sent.
    fn copy(&self, version: &Version) -> Option<Arc<Bytes>> {
        lock(&self.0.copies).get(version)?.upgrade()
    }

    /// The copy of this version that is being sent, because another request has read it at the
    /// same time, or else this content.
    fn share(&self, version: Version, content: Bytes) -> Arc<Bytes> {
        let mut copies = lock(&self.0.copies);
        copies.retain(|_, copy| copy.strong_count() > 0);
        if let Some(copy) = copies.get(&version).and_then(Weak::upgrade) {
            return copy;
        }
        let copy = Arc::new(content);
        copies.insert(version, Arc::downgrade(&copy));
        copy
    }
}

/// How long the content is, as the headers say.
fn length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The answer with this header, and with this content as its body.
fn download(described: Response, content: Arc<Bytes>) -> Response {
    let download = Download { content, sent: 0 };
    whole(described.map(|_| Body::new(download)))
}

/// The same answer. It does not offer parts of the file.
fn whole(mut answer: Response) -> Response {
    answer.headers_mut().remove(header::ACCEPT_RANGES);
    answer
}

/// The body of one download.
struct Download {
    content: Arc<Bytes>,
    sent: usize,
}

/// A piece of a file. It keeps the whole copy alive, so that the next download shares it.
struct Piece {
    content: Arc<Bytes>,
    from: usize,
    to: usize,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.content[self.from..self.to]
    }
}

impl http_body::Body for Download {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let from = this.sent;
        let to = this.content.len().min(from + PIECE);
        if from == to {
            return Poll::Ready(None);
        }
        this.sent = to;
        let content = Arc::clone(&this.content);
        let piece = Bytes::from_owner(Piece { content, from, to });
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.sent == self.content.len()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.content.len() - self.sent;
        SizeHint::with_exact(u64::try_from(left).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt as _;
    use http_body_util::BodyExt as _;

    use super::*;

    const FILE: &str = "site/a.js";

    fn client(ip: &str) -> ClientAddress {
        ClientAddress::Client(ip.parse().unwrap())
    }

    /// A folder in which each file has this content.
    struct Folder {
        files: SharedFiles,
        content: Vec<u8>,
        etag: &'static str,
        /// What the headers say.
        length: usize,
        reads: AtomicUsize,
    }

    impl Folder {
        fn with(content: Vec<u8>) -> Self {
            Self {
                files: SharedFiles::default(),
                length: content.len(),
                content,
                etag: "\"1\"",
                reads: AtomicUsize::new(0),
            }
        }

        async fn download(&self, file: &str) -> Response {
            let open = async |request: Request| {
                let mut answer = Response::default();
                if request.method() == Method::GET {
                    self.reads.fetch_add(1, Ordering::Relaxed);
                    answer = Response::new(Body::from(self.content.clone()));
                }
                let etag = HeaderValue::from_static(self.etag);
                answer.headers_mut().insert(header::ETAG, etag);
                let length = HeaderValue::from(self.length);
                answer.headers_mut().insert(header::CONTENT_LENGTH, length);
                answer
            };
            let (client, file) = (client("192.0.2.1"), Path::new(file));
            let request = Request::new(Body::empty());
            self.files.answer(client, file, request, open).await
        }

        fn reads(&self) -> usize {
            self.reads.load(Ordering::Relaxed)
        }

        fn copies(&self) -> usize {
            let copies = lock(&self.files.0.copies);
            let is_sent = |copy: &&Weak<Bytes>| copy.strong_count() > 0;
            copies.values().filter(is_sent).count()
        }
    }

    #[tokio::test]
    async fn a_file_is_read_once_until_the_last_piece_of_its_downloads_is_gone() {
        let content: Vec<u8> = (0..u8::MAX).cycle().take(100_000).collect();
        let folder = Folder::with(content.clone());
        let mut first = folder.download(FILE).await.into_body();
        let second = folder.download(FILE).await.into_body();
        assert_eq!((folder.reads(), folder.copies()), (1, 1));
        let all = second.collect().await.unwrap().to_bytes();
        assert_eq!(all, content);

        // The connection still has the last piece when the download is over.
        let mut last = None;
        while let Some(frame) = first.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= PIECE);
            last = Some(piece);
        }
        drop(first);
        let third = folder.download(FILE).await.into_body();
        assert_eq!((folder.reads(), folder.copies()), (1, 1));
        drop((last, third));
        assert_eq!(folder.copies(), 0);
        let _fourth = folder.download(FILE).await;
        assert_eq!((folder.reads(), folder.copies()), (2, 1));
    }

    #[tokio::test]
    async fn another_file_and_a_newer_version_have_copies_of_their_own() {
        let mut folder = Folder::with(vec![1; 1000]);
        let _first = folder.download(FILE).await;
        let _other = folder.download("site/b.js").await;
        assert_eq!((folder.reads(), folder.copies()), (2, 2));
        (folder.content, folder.etag) = (vec![2; 1000], "\"2\"");
        let newer = folder.download(FILE).await.into_body();
        assert_eq!((folder.reads(), folder.copies()), (3, 3));
        assert_eq!(newer.collect().await.unwrap().to_bytes(), folder.content);
    }

    #[tokio::test]
    async fn a_file_that_was_read_while_it_was_written_is_not_sent() {
        let mut folder = Folder::with(vec![1; 1000]);
        // Only a part of it is there.
        folder.content.truncate(400);
        let too_early = folder.download(FILE).await;
        assert_eq!(too_early.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(folder.copies(), 0);
        folder.content.resize(1000, 1);
        let whole = folder.download(FILE).await;
        assert_eq!(whole.status(), StatusCode::OK);
        let sent = whole.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(sent, folder.content);
        drop(too_early);
    }

    #[tokio::test]
    async fn a_flood_from_one_address_does_not_delay_the_files_of_another() {
        let files = SharedFiles::default();
        let waiting = |client| {
            let endless = |_| std::future::pending();
            let request = Request::new(Body::empty());
            let (files, file) = (files.clone(), Path::new(FILE));
            Box::pin(async move { files.answer(client, file, request, endless).await })
        };
        let opened = |client| {
            let request = Request::new(Body::empty());
            let open = async |_| StatusCode::NOT_FOUND.into_response();
            let answered = files.answer(client, Path::new(FILE), request, open);
            answered.now_or_never().is_some()
        };
        let flood = client("2001:db8::1");
        let mut flooding: Vec<_> = (1..OF_ONE.in_all).map(|_| waiting(flood)).collect();
        for request in &mut flooding {
            assert!(request.now_or_never().is_none());
        }
        assert!(!opened(client("2001:db8::2")), "it has the same /64");
        let other = client("192.0.2.1");
        assert!(opened(other));
        // A proxy has many clients, and still leaves places to others.
        let proxy = ClientAddress::Proxy("10.0.0.1".parse().unwrap());
        let mut behind: Vec<_> = (0..100).map(|_| waiting(proxy)).collect();
        for request in &mut behind {
            assert!(request.now_or_never().is_none());
        }
        assert!(!opened(proxy));
        assert!(opened(other));
        // The places are used again.
        drop(flooding);
        assert!(opened(flood));
        assert_eq!(files.0.of_address.len(), 2);
    }

    #[tokio::test]
    async fn only_some_requests_of_an_address_wait_and_the_others_are_refused_at_once() {
        let files = SharedFiles::default();
        let request = |client| {
            let files = files.clone();
            let endless = |_| std::future::pending();
            let request = Request::new(Body::empty());
            Box::pin(async move {
                files
                    .answer(client, Path::new(FILE), request, endless)
                    .await
            })
        };
        let here = client("192.0.2.1");
        let mut waiting: Vec<_> = (0..OF_ONE.in_all).map(|_| request(here)).collect();
        for waiting in &mut waiting {
            assert!(waiting.now_or_never().is_none());
        }
        for _ in 0..2 {
            let refused = request(here).now_or_never().map(|answer| answer.status());
            assert_eq!(refused, Some(StatusCode::TOO_MANY_REQUESTS));
        }
        // Another address is not affected, and a refused request does not count.
        assert!(request(client("192.0.2.2")).now_or_never().is_none());
        waiting.pop();
        assert!(request(here).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_download_says_how_much_is_left() {
        let folder = Folder::with(vec![1; PIECE + 5]);
        let mut body = folder.download(FILE).await;
        let left = |body: &Response| http_body::Body::size_hint(body.body()).exact();
        assert_eq!(left(&body), Some(PIECE as u64 + 5));
        body.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(left(&body), Some(5));
        body.body_mut().frame().await.unwrap().unwrap();
        assert!(http_body::Body::is_end_stream(body.body()));
        assert!(body.body_mut().frame().await.is_none());
    }
}
