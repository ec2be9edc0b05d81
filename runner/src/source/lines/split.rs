//! Cuts what was read into lines. A line ends with `\n` or `\r\n`; the last one may end without.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

const CHUNK: usize = 64 << 10;

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Line(Bytes),
    /// Longer than the limit; all of it is passed over.
    TooLong,
}

#[derive(Debug)]
pub(super) struct Splitter<R> {
    reader: R,
    buffer: BytesMut,
    /// The buffer's first so many bytes hold no line end.
    searched: usize,
    limit: usize,
    /// Inside a line that is too long.
    skipping: bool,
    end: bool,
}

impl<R: AsyncRead + Unpin> Splitter<R> {
    pub(super) fn new(reader: R, limit: usize) -> Self {
        Self { reader, buffer: BytesMut::new(), searched: 0, limit, skipping: false, end: false }
    }

    /// Waits for more input. Cancel safe.
    pub(super) async fn read(&mut self) -> io::Result<()> {
        self.buffer.reserve(CHUNK);
        self.end = self.reader.read_buf(&mut self.buffer).await? == 0;
        Ok(())
    }

    /// Whether the input ended; lines may still be there.
    pub(super) fn at_end(&self) -> bool {
        self.end
    }

    /// The next line, if it is all there.
    pub(super) fn next_line(&mut self) -> Option<Piece> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        match unsearched.iter().position(|byte| *byte == b'\n') {
            Some(found) => {
                let mut line = self.buffer.split_to(self.searched + found + 1);
                self.searched = 0;
                line.truncate(line.len() - 1);
                if line.last() == Some(&b'\r') {
                    line.truncate(line.len() - 1);
                }
                Some(self.piece(line))
            }
            None if self.end => {
                self.searched = 0;
                let rest = self.buffer.split();
                (self.skipping || !rest.is_empty()).then(|| self.piece(rest))
            }
            None => {
                self.searched = self.buffer.len();
                // One more byte than allowed, in case the last is the `\r` of a line's end.
                if self.searched > self.limit + 1 {
                    self.skipping = true;
                    self.searched = 0;
                    self.buffer.clear();
                }
                None
            }
        }
    }

    fn piece(&mut self, line: BytesMut) -> Piece {
        if std::mem::take(&mut self.skipping) || line.len() > self.limit {
            return Piece::TooLong;
        }
        Piece::Line(line.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: &[u8], limit: usize) -> Vec<Result<String, ()>> {
        let mut splitter = Splitter::new(input, limit);
        let mut lines = Vec::new();
        loop {
            while let Some(piece) = splitter.next_line() {
                lines.push(match piece {
                    Piece::Line(line) => Ok(String::from_utf8(line.to_vec()).unwrap()),
                    Piece::TooLong => Err(()),
                });
            }
            if splitter.at_end() {
                return lines;
            }
            splitter.read().await.unwrap();
        }
    }

    fn text(line: &str) -> Result<String, ()> {
        Ok(line.to_owned())
    }

    #[tokio::test]
    async fn both_line_ends_and_a_last_line_without() {
        assert_eq!(all(b"a\nb\r\n\nc", 10).await, [text("a"), text("b"), text(""), text("c")]);
        assert_eq!(all(b"a\n", 10).await, [text("a")]);
        assert_eq!(all(b"", 10).await, []);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_passed_over_and_the_next_one_is_read() {
        assert_eq!(all(b"abcd\nabcde\nok\n", 4).await, [text("abcd"), Err(()), text("ok")]);
        let long = [vec![b'x'; 300_000], b"\nok\n".to_vec()].concat();
        assert_eq!(all(&long, 1000).await, [Err(()), text("ok")]);
        assert_eq!(all(&vec![b'x'; 300_000], 1000).await, [Err(())]);
    }

    #[tokio::test]
    async fn a_line_longer_than_a_read_stays_whole() {
        let long = vec![b'x'; 200_000];
        let lines = all(&[long.as_slice(), b"\r\n"].concat(), 200_000).await;
        assert_eq!(lines, [Ok(String::from_utf8(long).unwrap())]);
    }
}
