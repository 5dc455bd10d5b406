//! Session descriptions, RFC 8866: lines and attributes, read leniently and written strictly. What they mean for a
//! call is [`crate::offer`]'s business.

mod parse;

use std::fmt;

pub use parse::SdpError;

/// Most bytes taken.
pub const LONGEST: usize = 64 * 1024;
/// Most lines taken.
pub const MOST_LINES: usize = 1024;
/// Most `m=` lines taken.
pub const MOST_MEDIA: usize = 16;

/// A session description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionDescription {
    /// `o=`
    pub origin: Origin,
    /// `s=`
    pub name: String,
    /// Address of the session-level `c=`, without net and address type.
    pub connection: Option<String>,
    /// Session-level `a=`, in order.
    pub attributes: Vec<Attribute>,
    /// `m=` sections, in order.
    pub media: Vec<Media>,
}

/// Who made the description, and which version of it this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// User name or `-`.
    pub username: String,
    /// Identifies the session; a number of any length.
    pub session_id: String,
    /// Grows with each change; a number of any length.
    pub version: String,
    /// Address of the maker.
    pub address: String,
}

/// One `a=` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Before the colon.
    pub name: String,
    /// After the colon.
    pub value: Option<String>,
}

impl Attribute {
    /// `a=name`
    pub fn flag(name: &str) -> Self {
        Self { name: name.to_owned(), value: None }
    }

    /// `a=name:value`
    pub fn new(name: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), value: Some(value.into()) }
    }
}

/// One `m=` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, …
    pub kind: String,
    /// 0 refuses the section.
    pub port: u16,
    /// `UDP/TLS/RTP/SAVPF`, …
    pub protocol: String,
    /// Payload types, or whatever the protocol uses.
    pub formats: Vec<String>,
    /// Address of the section's own `c=`.
    pub connection: Option<String>,
    /// `a=` of the section, in order.
    pub attributes: Vec<Attribute>,
}

impl SessionDescription {
    /// Reads a description: CRLF or LF, unknown lines ignored, attributes in any order.
    pub fn parse(bytes: &[u8]) -> Result<Self, SdpError> {
        parse::description(bytes)
    }

    /// First session-level value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        value(&self.attributes, name)
    }
}

impl Media {
    /// First value of an attribute of this section; empty for a flag.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        value(&self.attributes, name)
    }

    /// All values of an attribute of this section.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        values(&self.attributes, name)
    }
}

/// First value of an attribute; empty for a flag.
pub(crate) fn value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.name == name)?;
    Some(found.value.as_deref().unwrap_or_default())
}

/// All values of an attribute.
pub(crate) fn values<'a>(attributes: &'a [Attribute], name: &'a str) -> impl Iterator<Item = &'a str> {
    attributes.iter().filter(move |attribute| attribute.name == name).filter_map(|found| found.value.as_deref())
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "a={}:{value}\r\n", self.name),
            None => write!(f, "a={}\r\n", self.name),
        }
    }
}

/// `IN IP4 …` or `IN IP6 …`
fn network(address: &str) -> String {
    format!("IN {} {address}", if address.contains(':') { "IP6" } else { "IP4" })
}

impl fmt::Display for SessionDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { username, session_id, version, address } = &self.origin;
        write!(f, "v=0\r\no={username} {session_id} {version} {}\r\ns={}\r\n", network(address), self.name)?;
        if let Some(address) = &self.connection {
            write!(f, "c={}\r\n", network(address))?;
        }
        f.write_str("t=0 0\r\n")?;
        for attribute in &self.attributes {
            attribute.fmt(f)?;
        }
        for media in &self.media {
            write!(f, "m={} {} {} {}\r\n", media.kind, media.port, media.protocol, media.formats.join(" "))?;
            if let Some(address) = &media.connection {
                write!(f, "c={}\r\n", network(address))?;
            }
            for attribute in &media.attributes {
                attribute.fmt(f)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OFFER: &str = "v=0\r\no=- 7 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        m=audio 4000 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP6 2001:db8::1\r\na=mid:0\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96\r\n";

    #[test]
    fn what_is_read_is_written() {
        let description = SessionDescription::parse(OFFER.as_bytes()).unwrap();
        assert_eq!(description.to_string(), OFFER);
        assert_eq!(description.media.len(), 2);
        assert_eq!(description.media[0].attribute("mid"), Some("0"));
        assert_eq!(description.media[0].attribute("rtcp-mux"), Some(""));
        assert_eq!(description.attribute("group"), Some("BUNDLE 0"));
    }

    #[test]
    fn line_ends_blanks_and_unknown_lines_do_not_matter() {
        let loose = OFFER.replace("\r\n", "\n").replace("t=0 0\n", "t=0 0\nz=0 0\nb=AS:50\n\ni=words\nx=?\n");
        let read = SessionDescription::parse(format!("{loose}\n\n").as_bytes()).unwrap();
        assert_eq!(read.to_string(), OFFER);
    }

    #[test]
    fn bombs_are_refused_at_the_door() {
        let line = |line: &str, times: usize| OFFER.to_owned() + &line.repeat(times);
        assert!(SessionDescription::parse(line("a=x\r\n", 1000).as_bytes()).is_ok());
        assert_eq!(SessionDescription::parse(line("a=x\r\n", 10_000).as_bytes()), Err(SdpError::TooMuch));
        assert_eq!(SessionDescription::parse(line("m=audio 1 X 0\r\n", 15).as_bytes()), Err(SdpError::TooMuch));
        assert_eq!(SessionDescription::parse(&vec![b'a'; 70_000]), Err(SdpError::TooMuch));
    }

    #[test]
    fn what_is_broken_is_named() {
        for (bytes, line) in [
            ("", 1),
            ("v=1\r\n", 1),
            ("hello", 1),
            ("v=0\r\no=only two\r\n", 2),
            ("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio\r\n", 5),
            ("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nm=audio 99999 RTP/AVP 0\r\n", 4),
            ("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN\r\n", 4),
            // Found by the fuzzer: it was written again as a line without an address.
            ("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 /1\r\n", 4),
        ] {
            assert_eq!(SessionDescription::parse(bytes.as_bytes()), Err(SdpError::Line(line)), "{bytes:?}");
        }
        assert_eq!(SessionDescription::parse(b"v=0\r\ns=-\r\n"), Err(SdpError::NoOrigin));
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let _ = SessionDescription::parse(&bytes);
        }

        #[test]
        fn any_lines_are_judged_and_survive_writing(lines in proptest::collection::vec("[vosctma]=[ -~]{0,40}", 0..30)) {
            let text = OFFER.to_owned() + &lines.join("\r\n");
            if let Ok(read) = SessionDescription::parse(text.as_bytes()) {
                let again = SessionDescription::parse(read.to_string().as_bytes());
                prop_assert_eq!(again.map(|again| again.to_string()), Ok(read.to_string()));
            }
        }
    }
}
