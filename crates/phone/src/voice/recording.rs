//! The recording of one call: what it says and hears goes to a file, and a tone may tell both sides so.

use std::time::Instant;

use media::tone::Tone;
use tokio::sync::mpsc;

use super::{order::Happened, tones::Tones};
use crate::{
    contract::CallId,
    sound::{Kept, Tape, TapePlace},
};

/// A call that is kept.
pub(super) struct Recording {
    tape: Tape,
    /// What the far end and what our ear is told by, where they are.
    tones: Option<[Tones; 2]>,
    /// What goes out, with the tone in it.
    said: Vec<f32>,
}

impl Recording {
    /// Begins; what becomes of it is told. Nothing where not even that can be tried, which is told too.
    pub(super) fn begin(
        now: Instant,
        call: &CallId,
        (place, announce): (TapePlace, bool),
        tell: &mpsc::UnboundedSender<Happened>,
    ) -> Option<Self> {
        let (call, tell) = (call.clone(), tell.clone());
        let began = {
            let (call, tell) = (call.clone(), tell.clone());
            move || drop(tell.send(Happened::RecordingBegan { call }))
        };
        let kept = {
            let (call, tell) = (call.clone(), tell.clone());
            move |kept| drop(tell.send(Happened::Recorded { call, kept }))
        };
        match Tape::begin(now, place, began, kept) {
            Ok(tape) => {
                let tones = announce.then(|| {
                    [(); 2].map(|()| {
                        let mut tones = Tones::default();
                        tones.set(Some(Tone::Recording));
                        tones
                    })
                });
                Some(Self { tape, tones, said: Vec::new() })
            }
            Err(error) => {
                let _ = tell.send(Happened::Recorded { call, kept: Kept::nothing(error) });
                None
            }
        }
    }

    /// Is a tone heard?
    pub(super) const fn announces(&self) -> bool {
        self.tones.is_some()
    }

    /// Takes what the microphone says and gives back what is to go out.
    pub(super) fn said(&mut self, sound: &[f32], muted: bool) -> &[f32] {
        self.said.clear();
        self.said.extend_from_slice(sound);
        if let Some([out, _]) = &mut self.tones {
            if muted {
                self.said.fill(0.0);
            }
            out.mix(&mut self.said, true);
        }
        // Without a tone the session makes it silence on its way out.
        if !muted || self.tones.is_some() {
            self.tape.near(&self.said);
        }
        &self.said
    }

    /// Takes what the far end says.
    pub(super) fn heard(&mut self, sound: &[f32]) {
        self.tape.far(sound);
    }

    /// Adds the tone for our ear.
    pub(super) fn tell_ear(&mut self, sound: &mut [f32]) {
        if let Some([_, ear]) = &mut self.tones {
            ear.mix(sound, true);
        }
    }

    /// Hands on what is due; `false` when the file takes no more.
    pub(super) fn advance(&mut self, now: Instant) -> bool {
        self.tape.advance(now)
    }
}
