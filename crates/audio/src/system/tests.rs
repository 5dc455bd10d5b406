//! What the real ALSA says of devices that cannot be used. There need be no card: its plug-ins fail as drivers do.
//!
//! ALSA finds its devices by the environment, so the test runs once more, alone, in a child process that is told where.

use std::{fs, process::Command};

use cpal::HostId;

use super::*;
use crate::{capture, open::within_limit, playout};

/// Names the child's devices.
const CONFIG: &str = "ALSA_CONFIG_PATH";
const CHILD: &str = "BELLBIRD_TEST_ALSA";
/// Devices as a person may have them in `~/.asoundrc`; `@FOLDER@` is a folder of the test's own.
const DEVICES: &str = r#"
pcm.absent { type hw card 31 hint { show on description "A card that is not there" } }
pcm.slaveless { type plug slave.pcm "nothing" hint { show on description "A plug without a slave" } }
pcm.typeless { type no_such_type hint { show on description "A plug-in that is not installed" } }
pcm.noserver {
    type shm server "local" pcm default
    hint { show on description "A server that does not run" }
}
server.local { host localhost socket "@FOLDER@/socket" }
pcm.null { type null hint { show on description "Nothing" } }
pcm.stuck {
    type file slave.pcm { type null } file "@FOLDER@/pipe" hint { show on description "A driver that hangs" }
}
"#;

/// Opens the device of that name as the phone does, and gives its stream.
fn open(name: &str, end: End) -> Result<Box<dyn Send>, PortError> {
    let host = cpal::host_from_id(HostId::Alsa).map_err(|error| error::word(&error))?;
    let wanted = format!("alsa:{name}");
    let is_it = |device: &Device| device.id().is_ok_and(|id| id.to_string() == wanted);
    let device = all(&host, end)?.into_iter().find(is_it).expect("what has a hint is listed");
    within_limit(move || match end {
        End::Input => capture::open_device(&device, wanted).map(|own| own.stream),
        End::Output => playout::open_device(&device, wanted).map(|own| own.stream),
    })
}

#[test]
fn what_alsa_refuses_is_told() {
    if std::env::var_os(CHILD).is_some() {
        return judge();
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("asound.conf");
    fs::write(&path, DEVICES.replace("@FOLDER@", &folder.path().display().to_string())).expect("our own folder");
    // Whoever writes into a pipe waits until somebody reads.
    let made = Command::new("mkfifo").arg(folder.path().join("pipe")).status().expect("mkfifo is on every Unix");
    assert!(made.success());
    let status = Command::new(std::env::current_exe().expect("this test has a file"))
        .args(["--exact", "system::tests::what_alsa_refuses_is_told", "--nocapture"])
        .env(CONFIG, &path)
        .env(CHILD, "1")
        .status()
        .expect("this test can be run again");
    assert!(status.success(), "it failed in its own process");
}

fn judge() {
    for end in [End::Output, End::Input] {
        for name in ["absent", "slaveless", "noserver"] {
            let told = open(name, end).err();
            assert!(matches!(told, Some(PortError::Gone(_))), "{name}: {told:?}");
        }
        let told = open("typeless", end).err();
        assert!(matches!(told, Some(PortError::Failed(_))), "{told:?}");
        assert!(open("null", end).is_ok(), "what is well opens beside them");
    }
    assert_eq!(open("stuck", End::Output).err(), Some(PortError::Unresponsive));
    assert!(open("null", End::Output).is_ok(), "it holds nobody else up");
}
