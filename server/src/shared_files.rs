//! Sends the files of the site from memory.
//!
//! A security duty: a client may take a file as slowly as it wants, or never. With HTTP/2 it
//! can request many files on one connection without taking any. If each download had an open
//! file and a buffer of its own, a few connections would use up the open files of the process.
//! So the server reads a file as a whole and closes it before it answers. All downloads of the
//! same file share one copy of its content, which is dropped after the last of them. So the
//! memory for downloads is bounded by the size of the site, however many there are.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use http_body::{Frame, SizeHint};
use tokio::sync::Semaphore;

use crate::error::ApiError;

/// How many files are open at once.
const MOST_OPEN: usize = 8;

/// How many bytes of a file are given to a connection at once. The connection asks for the next
/// piece when the client takes this one, so the server knows whether the client still takes
/// something.
const PIECE: usize = 16 * 1024;

/// The files that are being sent. Clones share them.
#[derive(Debug, Clone)]
pub struct SharedFiles(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    copies: Mutex<Vec<Weak<Bytes>>>,
    open: Semaphore,
}

impl Default for SharedFiles {
    fn default() -> Self {
        Self(Arc::new(Inner {
            copies: Mutex::default(),
            open: Semaphore::new(MOST_OPEN),
        }))
    }
}

impl SharedFiles {
    /// Answers a request for a file. `open` opens the file and answers with its content.
    pub async fn answer<F>(&self, mut request: Request, open: impl FnOnce(Request) -> F) -> Response
    where
        F: Future<Output = Response>,
    {
        // A part of a file would be a copy of its own. A server may ignore this header
        // (RFC 9110 §14.2).
        request.headers_mut().remove(header::RANGE);
        // The semaphore is never closed.
        let _open = self.0.open.acquire().await;
        let mut response = open(request).await;
        response.headers_mut().remove(header::ACCEPT_RANGES);
        if response.status() != StatusCode::OK {
            return response;
        }
        let (parts, body) = response.into_parts();
        match to_bytes(body, usize::MAX).await {
            // This is the answer to HEAD. The length of the file is in its header.
            Ok(read) if read.is_empty() => Response::from_parts(parts, Body::empty()),
            Ok(read) => {
                let content = self.share(read);
                Response::from_parts(parts, Body::new(Download { content, sent: 0 }))
            }
            Err(error) => ApiError::Internal(error.into()).into_response(),
        }
    }

    /// The copy of this content that is being sent already, or else this one. Copies are found by
    /// their content, because a client can write the name of a file in many ways.
    fn share(&self, read: Bytes) -> Arc<Bytes> {
        let copies = &self.0.copies;
        let mut copies = copies.lock().unwrap_or_else(PoisonError::into_inner);
        copies.retain(|copy| copy.strong_count() > 0);
        let mut shared = copies.iter().filter_map(Weak::upgrade);
        if let Some(same) = shared.find(|copy| **copy == read) {
            return same;
        }
        drop(shared);
        let copy = Arc::new(read);
        copies.push(Arc::downgrade(&copy));
        copy
    }
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
    use http_body_util::BodyExt as _;

    use super::*;

    /// A download of a file with this content.
    async fn download(files: &SharedFiles, content: Vec<u8>) -> Response {
        let request = Request::new(Body::empty());
        let answer = async |_| Response::new(Body::from(content));
        files.answer(request, answer).await
    }

    fn copies(files: &SharedFiles) -> usize {
        let copies = files.0.copies.lock().unwrap();
        copies.iter().filter(|copy| copy.strong_count() > 0).count()
    }

    #[tokio::test]
    async fn downloads_of_one_file_share_a_copy_until_the_last_piece_is_gone() {
        let files = SharedFiles::default();
        let content: Vec<u8> = (0..u8::MAX).cycle().take(100_000).collect();
        let mut first = download(&files, content.clone()).await.into_body();
        let second = download(&files, content.clone()).await.into_body();
        let other = download(&files, vec![7; 100_000]).await.into_body();
        assert_eq!(copies(&files), 2);
        drop(other);
        assert_eq!(copies(&files), 1);
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
        let third = download(&files, content).await.into_body();
        assert_eq!(copies(&files), 1);
        drop(last);
        drop(third);
        assert_eq!(copies(&files), 0);
    }

    #[tokio::test]
    async fn a_download_says_how_much_is_left() {
        let mut body = download(&SharedFiles::default(), vec![1; PIECE + 5]).await;
        let left = |body: &Response| http_body::Body::size_hint(body.body()).exact();
        assert_eq!(left(&body), Some(PIECE as u64 + 5));
        body.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(left(&body), Some(5));
        body.body_mut().frame().await.unwrap().unwrap();
        assert!(http_body::Body::is_end_stream(body.body()));
        assert!(body.body_mut().frame().await.is_none());
    }
}
