//! Reading, line by line.

use super::{Attribute, LONGEST, MOST_LINES, MOST_MEDIA, Media, Origin, SessionDescription};

/// Why bytes are no session description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// This line, counted from one, makes no sense.
    #[error("line {0} of the SDP makes no sense")]
    Line(usize),
    /// No `o=` line.
    #[error("the SDP has no origin")]
    NoOrigin,
    /// More bytes, lines or sections than anybody needs.
    #[error("the SDP is too large")]
    TooMuch,
}

pub(super) fn description(bytes: &[u8]) -> Result<SessionDescription, SdpError> {
    if bytes.len() > LONGEST {
        return Err(SdpError::TooMuch);
    }
    // RFC 8866 section 4.5: UTF-8; what is not becomes a mark and hurts nobody.
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.split('\n').map(|line| line.trim_end_matches('\r')).enumerate();
    if lines.next().is_none_or(|(_, first)| first.trim_end() != "v=0") {
        return Err(SdpError::Line(1));
    }
    let mut origin = None;
    let mut description = SessionDescription {
        origin: Origin { username: "-".into(), session_id: "0".into(), version: "0".into(), address: "0.0.0.0".into() },
        name: "-".into(),
        connection: None,
        attributes: Vec::new(),
        media: Vec::new(),
    };
    for (index, line) in lines {
        if index >= MOST_LINES {
            return Err(SdpError::TooMuch);
        }
        if line.trim().is_empty() {
            continue;
        }
        let broken = SdpError::Line(index + 1);
        // RFC 8866 section 9: neither NUL nor CR stands in a line; mirrored in an answer they would be lines of their own.
        if line.contains(['\r', '\0']) {
            return Err(broken);
        }
        let (kind, value) = line.split_once('=').ok_or(broken)?;
        match kind {
            "o" => origin = Some(read_origin(value).ok_or(broken)?),
            "s" if !value.trim().is_empty() => value.trim().clone_into(&mut description.name),
            "c" => {
                let address = Some(read_connection(value).ok_or(broken)?);
                match description.media.last_mut() {
                    Some(media) => media.connection = address,
                    None => description.connection = address,
                }
            }
            "a" => {
                let attribute = read_attribute(value);
                match description.media.last_mut() {
                    Some(media) => media.attributes.push(attribute),
                    None => description.attributes.push(attribute),
                }
            }
            "m" if description.media.len() == MOST_MEDIA => return Err(SdpError::TooMuch),
            "m" => description.media.push(read_media(value).ok_or(broken)?),
            // RFC 8866 section 5: bandwidth, times, keys and words are of no use to a call.
            _ => {}
        }
    }
    description.origin = origin.ok_or(SdpError::NoOrigin)?;
    Ok(description)
}

fn read_origin(value: &str) -> Option<Origin> {
    let mut words = value.split_ascii_whitespace().map(str::to_owned);
    let (username, session_id, version) = (words.next()?, words.next()?, words.next()?);
    Some(Origin { username, session_id, version, address: words.nth(2)? })
}

/// `IN IP4 192.0.2.1`, maybe with `/ttl`.
fn read_connection(value: &str) -> Option<String> {
    let address = value.split_ascii_whitespace().nth(2)?;
    let address = address.split('/').next().unwrap_or(address);
    (!address.is_empty()).then(|| address.to_owned())
}

fn read_attribute(value: &str) -> Attribute {
    match value.trim().split_once(':') {
        Some((name, value)) => Attribute::new(name.trim_end(), value.trim()),
        None => Attribute::flag(value.trim()),
    }
}

fn read_media(value: &str) -> Option<Media> {
    let mut words = value.split_ascii_whitespace();
    let kind = words.next()?.to_owned();
    // `port/count` is for layered streams; the first port is the port.
    let port = words.next()?.split('/').next()?.parse().ok()?;
    let protocol = words.next()?.to_owned();
    let formats = words.map(str::to_owned).collect();
    Some(Media { kind, port, protocol, formats, connection: None, attributes: Vec::new() })
}
