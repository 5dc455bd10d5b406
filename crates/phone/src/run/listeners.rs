//! Who listens: each listener has a queue of its own. It may be slow: it loses levels and quality, never a change. One that
//! has stopped reading loses notices and messages too, for the far ends make those (CONFORMANCE C52, S33).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::contract::{CallId, Line, LineState, PhoneState, Watch};

/// Levels and quality are kept for a listener only while fewer lines wait for it.
const MOST_PASSING: usize = 64;
/// Above so many lines the middle one of three states is left out, and every notice: nobody reads that any more.
const MOST_WAITING: usize = 4096;
/// So many octets of SIP wait for a listener.
const MOST_SIP: usize = 4 * 1024 * 1024;

/// The lines that wait for one listener.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    notify: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Line>,
    /// Octets of SIP in them.
    sip: usize,
    closed: bool,
}

impl Queue {
    /// Puts a line at the end. A state that differs from the one before only in numbers and times replaces it.
    pub(crate) fn push(&self, line: Line) {
        let mut waiting = self.lock();
        if waiting.closed {
            return;
        }
        match &line {
            Line::Levels(_) | Line::Quality(_) if waiting.lines.len() >= MOST_PASSING => return,
            Line::Notice(_) if waiting.lines.len() >= MOST_WAITING => return,
            Line::Sip(message) if waiting.sip + message.text.len() > MOST_SIP => return,
            Line::Sip(message) => waiting.sip += message.text.len(),
            Line::State(state) => {
                if let Some(Line::State(last)) = waiting.lines.back()
                    && (waiting.lines.len() >= MOST_WAITING || same_shape(last, state))
                {
                    waiting.lines.pop_back();
                }
            }
            _ => {}
        }
        waiting.lines.push_back(line);
        drop(waiting);
        self.notify.notify_one();
    }

    /// No more lines come.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.notify.notify_one();
    }

    /// The next line; nothing when no more come.
    pub(crate) async fn next(&self) -> Option<Line> {
        loop {
            let notified = self.notify.notified();
            {
                let mut waiting = self.lock();
                if let Some(line) = waiting.lines.pop_front() {
                    if let Line::Sip(message) = &line {
                        waiting.sip -= message.text.len();
                    }
                    return Some(line);
                }
                if waiting.closed {
                    return None;
                }
            }
            notified.await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All listeners.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    all: BTreeMap<u64, Seat>,
}

#[derive(Debug)]
struct Seat {
    queue: Arc<Queue>,
    levels: bool,
    quality: bool,
    /// Watches SIP, of one call or of all.
    sip: Option<Option<CallId>>,
}

impl Listeners {
    pub(crate) fn add(&mut self, id: u64, queue: Arc<Queue>) {
        self.all.insert(id, Seat { queue, levels: false, quality: false, sip: None });
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.all.remove(&id);
    }

    /// For one listener.
    pub(crate) fn tell(&self, id: u64, line: Line) {
        if let Some(seat) = self.all.get(&id) {
            seat.queue.push(line);
        }
    }

    /// For everybody; levels, quality and SIP only for those who watch.
    pub(crate) fn tell_all(&self, line: &Line) {
        for seat in self.all.values() {
            let wanted = match line {
                Line::Levels(_) => seat.levels,
                Line::Quality(_) => seat.quality,
                Line::Sip(message) => match &seat.sip {
                    Some(Some(call)) => message.call.as_ref() == Some(call),
                    Some(None) => true,
                    None => false,
                },
                Line::Hello(_) | Line::State(_) | Line::Notice(_) | Line::Reply(_) => true,
            };
            if wanted {
                seat.queue.push(line.clone());
            }
        }
    }

    /// A stream begins or ends for one listener.
    pub(crate) fn watch(&mut self, id: u64, watch: Watch, on: Option<Option<CallId>>) {
        let Some(seat) = self.all.get_mut(&id) else { return };
        match watch {
            Watch::Levels => seat.levels = on.is_some(),
            Watch::Quality => seat.quality = on.is_some(),
            Watch::Sip => seat.sip = on,
        }
    }

    /// Does anybody watch levels?
    pub(crate) fn watch_levels(&self) -> bool {
        self.all.values().any(|seat| seat.levels)
    }

    pub(crate) fn close_all(&mut self) {
        for seat in self.all.values() {
            seat.queue.close();
        }
        self.all.clear();
    }
}

/// Do two states differ only in numbers and times within one phase?
pub(crate) fn same_shape(a: &PhoneState, b: &PhoneState) -> bool {
    shape(a) == shape(b)
}

fn shape(state: &PhoneState) -> PhoneState {
    let mut shape = state.clone();
    shape.seq = 0;
    for account in &mut shape.accounts {
        if let LineState::Registered { since, expires_at, proven_at, rtt_ms, .. } = &mut account.line {
            (*expires_at, *proven_at, *rtt_ms) = (*since, *since, None);
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{AccountId, Levels, Notice, Role, SipLine, Timestamp};

    fn levels() -> Line {
        Line::Levels(Levels { call: None, mic: -30.0, far: None })
    }

    #[tokio::test]
    async fn a_slow_listener_loses_levels_and_nothing_else() {
        let (queue, mut listeners) = (Arc::new(Queue::default()), Listeners::default());
        listeners.add(1, Arc::clone(&queue));
        listeners.tell_all(&levels());
        listeners.watch(1, Watch::Levels, Some(None));
        for _ in 0..1000 {
            listeners.tell_all(&levels());
        }
        listeners.tell(1, Line::Notice(Notice::DeviceChanged { role: Role::Mic, device: None }));
        listeners.close_all();
        let (mut count, mut notices) = (0, 0);
        while let Some(line) = queue.next().await {
            count += 1;
            notices += usize::from(matches!(line, Line::Notice(_)));
        }
        assert_eq!((count, notices), (MOST_PASSING + 1, 1));
    }

    #[tokio::test]
    async fn a_listener_that_has_stopped_reading_costs_little() {
        let queue = Queue::default();
        let said = |text: String| {
            Line::Sip(SipLine {
                at: Timestamp::from_unix_ms(0),
                connection: 1,
                account: AccountId::from("a1"),
                call: None,
                out: false,
                text,
            })
        };
        for _ in 0..3 * MOST_WAITING {
            queue.push(Line::Notice(Notice::DeviceChanged { role: Role::Mic, device: None }));
            queue.push(said("x".repeat(8 * 1024)));
        }
        assert!(queue.lock().lines.len() <= MOST_WAITING + MOST_SIP / (8 * 1024));
        let mut octets = 0;
        queue.close();
        while let Some(line) = queue.next().await {
            octets += if let Line::Sip(message) = &line { message.text.len() } else { 0 };
        }
        assert_eq!(octets, MOST_SIP);
        assert_eq!(queue.lock().sip, 0, "who reads again is told again");
    }
}
