//! The body of a message, as far as it is looked into: is there a session description in it (RFC 3261 20.11, RFC 5621)?
//! What the description says is none of our business.

use bytes::Bytes;
use memchr::memmem;

use crate::{header_name::HeaderName, headers::Headers, params::Params, token::cut};

/// The most parts that are looked at in one message.
const MOST_PARTS: usize = 16;
/// The most headers of a part.
const MOST_HEADERS: usize = 16;
/// How deep multiparts may lie in each other.
const DEEPEST: u8 = 3;

/// Why a body cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It is of a type that we do not know, and has to be understood: 415.
    Unknown,
    /// It is coded, and we know no coding: 415.
    Coded,
    /// It does not follow the grammar of its type: 400.
    Malformed,
}

/// What is known of a body or of a part of one.
struct Kind {
    /// `application/sdp` and the like, in lower case. Where it is not named it is that (RFC 3261 7.4.1 knows no other
    /// for what we take).
    name: String,
    params: Params,
    /// May it be left alone where it is not understood (RFC 3261 20.11)?
    optional: bool,
    /// Is it for the session? Another disposition, an icon or a page, is not.
    session: bool,
    coded: bool,
}

impl Kind {
    fn of(content_type: Option<&str>, disposition: Option<&str>, encoding: Option<&str>) -> Self {
        let (name, params) = cut(content_type.unwrap_or("application/sdp"), b';');
        let (what, handling) = cut(disposition.unwrap_or("session"), b';');
        let handling = Params::parse(handling.unwrap_or_default());
        Self {
            name: name.trim_ascii().to_ascii_lowercase(),
            params: Params::parse(params.unwrap_or_default()),
            optional: handling.raw("handling").is_some_and(|own| own.eq_ignore_ascii_case("optional")),
            session: what.trim_ascii().eq_ignore_ascii_case("session"),
            coded: encoding.is_some_and(|coding| !coding.trim_ascii().eq_ignore_ascii_case("identity")),
        }
    }
}

/// The session description of a message; nothing where there is none to be had and none is missed.
///
/// # Errors
/// [`Unfit`] when there is something that we have to understand and do not.
pub(crate) fn session(headers: &Headers, body: &Bytes) -> Result<Option<Bytes>, Unfit> {
    if body.is_empty() {
        return Ok(None);
    }
    let text = |name| headers.text(&name);
    let kind = Kind::of(
        text(HeaderName::ContentType).as_deref(),
        text(HeaderName::ContentDisposition).as_deref(),
        text(HeaderName::ContentEncoding).as_deref(),
    );
    of_kind(&kind, body, DEEPEST)
}

fn of_kind(kind: &Kind, body: &Bytes, depth: u8) -> Result<Option<Bytes>, Unfit> {
    let found = match kind.name.as_str() {
        _ if kind.coded => Err(Unfit::Coded),
        "application/sdp" if kind.session => Ok(Some(body.clone())),
        name if name.starts_with("multipart/") && depth > 0 => multipart(kind, body, depth),
        _ => Err(Unfit::Unknown),
    };
    match found {
        Err(Unfit::Unknown | Unfit::Coded) if kind.optional => Ok(None),
        found => found,
    }
}

/// RFC 2046 5.1. Of alternatives the last that we know counts, of parts that belong together the first is the root, of
/// mixed ones each has to be understood unless it says that it has not (RFC 5621 3.1, 8.4).
fn multipart(kind: &Kind, body: &Bytes, depth: u8) -> Result<Option<Bytes>, Unfit> {
    let boundary = kind.params.get("boundary").ok_or(Unfit::Malformed)?;
    let parts = split(body, &boundary).ok_or(Unfit::Malformed)?;
    let mut read = parts.into_iter().map(|part| {
        let (kind, body) = head(&part).ok_or(Unfit::Malformed)?;
        of_kind(&kind, &body, depth - 1)
    });
    match kind.name.as_str() {
        "multipart/alternative" => read.filter_map(Result::ok).flatten().last().map(Some).ok_or(Unfit::Unknown),
        "multipart/related" => read.next().unwrap_or(Err(Unfit::Malformed)),
        _ => read.try_fold(None, |found: Option<Bytes>, next| Ok(found.or(next?))),
    }
}

/// The parts between the boundary lines; nothing when there is no part, or no end.
fn split(body: &Bytes, boundary: &str) -> Option<Vec<Bytes>> {
    // RFC 2046 5.1.1: one to seventy characters.
    if boundary.is_empty() || boundary.len() > 70 {
        return None;
    }
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut start = None;
    for at in memmem::find_iter(body, &delimiter) {
        // A boundary stands at the beginning of a line.
        if at > 0 && body[at - 1] != b'\n' {
            continue;
        }
        if let Some(start) = start {
            let end = if at >= 2 && body[at - 2] == b'\r' { at - 2 } else { at - 1 };
            parts.push(body.slice(start..end.max(start)));
        }
        let rest = &body[at + delimiter.len()..];
        if rest.starts_with(b"--") {
            return (!parts.is_empty()).then_some(parts);
        }
        // Blanks may stand behind it; anything else is a longer boundary than ours.
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
        if rest.get(blanks) != Some(&b'\n') || parts.len() >= MOST_PARTS {
            return None;
        }
        start = Some(at + delimiter.len() + blanks + 1);
    }
    None
}

