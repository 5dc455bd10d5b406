//! Deep redundancy (DRED): up to a second of the sound before an Opus packet, in few bits, as a small neural network makes
//! it again. It is an extension in the padding of the packet (draft-ietf-mlcodec-opus-extension and
//! draft-ietf-mlcodec-opus-dred), which a decoder that does not know it passes over.
//!
//! ```text
//!  toc | count, with padding | length of the padding | frames | padding: extensions
//!                                                              └─ id (7) L (1) | its octets
//! ```

/// Number of the extension, and what it begins with while it is a draft: libopus 1.6 takes this version only.
const ID: u8 = 126;
const VERSION: &[u8] = &[b'D', super::table::DEEP.1 as u8];
/// The number that moves on to the next frames, and the first whose length is not told by L alone.
const SEPARATOR: u8 = 1;
const REPEAT: u8 = 2;
const LONG: u8 = 32;
/// 2.5 ms, in which libopus counts.
const STEP: usize = 120;
/// The most frames of a packet.
const MOST_FRAMES: usize = 48;

/// How long before the end of a gap a piece of it may end, in samples at 48 kHz: 117.5 ms.
pub(crate) const FARTHEST: usize = (MOST_FRAMES - 1) * STEP;

/// The extension of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Past<'a> {
    data: &'a [u8],
    /// The frame of the packet that it counts from.
    frame: usize,
}

impl<'a> Past<'a> {
    /// Finds it in a packet of Opus.
    pub(super) fn of(packet: &'a [u8]) -> Option<Self> {
        let (mut rest, mut frame) = (padding(packet)?, 0);
        loop {
            let (first, after) = rest.split_first()?;
            let (id, l) = (first >> 1, usize::from(first & 1));
            let data;
            (data, rest) = match id {
                // Repeated extensions are of packets with many frames. Nobody sends them for this.
                REPEAT => return None,
                SEPARATOR => {
                    let (data, rest) = after.split_at_checked(l)?;
                    frame += data.first().map_or(1, |more| usize::from(*more));
                    (data, rest)
                }
                // A single octet of padding.
                0 if l == 1 => (&after[..0], after),
                3..LONG => after.split_at_checked(l)?,
                _ if l == 0 => (after, &after[after.len()..]),
                _ => {
                    let (length, after) = laced(after, 0xff)?;
                    after.split_at_checked(length)?
                }
            };
            if id == ID
                && let Some(data) = data.strip_prefix(VERSION).filter(|data| !data.is_empty())
            {
                return (frame < MOST_FRAMES).then_some(Self { data, frame });
            }
        }
    }

    /// A packet for [`opusic_c::dred::Dred`], from which it restores what ends `before` samples ahead of the packet this is
    /// of, whose frames have `frame` samples.
    ///
    /// That binding always restores what lies directly before the packet. But an extension counts from its frame: so it is
    /// put into a packet of empty frames of 2.5 ms, at that whose distance is meant.
    pub(super) fn moved(&self, frame: usize, before: usize) -> Option<Vec<u8>> {
        let at = (self.frame * frame + before) / STEP;
        let at = u8::try_from(at).ok().filter(|at| usize::from(*at) < MOST_FRAMES)?;
        let padding = 3 + VERSION.len() + self.data.len();
        // Configuration 28 (CELT of 2.5 ms), mono, any number of frames of one length; those, and that there is padding.
        let mut packet = vec![28 << 3 | 3, 0x40 | MOST_FRAMES as u8];
        packet.resize(2 + padding / 254, 0xff);
        packet.extend([(padding % 254) as u8, SEPARATOR << 1 | 1, at, ID << 1]);
        packet.extend_from_slice(VERSION);
        packet.extend_from_slice(self.data);
        Some(packet)
    }
}

/// The padding of a packet (RFC 6716 section 3.2.5).
fn padding(packet: &[u8]) -> Option<&[u8]> {
    let [toc, count, rest @ ..] = packet else { return None };
    if toc & 3 != 3 || count & 0x40 == 0 {
        return None;
    }
    let (length, rest) = laced(rest, 0xfe)?;
    Some(&rest[rest.len().checked_sub(length)?..])
}

