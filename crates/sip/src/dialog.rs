//! Dialogs (RFC 3261 12): what two ends remember of each other.

use bytes::Bytes;

use crate::{
    header_name::HeaderName,
    headers::{CSeq, Contact},
    message::{Request, Response},
    method::Method,
    name_addr::NameAddr,
    uri::Uri,
};

/// One dialog.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    pub(crate) call_id: Bytes,
    pub(crate) local: NameAddr,
    pub(crate) remote: NameAddr,
    pub(crate) target: Uri,
    pub(crate) route: Vec<NameAddr>,
    pub(crate) local_cseq: u32,
    pub(crate) remote_cseq: Option<u32>,
}

impl Dialog {
    /// RFC 3261 12.1.2: the dialog that a response to our INVITE makes. `None` when it makes none.
    pub(crate) fn of_response(request: &Request, response: &Response) -> Option<Self> {
        let remote = response.headers.name_addr(&HeaderName::To)?;
        // RFC 3261 12.1.2 lets the tag be missing, from elements of RFC 2543.
        let mut route = response.headers.name_addrs(&HeaderName::RecordRoute);
        route.reverse();
        Some(Self {
            call_id: Bytes::copy_from_slice(response.headers.get(&HeaderName::CallId)?),
            local: request.headers.name_addr(&HeaderName::From)?,
            target: contact(&response.headers).unwrap_or_else(|| request.uri.clone()),
            remote,
            route,
            local_cseq: request.headers.typed::<CSeq>()?.ok()?.number,
            remote_cseq: None,
        })
    }

    /// RFC 3261 12.1.1: the dialog that our answer to an INVITE makes.
    pub(crate) fn of_request(request: &Request, tag: &str, first_cseq: u32) -> Option<Self> {
        Some(Self {
            call_id: Bytes::copy_from_slice(request.headers.get(&HeaderName::CallId)?),
            local: request.headers.name_addr(&HeaderName::To)?.with_tag(tag),
            remote: request.headers.name_addr(&HeaderName::From)?,
            target: contact(&request.headers)?,
            route: request.headers.name_addrs(&HeaderName::RecordRoute),
            local_cseq: first_cseq,
            remote_cseq: Some(request.headers.typed::<CSeq>()?.ok()?.number),
        })
    }

    /// RFC 3261 12.2.1.1: a request within the dialog, with its next CSeq. An ACK has the CSeq of its INVITE.
    pub(crate) fn request(&mut self, method: Method, cseq: Option<u32>) -> Request {
        let number = cseq.unwrap_or_else(|| {
            self.local_cseq += 1;
            self.local_cseq
        });
        let mut route: Vec<String> = self.route.iter().map(ToString::to_string).collect();
        let mut uri = self.target.clone();
        // A first hop without `lr` is a strict router of RFC 2543: it wants itself in the Request-URI and the target last.
        if let Some(first) = self.route.first().filter(|first| !first.uri.params.has("lr")) {
            uri = first.uri.clone();
            route.remove(0);
            route.push(NameAddr::new(self.target.clone()).to_string());
        }
        let mut request = Request::new(method.clone(), uri.into_target());
        request.headers.push(HeaderName::MaxForwards, "70");
        for hop in route {
            request.headers.push(HeaderName::Route, &hop);
        }
        request.headers.push(HeaderName::From, &self.local.to_string());
        request.headers.push(HeaderName::To, &self.remote.to_string());
        request.headers.push_raw(HeaderName::CallId, &self.call_id[..]);
        request.headers.push(HeaderName::CSeq, &CSeq { number, method }.to_string());
        request
    }

    /// RFC 3261 12.2.2: does the request belong to this dialog? A tag that is missing on both sides matches.
    pub(crate) fn owns(&self, request: &Request) -> bool {
        request.headers.get(&HeaderName::CallId) == Some(&self.call_id[..])
            && request.headers.tag(&HeaderName::To).as_deref() == self.local.tag()
            && request.headers.tag(&HeaderName::From).as_deref() == self.remote.tag()
    }

    /// RFC 3261 12.2.2: CSeq grows; gaps are allowed. Says whether the request is in order.
    pub(crate) fn take_cseq(&mut self, number: u32) -> bool {
        let in_order = self.remote_cseq.is_none_or(|last| number > last);
        if in_order {
            self.remote_cseq = Some(number);
        }
        in_order
    }

    /// RFC 3261 12.2.1.2: INVITE and UPDATE move the remote target.
    pub(crate) fn refresh_target(&mut self, headers: &crate::headers::Headers) {
        if let Some(target) = contact(headers) {
            self.target = target;
        }
    }

    /// The tag of the far end.
    pub(crate) fn remote_tag(&self) -> Option<&str> {
        self.remote.tag()
    }
}

fn contact(headers: &crate::headers::Headers) -> Option<Uri> {
    headers.all::<Contact>().into_iter().find_map(Contact::address).map(|address| address.uri)
}
