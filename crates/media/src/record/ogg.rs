//! Ogg Opus (RFC 7845): a file that can be played as far as it was written, whenever the writing ends.

use std::io::{self, Write};

use ogg::{PacketWriteEndInfo, PacketWriter};
use opus::{Application, Bitrate, Channels, Encoder};

use super::Frame;
use crate::{RATE, error::SoundError};

/// Bits per second of the two channels together.
const BITRATE: i32 = 64_000;
/// Frames of a packet: 20 ms.
const PACKET: usize = RATE as usize / 50;
/// Packets of a page: a second (RFC 7845 section 6 asks for no more).
const PAGE: u32 = 50;

/// Writes two voices as one stereo stream.
pub struct OggOpus<W: Write> {
    writer: PacketWriter<'static, W>,
    encoder: Encoder,
    serial: u32,
    /// Samples that do not fill a packet yet, the channels in turn.
    waiting: Vec<f32>,
    /// The packet before: the last one of the file carries a mark of its own.
    held: Option<(Vec<u8>, u64)>,
    packets: u32,
    /// Samples that a player leaves out at the beginning (RFC 7845 section 4.2).
    pre_skip: u16,
    /// Frames that were given.
    given: u64,
    /// Frames that are in packets.
    encoded: u64,
    /// Frames that are in pages which the file took.
    whole: u64,
}

impl<W: Write> OggOpus<W> {
    /// Writes the two headers. `serial` tells this stream from others, should files ever be joined.
    ///
    /// # Errors
    /// What the file says, or libopus.
    pub fn new(inner: W, serial: u32) -> io::Result<Self> {
        let mut encoder = Encoder::new(RATE, Channels::Stereo, Application::Audio).map_err(other)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE)).map_err(other)?;
        let pre_skip = u16::try_from(encoder.get_lookahead().map_err(other)?).unwrap_or_default();
        let mut writer = PacketWriter::new(inner);
        // Each header has a page to itself (RFC 7845 section 3).
        writer.write_packet(head(pre_skip), serial, PacketWriteEndInfo::EndPage, 0)?;
        writer.write_packet(tags(), serial, PacketWriteEndInfo::EndPage, 0)?;
        writer.inner_mut().flush()?;
        let (waiting, held) = (Vec::with_capacity(4 * PACKET), None);
        Ok(Self { writer, encoder, serial, waiting, held, packets: 0, pre_skip, given: 0, encoded: 0, whole: 0 })
    }

    /// Adds frames of 48 kHz.
    ///
    /// # Errors
    /// What the file says: a full disk, for one. What was written before can be played.
    pub fn write(&mut self, frames: &[Frame]) -> io::Result<()> {
        self.given += frames.len() as u64;
        self.waiting.extend(frames.as_flattened());
        while self.waiting.len() >= 2 * PACKET {
            self.packet()?;
        }
        Ok(())
    }

    /// Frames that can be played, whatever becomes of the writing from now on: of those that were given, all but the last two
    /// seconds at most.
    pub fn whole(&self) -> u64 {
        self.whole
    }

    /// Ends the stream so that it is as long as what was given (RFC 7845 section 4.1 and 4.4).
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn finish(mut self) -> io::Result<()> {
        let end = self.given + u64::from(self.pre_skip);
        while self.encoded < end {
            self.waiting.resize(2 * PACKET, 0.0);
            self.packet()?;
        }
        if let Some((packet, _)) = self.held.take() {
            self.writer.write_packet(packet, self.serial, PacketWriteEndInfo::EndStream, end)?;
        }
        self.writer.inner_mut().flush()
    }

    fn packet(&mut self) -> io::Result<()> {
        let packet = self.encoder.encode_vec_float(&self.waiting[..2 * PACKET], 1275).map_err(other)?;
        self.waiting.drain(..2 * PACKET);
        self.encoded += PACKET as u64;
        let Some((before, end)) = self.held.replace((packet, self.encoded)) else { return Ok(()) };
        self.packets += 1;
        if self.packets.is_multiple_of(PAGE) {
            self.writer.write_packet(before, self.serial, PacketWriteEndInfo::EndPage, end)?;
            // What a crash leaves behind is whole to here.
            self.writer.inner_mut().flush()?;
            self.whole = end - u64::from(self.pre_skip);
            Ok(())
        } else {
            self.writer.write_packet(before, self.serial, PacketWriteEndInfo::NormalPacket, end)
        }
    }
}

/// RFC 7845 section 5.1, channel mapping family 0: left is the near end, right the far end.
fn head(pre_skip: u16) -> Vec<u8> {
    let mut head = b"OpusHead\x01\x02".to_vec();
    head.extend(pre_skip.to_le_bytes());
    head.extend(RATE.to_le_bytes());
    head.extend([0, 0, 0]);
    head
}

/// RFC 7845 section 5.2: who wrote it, and no comments.
fn tags() -> Vec<u8> {
    let vendor = b"Bellbird";
    let mut tags = b"OpusTags".to_vec();
    tags.extend((vendor.len() as u32).to_le_bytes());
    tags.extend(vendor);
    tags.extend(0_u32.to_le_bytes());
    tags
}

fn other(error: impl Into<SoundError>) -> io::Error {
    io::Error::other(error.into())
}
