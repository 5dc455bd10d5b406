//! A sound server that speaks PulseAudio's protocol, as PipeWire does too. cpal knows one as well, but asks it for the time
//! after each block and clears a megabyte before it reads, which costs a quarter of a core in a call; and it does not see
//! when the server takes a stream away from its device (R17).
//!
//! Each stream has a connection of its own, which ends it when it is closed.

mod events;
mod stream;

use std::{
    ffi::{CStr, CString},
    io::{self, BufReader, Write},
    os::unix::net::UnixStream,
    time::Duration,
};

use media::port::{DeviceKind, PortDevice, PortDirection, PortError};
use pulseaudio::protocol::{
    self, ChannelMap, Command, CommandReply, ProtocolError, PulseError, SampleSpec, ServerInfo, SinkInfoList,
    SourceInfoList,
};

pub(crate) use self::{
    events::Events,
    stream::{Microphone, Speaker},
};
use crate::open::End;

/// How long the server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// What an id begins with.
const PREFIX: &str = "pulseaudio:";

/// A connection to the server.
pub(crate) struct Link {
    socket: BufReader<UnixStream>,
    version: u16,
    /// The number of the last command.
    sent: u32,
}

/// A device as the server knows it.
struct Known {
    id: String,
    name: String,
    index: u32,
    spec: SampleSpec,
    map: ChannelMap,
    is_default: bool,
}

impl Link {
    /// Connects, where there is a server.
    pub(crate) fn open() -> Option<Self> {
        Self::try_open().inspect_err(|error| tracing::debug!(%error, "there is no sound server")).ok()
    }

    fn try_open() -> Result<Self, ProtocolError> {
        let path = pulseaudio::socket_path_from_env().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok()).unwrap_or_default();
        let socket = UnixStream::connect(path)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut link = Self { socket: BufReader::new(socket), version: protocol::MAX_VERSION, sent: 0 };
        let auth =
            protocol::AuthParams { version: protocol::MAX_VERSION, supports_shm: false, supports_memfd: false, cookie };
        let reply: protocol::AuthReply = link.ask(&Command::Auth(auth))?;
        link.version = reply.version.min(protocol::MAX_VERSION);
        let mut about = protocol::Props::new();
        about.set(protocol::Prop::ApplicationName, c"Bellbird");
        let _: protocol::SetClientNameReply = link.ask(&Command::SetClientName(about))?;
        Ok(link)
    }

    /// Sends a command and gives its number.
    fn send(&mut self, command: &Command) -> Result<u32, ProtocolError> {
        self.sent = self.sent.wrapping_add(1);
        // At once, for each of its parts would wake the server.
        let mut message = Vec::new();
        protocol::write_command_message(&mut message, self.sent, command, self.version)?;
        self.socket.get_mut().write_all(&message)?;
        Ok(self.sent)
    }

    fn ask<R: CommandReply>(&mut self, command: &Command) -> Result<R, ProtocolError> {
        self.send(command)?;
        Ok(protocol::read_reply_message(&mut self.socket, self.version)?.1)
    }

    /// The socket, for whoever ends the connection. From now on a read waits as long as it takes.
    fn handle(&self) -> io::Result<UnixStream> {
        self.socket.get_ref().set_read_timeout(None)?;
        self.socket.get_ref().try_clone()
    }

    /// All devices.
    ///
    /// # Errors
    /// What the server says, or that it says nothing.
    pub(crate) fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        let mut found = Vec::new();
        for (end, direction) in [(End::Input, PortDirection::Capture), (End::Output, PortDirection::Playback)] {
            found.extend(self.known(end).map_err(word)?.into_iter().map(|device| PortDevice {
                kind: DeviceKind::from_name(&device.name),
                name: device.name,
                direction,
                is_default: device.is_default,
                id: device.id,
            }));
        }
        Ok(found)
    }

    fn known(&mut self, end: End) -> Result<Vec<Known>, ProtocolError> {
        let server: ServerInfo = self.ask(&Command::GetServerInfo)?;
        let known = |name: CString, about: Option<CString>, index, spec, map, default: &Option<CString>| Known {
            id: format!("{PREFIX}{}", text(&name)),
            name: text(about.as_ref().unwrap_or(&name)),
            is_default: default.as_ref() == Some(&name),
            index,
            spec,
            map,
        };
        if end == End::Output {
            let sinks: SinkInfoList = self.ask(&Command::GetSinkInfoList)?;
            let default = &server.default_sink_name;
            return Ok(sinks
                .into_iter()
                .map(|sink| known(sink.name, sink.description, sink.index, sink.sample_spec, sink.channel_map, default))
                .collect());
        }
        let sources: SourceInfoList = self.ask(&Command::GetSourceInfoList)?;
        let default = &server.default_source_name;
        // Every sink has a source beside it that hears what it plays; where there is no microphone, that is even the
        // default one. It is none: the far end would hear itself.
        Ok(sources
            .into_iter()
            .filter(|source| source.monitor_of_sink_index.is_none())
            .map(|own| known(own.name, own.description, own.index, own.sample_spec, own.channel_map, default))
            .collect())
    }

    /// The device of that id, or the default one.
    fn find(&mut self, end: End, id: Option<&str>) -> Result<Known, PortError> {
        let mut all = self.known(end).map_err(word)?.into_iter();
        match id {
            Some(id) => all.find(|device| device.id == id).ok_or_else(|| PortError::NoSuchDevice(id.to_owned())),
            None => all.find(|device| device.is_default).ok_or(PortError::NoDevice),
        }
    }
}

fn text(name: &CStr) -> String {
    name.to_string_lossy().into_owned()
}

/// The port's word for an error.
fn word(error: ProtocolError) -> PortError {
    let text = error.to_string();
    match error {
        ProtocolError::ServerError(PulseError::AccessDenied) => PortError::Denied(text),
        ProtocolError::ServerError(PulseError::Busy) => PortError::Busy(text),
        // It was there a moment ago.
        ProtocolError::ServerError(PulseError::NoEntity | PulseError::Killed) | ProtocolError::Io(_) => {
            PortError::Gone(text)
        }
        _ => PortError::Failed(text),
    }
}
