//! As much of HTTP/1.1 as a WebSocket and a proxy need: a request out, the head of one response in (RFC 9112).

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long a head may be, in octets (CONFORMANCE C52).
pub(crate) const LONGEST: usize = 16 * 1024;
/// How many headers it may have.
const MOST: usize = 64;

/// The head of a response.
pub(crate) struct Head {
    /// The version: HTTP/1.1 or 1.0, as some proxies still say.
    pub(crate) minor: u8,
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// What came behind it already.
    pub(crate) rest: Vec<u8>,
}

impl Head {
    /// Sends `request` and reads the head of the answer. What is wrong with it is said in words.
    pub(crate) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, request: &str) -> Result<Self, String> {
        stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
        stream.flush().await.map_err(|error| error.to_string())?;
        let mut read = Vec::new();
        loop {
            let mut piece = [0; 1024];
            let count = stream.read(&mut piece).await.map_err(|error| error.to_string())?;
            if count == 0 {
                return Err("the connection was closed before an answer".to_owned());
            }
            read.extend_from_slice(&piece[..count]);
            // A head ends with a line; between two there is nothing new to understand.
            if piece[..count].contains(&b'\n')
                && let Some(head) = Self::parse(&read)?
            {
                return Ok(head);
            }
            if read.len() > LONGEST {
                return Err("the head of the answer is too long".to_owned());
            }
        }
    }

    fn parse(read: &[u8]) -> Result<Option<Self>, String> {
        let mut headers = [httparse::EMPTY_HEADER; MOST];
        let mut response = httparse::Response::new(&mut headers);
        let length = match response.parse(read) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(error) => return Err(format!("the answer is no HTTP: {error}")),
        };
        if length > LONGEST {
            return Err("the head of the answer is too long".to_owned());
        }
        let (Some(minor), Some(status)) = (response.version, response.code) else {
            return Err("the answer is no HTTP/1".to_owned());
        };
        let headers = response
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).trim().to_owned()))
            .collect();
        Ok(Some(Self { minor, status, headers, rest: read[length..].to_vec() }))
    }

    /// Every value of a header.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The value of a header that is there once.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }

    /// Is `token` in the list that a header is, in any case?
    pub(crate) fn lists(&self, name: &str, token: &str) -> bool {
        self.all(name).flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(token))
    }
}

/// Can `name: value` be a header line, and nothing else?
pub(crate) fn is_header(name: &str, value: &str) -> bool {
    // RFC 9110 5.6.2 and 5.5.
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(token) && !value.chars().any(|c| c.is_control() && c != '\t')
}
