//! Devices that ring beside the ringer, so that a call is heard by who does not wear the headset. They only ever help: one
//! that does not open, or is lost, is left out until the next call.

use std::time::Instant;

use media::{
    port::{Health, Playback, PortDevice, PortError},
    tone::Tone,
};

use super::{desk::Desk, slot::drop_aside, streams::Speaker, tones::Tones};

/// All that are open, are being opened, or failed.
#[derive(Default)]
pub(super) struct Bells(Vec<Bell>);

struct Bell {
    id: String,
    is: Is,
}

enum Is {
    Opening(u64),
    Open(Box<(Speaker, Tones)>),
    Failed,
}

impl Bells {
    /// Opens those that are wanted and there, and closes the others.
    pub(super) fn settle(&mut self, wanted: &[String], desk: &mut Desk) {
        for bell in self.0.extract_if(.., |bell| !wanted.contains(&bell.id)) {
            if let Is::Open(open) = bell.is {
                drop_aside(Some(open.0));
            }
        }
        for id in wanted {
            if self.0.iter().all(|bell| bell.id != *id) {
                self.0.push(Bell { id: id.clone(), is: Is::Opening(desk.open_bell(id)) });
            }
        }
    }

    /// The desk opened one, or could not. What nobody wants any more is closed.
    pub(super) fn opened(&mut self, now: Instant, ticket: u64, opened: Result<Box<dyn Playback>, PortError>) {
        let waits = |bell: &&mut Bell| matches!(bell.is, Is::Opening(own) if own == ticket);
        let Some(bell) = self.0.iter_mut().find(waits) else { return drop_aside(opened.ok()) };
        bell.is = match opened.and_then(|stream| Speaker::new(now, stream)) {
            Ok((_, speaker)) => Is::Open(Box::new((speaker, Tones::default()))),
            Err(why) => {
                tracing::warn!(device = bell.id, %why, "a device does not open to ring");
                Is::Failed
            }
        };
    }

    /// Rings with this tone, or fades.
    pub(super) fn ring(&mut self, now: Instant, tone: Option<Tone>) {
        for bell in &mut self.0 {
            let Is::Open(open) = &mut bell.is else { continue };
            let (Speaker { stream, feed }, tones) = &mut **open;
            if let Health::Lost(why) = stream.health(now) {
                tracing::warn!(device = bell.id, %why, "a device that rang is lost");
                if let Is::Open(open) = std::mem::replace(&mut bell.is, Is::Failed) {
                    drop_aside(Some(open.0));
                }
                continue;
            }
            tones.set(tone);
            feed.push(now, stream.as_mut(), |_, out| {
                out.fill(0.0);
                tones.mix(out, false);
            });
        }
    }
}

/// Which of the devices that are wished for ring beside the ringer: those that are there, each once.
pub(super) fn beside(ringer: Option<&str>, wishes: &[String], there: &[PortDevice]) -> Vec<String> {
    let speakers = || there.iter().filter(|device| device.direction == media::port::PortDirection::Playback);
    let mut beside: Vec<String> = Vec::new();
    for wish in wishes {
        let device = speakers().find(|device| if wish == "default" { device.is_default } else { device.id == *wish });
        if let Some(device) = device.filter(|device| Some(device.id.as_str()) != ringer && !beside.contains(&device.id))
        {
            beside.push(device.id.clone());
        }
    }
    beside
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use media::level::rms_dbfs;

    use super::*;
    use crate::{sound::Buffers, voice::desk::Told};

    #[test]
    fn a_bell_rings_and_fades() {
        let (port, heard) = Buffers::new(|_| {});
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        let (mut desk, mut worker) = Desk::new(Box::new(port), tell);
        let (mut bells, start) = (Bells::default(), Instant::now());
        bells.settle(&["buffer-speaker".into(), "gone".into()], &mut desk);
        worker.serve_all();
        while let Ok(told) = told.try_recv() {
            if let Told::Bell { ticket, opened } = told {
                bells.opened(start, ticket, opened);
            }
        }
        let mut ring = |from: u32, tone| {
            (from..from + 100).for_each(|tick| bells.ring(start + Duration::from_millis(10) * tick, tone));
        };
        ring(0, Some(Tone::Ring));
        assert!(rms_dbfs(&heard.since(24_000)) > -40.0);
        ring(100, None);
        assert!(rms_dbfs(&heard.since(heard.len() - 24_000)) < -90.0);
        bells.settle(&[], &mut desk);
        assert!(bells.0.is_empty());
    }
}
