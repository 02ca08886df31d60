//! One `GET`, by hand: this program has no dependencies.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::failure::{Failure, Outcome};

/// An answer, its body as it came over the wire.
pub struct Answer {
    pub status: u16,
    pub encoding: String,
    pub body: Vec<u8>,
}

/// Asks `address` for `path` in one content encoding.
pub fn get(address: &str, path: &str, encoding: &str) -> Outcome<Answer> {
    let failed = |error| Failure::new(format!("http://{address}{path}: {error}."));
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept-Encoding: {encoding}\r\n\
         Accept: text/html,*/*\r\nConnection: close\r\n\r\n"
    );
    let mut connection = TcpStream::connect(address).map_err(failed)?;
    connection
        .set_read_timeout(Some(Duration::from_secs(20)))
        .map_err(failed)?;
    connection.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).map_err(failed)?;
    parse(&answer)
        .ok_or_else(|| Failure::new(format!("http://{address}{path} was not answered in whole.")))
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let head_ends = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..head_ends]).ok()?;
    let body = &answer[head_ends + 4..];
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |wanted: &str| {
        lines.clone().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    };
    let body = match (header("content-length"), header("transfer-encoding")) {
        (Some(length), _) => body.get(..length.parse().ok()?)?.to_vec(),
        (None, Some("chunked")) => join_chunks(body)?,
        (None, _) => body.to_vec(),
    };
    Some(Answer {
        status,
        encoding: header("content-encoding").unwrap_or_default().to_owned(),
        body,
    })
}

/// `None` when the last chunk has not come.
fn join_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_ends = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line_ends]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let start = line_ends + 2;
        body.extend_from_slice(rest.get(start..start + size)?);
        rest = rest.get(start + size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_the_last_one_must_be_there() {
        let whole =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: br\r\n\r\n\
            3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let answer = parse(whole).expect("it is whole");
        assert_eq!((answer.status, answer.body), (200, b"abcde".to_vec()));
        assert_eq!(answer.encoding, "br");
        assert!(parse(&whole[..whole.len() - 7]).is_none());
    }

    #[test]
    fn a_body_that_is_too_short_is_no_answer() {
        assert!(parse(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc").is_none());
    }
}
