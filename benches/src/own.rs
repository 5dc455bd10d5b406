//! This project's parsers. A message is copied as it would be off a socket.

use std::hint::black_box;

use bytes::Bytes;
use sip::{
    HeaderName, Headers, Message, NameAddrRef,
    headers::{CSeq, Contact, Via, ViaRef},
};

use crate::Sample;

/// The lines are indexed, the body is cut off, and the mandatory headers are checked.
pub fn lines(sample: &Sample) -> bool {
    black_box(Message::parse(Bytes::copy_from_slice(sample.whole))).is_ok()
}

/// The lines are indexed, no more.
pub fn index(sample: &Sample) -> bool {
    black_box(Headers::parse(&sample.head)).is_ok()
}

/// And what a user agent looks at is checked and taken apart where it stands.
pub fn decoded(sample: &Sample) -> bool {
    let Ok(message) = Message::parse(Bytes::copy_from_slice(sample.whole)) else { return false };
    let headers = message.headers();
    let via = |text: &str| black_box(ViaRef::parse(text)).is_some_and(|via| via.branch().is_some());
    headers.text(&HeaderName::Via).is_some_and(|text| via(&text))
        && address(headers, &HeaderName::From, Some(true))
        && address(headers, &HeaderName::To, Some(false))
        && address(headers, &HeaderName::Contact, None)
        && rest(headers)
        && headers.get_all(&HeaderName::Route).all(|hop| std::str::from_utf8(hop).is_ok_and(|hop| host(hop, None)))
}

fn address(headers: &Headers, name: &HeaderName, tagged: Option<bool>) -> bool {
    headers.text(name).is_some_and(|text| host(&text, tagged))
}

/// Is there a host in the URI, and a tag where one is expected?
fn host(text: &str, tagged: Option<bool>) -> bool {
    NameAddrRef::parse(text).is_ok_and(|address| {
        tagged.is_none_or(|tagged| black_box(&address).tag().is_some() == tagged)
            && address.uri().is_ok_and(|uri| black_box(uri).host.is_some())
    })
}

/// CSeq, Call-ID and Max-Forwards.
fn rest(headers: &Headers) -> bool {
    matches!(headers.typed::<CSeq>(), Some(Ok(cseq)) if black_box(&cseq).number > 0)
        && headers.get(&HeaderName::CallId).is_some_and(|id| !black_box(id).is_empty())
        && headers.text(&HeaderName::MaxForwards).is_some_and(|text| black_box(text.parse::<u8>()).is_ok())
}

/// The same, with strings of their own that outlive the message.
pub fn owned(sample: &Sample) -> bool {
    let Ok(message) = Message::parse(Bytes::copy_from_slice(sample.whole)) else { return false };
    let headers = message.headers();
    matches!(headers.typed::<Via>(), Some(Ok(via)) if black_box(&via).branch().is_some())
        && headers.name_addr(&HeaderName::From).is_some_and(|from| black_box(from).tag().is_some())
        && headers.name_addr(&HeaderName::To).is_some_and(|to| black_box(to).tag().is_none())
        && matches!(headers.typed::<Contact>(), Some(Ok(contact)) if !matches!(black_box(&contact), Contact::All))
        && rest(headers)
        && black_box(headers.name_addrs(&HeaderName::Route)).len() <= 2
}

/// The body of an INVITE.
pub fn sdp(sample: &Sample) -> bool {
    black_box(media::sdp::SessionDescription::parse(sample.body)).is_ok()
}
