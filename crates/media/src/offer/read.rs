//! What the far end's description means.

use super::{AgreedCodec, AgreedEvents, Direction, Format, OfferError, RemotePath, Setup};
use crate::codec::Codec;
use crate::codec::table::{self, DEEP, REDUNDANT};
use crate::sdp::{Attribute, Media, SessionDescription, value, values};
use crate::xr::Wishes;

/// Candidates kept; the agent has a lower limit of its own for pairs.
const MOST_CANDIDATES: usize = 64;
/// What is sent in a packet when nothing is said (RFC 3551 section 4.2), and the limits, in ms.
const PTIME: u32 = 20;
const PTIMES: std::ops::RangeInclusive<u32> = 10..=60;
/// Short packets, in ms.
const SHORT: u8 = 10;

/// The far end's sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteAudio {
    /// Those we know, in its order of preference.
    pub(super) codecs: Vec<AgreedCodec>,
    pub(super) events: Vec<AgreedEvents>,
    /// Redundant sound made of Opus.
    pub(super) red: Option<u8>,
    pub(super) path: RemotePath,
    /// As the far end says it.
    pub(super) direction: Direction,
    pub(super) ptime: u8,
    pub(super) short: bool,
    pub(super) past: bool,
    pub(super) rtcp_mux: bool,
    pub(super) xr: Wishes,
}

impl RemoteAudio {
    /// Reads one section; [`OfferError::NoSound`] for one that is none or refused.
    pub(super) fn read(description: &SessionDescription, media: &Media) -> Result<Self, OfferError> {
        // RFC 3264 section 6: port 0 refuses. In a bundle-only offer it does not, but a single section is never that.
        if media.kind != "audio" || media.port == 0 {
            return Err(OfferError::NoSound);
        }
        let both = Both { session: &description.attributes, media: &media.attributes };
        let path = read_path(&both, &media.protocol)?;
        let (codecs, events, red) = read_formats(media);
        let mut direction = read_direction(&both);
        // RFC 3264 section 8.4: 0.0.0.0 was hold once. With ICE it only means that the address comes later.
        let address = media.connection.as_ref().or(description.connection.as_ref());
        if path.candidates.is_empty() && media.port != 9 && address.is_some_and(|address| address == "0.0.0.0") {
            direction = if direction.sends() { Direction::SendOnly } else { Direction::Inactive };
        }
        let rtcp_mux = both.first("rtcp-mux").is_some();
        // RFC 3611 section 5.1: on both levels of the description.
        let xr = both.first("rtcp-xr").map(Wishes::read).unwrap_or_default();
        let (ptime, short) = (read_ptime(&both), takes_short(&both, media, &codecs));
        let opus = codecs.iter().find(|codec| codec.codec == Codec::Opus);
        let past = opus.is_some_and(|opus| read_parameter(media, opus.pt, DEEP.0) == Some(DEEP.1));
        Ok(Self { codecs, events, red, path, direction, ptime, short, past, rtcp_mux, xr })
    }

    /// All payload types known, in order of the description: sound first.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (Format, u8)> {
        let codecs = self.codecs.iter().map(|codec| (Format::Sound(codec.codec), codec.pt));
        let red = self.red.iter().map(|pt| (Format::Redundant, *pt));
        codecs.chain(red).chain(self.events.iter().map(|events| (Format::Events(events.clock), events.pt)))
    }
}

/// Attributes of the section, and of the session where the section says nothing.
struct Both<'a> {
    session: &'a [Attribute],
    media: &'a [Attribute],
}

impl<'a> Both<'a> {
    fn first(&self, name: &str) -> Option<&'a str> {
        value(self.media, name).or_else(|| value(self.session, name))
    }

    fn all(&self, name: &'a str) -> Vec<&'a str> {
        let own: Vec<&str> = values(self.media, name).collect();
        if own.is_empty() { values(self.session, name).collect() } else { own }
    }
}

