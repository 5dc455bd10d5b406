//! The door to sound devices: traits and plain data.
//!
//! `audio` (cpal) and `phone` (WAV files, silence) stand behind these traits, the media thread before them. Nothing
//! here opens anything by itself. All sound is mono `f32` in −1..=1 at the stream's own [`Capture::rate`] or
//! [`Playback::rate`]; [`crate::resample`] brings it to the 48 kHz of the pipeline.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Something that lists sound devices and opens streams on them.
pub trait SoundPort: Send {
    /// All devices there are now. Cheap enough to be called every two seconds.
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError>;

    /// Calls `changed` whenever devices come or go or another one becomes the default, from any thread and for as long as
    /// the port lives. Where the system tells nothing, it is never called: list the devices now and then too.
    fn watch(&mut self, changed: Arc<dyn Fn() + Send + Sync>) {
        drop(changed);
    }

    /// Asks the system that the calling thread, which moves sound, goes before those that can wait. Does not wait for the
    /// answer, and changes nothing where the system has no such thing.
    fn raise_priority(&self) {}

    /// Opens a microphone; `None` is the system's default. Returns within the port's own time limit.
    fn open_capture(&mut self, id: Option<&str>) -> Result<Box<dyn Capture>, PortError>;

    /// Opens a speaker; `None` is the system's default. Returns within the port's own time limit.
    fn open_playback(&mut self, id: Option<&str>) -> Result<Box<dyn Playback>, PortError>;
}

/// A running microphone stream. Dropping it closes the device.
pub trait Capture: Send {
    /// Frames per second, 8 000..=192 000; constant for the life of the stream.
    fn rate(&self) -> u32;

    /// Appends all samples that arrived since the last call to `out`; may append none. Never blocks.
    fn read(&mut self, now: Instant, out: &mut Vec<f32>);

    /// When so many frames more than were read can be read, as far as that can be known: for who wants them as soon as they
    /// are there. Less may be there then, and it is asked again.
    fn ready_at(&mut self, now: Instant, frames: usize) -> Option<Instant> {
        let _ = (now, frames);
        None
    }

    /// Whether the device still delivers. Once [`Health::Lost`], the stream stays lost: drop it and open another.
    fn health(&mut self, now: Instant) -> Health;

    /// The id of the device that was really opened.
    fn device(&self) -> &str;

    /// How old the first of what comes at once is when it can be read, as far as the device tells.
    fn latency(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether it hears a room. What comes from a file or from memory does not: there is nothing to be cleaned of it.
    fn hears_room(&self) -> bool {
        true
    }
}

/// A running speaker stream. Dropping it closes the device.
pub trait Playback: Send {
    /// Frames per second, 8 000..=192 000; constant for the life of the stream.
    fn rate(&self) -> u32;

    /// Queues samples and returns how many were accepted; the rest did not fit. Never blocks.
    fn write(&mut self, now: Instant, samples: &[f32]) -> usize;

    /// Frames accepted and not yet taken by the device, as of the last [`Self::write`] or [`Self::health`].
    fn queued(&self) -> usize;

    /// Whether the device still takes samples. Once [`Health::Lost`], the stream stays lost.
    fn health(&mut self, now: Instant) -> Health;

    /// The id of the device that was really opened.
    fn device(&self) -> &str;

    /// What the device takes at once.
    fn period(&self) -> Duration {
        Duration::from_millis(20)
    }

    /// How long after the device took it a sample is heard, as far as the device tells.
    fn latency(&self) -> Duration {
        Duration::ZERO
    }
}

/// One sound device as a person knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortDevice {
    /// Stable over restarts and re-plugging, unique within its direction.
    pub id: String,
    /// What the system calls it.
    pub name: String,
    /// What sort of thing it is, as far as its name tells.
    pub kind: DeviceKind,
    /// Microphone or speaker.
    pub direction: PortDirection,
    /// Whether the system would pick it when nobody chooses.
    pub is_default: bool,
}

/// What sort of device it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// Worn: headset, headphones, earbuds.
    Headset,
    /// Loudspeakers, built in or free-standing.
    Speakers,
    /// Anything else.
    Other,
}

impl DeviceKind {
    /// Guesses from the device's name, because no system says it outright.
    pub fn from_name(name: &str) -> Self {
        const WORN: [&str; 8] =
            ["headset", "headphone", "earphone", "earbud", "airpods", "buds", "hands-free", "handsfree"];
        const LOUD: [&str; 4] = ["speaker", "loudspeaker", "built-in audio", "hdmi"];
        let name = name.to_lowercase();
        if WORN.iter().any(|word| name.contains(word)) {
            Self::Headset
        } else if LOUD.iter().any(|word| name.contains(word)) {
            Self::Speakers
        } else {
            Self::Other
        }
    }
}

/// Which way the sound goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortDirection {
    /// A microphone: sound comes in.
    Capture,
    /// A speaker: sound goes out.
    Playback,
}

/// How a stream is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Samples flow.
    Ok,
    /// No samples flow any more, for this reason.
    Lost(PortError),
}

/// Why there is no sound device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// There is no device of this direction at all.
    #[error("there is no device")]
    NoDevice,
    /// The chosen device is not (or no longer) there.
    #[error("device {0} is not there")]
    NoSuchDevice(String),
    /// Another program holds the device for itself.
    #[error("device is busy: {0}")]
    Busy(String),
    /// The system does not let us use it.
    #[error("permission denied: {0}")]
    Denied(String),
    /// The device did not open, or stopped calling, within its time limit.
    #[error("device does not respond")]
    Unresponsive,
    /// The device was there and went away.
    #[error("device was lost: {0}")]
    Gone(String),
    /// The sound system failed in another way.
    #[error("sound system failed: {0}")]
    Failed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_follows_the_name() {
        let cases = [
            ("Jabra Evolve2 Headset Mono", DeviceKind::Headset),
            ("Anna's AirPods Pro", DeviceKind::Headset),
            ("WH-1000XM4 Headphones (speaker jack)", DeviceKind::Headset),
            ("Speaker", DeviceKind::Speakers),
            ("Built-in Audio Analog Stereo", DeviceKind::Speakers),
            ("Monitor of Null Output", DeviceKind::Other),
            ("", DeviceKind::Other),
        ];
        for (name, kind) in cases {
            assert_eq!(DeviceKind::from_name(name), kind, "{name}");
        }
    }
}
