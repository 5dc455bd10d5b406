//! Our descriptions, always in the same order.

use super::{Direction, Format, LocalPath, Negotiation, Section};
use crate::codec::Codec;
use crate::codec::table::{self, Redundant};
use crate::sdp::{Attribute, Media, Origin, SessionDescription, values};
use crate::xr::Wishes;

/// Longest packets we like to get, in ms.
const LONGEST_PACKET: &str = "60";

/// What our section shall say.
#[derive(Clone, Copy)]
pub(super) struct Saying<'a> {
    pub(super) local: &'a LocalPath,
    pub(super) direction: Direction,
    pub(super) setup: &'static str,
    pub(super) formats: &'a [(Format, u8)],
    pub(super) rtcp_mux: bool,
    /// Extended reports that we wish to get.
    pub(super) xr: Wishes,
}

impl Negotiation {
    /// A description with our section and the refused ones. Its version grows when anything changed
    /// (RFC 3264 section 8).
    pub(super) fn write(&mut self, say: &Saying<'_>) -> String {
        let address = say.local.default.ip().to_string();
        let mut attributes = Vec::new();
        if let Some(mid) = self.sections.get(self.ours).filter(|ours| ours.bundled).and_then(|ours| ours.mid.as_ref()) {
            attributes.push(Attribute::new("group", format!("BUNDLE {mid}")));
        }
        let media = self.sections.iter().enumerate().map(|(index, section)| {
            if index == self.ours { sound(section, say, self.policy.bitrate) } else { refused(section) }
        });
        let mut description = SessionDescription {
            origin: Origin {
                username: "-".into(),
                session_id: self.session_id.to_string(),
                version: String::new(),
                address,
            },
            name: "-".into(),
            connection: None,
            attributes,
            media: media.collect(),
        };
        let text = description.to_string();
        if text != self.last {
            self.version += 1;
            self.last = text;
        }
        description.origin.version = self.version.to_string();
        description.to_string()
    }
}

fn sound(section: &Section, say: &Saying<'_>, bitrate: Option<u32>) -> Media {
    let Saying { local, direction, setup, formats, rtcp_mux, xr } = *say;
    let mut attributes = Vec::with_capacity(24);
    if let Some(mid) = &section.mid {
        attributes.push(Attribute::new("mid", mid));
    }
    attributes.push(Attribute::new("ice-ufrag", &local.ufrag));
    attributes.push(Attribute::new("ice-pwd", &local.pwd));
    attributes.push(Attribute::new("fingerprint", &local.fingerprint));
    attributes.push(Attribute::new("setup", setup));
    // RFC 5761 section 5.1.1: an answer has it only if the offer had.
    attributes.extend(rtcp_mux.then(|| Attribute::flag("rtcp-mux")));
    // RFC 5761 section 5.1.3: where RTCP goes, for those that look.
    attributes.push(Attribute::new("rtcp", local.default.port().to_string()));
    attributes.extend((!xr.is_none()).then(|| Attribute::new("rtcp-xr", xr.to_string())));
    attributes.extend(local.candidates.iter().map(|candidate| Attribute::new("candidate", candidate)));
    attributes.push(Attribute::flag("end-of-candidates"));
    for (format, number) in formats {
        describe(*format, *number, (formats, bitrate), &mut attributes);
    }
    attributes.push(Attribute::new("ptime", "20"));
    attributes.push(Attribute::new("maxptime", LONGEST_PACKET));
    attributes.push(Attribute::flag(direction.name()));
    Media {
        kind: section.kind.clone(),
        port: local.default.port(),
        protocol: section.protocol.clone(),
        formats: formats.iter().map(|(_, number)| number.to_string()).collect(),
        connection: Some(local.default.ip().to_string()),
        attributes,
    }
}

/// Writes one of `all` formats; Opus with the bit-rate that is wished for.
fn describe(
    format: Format,
    number: u8,
    (all, bitrate): (&[(Format, u8)], Option<u32>),
    attributes: &mut Vec<Attribute>,
) {
    match format {
        Format::Sound(codec) => {
            let row = table::row(codec);
            let channels = if row.channels > 1 { format!("/{}", row.channels) } else { String::new() };
            attributes.push(Attribute::new("rtpmap", format!("{number} {}/{}{channels}", row.name, row.clock)));
            // RFC 7587 section 6.1, the one codec that can be asked for less or more.
            let bitrate = bitrate.filter(|_| codec == Codec::Opus).map(|bits| format!(";maxaveragebitrate={bits}"));
            let bitrate = bitrate.unwrap_or_default();
            attributes.extend(row.fmtp.map(|fmtp| Attribute::new("fmtp", format!("{number} {fmtp}{bitrate}"))));
        }
        // RFC 2198 section 5.
        Format::Redundant => {
            let Redundant { name, clock, channels, .. } = table::REDUNDANT;
            attributes.push(Attribute::new("rtpmap", format!("{number} {name}/{clock}/{channels}")));
            if let Some((_, opus)) = all.iter().find(|(format, _)| *format == Format::Sound(Codec::Opus)) {
                attributes.push(Attribute::new("fmtp", format!("{number} {opus}/{opus}")));
            }
        }
        Format::Events(clock) => {
            attributes.push(Attribute::new("rtpmap", format!("{number} telephone-event/{clock}")));
            attributes.push(Attribute::new("fmtp", format!("{number} 0-15")));
        }
    }
}

/// The shape of an offer, as the answer must have it.
pub(super) fn sections(description: &SessionDescription) -> Vec<Section> {
    // RFC 5888 section 5: there may be groups of other meanings before it.
    let groups = values(&description.attributes, "group");
    let bundled: Vec<&str> =
        groups.filter_map(|group| group.strip_prefix("BUNDLE ")).flat_map(str::split_whitespace).collect();
    let section = |media: &Media| {
        let mid = media.attribute("mid").map(str::to_owned);
        Section {
            kind: media.kind.clone(),
            protocol: media.protocol.clone(),
            formats: media.formats.clone(),
            bundled: mid.as_deref().is_some_and(|mid| bundled.contains(&mid)),
            mid,
        }
    };
    description.media.iter().map(section).collect()
}

/// RFC 3264 section 6: port 0, and the rest as it was offered.
fn refused(section: &Section) -> Media {
    let mid = section.mid.as_ref().map(|mid| Attribute::new("mid", mid));
    let formats = if section.formats.is_empty() { vec!["0".to_owned()] } else { section.formats.clone() };
    Media {
        kind: section.kind.clone(),
        port: 0,
        protocol: section.protocol.clone(),
        formats,
        connection: None,
        attributes: mid.into_iter().collect(),
    }
}
