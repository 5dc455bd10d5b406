//! Packets that are encoded and heard elsewhere.

use super::*;
use crate::codec::VoiceEncoder;

/// Payloads of a voice.
fn encoded(codec: Codec, frames: usize) -> Vec<Vec<u8>> {
    let (mut voice, mut encoder) = (Speech::new(5), VoiceEncoder::new(codec, None).unwrap());
    let encode = |_| {
        let (mut frame, mut payload) = ([0.0; 960], Vec::new());
        voice.fill(&mut frame);
        encoder.encode(&frame, &mut payload).unwrap();
        payload
    };
    (0..frames).map(encode).collect()
}

/// What `session` has to send now.
fn sent(session: &mut Session) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| match session.poll_output() {
        SessionOutput::Timeout(_) => None,
        output => Some(output),
    })
    .filter_map(|output| if let SessionOutput::Rtp(packet) = output { Some(packet) } else { None })
    .collect()
}

#[test]
fn payloads_go_out_in_sequence_and_in_time() {
    for codec in [Codec::Opus, Codec::Pcmu] {
        let [mut end, _] = Pair::new(codec).ends;
        let mut packets = Vec::new();
        let payloads = encoded(codec, 5);
        for (at, payload) in (0..).zip(&payloads) {
            assert!(end.session.forward(epoch() + 20 * MS * at, payload));
            packets.extend(sent(&mut end.session));
        }
        let parsed: Vec<_> = packets.iter().map(|packet| Packet::parse(packet).unwrap()).collect();
        assert!(parsed[0].header.marker && !parsed[1].header.marker);
        assert!(parsed.iter().map(|packet| packet.payload).eq(payloads.iter().map(Vec::as_slice)));
        for pair in parsed.windows(2) {
            assert_eq!(pair[1].header.sequence.since(pair[0].header.sequence), 1);
            assert_eq!(pair[1].header.timestamp.since(pair[0].header.timestamp), i64::from(codec.clock() / 50));
        }
        assert_eq!(end.session.carried(), Carried { sent: 5, ..Carried::default() });
    }
}

#[test]
fn nothing_goes_out_that_is_no_sound_or_of_no_call() {
    let [mut end, _] = Pair::new(Codec::Opus).ends;
    assert!(!end.session.forward(epoch(), &[]), "no payload of Opus");
    end.session.set_sending(false);
    assert!(!end.session.forward(epoch(), &encoded(Codec::Opus, 1)[0]));
    assert_eq!(sent(&mut end.session), Vec::<Vec<u8>>::new());
}

#[test]
fn who_does_not_listen_counts_and_reports_what_comes() {
    let mut pair = Pair::new(Codec::Opus);
    pair.ends[1].session.set_listening(false);
    pair.run(10);
    let (heard, counted) = (pair.ends[0].session.carried(), pair.ends[1].session.carried());
    assert!(heard.sound > 400_000 && heard.concealed < 4_800, "{heard:?}");
    assert_eq!((counted.received, counted.sound), (499, 0), "one is on its way");
    let quality = pair.ends[1].session.quality();
    assert_eq!((quality.loss_pct, quality.codec), (0.0, None));
    assert_eq!(pair.ends[0].session.quality().far_loss_pct, Some(0.0), "it tells the far end");
    assert!(pair.ends[1].heard.iter().all(|sample| *sample == 0.0));
}
