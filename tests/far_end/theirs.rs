//! Their end: a `PeerConnection` with one track of sound each way.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use acceptance::{PATIENCE, end::Sound};
use media::{
    codec::{Codec, VoiceDecoder, VoiceEncoder},
    signal::Speech,
};
use rtc::{
    ice::mdns::MulticastDnsMode,
    media_stream::MediaStreamTrack,
    peer_connection::configuration::media_engine::{
        MIME_TYPE_OPUS, MIME_TYPE_PCMA, MIME_TYPE_PCMU, MIME_TYPE_TELEPHONE_EVENT, MediaEngine,
    },
    rtp,
    rtp_transceiver::rtp_sender::{
        RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
    },
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};
use webrtc::{
    media_stream::{
        track_local::{TrackLocal, static_rtp::TrackLocalStaticRTP},
        track_remote::{TrackRemote, TrackRemoteEvent},
    },
    peer_connection::{
        PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState,
        RTCPeerConnectionState, RTCSessionDescription, SettingEngineBuilder,
    },
};

/// The payload types it offers, and takes over from our offer, which has the same.
const OPUS: u8 = 111;
const EVENTS: u8 = 110;
/// 20 ms at 48 kHz.
const FRAME: usize = 960;

/// Their end of a call.
pub(super) struct Theirs {
    connection: Arc<dyn PeerConnection>,
    seen: Arc<Seen>,
    speaks: JoinHandle<()>,
}

/// What their connection told, said and heard.
struct Seen {
    progress: Arc<watch::Sender<u64>>,
    gathered: watch::Sender<bool>,
    connected: watch::Sender<bool>,
    said: Sound,
    heard: Sound,
    keys: Mutex<Vec<u8>>,
}

/// What an asynchronous method of a trait gives.
type Boxed<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

struct Handler(Arc<Seen>);

// As `async_trait` writes it: the trait is made by that macro.
impl PeerConnectionEventHandler for Handler {
    fn on_ice_gathering_state_change<'a, 'b>(&'a self, state: RTCIceGatheringState) -> Boxed<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        if state == RTCIceGatheringState::Complete {
            self.0.gathered.send_replace(true);
        }
        Box::pin(async {})
    }

    fn on_connection_state_change<'a, 'b>(&'a self, state: RTCPeerConnectionState) -> Boxed<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        if state == RTCPeerConnectionState::Connected {
            self.0.connected.send_replace(true);
            self.0.went_on();
        }
        Box::pin(async {})
    }

    fn on_track<'a, 'b>(&'a self, track: Arc<dyn TrackRemote>) -> Boxed<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        tokio::spawn(hear(track, Arc::clone(&self.0)));
        Box::pin(async {})
    }
}

impl Seen {
    fn went_on(&self) {
        self.progress.send_modify(|count| *count += 1);
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        self.speaks.abort();
    }
}

impl Theirs {
    pub(super) async fn start(seed: u8, progress: Arc<watch::Sender<u64>>) -> Self {
        let seen = Arc::new(Seen {
            progress,
            gathered: watch::Sender::new(false),
            connected: watch::Sender::new(false),
            said: Sound::default(),
            heard: Sound::default(),
            keys: Mutex::default(),
        });
        let mut engine = MediaEngine::default();
        for codec in codecs() {
            engine.register_codec(codec, RtpCodecKind::Audio).expect("a codec");
        }
        let settings = SettingEngineBuilder::new().with_multicast_dns_mode(MulticastDnsMode::Disabled).build();
        let connection = PeerConnectionBuilder::new()
            .with_media_engine(engine)
            .with_setting_engine(settings)
            .with_handler(Arc::new(Handler(Arc::clone(&seen))))
            .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
            .build()
            .await
            .expect("a connection");
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        let ssrc = 0x5eed_0000 + u32::from(seed);
        let track = Arc::new(TrackLocalStaticRTP::new(track(ssrc)));
        connection.add_track(Arc::clone(&track) as Arc<dyn TrackLocal>).await.expect("a track");
        // Without this its offer has the codec of the track alone.
        for transceiver in connection.get_transceivers().await {
            transceiver.set_codec_preferences(codecs()).await.expect("its codecs");
        }
        let speaks = tokio::spawn(speak(track, ssrc, seed, Arc::clone(&seen)));
        Self { connection, seen, speaks }
    }

    pub(super) async fn offer(&self) -> String {
        let offer = self.connection.create_offer(None).await.expect("an offer");
        self.gather(offer).await
    }

    pub(super) async fn answer(&self, offer: String) -> String {
        let offer = RTCSessionDescription::offer(offer).expect("an offer it can read");
        self.connection.set_remote_description(offer).await.expect("an offer it can take");
        let answer = self.connection.create_answer(None).await.expect("an answer");
        self.gather(answer).await
    }

