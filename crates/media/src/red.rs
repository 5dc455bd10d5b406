//! Redundant sound, RFC 2198: a payload that carries the sound of now behind copies of sound that was sent before.
//!
//! ```text
//!  F=1 | PT (7) | timestamp offset (14) | length (10)     for each copy
//!  F=0 | PT (7)                                           for the sound of now, which takes the rest
//!  octets of the copies in that order, then those of the sound of now
//! ```

/// The farthest a copy may lie back, in timestamp units: 341 ms at 48 kHz.
pub const FARTHEST: u16 = (1 << 14) - 1;
/// The longest copy, in octets.
pub const LONGEST: usize = (1 << 10) - 1;
/// Copies taken from one packet.
const MOST_COPIES: usize = 32;
/// Octets of a copy's header.
const HEADER_LEN: usize = 4;

/// A copy of sound sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copy<'a> {
    /// What its payload is, 0..=127.
    pub payload_type: u8,
    /// How far before the sound of now it was sampled, in timestamp units, 0..=[`FARTHEST`].
    pub offset: u16,
    /// Its payload, at most [`LONGEST`] octets.
    pub payload: &'a [u8],
}

/// A parsed payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redundant<'a> {
    /// What the sound of now is, 0..=127.
    pub payload_type: u8,
    /// The sound of now.
    pub payload: &'a [u8],
    /// The copies as they stand, by custom the oldest first.
    pub copies: Vec<Copy<'a>>,
}

/// Why octets are no redundant sound, or cannot become it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedError {
    /// Shorter than its headers say.
    #[error("redundant payload is cut short")]
    Short,
    /// More copies than anybody sends.
    #[error("too many copies in one packet")]
    Crowded,
    /// A copy does not fit the fields of its header.
    #[error("copy is too long or too old")]
    Misfit,
}

impl<'a> Redundant<'a> {
    /// Reads the payload of a packet (RFC 2198 section 3).
    pub fn parse(payload: &'a [u8]) -> Result<Self, RedError> {
        let (mut headers, mut rest) = (Vec::new(), payload);
        loop {
            let first = *rest.first().ok_or(RedError::Short)?;
            if first & 0x80 == 0 {
                rest = &rest[1..];
                let mut copies = Vec::with_capacity(headers.len());
                for (payload_type, offset, length) in headers {
                    let (payload, after) = rest.split_at_checked(length).ok_or(RedError::Short)?;
                    copies.push(Copy { payload_type, offset, payload });
                    rest = after;
                }
                return Ok(Self { payload_type: first, payload: rest, copies });
            }
            if headers.len() == MOST_COPIES {
                return Err(RedError::Crowded);
            }
            let header: &[u8; HEADER_LEN] = rest.first_chunk().ok_or(RedError::Short)?;
            let fields = u32::from_be_bytes(*header);
            headers.push((first & 0x7f, (fields >> 10) as u16 & FARTHEST, fields as usize & LONGEST));
            rest = &rest[HEADER_LEN..];
        }
    }

    /// Appends the payload to `out`; a copy that does not fit leaves `out` as it was.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), RedError> {
        if self.copies.len() > MOST_COPIES {
            return Err(RedError::Crowded);
        }
        if self.copies.iter().any(|copy| copy.offset > FARTHEST || copy.payload.len() > LONGEST) {
            return Err(RedError::Misfit);
        }
        for copy in &self.copies {
            let kind = 0x80 | u32::from(copy.payload_type & 0x7f);
            let fields = kind << 24 | u32::from(copy.offset) << 10 | copy.payload.len() as u32;
            out.extend_from_slice(&fields.to_be_bytes());
        }
        out.push(self.payload_type & 0x7f);
        self.copies.iter().for_each(|copy| out.extend_from_slice(copy.payload));
        out.extend_from_slice(self.payload);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn octets_are_as_the_rfc_draws_them() {
        let copy = Copy { payload_type: 5, offset: 160, payload: &[1, 2, 3] };
        let sound = Redundant { payload_type: 0, payload: &[9, 8], copies: vec![copy] };
        let mut out = Vec::new();
        sound.write(&mut out).unwrap();
        // 1 0000101 | 00000010100000 | 0000000011 | 0 0000000
        assert_eq!(out, [0x85, 0x02, 0x80, 0x03, 0x00, 1, 2, 3, 9, 8]);
        assert_eq!(Redundant::parse(&out), Ok(sound));
    }

    #[test]
    fn what_does_not_fit_is_refused_whole() {
        let refused = |copies: Vec<Copy<'_>>| {
            let mut out = vec![7];
            let said = Redundant { payload_type: 111, payload: &[1], copies }.write(&mut out);
            assert_eq!(out, [7]);
            said
        };
        let copy = Copy { payload_type: 111, offset: FARTHEST, payload: &[0; LONGEST] };
        assert_eq!(refused(vec![Copy { offset: FARTHEST + 1, ..copy }]), Err(RedError::Misfit));
        assert_eq!(refused(vec![Copy { payload: &[0; LONGEST + 1], ..copy }]), Err(RedError::Misfit));
        assert_eq!(refused(vec![copy; MOST_COPIES + 1]), Err(RedError::Crowded));
        let many = [0x80, 0, 0, 0].repeat(MOST_COPIES + 1);
        assert_eq!(Redundant::parse(&many), Err(RedError::Crowded));
        for cut in [&[][..], &[0xef], &[0xef, 0, 4, 1], &[0xef, 0, 4, 1, 0x6f]] {
            assert_eq!(Redundant::parse(cut), Err(RedError::Short), "{cut:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_and_what_is_read_is_written(bytes in proptest::collection::vec(any::<u8>(), 0..1500)) {
            if let Ok(read) = Redundant::parse(&bytes) {
                let mut again = Vec::new();
                prop_assert_eq!(read.write(&mut again), Ok(()));
                prop_assert_eq!(again, bytes);
            }
        }

        #[test]
        fn what_is_written_is_read(
            copies in proptest::collection::vec((0u8..128, 0..=FARTHEST, proptest::collection::vec(any::<u8>(), 0..60)), 0..=6),
            payload in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let copies = copies.iter().map(|(payload_type, offset, payload)| Copy { payload_type: *payload_type, offset: *offset, payload });
            let sound = Redundant { payload_type: 111, payload: &payload, copies: copies.collect() };
            let mut out = Vec::new();
            sound.write(&mut out).unwrap();
            prop_assert_eq!(Redundant::parse(&out), Ok(sound));
        }
    }
}
