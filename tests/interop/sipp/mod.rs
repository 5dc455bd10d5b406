//! SIPp plays a plain phone on UDP.

use std::process::Command;

use acceptance::{PATIENCE, port, process::Process, repository};

use crate::suite::{Missing, installed};

/// A plain phone. What it hears it says again.
pub(crate) struct Plain {
    process: Process,
}

impl Plain {
    /// Waits for a call on `port` and does what the scenario `name` says.
    pub(crate) fn waiting(test: &str, name: &str, port: u16) -> Result<Self, Missing> {
        let mut plain = Self::start(test, name, port, &[])?;
        plain.process.wait_for_udp(port, PATIENCE);
        Ok(plain)
    }

    /// Calls `user` through the proxy on the UDP port `proxy`, as the scenario `name` says.
    pub(crate) fn calling(test: &str, name: &str, user: &str, proxy: u16) -> Result<Self, Missing> {
        Self::start(test, name, port::free(), &["-s", user, &format!("127.0.0.1:{proxy}")])
    }

    fn start(test: &str, name: &str, port: u16, more: &[&str]) -> Result<Self, Missing> {
        let program = installed("sipp", "sip-tester")?;
        let mut command = Command::new(program);
        command.arg("-sf").arg(repository().join("tests/interop/sipp").join(name).with_extension("xml"));
        command.args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-rtp_echo", "-m", "1", "-nostdin"]);
        command.args(["-p", &port.to_string(), "-mp", &port::range(4).to_string()]);
        command.args(["-timeout", &format!("{}s", PATIENCE.as_secs()), "-timeout_error"]);
        command.args(["-trace_msg", "-message_file"]).arg(acceptance::artefacts(test).join(format!("{name}-sip.log")));
        command.args(["-trace_err", "-error_file"]).arg(acceptance::artefacts(test).join(format!("{name}-errors.log")));
        command.args(more);
        Ok(Self { process: Process::start(test, name, &mut command) })
    }

    /// Waits until the scenario is over; it must have gone as it is written.
    pub(crate) fn done(mut self) {
        let status = self.process.wait_for_end(PATIENCE);
        if !status.success() {
            self.process.give_up(&format!("the call did not go as its scenario says ({status})"));
        }
    }
}