/// A part: what it is, and what is behind its headers.
fn head(part: &Bytes) -> Option<(Kind, Bytes)> {
    let (mut content_type, mut disposition, mut encoding) = (None, None, None);
    let mut at = 0;
    for _ in 0..MOST_HEADERS {
        let end = at + memchr::memchr(b'\n', &part[at..])?;
        let line = std::str::from_utf8(&part[at..end]).ok()?.trim_ascii();
        at = end + 1;
        if line.is_empty() {
            let kind = Kind::of(Some(content_type.unwrap_or("text/plain")), disposition, encoding);
            return Some((kind, part.slice(at..)));
        }
        let (name, value) = cut(line, b':');
        let value = value?.trim_ascii();
        match name.trim_ascii().to_ascii_lowercase().as_str() {
            "content-type" => content_type = Some(value),
            "content-disposition" => disposition = Some(value),
            "content-encoding" => encoding = Some(value),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(kind: &str, more: &[(HeaderName, &str)], body: &str) -> Result<Option<String>, Unfit> {
        let mut headers = Headers::new();
        headers.push(HeaderName::ContentType, kind);
        more.iter().for_each(|(name, value)| headers.push(name.clone(), value));
        let found = session(&headers, &Bytes::from(body.replace('\n', "\r\n")))?;
        Ok(found.map(|sdp| String::from_utf8(sdp.to_vec()).expect("text")))
    }

    const SDP: &str = "Content-Type: application/sdp\n\nv=0\ns=-";
    const ISUP: &str = "Content-Type: application/ISUP\nContent-Disposition: signal; handling=optional\n\n\u{1}";
    const PAGE: &str = "Content-Type: text/html\n\n<b>";

    fn parts(of: &[&str]) -> String {
        let parts: String = of.iter().map(|part| format!("--b 1\n{part}\n")).collect();
        format!("a preamble\n{parts}--b 1--\nan epilogue\n--b 1--")
    }

    #[test]
    fn the_description_is_found_among_others() {
        let sdp = Ok(Some("v=0\r\ns=-".to_owned()));
        for (kind, of, expected) in [
            ("mixed", &[SDP][..], &sdp),
            ("Mixed", &[ISUP, SDP], &sdp),
            ("mixed", &[SDP, ISUP], &sdp),
            ("mixed", &[SDP, PAGE], &Err(Unfit::Unknown)),
            ("mixed", &[ISUP], &Ok(None)),
            ("alternative", &[PAGE, SDP], &sdp),
            ("alternative", &[SDP, PAGE], &sdp),
            ("alternative", &[PAGE], &Err(Unfit::Unknown)),
            ("related", &[SDP, PAGE], &sdp),
            ("related", &[PAGE, SDP], &Err(Unfit::Unknown)),
            ("mixed", &[], &Err(Unfit::Malformed)),
        ] {
            assert_eq!(
                &read(&format!("multipart/{kind};boundary=\"b 1\""), &[], &parts(of)),
                expected,
                "{kind} {of:?}"
            );
        }
        let inner = format!("Content-Type: multipart/alternative;boundary=c\n\n--c\n{PAGE}\n--c\n{SDP}\n--c--");
        assert_eq!(read("multipart/mixed; boundary=\"b 1\"", &[], &parts(&[&inner, ISUP])), sdp);
    }

    #[test]
    fn what_need_not_be_understood_is_left_alone() {
        let optional = [(HeaderName::ContentDisposition, "render;handling=optional")];
        assert_eq!(read("text/html", &optional, "<b>"), Ok(None));
        assert_eq!(read("text/html", &[], "<b>"), Err(Unfit::Unknown));
        assert_eq!(read("application/sdp", &[(HeaderName::ContentEncoding, "gzip")], "v=0"), Err(Unfit::Coded));
        assert_eq!(
            read("application/sdp", &[(HeaderName::ContentEncoding, "Identity")], "v=0"),
            Ok(Some("v=0".into()))
        );
        assert_eq!(read("Application/SDP ; charset=x", &[], "v=0"), Ok(Some("v=0".into())));
    }

    #[test]
    fn what_is_broken_is_malformed() {
        let many = parts(&[SDP; 17]);
        for body in [
            "",
            "--b 1",
            "--b 1\n",
            "--b 1--",
            "--b 1\n--b 1--",
            "--b 1\nContent-Type: application/sdp\n\nv=0",
            "x--b 1\n\nv=0\n--b 1--",
            "--b 12\n\nv=0\n--b 12--",
            &many,
        ] {
            let found = read("multipart/mixed;boundary=\"b 1\"", &[], body);
            assert!(if body.is_empty() { found == Ok(None) } else { found == Err(Unfit::Malformed) }, "{body}");
        }
        assert_eq!(read("multipart/mixed", &[], &parts(&[SDP])), Err(Unfit::Malformed));
        let deep = (0..9).fold(SDP.to_owned(), |inner, at| {
            format!("Content-Type: multipart/mixed;boundary=d{at}\n\n--d{at}\n{inner}\n--d{at}--")
        });
        assert_eq!(read("multipart/mixed;boundary=\"b 1\"", &[], &parts(&[&deep])), Err(Unfit::Unknown));
    }

    proptest! {
        #[test]
        fn nothing_in_a_body_panics(
            pieces in proptest::collection::vec(0_usize..12, 0..40),
            cut in 0_usize..400,
        ) {
            const PIECES: [&str; 12] =
                ["--b", "--b--", "\r\n", "\n", "--", "b", ":", SDP, ISUP, "\r", " ", "Content-Type: multipart/mixed;boundary=b"];
            let text: String = pieces.iter().map(|at| PIECES[*at]).collect();
            let bytes = Bytes::copy_from_slice(&text.as_bytes()[..cut.min(text.len())]);
            let mut headers = Headers::new();
            headers.push(HeaderName::ContentType, "multipart/mixed;boundary=b");
            // What is found lies in what came.
            if let Ok(Some(sdp)) = session(&headers, &bytes) {
                prop_assert!(memmem::find(&bytes, &sdp).is_some());
            }
        }
    }
}
