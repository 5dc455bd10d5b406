//! Sound that was encoded elsewhere.

use super::Capture;

impl Capture {
    /// Makes a packet of a payload of the agreed codec, after the one before; time goes on by as much as it lasts. `None`
    /// while no sound is sent, or when it is no payload of the codec.
    pub fn forward(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let samples = self.encoder.as_ref()?.codec().duration(payload)?;
        // Sound of half a frame gives way to it.
        self.elapsed += self.frame.len() as u64;
        self.frame.clear();
        let timestamp = self.timestamp();
        self.elapsed += samples as u64;
        if !self.sending {
            self.marker = true;
            return None;
        }
        let marker = std::mem::take(&mut self.marker);
        Some(self.packet(self.payload_type, marker, timestamp, payload))
    }
}
