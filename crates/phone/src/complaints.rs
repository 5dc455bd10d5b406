//! What the log says of those who misbehave: each reason once, and then how often it came, so that a flood makes few lines
//! (CONFORMANCE S24, S33).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    contract::{AccountId, CallId},
    fault::Fault,
    words::Words,
};

/// So long a reason is counted before it is said again.
pub(crate) const QUIET: Duration = Duration::from_secs(60);

/// What was complained of. The reasons are words of the program, so there are never many.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    counted: BTreeMap<&'static str, Counted>,
}

#[derive(Debug)]
struct Counted {
    more: u64,
    until: Instant,
}

impl Complaints {
    /// Something is wrong for this reason. Is it to be said now? Else it is counted.
    pub(crate) fn is_new(&mut self, now: Instant, why: &'static str) -> bool {
        match self.counted.get_mut(why) {
            Some(counted) => {
                counted.more = counted.more.saturating_add(1);
                false
            }
            None => self.counted.insert(why, Counted { more: 0, until: now + QUIET }).is_none(),
        }
    }

    /// A call, or a change of one, fails for this reason.
    pub(crate) fn fault(&mut self, now: Instant, account: &AccountId, call: &CallId, fault: &Fault) {
        if self.is_new(now, fault.code.as_str()) {
            let told = Words::of("en").error(fault);
            let why = told.why.unwrap_or_default();
            let (code, sip, detail) = (fault.code.as_str(), fault.sip, fault.detail.as_deref());
            tracing::info!(%account, %call, code, sip, detail, "a call fails: {}. {why}", told.message);
        }
    }

    /// Says how often calls failed since it was said.
    pub(crate) fn tell_due(&mut self, now: Instant) {
        for (code, more) in self.take_due(now) {
            tracing::info!("and {more} more calls that failed: {code}");
        }
    }

    /// When [`Self::take_due`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.counted.values().map(|counted| counted.until).min()
    }

    /// The reasons whose time is over, and how often each came since it was said. One that did not is forgotten.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<(&'static str, u64)> {
        let mut due = Vec::new();
        self.counted.retain(|why, counted| {
            if counted.until > now {
                return true;
            }
            counted.until = now + QUIET;
            let more = std::mem::take(&mut counted.more);
            due.extend((more > 0).then_some((*why, more)));
            more > 0
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use tracing_subscriber::{fmt::MakeWriter, util::SubscriberInitExt};
    use wss::LinkEvent;

    use super::*;
    use crate::run::{Connection, connection::tests::connection};

    /// What was logged.
    #[derive(Clone, Default)]
    struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Log {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    impl Log {
        fn lines(&self) -> Vec<String> {
            let text = std::mem::take(&mut *self.0.lock().unwrap());
            String::from_utf8(text).unwrap().lines().map(str::to_owned).collect()
        }
    }

    fn listen() -> (Log, tracing::subscriber::DefaultGuard) {
        let log = Log::default();
        let heard = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_ansi(false);
        (log.clone(), heard.with_writer(log).finish().set_default())
    }

    fn request(number: u32, method: &str, more: &str) -> String {
        format!(
            "{method} sip:anna@server.example SIP/2.0\nVia: SIP/2.0/WSS s;branch=z9hG4bK{number}\nFrom: <sip:b@c>;tag=f\n\
             To: <sip:anna@server.example>\nCall-ID: {number}\nCSeq: 1 {method}\nContact: <sip:b@c>\n{more}\n\n"
        )
    }

    fn hear(own: &mut Connection, now: Instant, message: &str) {
        own.on_link(now, LinkEvent::Message(message.replace('\n', "\r\n").into()));
    }

    #[test]
    fn whatever_is_refused_or_dropped_is_in_the_log_in_words() {
        let now = Instant::now();
        let ask = |method, more| request(1, method, more);
        let response = "SIP/2.0 200 OK\nVia: SIP/2.0/WSS x.invalid;branch=z9hG4bKx\nFrom: <sip:b@c>;tag=f\nTo: <sip:b@c>\n\
            Call-ID: x\nCSeq: 1 OPTIONS\n\n";
        for (message, words) in [
            (ask("REFER", ""), "REFER answered 405: a method that this phone does not serve"),
            (
                ask("INVITE", "").replacen("sip:anna", "tel:anna", 1),
                "answered 416: a Request-URI that is not sip or sips",
            ),
            (ask("INVITE", "").replacen("sip:anna", "sip:eve", 1), "INVITE answered 404: it is for somebody else"),
            (ask("INVITE", "Require: x-odd"), "answered 420: it requires an extension that this phone does not have"),
            (ask("INVITE", "Content-Type: text/html\n\n<b>"), "answered 415: a body that is no session description"),
            (ask("BYE", ""), "BYE answered 481: it belongs to no call"),
            (ask("CANCEL", ""), "CANCEL answered 481: a CANCEL of nothing that is open"),
            (ask("NOTIFY", "Event: presence"), "NOTIFY answered 489: an event that nobody asked for"),
            (ask("ACK", ""), "ACK left aside: an ACK of nothing that waits for one"),
            (response.to_owned(), "response left aside: a response to nothing that waits for one"),
            (ask("INVITE", "Session-Expires: 1\nSupported: timer"), "422: a session that is to be refreshed too often"),
            (ask("INVITE", "").replace("SIP/2.0\nVia", "SIP/3.0\nVia"), "misbehaves: the version is not SIP/2.0"),
            (
                ask("INVITE", "").replace("CSeq: 1 I", "CSeq: x I"),
                "misbehaves: a mandatory header is missing or malformed",
            ),
            (ask("INVITE", "").replace("Contact: <sip:b@c>\n", ""), "misbehaves: an INVITE without a Contact"),
            ("canary".to_owned(), "misbehaves: the first line is no SIP start line"),
        ] {
            let (log, _guard) = listen();
            hear(&mut connection(now), now, &message);
            let lines = log.lines();
            assert_eq!(lines.len(), 1, "{message}: {lines:?}");
            assert!(lines[0].contains(words) && lines[0].contains("server.example"), "{message}: {lines:?}");
            assert!(!lines[0].contains("canary"), "{lines:?}");
        }
    }

    #[test]
    fn a_flood_of_one_reason_makes_few_lines() {
        let now = Instant::now();
        let (log, _guard) = listen();
        let mut own = connection(now);
        for number in 0..1_234 {
            hear(&mut own, now, &request(number, "REFER", ""));
        }
        assert_eq!(log.lines().len(), 1);
        assert!(own.next_deadline().is_some_and(|at| at <= now + QUIET));
        own.on_timeout(now + QUIET);
        let lines = log.lines();
        assert!(
            matches!(&lines[..], [line] if line.contains("1233 more") && line.contains("server.example")),
            "{lines:?}"
        );
        // What has stopped is forgotten, and said anew when it comes again.
        own.on_timeout(now + 2 * QUIET);
        assert_eq!((log.lines().len(), own.complaints.next_deadline()), (0, None));
        hear(&mut own, now + 2 * QUIET, &request(1_234, "REFER", ""));
        assert_eq!(log.lines().len(), 1);
    }
}
