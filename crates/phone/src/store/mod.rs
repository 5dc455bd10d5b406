//! What the phone keeps between runs: accounts, settings and the history, in one SQLite file on a thread of its own.
//! Secrets are never in it.
//!
//! A disk that is full, read-only or gone never reaches a call: what cannot be written waits in memory, in order, and is
//! written when it can be (R19). A damaged file is moved aside and a fresh one begun (R20). What was said to be written
//! is on the disk when the next line is read back (R21: a write-ahead log, `synchronous = FULL`).

mod file;
mod keeper;
mod rows;
mod schema;

use std::sync::{Arc, mpsc};

use tokio::sync::{oneshot, watch};

use crate::{
    account::Profile,
    contract::{AccountId, HistoryId, HistoryRow, Prefer, Settings},
    fault::Fault,
    setup::StorePlace,
};
use keeper::{OnTheWay, Order, Write};

/// The most rows of history that are kept; older ones go.
pub(crate) const MOST_ROWS: u64 = 10_000;

/// What was kept from the last time.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The accounts, in the order in which they were added.
    pub(crate) accounts: Vec<Profile>,
    /// What the person chose.
    pub(crate) settings: Settings,
    /// The devices that the person prefers.
    pub(crate) prefer: Prefer,
    /// `urn:uuid:…`, the same for the life of the file (RFC 5626 4.1; C54).
    pub(crate) instance: String,
    /// The number of the next account; one that was given is never given again.
    pub(crate) next_account: u64,
    /// The number of the next row of the history.
    pub(crate) next_history: u64,
    /// Missed calls that were not seen.
    pub(crate) missed: u32,
    /// What went wrong on the way: `store-damaged`, `store-failed`.
    pub(crate) faults: Vec<Fault>,
}

/// The way to what is kept. All orders are carried out in the order in which they were given.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    orders: mpsc::Sender<Order>,
    rows: Arc<OnTheWay>,
    trouble: watch::Receiver<Option<Fault>>,
}

impl Store {
    /// Opens what is kept, and never fails: without a disk it is kept in memory. It may take as long as the disk does.
    #[must_use]
    pub(crate) fn open(place: &StorePlace) -> (Self, Kept) {
        let (disk, kept) = file::open(place);
        let (orders, received) = mpsc::channel();
        let (tell, trouble) = watch::channel(kept.faults.iter().find(|fault| fault.code == file::FAILED).cloned());
        let rows = Arc::<OnTheWay>::default();
        let keeper = keeper::Keeper::new(disk, tell, Arc::clone(&rows));
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || keeper.run(&received));
        if let Err(error) = thread {
            tracing::error!(%error, "no thread for the store: nothing is kept");
        }
        (Self { orders, rows, trouble }, kept)
    }

    /// What is wrong with the disk now; changes when it fails and when it works again.
    #[must_use]
    pub(crate) fn trouble(&self) -> watch::Receiver<Option<Fault>> {
        self.trouble.clone()
    }

    /// Keeps an account, in place of an older one of its id.
    pub(crate) fn save_account(&self, profile: &Profile) {
        self.write(Write::Account(Box::new(profile.clone())));
    }

    /// Forgets an account; its calls stay in the history.
    pub(crate) fn remove_account(&self, id: &AccountId) {
        self.write(Write::NoAccount(id.clone()));
    }

    /// Keeps the settings.
    pub(crate) fn save_settings(&self, settings: &Settings) {
        self.write(Write::Settings(settings.clone()));
    }

    /// Keeps the preferred devices.
    pub(crate) fn save_prefer(&self, prefer: &Prefer) {
        self.write(Write::Prefer(prefer.clone()));
    }

    /// Adds a call of the past. Of calls that come faster than a disk can write, some are left out (CONFORMANCE S24).
    pub(crate) fn add_row(&self, row: &HistoryRow) {
        if self.rows.enter() {
            self.write(Write::Row(Box::new(row.clone())));
        }
    }

    /// Marks missed calls as seen, those up to and with `before`, or all. Gives how many are left unseen.
    pub(crate) async fn mark_seen(&self, before: Option<&HistoryId>) -> u32 {
        let (reply, answer) = oneshot::channel();
        let up_to = before.map_or(Some(i64::MAX), number).unwrap_or(0);
        self.order(Order::Seen(up_to, reply));
        answer.await.unwrap_or(0)
    }

    /// Calls of the past, the newest first: those before `before`, at most `limit`, and with `filter` only those that
    /// have it in a name, a number, an address or what was dialled, whatever its case.
    pub(crate) async fn history(
        &self,
        before: Option<&HistoryId>,
        limit: u32,
        filter: Option<&str>,
    ) -> Vec<HistoryRow> {
        let Some(before) = before.map_or(Some(i64::MAX), number) else { return Vec::new() };
        let (reply, answer) = oneshot::channel();
        let search = rows::Search { before, limit, filter: rows::fold(filter.unwrap_or_default()) };
        self.order(Order::History(search, reply));
        answer.await.unwrap_or_default()
    }

    /// Waits until everything before was tried, and tries what waits once more.
    pub(crate) async fn flush(&self) {
        let (reply, answer) = oneshot::channel();
        self.order(Order::Flush(reply));
        let _ = answer.await;
    }

    fn write(&self, write: Write) {
        self.order(Order::Write(write));
    }

    fn order(&self, order: Order) {
        // The thread ends only when the last handle has gone; without a thread nothing is kept, and that was said.
        let _ = self.orders.send(order);
    }
}

/// The number of a row.
fn number(id: &HistoryId) -> Option<i64> {
    id.as_str().strip_prefix('h')?.parse().ok()
}

#[cfg(test)]
mod tests;