fn read_path(both: &Both<'_>, protocol: &str) -> Result<RemotePath, OfferError> {
    // W9: RTP/SAVPF with a fingerprint is DTLS-SRTP; anything without SAVP is in the clear.
    let protocol = protocol.to_ascii_uppercase();
    if !matches!(protocol.as_str(), "UDP/TLS/RTP/SAVPF" | "UDP/TLS/RTP/SAVP" | "RTP/SAVPF" | "RTP/SAVP") {
        return Err(OfferError::Insecure);
    }
    let fingerprints: Vec<String> = both.all("fingerprint").into_iter().filter_map(read_fingerprint).collect();
    if fingerprints.is_empty() {
        return Err(OfferError::Insecure);
    }
    let (Some(ufrag), Some(pwd)) = (both.first("ice-ufrag"), both.first("ice-pwd")) else {
        return Err(OfferError::NoIce);
    };
    // RFC 8839 section 5.4: 4..=256 and 22..=256 characters of a small alphabet.
    let ice_char = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    let good = |text: &str, least| (least..=256).contains(&text.len()) && text.chars().all(ice_char);
    if !good(ufrag, 4) || !good(pwd, 22) {
        return Err(OfferError::NoIce);
    }
    let setup = match both.first("setup").map(str::to_ascii_lowercase).as_deref() {
        Some("active") => Setup::Active,
        Some("passive") => Setup::Passive,
        // Said nothing, or `holdconn`: we choose.
        _ => Setup::Actpass,
    };
    let candidates = values(both.media, "candidate").filter(|line| first_component(line)).take(MOST_CANDIDATES);
    Ok(RemotePath {
        ufrag: ufrag.to_owned(),
        pwd: pwd.to_owned(),
        fingerprints,
        setup,
        candidates: candidates.map(str::to_owned).collect(),
        ice_lite: value(both.session, "ice-lite").is_some(),
        end_of_candidates: both.first("end-of-candidates").is_some(),
        ice_restart: false,
    })
}

/// Normalised: `sha-256 AB:CD…`. `None` for a weak hash (RFC 8122 section 5 forbids MD5 and MD2; SHA-1 is no better
/// today) or one of the wrong length.
fn read_fingerprint(value: &str) -> Option<String> {
    let (hash, digits) = value.split_once(char::is_whitespace)?;
    let hash = hash.to_ascii_lowercase();
    let bytes = match hash.as_str() {
        "sha-256" => 32,
        "sha-384" => 48,
        "sha-512" => 64,
        _ => return None,
    };
    let digits = digits.trim().to_ascii_uppercase();
    let hex = |part: &str| part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
    (digits.split(':').count() == bytes && digits.split(':').all(hex)).then(|| format!("{hash} {digits}"))
}

/// We use one component, for RTP and RTCP share it.
fn first_component(candidate: &str) -> bool {
    candidate.split_ascii_whitespace().nth(1) == Some("1")
}

fn read_direction(both: &Both<'_>) -> Direction {
    let all = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    let find = |attributes: &[Attribute]| all.into_iter().find(|one| value(attributes, one.name()).is_some());
    // RFC 8866 section 6.7: nothing said is both ways.
    find(both.media).or_else(|| find(both.session)).unwrap_or_default()
}

fn read_ptime(both: &Both<'_>) -> u8 {
    let number = |name| both.first(name).and_then(|text| text.trim().parse::<u32>().ok()).filter(|ms| *ms > 0);
    let most = number("maxptime").unwrap_or(*PTIMES.end());
    let wished = number("ptime").unwrap_or(PTIME).min(most);
    wished.clamp(*PTIMES.start(), *PTIMES.end()) as u8
}

/// Whether Opus may come in packets of 10 ms. RFC 7587 section 6.1: not in less than `minptime`. What names 20 ms and no
/// less wants 20 ms.
fn takes_short(both: &Both<'_>, media: &Media, codecs: &[AgreedCodec]) -> bool {
    let Some(opus) = codecs.iter().find(|codec| codec.codec == Codec::Opus) else { return false };
    let least = read_parameter(media, opus.pt, "minptime");
    let longer = both.first("ptime").is_some() && read_ptime(both) > SHORT;
    match least {
        Some(least) => least <= u32::from(SHORT) && read_ptime(both) <= PTIME as u8,
        None => !longer,
    }
}