/// A length in octets of which each that is full is followed by another; a full one stands for `full`.
fn laced(mut octets: &[u8], full: usize) -> Option<(usize, &[u8])> {
    let mut length = 0;
    loop {
        let (first, rest) = octets.split_first()?;
        octets = rest;
        if *first < 0xff {
            return Some((length + usize::from(*first), octets));
        }
        length += full;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A packet of one frame of three octets with this padding.
    fn padded(padding: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x7b, 0x41];
        packet.resize(2 + padding.len() / 254, 0xff);
        packet.push((padding.len() % 254) as u8);
        packet.extend([1, 2, 3]);
        packet.extend_from_slice(padding);
        packet
    }

    #[test]
    fn it_is_found_among_other_extensions() {
        let long = [&[ID << 1, b'D', 12][..], &[7; 600]].concat();
        let laced = [&[ID << 1 | 1, 0xff, 0x2f, b'D', 12][..], &[7; 300]].concat();
        for (padding, data, frame) in [
            (&long[..], &[7; 600][..], 0),
            (&laced, &[7; 300], 0),
            (&[ID << 1, b'D', 12, 9], &[9], 0),
            // A short one without and with an octet, an octet of padding, a long one of two octets.
            (&[6, 7, 0xee, 1, 0x41, 2, 0xee, 0xee, ID << 1, b'D', 12, 9], &[9], 0),
            (&[2, 3, 4, ID << 1, b'D', 12, 9], &[9], 5),
            // That of another draft, then one that is known.
            (&[ID << 1 | 1, 3, b'D', 11, 8, ID << 1, b'D', 12, 9], &[9], 0),
        ] {
            assert_eq!(Past::of(&padded(padding)), Some(Past { data, frame }), "{padding:?}");
        }
        for padding in [
            &[][..],
            &[0; 40],
            &[ID << 1],
            &[ID << 1, b'D', 12],
            &[ID << 1, b'D', 11, 9],
            &[ID << 1 | 1, 9, b'D', 12, 9],
            &[ID << 1 | 1, 0xff],
            &[7],
            &[3],
            &[3, 48, ID << 1, b'D', 12, 9],
            &[4, ID << 1, b'D', 12, 9],
        ] {
            assert_eq!(Past::of(&padded(padding)), None, "{padding:?}");
        }
        let whole = padded(&long);
        for packet in [&[][..], &whole[..1], &whole[..2], &whole[..3], &[0x7b, 0x41, 0xff], &[0x7b, 1, 3, 1, 2, 3]] {
            assert_eq!(Past::of(packet), None, "{packet:?}");
        }
    }

    #[test]
    fn it_is_moved_as_far_as_a_packet_goes() {
        let past = Past { data: &[9; 700], frame: 1 };
        for (frame, before, at) in [(960, 0, 8), (120, 960, 9), (480, 2_400, 24), (120, FARTHEST - 120, 47)] {
            let moved = past.moved(frame, before).unwrap();
            assert_eq!(opus::packet::get_nb_samples(&moved, crate::RATE).unwrap(), 5_760);
            assert_eq!(Past::of(&moved), Some(Past { frame: at, ..past }), "{frame} {before}");
        }
        assert_eq!(past.moved(120, FARTHEST), None);
    }

    proptest! {
        #[test]
        fn any_padding_is_judged(padding in proptest::collection::vec(any::<u8>(), 0..600), named: bool) {
            let name: &[u8] = if named { &[ID << 1, b'D', 12] } else { &[] };
            let packet = padded(&[name, &padding].concat());
            if let Some(past) = Past::of(&packet) {
                let moved = past.moved(120, 0).unwrap();
                prop_assert_eq!(Past::of(&moved), Some(past));
            }
        }
    }

    #[test]
    fn the_binding_gives_libopus_the_room_it_asks_for() {
        assert_eq!(opusic_c::dred::dred_packet_size(), opusic_c::dred::DRED_PACKET_SIZE);
    }
}
