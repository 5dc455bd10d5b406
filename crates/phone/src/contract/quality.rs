//! What is too fast for the state: levels twenty times a second, quality once a second, to those who watch.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::CallId;

/// How loud it is, in dBFS (-96..=0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Levels {
    /// The active call; null while one only listens to the microphone.
    pub call: Option<CallId>,
    /// The microphone.
    pub mic: f32,
    /// The far end.
    pub far: Option<f32>,
}

/// How good a call is, by its last ten seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// The call.
    pub call: CallId,
    /// In one word.
    pub grade: Grade,
    /// Packets that did not come, in per cent.
    pub loss_pct: f64,
    /// How unevenly they come, in milliseconds (RFC 3550 6.4.1).
    pub jitter_ms: f64,
    /// How long sound waits to be played, in milliseconds.
    pub buffer_ms: f64,
    /// The round trip, in milliseconds.
    pub rtt_ms: Option<f64>,
    /// Estimated opinion, 1 to 4.5 (ITU-T G.107).
    pub mos: f64,
    /// Sound that had to be made up, in per cent.
    pub concealed_pct: f64,
    /// Our packets that the far end misses, in per cent.
    pub far_loss_pct: Option<f64>,
    /// The codec that is heard.
    pub codec: Option<String>,
}

/// The quality of a call in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the grade of `media` of the same name")]
pub enum Grade {
    Clear,
    Fair,
    Poor,
    Bad,
}

impl Quality {
    /// The quality of a call, as its session measured it.
    pub(crate) fn of(call: CallId, quality: &media::quality::Quality) -> Self {
        Self {
            call,
            grade: match quality.grade {
                media::quality::Grade::Clear => Grade::Clear,
                media::quality::Grade::Fair => Grade::Fair,
                media::quality::Grade::Poor => Grade::Poor,
                media::quality::Grade::Bad => Grade::Bad,
            },
            loss_pct: quality.loss_pct,
            jitter_ms: quality.jitter_ms,
            buffer_ms: quality.buffer_ms,
            rtt_ms: quality.rtt_ms,
            mos: quality.mos,
            concealed_pct: quality.concealed_pct,
            far_loss_pct: quality.far_loss_pct,
            codec: quality.codec.map(str::to_owned),
        }
    }
}