/// By rtpmap, and by RFC 3551 where none stands; the numbers by themselves mean nothing (W10).
fn read_formats(media: &Media) -> (Vec<AgreedCodec>, Vec<AgreedEvents>, Option<u8>) {
    let (mut codecs, mut events, mut red) = (Vec::<AgreedCodec>::new(), Vec::<AgreedEvents>::new(), None);
    // Each number is looked up once, however often an enemy repeats it.
    let mut seen = [false; 128];
    for format in &media.formats {
        let Ok(pt) = format.parse::<u8>() else { continue };
        match seen.get_mut(usize::from(pt)) {
            Some(seen) if !*seen => *seen = true,
            _ => continue,
        }
        let codec = match after_number(media, "rtpmap", pt).and_then(read_rtpmap) {
            Some((name, clock, _)) if name.eq_ignore_ascii_case("telephone-event") => {
                // One number for each clock; the first counts.
                if clock > 0 && events.iter().all(|known| known.clock != clock) {
                    events.push(AgreedEvents { pt, clock });
                }
                continue;
            }
            Some((name, clock, _)) if name.eq_ignore_ascii_case(REDUNDANT.name) => {
                red = red.or((clock == REDUNDANT.clock).then_some(pt));
                continue;
            }
            Some((name, clock, channels)) => table::by_name(name, clock, channels),
            None => table::by_number(pt),
        };
        let Some(codec) = codec.filter(|codec| codecs.iter().all(|known| known.codec != *codec)) else { continue };
        codecs.push(AgreedCodec { codec, pt, max_bitrate: read_bitrate(media, pt) });
    }
    let opus = codecs.iter().find(|codec| codec.codec == Codec::Opus).map(|codec| codec.pt);
    let red = red.filter(|red| opus.is_some_and(|opus| is_made_of(media, *red, opus)));
    (codecs, events, red)
}

/// RFC 2198 section 5: `a=fmtp:63 111/111` says what the sound of now and each copy may be.
fn is_made_of(media: &Media, red: u8, codec: u8) -> bool {
    let parts = after_number(media, "fmtp", red).unwrap_or_default().split('/');
    let all: Vec<Option<u8>> = parts.map(|part| part.trim().parse().ok()).collect();
    all.len() > 1 && all.iter().all(|part| *part == Some(codec))
}

/// The value of `a=name:pt value`.
fn after_number<'a>(media: &'a Media, name: &'a str, pt: u8) -> Option<&'a str> {
    media.all(name).find_map(|line| {
        let (number, rest) = line.split_once(char::is_whitespace)?;
        (number.parse() == Ok(pt)).then(|| rest.trim())
    })
}

/// `opus/48000/2`
fn read_rtpmap(value: &str) -> Option<(&str, u32, u8)> {
    let mut parts = value.split('/').map(str::trim);
    let (name, clock) = (parts.next()?, parts.next()?.parse().ok()?);
    let channels = parts.next().map_or(Some(1), |channels| channels.parse().ok())?;
    Some((name, clock, channels))
}

/// RFC 7587 section 6.1: what the far end wishes to receive at most; blanks as FreeSWITCH sets them.
fn read_bitrate(media: &Media, pt: u8) -> Option<u32> {
    // RFC 7587 section 6.1: 6 000..=510 000; anything else is ignored.
    read_parameter(media, pt, "maxaveragebitrate").filter(|rate| (6_000..=510_000).contains(rate))
}

/// A number of `a=fmtp`.
fn read_parameter(media: &Media, pt: u8, wanted: &str) -> Option<u32> {
    let find = |parameter: &str| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().parse().ok())?
    };
    after_number(media, "fmtp", pt)?.split(';').find_map(find)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_ten_milliseconds_are_for_those_that_take_them() {
        let hash = ["AB"; 32].join(":");
        for (lines, fmtp, short) in [
            ("a=ptime:20\r\n", "minptime=10;useinbandfec=1", true),
            ("a=ptime:20\r\n", "useinbandfec=1; minptime=5", true),
            ("a=ptime:20\r\n", "useinbandfec=1", false),
            ("a=ptime:20\r\n", "minptime=20", false),
            ("a=ptime:40\r\n", "minptime=10", false),
            ("a=ptime:10\r\n", "useinbandfec=1", true),
            ("a=maxptime:10\r\n", "useinbandfec=1", true),
            ("a=maxptime:60\r\n", "minptime=11", false),
            ("", "minptime=10;useinbandfec=1", true),
            // 3 ms are the least where nobody says what is.
            ("", "useinbandfec=1", true),
        ] {
            let text = format!(
                "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                 m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 {fmtp}\r\n{lines}\
                 a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 {hash}\r\n"
            );
            let description = SessionDescription::parse(text.as_bytes()).unwrap();
            let audio = RemoteAudio::read(&description, &description.media[0]).unwrap();
            assert_eq!(audio.short, short, "{lines} {fmtp}");
        }
    }
}
