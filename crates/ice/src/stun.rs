//! Just enough of STUN (RFC 8489) to ask a server for our address, and to judge what a TURN server says before the crate
//! that speaks TURN sees it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rtc_crypto::{HmacAlgorithm, RTCCrypto};

const MAGIC_COOKIE: u32 = 0x2112_a442;
const HEADER: usize = 20;

/// RFC 8489 18.2 and RFC 8656 18: the methods that are asked about here.
pub(crate) const REFRESH: u16 = 0x004;
pub(crate) const CHANNEL_BIND: u16 = 0x009;

/// RFC 8489 18.3 and RFC 8656 18: their attributes.
const MAPPED_ADDRESS: u16 = 0x0001;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
pub(crate) const CHANNEL_NUMBER: u16 = 0x000c;
pub(crate) const LIFETIME: u16 = 0x000d;
pub(crate) const XOR_PEER_ADDRESS: u16 = 0x0012;
pub(crate) const REALM: u16 = 0x0014;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// RFC 8489 5: the two bits among the method's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// One message, as it lies in the datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// The message that `bytes` are, if they are one.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let header = bytes.get(..HEADER)?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let proper = header[0] < 4 && header[4..8] == MAGIC_COOKIE.to_be_bytes() && length.is_multiple_of(4);
        (proper && bytes.len() >= HEADER + length).then(|| Self { bytes: &bytes[..HEADER + length] })
    }

    pub(crate) fn method(&self) -> u16 {
        let kind = u16::from_be_bytes([self.bytes[0], self.bytes[1]]);
        kind & 0x000f | (kind & 0x00e0) >> 1 | (kind & 0x3e00) >> 2
    }

    pub(crate) fn class(&self) -> Class {
        match (self.bytes[0] & 1 != 0, self.bytes[1] & 0x10 != 0) {
            (false, false) => Class::Request,
            (false, true) => Class::Indication,
            (true, false) => Class::Success,
            (true, true) => Class::Error,
        }
    }

    pub(crate) fn transaction(&self) -> [u8; 12] {
        self.bytes[8..HEADER].try_into().expect("twelve octets")
    }

    /// Where each attribute begins, its kind and its value, up to the first that does not fit.
    fn attributes(&self) -> impl Iterator<Item = (usize, u16, &'a [u8])> {
        let bytes = self.bytes;
        let mut at = HEADER;
        std::iter::from_fn(move || {
            let head = bytes.get(at..at + 4)?;
            let size = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = bytes.get(at + 4..at + 4 + size)?;
            let begin = at;
            at += 4 + size.next_multiple_of(4);
            Some((begin, u16::from_be_bytes([head[0], head[1]]), value))
        })
    }

    /// The value of the first attribute of a kind; only the first counts (RFC 8489 14).
    pub(crate) fn attribute(&self, wanted: u16) -> Option<&'a [u8]> {
        self.attributes().find_map(|(_, kind, value)| (kind == wanted).then_some(value))
    }

    /// XOR-MAPPED-ADDRESS (RFC 8489 14.2), else MAPPED-ADDRESS of an old server (14.1).
    pub(crate) fn mapped_address(&self) -> Option<SocketAddr> {
        let xored = self.xored_address(XOR_MAPPED_ADDRESS);
        xored.or_else(|| address(self.attribute(MAPPED_ADDRESS)?, &[0; 16]))
    }

    /// An address under the mask of cookie and transaction.
    pub(crate) fn xored_address(&self, kind: u16) -> Option<SocketAddr> {
        address(self.attribute(kind)?, &self.bytes[4..HEADER])
    }

    /// ERROR-CODE (RFC 8489 14.8).
    pub(crate) fn error_code(&self) -> Option<u16> {
        match self.attribute(ERROR_CODE)? {
            [_, _, class @ 3..=6, number @ 0..=99, ..] => Some(u16::from(*class) * 100 + u16::from(*number)),
            _ => None,
        }
    }

    /// Was it made by someone who has the key (RFC 8489 14.5)?
    pub(crate) fn is_signed(&self, key: &[u8], crypto: &dyn RTCCrypto) -> bool {
        let Some((at, _, value)) = self.attributes().find(|(_, kind, _)| *kind == MESSAGE_INTEGRITY) else {
            return false;
        };
        // The length is that of a message that ends with this attribute.
        let Ok(length) = u16::try_from(at + 24 - HEADER) else { return false };
        let head = [&self.bytes[..2], &length.to_be_bytes()[..], &self.bytes[4..HEADER]].concat();
        let mac = crypto.new_hmac(HmacAlgorithm::Sha1, key);
        value.len() == 20 && mac.is_ok_and(|mut mac| mac.verify(&[&head[..], &self.bytes[HEADER..at]], value).is_ok())
    }
}

