//! The thread that has the file: orders in, answers out, and what cannot be written waits.

use std::{collections::VecDeque, sync::mpsc, time::Duration};

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

/// Has the file.
pub(super) struct Keeper {
    db: Connection,
    waiting: VecDeque<Write>,
    trouble: watch::Sender<Option<Fault>>,
}

impl Keeper {
    pub(super) fn new(db: Connection, trouble: watch::Sender<Option<Fault>>) -> Self {
        Self { db, waiting: VecDeque::new(), trouble }
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
                tracing::warn!(%error, waiting = self.waiting.len(), "cannot store");
                self.tell(Some(Fault::new(file::FAILED).detail(error.to_string())));
                return;
            }
            self.waiting.pop_front();
            // A store that is only in memory has said so at the beginning, and goes on saying it.
            if self.waiting.is_empty() && self.db.path().is_some_and(|path| !path.is_empty()) {
                self.tell(None);
            }
        }
    }

    fn tell(&self, fault: Option<Fault>) {
        self.trouble.send_if_modified(|old| {
            let news = old.is_some() != fault.is_some();
            if news {
                *old = fault;
            }
            news
        });
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
        let waiting = self.waiting.iter().enumerate().filter_map(|(at, write)| match write {
            Write::Row(row) if search.finds(row) => Some(HistoryRow { seen: self.is_seen(at, row), ..(**row).clone() }),
            _ => None,
        });
        found.extend(waiting);
        found.sort_by_key(|row| std::cmp::Reverse(super::number(&row.id)));
        found.truncate(usize::try_from(search.limit).unwrap_or(usize::MAX));
        found
    }
}
