//! The standard input, a line at a time. It is read on a thread of its own: a read that waits for a person must not
//! keep the program from ending.

use std::io::{self, BufRead, Read};

use phone::secret::Secret;
use tokio::sync::mpsc;

/// The longest line, in bytes: ten times what any command may need.
const LONGEST: u64 = 1 << 20;

/// A line of input.
#[derive(Debug)]
pub(crate) enum Said {
    /// As it was typed, without its end.
    Line(String),
    /// It was too long, or no UTF-8; it says which.
    Unreadable(&'static str),
}

/// The standard input.
pub(crate) struct Input {
    /// How far the reading thread may be ahead: a program that sends faster than the phone takes has to wait.
    lines: Option<mpsc::Receiver<Said>>,
}

impl Input {
    /// Nothing is read until somebody asks.
    pub(crate) const fn new() -> Self {
        Self { lines: None }
    }

    /// The first line, as a secret. Must be asked for before anything else.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn secret(&mut self) -> io::Result<Secret<String>> {
        match one(&mut io::stdin().lock())? {
            Some(Said::Line(line)) => Ok(Secret::new(line)),
            Some(Said::Unreadable(why)) => Err(io::Error::new(io::ErrorKind::InvalidData, why)),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// The next line; nothing at the end of input.
    pub(crate) async fn next(&mut self) -> Option<Said> {
        self.lines.get_or_insert_with(read).recv().await
    }
}

fn read() -> mpsc::Receiver<Said> {
    let (tell, lines) = mpsc::channel(16);
    // It may wait for input for ever, and goes with the process.
    std::thread::spawn(move || {
        while let Ok(Some(said)) = one(&mut io::stdin().lock()) {
            if tell.blocking_send(said).is_err() {
                return;
            }
        }
    });
    lines
}

fn one(input: &mut impl BufRead) -> io::Result<Option<Said>> {
    let mut line = Vec::new();
    if input.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|end| *end == b'\n').is_none() && line.len() as u64 == LONGEST {
        input.skip_until(b'\n')?;
        return Ok(Some(Said::Unreadable("the line is longer than 1 MiB")));
    }
    line.pop_if(|end| *end == b'\r');
    Ok(Some(match String::from_utf8(line) {
        Ok(line) => Said::Line(line),
        Err(_) => Said::Unreadable("the line is no UTF-8"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut input: &[u8]) -> Vec<Said> {
        std::iter::from_fn(|| one(&mut input).unwrap()).collect()
    }

    #[test]
    fn lines_lose_their_ends_and_only_those() {
        let said = all(b"one\ntwo \r\n\n last");
        let lines: Vec<_> =
            said.iter().map(|said| if let Said::Line(line) = said { line.as_str() } else { "?" }).collect();
        assert_eq!(lines, ["one", "two ", "", " last"]);
    }

    #[test]
    fn a_line_that_cannot_be_read_hides_no_other() {
        let long = [vec![b'x'; 3 << 20], b"\nnext\n\xff\nlast".to_vec()].concat();
        let said = all(&long);
        assert!(matches!(
            &said[..],
            [Said::Unreadable(_), Said::Line(next), Said::Unreadable(_), Said::Line(last)] if next == "next" && last == "last"
        ));
    }
}
