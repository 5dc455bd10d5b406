//! RTP packets, RFC 3550 section 5: read and written, nothing more.
//!
//! [`Packet::parse`] borrows and checks every length, so that no bytes a peer can send reach a codec by accident.

/// A sequence number; wraps at 2^16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sequence(pub u16);

impl Sequence {
    /// Signed distance from `earlier` to `self`, −32768..=32767, right over the wrap.
    pub fn since(self, earlier: Self) -> i32 {
        i32::from(self.0.wrapping_sub(earlier.0).cast_signed())
    }
}

/// A media timestamp in units of the payload's clock; wraps at 2^32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp(pub u32);

impl Timestamp {
    /// Signed distance from `earlier` to `self` in clock units, right over the wrap.
    pub fn since(self, earlier: Self) -> i64 {
        i64::from(self.0.wrapping_sub(earlier.0).cast_signed())
    }

    /// `self` moved on by `units`.
    pub fn plus(self, units: u32) -> Self {
        Self(self.0.wrapping_add(units))
    }
}

/// Names the source of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ssrc(pub u32);

/// What an RTP header says that matters to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// First packet of a talk spurt or of an event.
    pub marker: bool,
    /// Payload type, 0..=127.
    pub payload_type: u8,
    /// Position in the stream.
    pub sequence: Sequence,
    /// Sampling instant of the first sample.
    pub timestamp: Timestamp,
    /// Source of the stream.
    pub ssrc: Ssrc,
}

/// A parsed packet; the payload is without padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The fixed header.
    pub header: Header,
    /// What follows CSRCs and extension.
    pub payload: &'a [u8],
}

/// Why bytes are no RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// Shorter than its own header, extension or padding says.
    #[error("packet is cut short")]
    Short,
    /// Version is not 2.
    #[error("not RTP version 2")]
    Version,
    /// Payload type lies where RTCP lives (RFC 5761 section 4).
    #[error("packet is RTCP")]
    Rtcp,
}

/// Bytes of the fixed header.
pub const HEADER_LEN: usize = 12;

impl<'a> Packet<'a> {
    /// Reads a packet. Unknown extensions are skipped (RFC 3550 section 5.3.1).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, RtpError> {
        let fixed: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(RtpError::Short)?;
        // RFC 3550 section 5.1: the version is 2.
        if fixed[0] >> 6 != 2 {
            return Err(RtpError::Version);
        }
        // RFC 5761 section 4: second octets 192..=223 are RTCP packet types.
        if (192..=223).contains(&fixed[1]) {
            return Err(RtpError::Rtcp);
        }
        let header = Header {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: Sequence(u16::from_be_bytes([fixed[2], fixed[3]])),
            timestamp: Timestamp(u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]])),
            ssrc: Ssrc(u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]])),
        };
        let mut rest = bytes.get(HEADER_LEN + 4 * usize::from(fixed[0] & 0x0f)..).ok_or(RtpError::Short)?;
        if fixed[0] & 0x10 != 0 {
            let extension: &[u8; 4] = rest.first_chunk().ok_or(RtpError::Short)?;
            let words = usize::from(u16::from_be_bytes([extension[2], extension[3]]));
            rest = rest.get(4 + 4 * words..).ok_or(RtpError::Short)?;
        }
        if fixed[0] & 0x20 != 0 {
            // RFC 3550 section 5.1: the last octet counts the padding, itself included.
            let padding = usize::from(*rest.last().ok_or(RtpError::Short)?);
            if padding == 0 {
                return Err(RtpError::Short);
            }
            rest = rest.get(..rest.len().checked_sub(padding).ok_or(RtpError::Short)?).ok_or(RtpError::Short)?;
        }
        Ok(Self { header, payload: rest })
    }
}

impl Header {
    /// The packet as bytes: this header and `payload`.
    pub fn packet(&self, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + payload.len());
        bytes.push(0x80);
        bytes.push(u8::from(self.marker) << 7 | self.payload_type & 0x7f);
        bytes.extend_from_slice(&self.sequence.0.to_be_bytes());
        bytes.extend_from_slice(&self.timestamp.0.to_be_bytes());
        bytes.extend_from_slice(&self.ssrc.0.to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> Header {
        Header {
            marker: true,
            payload_type: 111,
            sequence: Sequence(65535),
            timestamp: Timestamp(u32::MAX),
            ssrc: Ssrc(0xdead_beef),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = header().packet(b"opus");
        assert_eq!(Packet::parse(&bytes), Ok(Packet { header: header(), payload: b"opus" }));
    }

    #[test]
    fn csrcs_extension_and_padding_are_skipped() {
        let mut bytes = header().packet(&[]);
        bytes[0] = 0x80 | 0x20 | 0x10 | 2;
        bytes.extend_from_slice(&[1; 8]);
        bytes.extend_from_slice(&[0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
        bytes.extend_from_slice(b"sound\0\0\x03");
        assert_eq!(Packet::parse(&bytes).unwrap().payload, b"sound");
    }

    #[test]
    fn cut_padding_is_refused() {
        let mut bytes = header().packet(&[5]);
        bytes[0] |= 0x20;
        assert_eq!(Packet::parse(&bytes), Err(RtpError::Short));
        bytes[12] = 0;
        assert_eq!(Packet::parse(&bytes), Err(RtpError::Short));
    }

    #[test]
    fn distances_hold_over_the_wrap() {
        assert_eq!(Sequence(2).since(Sequence(65534)), 4);
        assert_eq!(Sequence(65534).since(Sequence(2)), -4);
        assert_eq!(Timestamp(100).since(Timestamp(u32::MAX - 99)), 200);
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
            if let Ok(packet) = Packet::parse(&bytes) {
                prop_assert!(packet.payload.len() + HEADER_LEN <= bytes.len());
                prop_assert_eq!(bytes[0] >> 6, 2);
            }
        }
    }
}
