//! `devices`: the sound devices of the system, as the phone sees them.

use std::process::ExitCode;

use anyhow::Context;
use media::port::{PortDevice, PortDirection, SoundPort};
use phone::contract::DeviceKind;
use serde::Serialize;

use crate::print;

#[derive(Serialize)]
struct Listed {
    devices: Vec<Row>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    id: String,
    name: String,
    kind: DeviceKind,
    role: &'static str,
    default: bool,
}

/// Lists them. That there is none is no failure.
pub(crate) fn list(json: bool) -> anyhow::Result<ExitCode> {
    let devices = audio::Devices::new().devices().context("the sound devices cannot be listed")?;
    let rows: Vec<_> = devices.into_iter().map(row).collect();
    if json {
        return print(&format!("{}\n", serde_json::to_string(&Listed { devices: rows })?));
    }
    if rows.is_empty() {
        return print("There is no sound device.\n");
    }
    let lines = rows.iter().map(|row| {
        let mark = if row.default { " (default)" } else { "" };
        format!("{:<10}  {}{mark}\n            {}\n", row.role, row.name, row.id)
    });
    print(&lines.collect::<String>())
}

fn row(device: PortDevice) -> Row {
    let role = match device.direction {
        PortDirection::Capture => "microphone",
        PortDirection::Playback => "speaker",
    };
    Row { id: device.id, name: device.name, kind: device.kind.into(), role, default: device.is_default }
}
