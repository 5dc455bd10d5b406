//! An open microphone and an open speaker, with what stands between them and the calls.

use std::time::Instant;

use media::{
    RATE,
    feed::{MicFeed, SpeakerFeed},
    port::{Capture, Playback, PortError},
    process::{Processing, Processor, Trouble},
};

use super::order::Clean;
use crate::contract::Echo;

/// An open microphone.
pub(super) struct Microphone {
    pub(super) stream: Box<dyn Capture>,
    processor: Processor,
    feed: MicFeed,
}

impl Microphone {
    /// With the id of its device. A speaker that is `worn` makes no echo.
    pub(super) fn new(stream: Box<dyn Capture>, clean: Clean, worn: bool) -> Result<(String, Self), PortError> {
        let feed = MicFeed::new(stream.rate()).map_err(|error| PortError::Failed(error.to_string()))?;
        let processor = Processor::new(processing(stream.as_ref(), clean, worn));
        Ok((stream.device().to_owned(), Self { stream, processor, feed }))
    }

    /// Something else is to be done to its sound, or another speaker is in use.
    pub(super) fn clean(&mut self, clean: Clean, worn: bool) {
        self.processor.set(processing(self.stream.as_ref(), clean, worn));
    }

    /// What came since the last look, as it is to be heard, and what is wrong with it. `heard` is whether somebody hears it.
    pub(super) fn hear(&mut self, now: Instant, heard: bool) -> (&[f32], Option<Trouble>) {
        self.processor.set_heard(heard && self.stream.hears_room());
        let age = self.stream.latency();
        let trouble = self.processor.trouble();
        (self.processor.capture(now, self.feed.pull(now, self.stream.as_mut()), age), trouble)
    }

    /// When so many more samples at 48 kHz can be heard, where the device knows that.
    pub(super) fn ready_at(&mut self, now: Instant, samples: usize) -> Option<Instant> {
        self.stream.ready_at(now, (samples * self.stream.rate() as usize).div_ceil(RATE as usize))
    }

    /// What is done to its sound.
    #[cfg(test)]
    pub(super) fn processing(&self) -> Processing {
        self.processor.wanted()
    }

    /// What the speaker was just given may be heard here too.
    pub(super) fn refer(&mut self, now: Instant, speaker: &Speaker) {
        let (given, ahead) = speaker.feed.given();
        let delay = ahead + speaker.stream.latency();
        self.processor.render(now, given, speaker.stream.rate(), delay);
    }
}

/// An open speaker.
pub(super) struct Speaker {
    pub(super) stream: Box<dyn Playback>,
    pub(super) feed: SpeakerFeed,
}

impl Speaker {
    /// With the id of its device.
    pub(super) fn new(now: Instant, stream: Box<dyn Playback>) -> Result<(String, Self), PortError> {
        let feed = SpeakerFeed::new(now, stream.rate(), stream.period())
            .map_err(|error| PortError::Failed(error.to_string()))?;
        Ok((stream.device().to_owned(), Self { stream, feed }))
    }
}

/// What suits the devices in use.
fn processing(microphone: &dyn Capture, Clean { echo, noise, level }: Clean, worn: bool) -> Processing {
    if !microphone.hears_room() {
        return Processing::OFF;
    }
    Processing { echo: echo == Echo::On || (echo == Echo::Auto && !worn), noise, level }
}
