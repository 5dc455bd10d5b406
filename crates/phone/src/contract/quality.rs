//! What is too fast for the state: levels twenty times a second, quality once a second, to those who watch.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{CallId, Error};

/// How loud it is, in dBFS (-96..=0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct Levels {
    /// The active call, or each of a conference; null while one only listens to the microphone.
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
    /// How many of them were missing in a row, on average; null while none is.
    pub burst: Option<f64>,
    /// Packets that came too late to be played, in per cent.
    pub late_pct: f64,
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
    /// How many of ours it misses in a row, on average; null where it does not tell (RFC 3611 4.1).
    pub far_burst: Option<f64>,
    /// How unevenly ours come there, in milliseconds.
    pub far_jitter_ms: Option<f64>,
    /// Opinion of what the far end hears, by itself; null where it does not tell (RFC 3611 4.7.5).
    pub far_mos: Option<f64>,
    /// The codec that is heard.
    pub codec: Option<String>,
    /// How long the sound of a packet of ours lasts, in milliseconds: 10 while they are short for the sake of delay.
    pub packet_ms: f64,
}

/// How good a call was, over all of it: means of each second in which one could talk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CallQuality {
    /// In one word, by the mean opinion.
    pub grade: Grade,
    /// Estimated opinion, 1 to 4.5 (ITU-T G.107).
    pub mos: f64,
    /// Packets that did not come, in per cent.
    pub loss_pct: f64,
    /// How many of them were missing in a row, on average; null when none was.
    pub burst: Option<f64>,
    /// Packets that came too late to be played, in per cent.
    pub late_pct: f64,
    /// Sound that had to be made up, in per cent.
    pub concealed_pct: f64,
    /// How unevenly packets came, in milliseconds.
    pub jitter_ms: f64,
    /// The round trip, in milliseconds; null when the far end never reported.
    pub rtt_ms: Option<f64>,
    /// Our packets that the far end missed, in per cent.
    pub far_loss_pct: Option<f64>,
    /// Opinion of what the far end heard, by itself.
    pub far_mos: Option<f64>,
    /// For so many seconds it was poor, here or there.
    pub poor_s: u32,
    /// What spoiled it the longest, in sentences; null for a call that was never poor for some seconds.
    pub trouble: Option<Error>,
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

impl From<media::quality::Grade> for Grade {
    fn from(grade: media::quality::Grade) -> Self {
        match grade {
            media::quality::Grade::Clear => Self::Clear,
            media::quality::Grade::Fair => Self::Fair,
            media::quality::Grade::Poor => Self::Poor,
            media::quality::Grade::Bad => Self::Bad,
        }
    }
}

impl Quality {
    /// The quality of a call, as its session measured it.
    pub(crate) fn of(call: CallId, quality: &media::quality::Quality) -> Self {
        Self {
            call,
            grade: quality.grade.into(),
            loss_pct: quality.loss_pct,
            burst: quality.burst,
            late_pct: quality.late_pct,
            jitter_ms: quality.jitter_ms,
            buffer_ms: quality.buffer_ms,
            rtt_ms: quality.rtt_ms,
            mos: quality.mos,
            concealed_pct: quality.concealed_pct,
            far_loss_pct: quality.far_loss_pct,
            far_burst: quality.far_burst,
            far_jitter_ms: quality.far_jitter_ms,
            far_mos: quality.far_mos,
            codec: quality.codec.map(str::to_owned),
            packet_ms: quality.packet_ms,
        }
    }
}