/// RFC 8489 5: Binding, no attributes.
pub(crate) fn binding_request(transaction: &[u8; 12]) -> Vec<u8> {
    [&[0, 1, 0, 0][..], &MAGIC_COOKIE.to_be_bytes(), transaction].concat()
}

fn address(value: &[u8], mask: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes([value.get(2)? ^ mask[0], value.get(3)? ^ mask[1]]);
    let octets: Vec<u8> = value.get(4..)?.iter().zip(mask).map(|(octet, mask)| octet ^ mask).collect();
    let ip = match value.get(1)? {
        1 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(octets.get(..4)?).ok()?)),
        2 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(octets.get(..16)?).ok()?)),
        _ => return None,
    };
    (port != 0).then(|| SocketAddr::new(ip, port))
}

#[cfg(test)]
pub(crate) mod tests {
    use rtc_crypto::default_provider;

    use super::*;

    /// RFC 5769 2.2: the sample IPv4 response.
    pub(crate) const SAMPLE: &[u8] = b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\x80\x28\x00\x04\xc0\x7d\x4c\x96";
    /// Its password.
    const PASSWORD: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";

    #[test]
    fn the_sample_of_the_rfc_is_read_and_believed() {
        let provider = default_provider().unwrap();
        let message = Message::parse(SAMPLE).unwrap();
        assert_eq!((message.method(), message.class()), (1, Class::Success));
        assert_eq!(message.mapped_address(), Some("192.0.2.1:32853".parse().unwrap()));
        assert!(message.is_signed(PASSWORD, provider.crypto()));
        assert!(!message.is_signed(b"another", provider.crypto()));
        for at in 0..SAMPLE.len() - 8 {
            let mut changed = SAMPLE.to_vec();
            changed[at] ^= 1;
            let believed = Message::parse(&changed).is_some_and(|own| own.is_signed(PASSWORD, provider.crypto()));
            assert!(!believed, "octet {at} changed");
        }
    }

    #[test]
    fn no_length_and_no_first_octet_panics() {
        let provider = default_provider().unwrap();
        for end in 0..SAMPLE.len() {
            assert!(Message::parse(&SAMPLE[..end]).is_none());
        }
        // Each length, as whole messages of one attribute that is as long as it can be, or says that it is longer.
        for length in 0..=1500_u16 {
            let kinds = [MAPPED_ADDRESS, MESSAGE_INTEGRITY, ERROR_CODE, XOR_MAPPED_ADDRESS];
            for (first, kind, more) in [0_u8, 1, 3, 4, 20, 64, 128, 255].into_iter().flat_map(|first| {
                kinds.into_iter().flat_map(move |kind| [0, 1, u16::MAX].map(|more| (first, kind, more)))
            }) {
                let body = length.saturating_sub(20);
                let mut bytes: Vec<u8> = [
                    &[first, 1][..],
                    &body.to_be_bytes(),
                    &MAGIC_COOKIE.to_be_bytes(),
                    &[7; 12],
                    &kind.to_be_bytes(),
                    &body.saturating_sub(4).wrapping_add(more).to_be_bytes(),
                ]
                .concat();
                bytes.resize(usize::from(length), 1);
                let read = Message::parse(&bytes);
                assert_eq!(read.is_some(), first < 4 && length >= 20 && length % 4 == 0, "{first}, {length} octets");
                let Some(message) = read else { continue };
                let _ = (message.mapped_address(), message.error_code());
                assert!(!message.is_signed(PASSWORD, provider.crypto()));
            }
        }
        let mut bytes = SAMPLE.to_vec();
        for (at, value) in (0..SAMPLE.len()).flat_map(|at| (0..=255).map(move |value| (at, value))) {
            let before = std::mem::replace(&mut bytes[at], value);
            if let Some(message) = Message::parse(&bytes) {
                let _ = (message.mapped_address(), message.error_code(), message.method(), message.class());
                let _ = message.is_signed(PASSWORD, provider.crypto());
            }
            bytes[at] = before;
        }
    }

    #[test]
    fn an_error_has_its_number() {
        let error = |class, number| {
            let value = [0, 9, 0, 4, 0, 0, class, number];
            let mut bytes = binding_request(&[1; 12]);
            (bytes[0], bytes[1], bytes[3]) = (1, 0x11, 8);
            bytes.extend_from_slice(&value);
            Message::parse(&bytes).unwrap().error_code()
        };
        assert_eq!((error(4, 38), error(6, 0), error(7, 0), error(4, 100)), (Some(438), Some(600), None, None));
    }
}
