//! Just enough HTTP to ask a local server for a page.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

/// A server's answer.
#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    /// As sent: name, colon, value per line.
    pub headers: String,
    pub body: String,
}

/// Gets `http://127.0.0.1:PORT/path`.
///
/// # Errors
/// Nothing listens there, it does not answer within five seconds, or not in HTTP.
pub fn get(port: u16, path: &str) -> Result<Page> {
    get_as(port, path, None)
}

/// As [`get`], showing a token if there is one.
///
/// # Errors
/// As [`get`].
pub fn get_as(port: u16, path: &str, token: Option<&str>) -> Result<Page> {
    let shown = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
    let shown = shown.unwrap_or_default();
    let address = format!("127.0.0.1:{port}");
    let mut stream = TcpStream::connect(&address).with_context(|| address.clone())?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    // HTTP/1.0: the server closes after its answer and does not send it in chunks.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: */*\r\n{shown}\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(|| format!("http://{address}{path}"))?;
    let answer = String::from_utf8_lossy(&answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        bail!("http://{address}{path}: the answer has no end of its headers");
    };
    let (first, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status =
        status.with_context(|| format!("http://{address}{path}: no status in {first:?}"))?;
    Ok(Page { status, headers: headers.to_owned(), body: body.to_owned() })
}
