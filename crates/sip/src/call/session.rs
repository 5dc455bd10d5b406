//! Session timers (RFC 4028): the two ends prove now and then that the call is still there.
//!
//! ```text
//! 2xx with Session-Expires ──▶ running ──half, if it is on us──▶ UPDATE, or INVITE where the far end has no UPDATE
//!        ▲                        │ end less min(32 s, a third): BYE            │
//!        └────────────────────────┴──────────────────── 2xx ◀──────────────────┘
//! ```

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Change, cause_of};
use crate::{
    agent::{Outcome, UserAgent},
    event::{CallId, EndCause, EndedBy, Misuse},
    header_name::HeaderName,
    headers::{Headers, Refresher, SessionExpires},
    message::{Request, Response},
    method::Method,
    timer::Timer,
    transaction::{Client, Purpose},
};

/// The shortest interval there is (RFC 4028 4), in seconds.
pub(crate) const LEAST: u32 = 90;
/// The longest that a 422 makes us ask for, in seconds.
const MOST: u32 = 86_400;
/// How often a 422 makes one request longer: a chain of proxies, each with its own least.
const MOST_LONGER: u8 = 4;

/// What a call knows of its session timer.
#[derive(Debug, Default)]
pub(crate) struct SessionTimer {
    running: Option<Running>,
    /// The largest Min-SE that was heard in this dialog (RFC 4028 7.4), in seconds.
    least: u32,
    /// Does the far end take UPDATE?
    pub(crate) by_update: bool,
    /// Is the INVITE under way only a refresh?
    pub(crate) refreshing: bool,
    /// What we described last: a refresh by INVITE says it again.
    pub(crate) sdp: Bytes,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    seconds: u32,
    /// Is it on us to refresh?
    ours: bool,
}

impl SessionTimer {
    /// RFC 4028 7.4: what a request that refreshes says.
    pub(crate) fn describe(&self, request: &mut Request) {
        if let Some(running) = self.running {
            let refresher = Some(if running.ours { Refresher::Uac } else { Refresher::Uas });
            let seconds = running.seconds.max(self.least).max(LEAST);
            request.headers.push(HeaderName::SessionExpires, &SessionExpires { seconds, refresher }.to_string());
        }
        if self.least > 0 {
            request.headers.push(HeaderName::MinSe, &self.least.to_string());
        }
    }

    /// What a message of the far end says that counts later.
    fn hear(&mut self, headers: &Headers) {
        self.least = self.least.max(headers.seconds(&HeaderName::MinSe).unwrap_or(0).min(MOST));
        if headers.get(&HeaderName::Allow).is_some() {
            self.by_update = headers.has_token(&HeaderName::Allow, Method::Update.as_str());
        }
    }
}

impl UserAgent {
    /// RFC 4028 7.1: the timer that a first INVITE asks for. Who refreshes is left open.
    pub(crate) fn wish_for_timer(&self, request: &mut Request) {
        if let Some(wish) = self.config.session_expires {
            let seconds = u32::try_from(wish.as_secs()).unwrap_or(u32::MAX).max(LEAST);
            request.headers.push(HeaderName::SessionExpires, &seconds.to_string());
        }
    }

    /// RFC 4028 9, table 2: what our 2xx to `request` says; nothing when it asks for no timer, or for one that is too
    /// short and that a 422 would not mend.
    fn timer_for(&self, request: &Request) -> Option<SessionExpires> {
        let asked = request.headers.typed::<SessionExpires>()?.ok()?;
        if self.config.session_expires.is_none() || asked.seconds < LEAST {
            return None;
        }
        let supported = request.headers.has_token(&HeaderName::Supported, "timer");
        let refresher = if supported { asked.refresher.unwrap_or(Refresher::Uac) } else { Refresher::Uas };
        Some(SessionExpires { refresher: Some(refresher), ..asked })
    }

    /// What a 2xx of ours to `request` says of the timer.
    pub(crate) fn timer_headers(&self, request: &Request) -> Vec<(HeaderName, String)> {
        let mut headers = Vec::new();
        if let Some(timer) = self.timer_for(request) {
            headers.push((HeaderName::SessionExpires, timer.to_string()));
            if request.headers.has_token(&HeaderName::Supported, "timer") {
                headers.push((HeaderName::Require, "timer".to_owned()));
            }
        }
        headers
    }

    /// Our 2xx to `request` is sent: from now the session runs as it says.
    pub(crate) fn timer_granted(&mut self, now: Instant, call: CallId, request: &Request) {
        let running = self
            .timer_for(request)
            .map(|timer| Running { seconds: timer.seconds, ours: timer.refresher == Some(Refresher::Uas) });
        self.run_session(now, call, running, &request.headers);
    }

    /// A 2xx to a request of ours came (RFC 4028 7.2). Without a Session-Expires there is no timer, or no more.
    pub(crate) fn timer_agreed(&mut self, now: Instant, call: CallId, headers: &Headers) {
        let running =
            headers.typed::<SessionExpires>().and_then(Result::ok).filter(|_| self.config.session_expires.is_some());
        // RFC 4028 4: nobody may want less than the least, so that nobody makes us send without end (11.1).
        let running = running
            .map(|timer| Running { seconds: timer.seconds.max(LEAST), ours: timer.refresher != Some(Refresher::Uas) });
        self.run_session(now, call, running, headers);
    }

