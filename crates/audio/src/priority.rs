//! The priority of threads that move sound. A desktop gives it by rtkit, to which everybody may turn; where there is none, a
//! thread goes on as it is. A nice level and no more: of a thread in real time rtkit demands a limit of its time, and one that
//! reaches it has its whole process killed.

use std::{thread, time::Duration};

/// What PulseAudio and PipeWire ask for their own clients.
const NICE: i32 = -11;
/// How long the system may take for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
const RTKIT: &str = "org.freedesktop.RealtimeKit1";
const PATH: &str = "/org/freedesktop/RealtimeKit1";

/// Asks that the calling thread goes before those that can wait. Returns at once: another thread waits for the answer.
pub(crate) fn raise() {
    let own = rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs();
    let asked = thread::Builder::new().name("priority".into()).spawn(move || {
        if let Err(error) = ask(u64::from(own)) {
            tracing::debug!(%error, "no priority is to be had for sound");
        }
    });
    if let Err(error) = asked {
        tracing::debug!(%error, "no thread is to be had");
    }
}

fn ask(thread: u64) -> zbus::Result<()> {
    let bus = zbus::blocking::connection::Builder::system()?.method_timeout(PATIENCE).build()?;
    // It does not know how to tell all of its properties at once, as a cache wants them.
    let rtkit: zbus::blocking::Proxy<'_> = zbus::blocking::proxy::Builder::new(&bus)
        .destination(RTKIT)?
        .path(PATH)?
        .interface(RTKIT)?
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()?;
    let least: i32 = rtkit.get_property("MinNiceLevel")?;
    rtkit.call("MakeThreadHighPriority", &(thread, NICE.max(least)))
}
