//! The other parsers, asked for the same things.

use std::hint::black_box;

use crate::Sample;

/// httparse, which reads HTTP: the lines of the head look the same.
pub fn httparse(sample: &Sample) -> bool {
    let mut room = [httparse::EMPTY_HEADER; 24];
    black_box(httparse::parse_headers(&sample.head, &mut room)).is_ok_and(|status| status.is_complete())
}

/// The parser of Firefox for session descriptions.
pub fn webrtc_sdp(sample: &Sample) -> bool {
    let Ok(text) = std::str::from_utf8(sample.body) else { return false };
    black_box(webrtc_sdp::parse_sdp(text, false)).is_ok()
}

/// rsipstack's message with its headers as strings.
pub fn rsipstack_lazy(sample: &Sample) -> bool {
    black_box(rsipstack::sip::SipMessage::try_from(sample.whole)).is_ok()
}

/// rsipstack's message, and Via, From, To, CSeq, Call-ID, Contact, Max-Forwards and Route taken apart.
pub fn rsipstack_typed(sample: &Sample) -> bool {
    use rsipstack::sip::prelude::*;
    let Ok(message) = rsipstack::sip::SipMessage::try_from(sample.whole) else { return false };
    let good = message.via_header().is_ok_and(|via| black_box(via.typed()).is_ok_and(|via| via.branch().is_some()))
        && message.from_header().is_ok_and(|from| black_box(from.typed()).is_ok_and(|from| from.tag().is_some()))
        && message.to_header().is_ok_and(|to| black_box(to.typed()).is_ok_and(|to| to.tag().is_none()))
        && message.cseq_header().is_ok_and(|cseq| black_box(cseq.typed()).is_ok())
        && message.call_id_header().is_ok_and(|id| !black_box(id.value()).is_empty())
        && message.contact_header().is_ok_and(|contact| black_box(contact.typed()).is_ok())
        && message.max_forwards_header().is_ok_and(|hops| black_box(hops.value().trim().parse::<u8>()).is_ok());
    good && black_box(message.typed_route_headers()).is_ok_and(|routes| routes.len() <= 2)
}

/// rsip's message with its headers as strings.
pub fn rsip_lazy(sample: &Sample) -> bool {
    black_box(rsip::SipMessage::try_from(sample.whole)).is_ok()
}

/// rsip's message, and the same taken apart as far as it can.
pub fn rsip_typed(sample: &Sample) -> bool {
    use rsip::prelude::*;
    let Ok(message) = rsip::SipMessage::try_from(sample.whole) else { return false };
    message.via_header().is_ok_and(|via| black_box(via.typed()).is_ok())
        && message.from_header().is_ok_and(|from| black_box(from.typed()).is_ok())
        && message.to_header().is_ok_and(|to| black_box(to.typed()).is_ok())
        && message.cseq_header().is_ok_and(|cseq| black_box(cseq.typed()).is_ok())
        && message.call_id_header().is_ok_and(|id| !black_box(id.value()).is_empty())
        && message.contact_header().is_ok_and(|contact| black_box(contact.typed()).is_ok())
}