    pub(super) async fn accept(&self, answer: String) {
        let answer = RTCSessionDescription::answer(answer).expect("an answer it can read");
        self.connection.set_remote_description(answer).await.expect("an answer it can take");
    }

    /// The description with all of its candidates.
    async fn gather(&self, description: RTCSessionDescription) -> String {
        self.connection.set_local_description(description).await.expect("a description of its own");
        let mut gathered = self.seen.gathered.subscribe();
        timeout(PATIENCE, gathered.wait_for(|done| *done)).await.expect("they gather").expect("the handler lives");
        self.connection.local_description().await.expect("a description").sdp
    }

    pub(super) fn is_connected(&self) -> bool {
        *self.seen.connected.borrow()
    }

    /// All that it said, at 48 kHz, since it is connected.
    pub(super) fn said(&self) -> &Sound {
        &self.seen.said
    }

    /// All that came on the track, decoded.
    pub(super) fn heard(&self) -> &Sound {
        &self.seen.heard
    }

    /// The events that came on the track (RFC 4733 2.3).
    pub(super) fn keys(&self) -> Vec<u8> {
        self.seen.keys.lock().expect("nobody panicked here").clone()
    }

    pub(super) async fn close(self) {
        self.speaks.abort();
        timeout(PATIENCE, self.connection.close()).await.expect("they close").expect("a proper end");
    }
}

fn codec(mime: &str, clock: u32, channels: u16, format: &str, payload_type: u8) -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: mime.to_owned(),
            clock_rate: clock,
            channels,
            sdp_fmtp_line: format.to_owned(),
            rtcp_feedback: Vec::new(),
        },
        payload_type,
    }
}

/// It makes one of events at 8 kHz and at 48 kHz, so it has only those of the clock of Opus.
fn codecs() -> Vec<RTCRtpCodecParameters> {
    vec![
        codec(MIME_TYPE_OPUS, 48_000, 2, "minptime=10;useinbandfec=1", OPUS),
        codec(MIME_TYPE_PCMU, 8_000, 0, "", 0),
        codec(MIME_TYPE_PCMA, 8_000, 0, "", 8),
        codec(MIME_TYPE_TELEPHONE_EVENT, 48_000, 0, "0-15", EVENTS),
    ]
}

fn track(ssrc: u32) -> MediaStreamTrack {
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec: codecs().swap_remove(0).rtp_codec,
        ..Default::default()
    };
    MediaStreamTrack::new("stream".into(), "voice".into(), "voice".into(), RtpCodecKind::Audio, vec![coding])
}

/// Speaks Opus, a packet every 20 ms, from the moment at which it is connected.
async fn speak(track: Arc<TrackLocalStaticRTP>, ssrc: u32, seed: u8, seen: Arc<Seen>) {
    let mut connected = seen.connected.subscribe();
    connected.wait_for(|up| *up).await.expect("the handler lives");
    let mut voice = Speech::new(seed.into());
    let mut encoder = VoiceEncoder::new(Codec::Opus, None).expect("an encoder");
    let mut pace = interval(Duration::from_millis(20));
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0_u16.. {
        pace.tick().await;
        let (mut frame, mut payload) = ([0.0; FRAME], Vec::new());
        voice.fill(&mut frame);
        encoder.encode(&frame, &mut payload).expect("a frame of 20 ms");
        let header = rtp::header::Header {
            version: 2,
            payload_type: OPUS,
            marker: number == 0,
            sequence_number: number,
            timestamp: u32::from(number) * FRAME as u32,
            ssrc,
            ..Default::default()
        };
        seen.said.lock().extend(frame);
        if track.write_rtp(rtp::packet::Packet { header, payload: payload.into() }).await.is_err() {
            return;
        }
        seen.went_on();
    }
}

/// Decodes what comes, in its order, and puts silence where something is missing.
async fn hear(track: Arc<dyn TrackRemote>, seen: Arc<Seen>) {
    let mut decoder = VoiceDecoder::new(Codec::Opus).expect("a decoder");
    let mut next: Option<u32> = None;
    while let Some(event) = track.poll().await {
        let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
        match packet.header.payload_type {
            OPUS => {
                let mut heard = seen.heard.lock();
                let missing = next.map_or(0, |next| packet.header.timestamp.wrapping_sub(next)) as usize;
                // What is late is left out, as an ear would; a key takes the place of sound.
                if missing < 48_000 {
                    let filled = heard.len() + missing;
                    heard.resize(filled, 0.0);
                    let length = decoder.decode(&packet.payload, &mut heard).expect("it is Opus");
                    next = Some(packet.header.timestamp.wrapping_add(length as u32));
                }
            }
            EVENTS => {
                let key = packet.payload.first().copied().expect("an event has a number");
                seen.keys.lock().expect("nobody panicked here").push(key);
            }
            other => panic!("nobody agreed on payload type {other}"),
        }
        seen.went_on();
    }
}
