//! The codecs as SDP names them: one row each.

use super::Codec;

/// One codec in SDP.
pub(crate) struct Row {
    /// What it is here.
    pub(crate) codec: Codec,
    /// Encoding name of `a=rtpmap`, in any case.
    pub(crate) name: &'static str,
    /// Clock of `a=rtpmap`.
    pub(crate) clock: u32,
    /// Channels of `a=rtpmap`; Opus says 2 whatever is sent (RFC 7587 section 7).
    pub(crate) channels: u8,
    /// Payload type of RFC 3551 table 4, meant where no rtpmap stands.
    pub(crate) fixed: Option<u8>,
    /// Payload type we offer.
    pub(crate) offered: u8,
    /// `a=fmtp` we send.
    pub(crate) fmtp: Option<&'static str>,
}

/// The parameter of Opus by which two of our kind know that they make use of deep redundancy, with the version of its draft
/// as value. No standard has one yet; others pass over it (RFC 7587 section 7.1).
pub(crate) const DEEP: (&str, u32) = ("x-dred", 12);

/// All codecs, the best first.
pub(crate) const ROWS: [Row; 4] = [
    Row {
        codec: Codec::Opus,
        name: "opus",
        clock: 48_000,
        channels: 2,
        fixed: None,
        offered: 111,
        fmtp: Some("minptime=10;useinbandfec=1;x-dred=12"),
    },
    Row { codec: Codec::G722, name: "G722", clock: 8_000, channels: 1, fixed: Some(9), offered: 9, fmtp: None },
    Row { codec: Codec::Pcmu, name: "PCMU", clock: 8_000, channels: 1, fixed: Some(0), offered: 0, fmtp: None },
    Row { codec: Codec::Pcma, name: "PCMA", clock: 8_000, channels: 1, fixed: Some(8), offered: 8, fmtp: None },
];

/// Redundant sound (RFC 2198), which is no codec: name and clock of `a=rtpmap`, and the payload type we offer, which is
/// that of browsers.
pub(crate) const REDUNDANT: Redundant = Redundant { name: "red", clock: 48_000, channels: 2, offered: 63 };

/// A way to pack the payloads of a codec.
pub(crate) struct Redundant {
    pub(crate) name: &'static str,
    pub(crate) clock: u32,
    pub(crate) channels: u8,
    pub(crate) offered: u8,
}

/// The row of a codec.
pub(crate) fn row(codec: Codec) -> &'static Row {
    match codec {
        Codec::Opus => &ROWS[0],
        Codec::G722 => &ROWS[1],
        Codec::Pcmu => &ROWS[2],
        Codec::Pcma => &ROWS[3],
    }
}

/// The codec of an rtpmap; the name in any case (RFC 4855 section 3).
pub(crate) fn by_name(name: &str, clock: u32, channels: u8) -> Option<Codec> {
    let fits = |row: &&Row| row.name.eq_ignore_ascii_case(name) && row.clock == clock && row.channels == channels;
    ROWS.iter().find(fits).map(|row| row.codec)
}

/// The codec of a payload type without rtpmap.
pub(crate) fn by_number(payload_type: u8) -> Option<Codec> {
    ROWS.iter().find(|row| row.fixed == Some(payload_type)).map(|row| row.codec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_by_all_their_names() {
        for entry in &ROWS {
            assert_eq!(row(entry.codec).name, entry.name);
            assert_eq!(entry.clock, entry.codec.clock());
            assert_eq!(by_name(&entry.name.to_uppercase(), entry.clock, entry.channels), Some(entry.codec));
        }
        assert_eq!((by_number(8), by_number(9)), (Some(Codec::Pcma), Some(Codec::G722)));
        // RFC 3551 section 4.5.2: sampled at 16 kHz, and yet its clock is said to be 8 000.
        assert_eq!((by_name("g722", 8_000, 1), by_name("G722", 16_000, 1)), (Some(Codec::G722), None));
        assert_eq!(row(Codec::Opus).fmtp.unwrap().rsplit_once(';').unwrap().1, format!("{}={}", DEEP.0, DEEP.1));
        assert_eq!((by_number(18), by_name("opus", 48_000, 1)), (None, None));
    }
}
