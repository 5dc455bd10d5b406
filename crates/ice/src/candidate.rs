//! Candidates: the lines of SDP (RFC 8839 5.1) and which addresses may be tried.

use std::net::{IpAddr, SocketAddr};

/// How an address was found (RFC 8445 5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    /// An address of this machine.
    Host,
    /// What a STUN server sees.
    ServerReflexive,
    /// An address that a TURN server lends.
    Relayed,
}

/// An address at which we can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalCandidate {
    /// How it was found.
    pub kind: CandidateKind,
    /// The address.
    pub address: SocketAddr,
    /// The socket that it belongs to: for a relayed one, that from which we speak to the TURN server.
    pub base: SocketAddr,
}

impl LocalCandidate {
    /// The address of a socket.
    #[must_use]
    pub const fn host(address: SocketAddr) -> Self {
        Self { kind: CandidateKind::Host, address, base: address }
    }

    /// What follows `a=candidate:`; `index` tells candidates of one kind apart.
    pub(crate) fn line(&self, index: u32) -> String {
        let (preference, word) = match self.kind {
            CandidateKind::Host => (126, "host"),
            CandidateKind::ServerReflexive => (100, "srflx"),
            CandidateKind::Relayed => (0, "relay"),
        };
        // RFC 8445 5.1.2.1, for component 1.
        let priority = (preference << 24) | ((65_535_u32.saturating_sub(index)) << 8) | 255;
        let related = match (self.kind, self.address) {
            (CandidateKind::Host, _) => String::new(),
            (CandidateKind::ServerReflexive, _) => format!(" raddr {} rport {}", self.base.ip(), self.base.port()),
            // RFC 8839 5.1: who takes a relayed address may want to hide the other one (CONFORMANCE S32).
            (CandidateKind::Relayed, SocketAddr::V4(_)) => " raddr 0.0.0.0 rport 9".to_owned(),
            (CandidateKind::Relayed, SocketAddr::V6(_)) => " raddr :: rport 9".to_owned(),
        };
        let (ip, port) = (self.address.ip(), self.address.port());
        format!("{} 1 udp {priority} {ip} {port} typ {word}{related}", index + 1)
    }
}

/// Reads the address of one candidate line of the far end: UDP, component 1, an address that may be tried. Names (mDNS)
/// and other transports are passed over (RFC 8839 5.1).
pub(crate) fn remote(line: &str, allow_loopback: bool) -> Option<is::Candidate> {
    let line = line.trim().strip_prefix("candidate:").unwrap_or(line.trim());
    let mut words = line.split_ascii_whitespace();
    let (_foundation, component, transport) = (words.next()?, words.next()?, words.next()?);
    if component != "1" || !transport.eq_ignore_ascii_case("udp") {
        return None;
    }
    let (_priority, address, port) =
        (words.next()?, words.next()?.parse::<IpAddr>().ok()?, words.next()?.parse::<u16>().ok()?);
    if port == 0 || !may_be_tried(address, allow_loopback) {
        return None;
    }
    // The crate compares some words with their case.
    let lower = line.to_ascii_lowercase();
    let (foundation, rest) = line.split_at(line.find(char::is_whitespace)?);
    is::Candidate::from_sdp_string(&format!(
        "candidate:{foundation}{}",
        &lower[rest.as_ptr() as usize - line.as_ptr() as usize..]
    ))
    .ok()
}

/// CONFORMANCE S9: a far end may not send us against addresses that are nobody's or everybody's.
fn may_be_tried(address: IpAddr, allow_loopback: bool) -> bool {
    match address {
        IpAddr::V4(four) => {
            !(four.is_unspecified()
                || four.is_multicast()
                || four.is_broadcast()
                || four.is_link_local()
                || four.is_loopback() && !allow_loopback)
        }
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => may_be_tried(IpAddr::V4(four), allow_loopback),
            None => {
                !(six.is_unspecified()
                    || six.is_multicast()
                    || six.is_unicast_link_local()
                    || six.is_loopback() && !allow_loopback)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_four_servers_are_read() {
        for line in [
            "H7f000001 1 UDP 2130706431 127.0.0.1 31000 typ host",
            "candidate:0vJvjkLBEHuuTJ4Q 1 UDP 2130706431 127.0.0.1 30004 typ host",
            "7513482041 1 udp 659136 127.0.0.1 29144 typ host generation 0",
            "1 1 udp 1 2001:db8::1 5000 typ srflx raddr :: rport 9",
        ] {
            assert!(remote(line, true).is_some(), "{line}");
        }
    }

    #[test]
    fn what_may_not_be_tried_is_passed_over() {
        for line in [
            "1 1 udp 1 127.0.0.1 5000 typ host",
            "1 1 udp 1 ::1 5000 typ host",
            "1 1 udp 1 0.0.0.0 5000 typ host",
            "1 1 udp 1 224.0.0.1 5000 typ host",
            "1 1 udp 1 255.255.255.255 5000 typ host",
            "1 1 udp 1 169.254.1.1 5000 typ host",
            "1 1 udp 1 fe80::1 5000 typ host",
            "1 1 udp 1 ::ffff:127.0.0.1 5000 typ host",
            "1 1 udp 1 f2a1.local 5000 typ host",
            "1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
            "1 2 udp 1 192.0.2.1 5001 typ host",
            "1 1 udp 1 192.0.2.1 0 typ host",
            "1 1 udp 1 192.0.2.1 99999 typ host",
            "",
            "1 1 udp",
        ] {
            assert!(remote(line, false).is_none(), "{line}");
        }
    }

    #[test]
    fn ours_are_read_by_ourselves() {
        let base = "192.0.2.1:4000".parse().expect("an address");
        for kind in [CandidateKind::Host, CandidateKind::ServerReflexive, CandidateKind::Relayed] {
            let own = LocalCandidate { kind, address: "198.51.100.1:5000".parse().expect("an address"), base };
            assert_eq!(remote(&own.line(3), false).map(|read| read.addr()), Some(own.address));
        }
    }
}