    fn run_session(&mut self, now: Instant, call: CallId, running: Option<Running>, headers: &Headers) {
        self.timers.cancel(Timer::SessionRefresh(call));
        self.timers.cancel(Timer::SessionEnd(call));
        let Some(established) = self.established(call) else { return };
        established.session.hear(headers);
        established.session.running = running;
        let Some(Running { seconds, ours }) = running else { return };
        // RFC 4028 10: a little before the end, for what lies between forgets us at the end.
        let margin = (seconds / 3).min(32);
        self.timers.set(now + Duration::from_secs(u64::from(seconds - margin)), Timer::SessionEnd(call));
        if ours {
            self.timers.set(now + Duration::from_secs(u64::from(seconds / 2)), Timer::SessionRefresh(call));
        }
    }

    /// Half the interval has gone, and it is on us.
    pub(crate) fn refresh_session(&mut self, now: Instant, call: CallId) {
        let link = self.link;
        let Some(established) = self.established(call) else { return };
        let Some(Running { seconds, .. }) = established.session.running else { return };
        let busy = !matches!(established.change, Change::None) || established.unacked.is_some();
        if !link || busy {
            // A change that is under way refreshes too, once it is through; without a link there is nobody to ask.
            self.timers.set(now + Duration::from_secs(u64::from(seconds / 16)), Timer::SessionRefresh(call));
        } else if established.session.by_update {
            let _ = self.update(now, call);
        } else if !established.session.sdp.is_empty() {
            established.session.refreshing = true;
            let sdp = established.session.sdp.clone();
            let _ = self.offer(now, call, sdp);
        }
    }

    /// An UPDATE that only says that we are still here (RFC 3311, RFC 4028 7.4).
    fn update(&mut self, now: Instant, call: CallId) -> Result<(), Misuse> {
        let established = self.established(call).ok_or(Misuse::WrongState)?;
        let mut request = established.dialog.request(Method::Update, None);
        established.session.describe(&mut request);
        request.headers.push(HeaderName::Contact, &self.contact_in(call));
        self.describe(&mut request);
        self.send(now, request, Purpose::Refresh(call)).map(|_| ())
    }

    /// What became of an UPDATE that refreshes.
    pub(crate) fn refresh_outcome(&mut self, now: Instant, call: CallId, outcome: &Outcome) {
        let status = outcome.status();
        if status.is_provisional() {
            return;
        }
        if let Outcome::Response(response) = outcome
            && status.is_success()
        {
            if let Some(established) = self.established(call) {
                established.dialog.refresh_target(&response.headers);
            }
            return self.timer_agreed(now, call, &response.headers);
        }
        self.refresh_failed(now, call, outcome);
    }

    /// RFC 4028 10: a far end that knows no such call ends it; another refusal is not asked for over and over, and the
    /// end of the session comes when it comes.
    pub(crate) fn refresh_failed(&mut self, now: Instant, call: CallId, outcome: &Outcome) {
        match outcome {
            Outcome::Link => self.refresh_session(now, call),
            Outcome::Timeout => self.bye_and_end(now, call, cause_of(outcome, true)),
            _ if matches!(outcome.status().code(), 408 | 481) => self.bye_and_end(now, call, cause_of(outcome, true)),
            // An UPDATE that is not taken, although it was allowed: an INVITE must be.
            _ => {
                if let Some(established) = self.established(call)
                    && std::mem::take(&mut established.session.by_update)
                {
                    self.refresh_session(now, call);
                }
            }
        }
    }

    /// Nobody refreshed.
    pub(crate) fn session_ended(&mut self, now: Instant, call: CallId) {
        self.bye_and_end(now, call, EndCause::new(EndedBy::Timeout, None, true));
    }

    /// A 422: the same request with a longer interval (RFC 4028 7.3, W12), if it is longer and in reason. Gives back the
    /// transaction when it is not.
    pub(crate) fn lengthen(&mut self, now: Instant, client: Client, response: &Response) -> Option<Client> {
        let asked = client.request.headers.typed::<SessionExpires>().and_then(Result::ok);
        let least = response.headers.seconds(&HeaderName::MinSe).filter(|least| *least <= MOST);
        let (Some(asked), Some(least)) = (asked, least) else { return Some(client) };
        if least <= asked.seconds || client.longer >= MOST_LONGER || !self.may_send_again(client.purpose) {
            return Some(client);
        }
        if let Purpose::Reinvite(call) | Purpose::Refresh(call) = client.purpose
            && let Some(established) = self.established(call)
        {
            established.session.least = established.session.least.max(least);
        }
        let mut request = client.request;
        request.headers.set(HeaderName::SessionExpires, &SessionExpires { seconds: least, ..asked }.to_string());
        request.headers.set(HeaderName::MinSe, &least.to_string());
        let id = self.send_again(now, request, client.purpose, client.tries);
        if let Some(again) = self.transactions.client(id) {
            again.longer = client.longer + 1;
        }
        None
    }
}
