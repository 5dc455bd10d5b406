//! The thread that has the file: orders in, answers out, and what cannot be written waits.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{oneshot, watch};

use super::{
    file,
    rows::{self, Search},
};
use crate::{
    account::Profile,
    contract::{AccountId, HistoryRow, Prefer, Settings},
    fault::Fault,
};

/// The most writes that wait for a disk that works again; the oldest rows of history go first (R19).
const MOST_WAITING: usize = 1000;
/// The most rows that the thread has not taken yet, a few megabytes: calls may come faster than a disk writes.
const MOST_ON_THE_WAY: usize = 4 * MOST_WAITING;
/// How often a disk that failed is tried again by itself.
const AGAIN: Duration = Duration::from_secs(10);

/// Something to be done.
#[derive(Debug)]
pub(super) enum Order {
    Write(Write),
    Seen(i64, oneshot::Sender<u32>),
    History(Search, oneshot::Sender<Vec<HistoryRow>>),
    Flush(oneshot::Sender<()>),
    /// Lets the file grow to so many pages only: a disk that is full, for the tests.
    #[cfg(test)]
    Pages(u32),
}

/// Something to be kept.
#[derive(Debug)]
pub(super) enum Write {
    Account(Box<Profile>),
    NoAccount(AccountId),
    Settings(Settings),
    Prefer(Prefer),
    Row(Box<HistoryRow>),
    Seen(i64),
}

impl Write {
    fn apply(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let change = db.transaction()?;
        match self {
            Self::Account(profile) => rows::save_account(&change, profile),
            Self::NoAccount(id) => rows::remove_account(&change, id),
            Self::Settings(settings) => rows::keep(&change, "settings", settings),
            Self::Prefer(prefer) => rows::keep(&change, "prefer", prefer),
            Self::Row(row) => rows::add_row(&change, row),
            Self::Seen(up_to) => rows::mark_seen(&change, *up_to),
        }?;
        change.commit()
    }
}

/// Will this write fail on every disk? Then it must not keep the others waiting.
fn never_fits(error: &rusqlite::Error) -> bool {
    let never = matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig)
    );
    if never {
        tracing::error!(%error, "a write that never fits is left out");
    }
    never
}

/// The rows that the thread has not taken yet.
#[derive(Debug, Default)]
pub(super) struct OnTheWay {
    rows: AtomicUsize,
    full: AtomicBool,
}

impl OnTheWay {
    /// Is there room for one more? That there is none is said once.
    pub(super) fn enter(&self) -> bool {
        let room = |rows: usize| (rows < MOST_ON_THE_WAY).then_some(rows + 1);
        let entered = self.rows.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok();
        if !entered && !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!("calls end faster than they can be stored: some are left out of the history");
        }
        entered
    }

    fn leave(&self) {
        if self.rows.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.full.store(false, Ordering::Relaxed);
        }
    }
}

/// Has the file.
pub(super) struct Keeper {
    db: Connection,
    waiting: VecDeque<Write>,
    trouble: watch::Sender<Option<Fault>>,
    rows: Arc<OnTheWay>,
}

impl Keeper {
    pub(super) fn new(db: Connection, trouble: watch::Sender<Option<Fault>>, rows: Arc<OnTheWay>) -> Self {
        Self { db, waiting: VecDeque::new(), trouble, rows }
    }

    /// Until the last handle is gone.
    pub(super) fn run(mut self, orders: &mpsc::Receiver<Order>) {
        loop {
            match orders.recv_timeout(AGAIN) {
                Ok(order) => self.carry_out(order),
                Err(mpsc::RecvTimeoutError::Timeout) => self.write_waiting(),
                Err(mpsc::RecvTimeoutError::Disconnected) => return self.write_waiting(),
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        // An answer that nobody waits for any more is no trouble.
        match order {
            Order::Write(write) => self.keep(write),
            Order::Seen(up_to, reply) => {
                self.keep(Write::Seen(up_to));
                let _ = reply.send(self.unseen());
            }
            Order::History(search, reply) => {
                let _ = reply.send(self.history(&search));
            }
            Order::Flush(reply) => {
                self.write_waiting();
                let _ = reply.send(());
            }
            #[cfg(test)]
            Order::Pages(most) => {
                let set = self.db.pragma_update_and_check(None, "max_page_count", most, |row| row.get::<_, i64>(0));
                set.expect("a limit");
            }
        }
    }

    fn keep(&mut self, write: Write) {
        if matches!(write, Write::Row(_)) {
            self.rows.leave();
        }
        self.waiting.push_back(write);
        self.write_waiting();
        if self.waiting.len() > MOST_WAITING {
            let oldest = self.waiting.iter().position(|write| matches!(write, Write::Row(_))).unwrap_or(0);
            self.waiting.remove(oldest);
        }
    }

    /// Writes what waits, in order, as far as the disk lets us.
    fn write_waiting(&mut self) {
        while let Some(first) = self.waiting.front() {
            if let Err(error) = first.apply(&mut self.db)
                && !never_fits(&error)
            {
                // Said once, for a flood of calls tries as often.
                if self.tell(Some(Fault::new(file::FAILED).detail(error.to_string()))) {
                    tracing::warn!(%error, "cannot store");
                }
                return;
            }
            self.waiting.pop_front();
            // A store that is only in memory has said so at the beginning, and goes on saying it.
            if self.waiting.is_empty() && self.db.path().is_some_and(|path| !path.is_empty()) {
                self.tell(None);
            }
        }
    }

    /// Tells of trouble and of its end. Says whether it was news.
    fn tell(&self, fault: Option<Fault>) -> bool {
        self.trouble.send_if_modified(|old| {
            let news = old.is_some() != fault.is_some();
            if news {
                *old = fault;
            }
            news
        })
    }

    /// Up to where missed calls were seen, though that is not yet written.
    fn seen_up_to(&self) -> i64 {
        let seen = |write: &Write| if let Write::Seen(up_to) = write { Some(*up_to) } else { None };
        self.waiting.iter().filter_map(seen).max().unwrap_or(0)
    }

    fn is_seen(&self, at: usize, row: &HistoryRow) -> bool {
        let id = super::number(&row.id).unwrap_or(0);
        // Only a mark that was set after the row can mean it.
        row.seen || self.waiting.iter().skip(at).any(|write| matches!(write, Write::Seen(up_to) if id <= *up_to))
    }

    fn unseen(&self) -> u32 {
        let written = rows::unseen(&self.db, self.seen_up_to()).unwrap_or(0);
        let waiting = self.waiting.iter().enumerate().filter(|(at, write)| match write {
            Write::Row(row) => !self.is_seen(*at, row),
            _ => false,
        });
        written.saturating_add(u32::try_from(waiting.count()).unwrap_or(u32::MAX))
    }

    fn history(&self, search: &Search) -> Vec<HistoryRow> {
        let mut found = rows::history(&self.db, search).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the history");
            Vec::new()
        });
        let seen = self.seen_up_to();
        for row in &mut found {
            row.seen |= super::number(&row.id).is_some_and(|id| id <= seen);
        }
        let waiting = self.waiting.iter().enumerate().rev().filter_map(|(at, write)| match write {
            Write::Row(row) if search.finds(row) => Some(HistoryRow { seen: self.is_seen(at, row), ..(**row).clone() }),
            _ => None,
        });
        let mut found: Vec<HistoryRow> = waiting.chain(found).collect();
        found.sort_by_key(|row| std::cmp::Reverse(super::number(&row.id)));
        // A row may be written again; what was written last comes first.
        found.dedup_by(|older, newer| older.id == newer.id);
        found.truncate(usize::try_from(search.limit).unwrap_or(usize::MAX));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_calls_are_on_their_way_to_the_disk() {
        let rows = OnTheWay::default();
        assert_eq!((0..3 * MOST_ON_THE_WAY).filter(|_| rows.enter()).count(), MOST_ON_THE_WAY);
        assert!(rows.full.load(Ordering::Relaxed));
        (0..MOST_ON_THE_WAY).for_each(|_| rows.leave());
        assert!(rows.enter() && !rows.full.load(Ordering::Relaxed));
    }
}
