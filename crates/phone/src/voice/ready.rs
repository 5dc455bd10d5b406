//! Sockets that wait for a call, one set for each account, so that no INVITE waits for them.

use std::{collections::HashMap, time::Instant};

use net::Datagram;
use rand::Rng;
use rand_chacha::ChaCha12Rng;

use super::{network::Network, order::Ways, sockets::Sockets};
use crate::contract::AccountId;

/// The sets, and what makes more of them.
pub(super) struct Ready {
    rng: ChaCha12Rng,
    network: Box<dyn Network>,
    made: u64,
    accounts: HashMap<AccountId, Account>,
}

struct Account {
    ways: Ways,
    sockets: Option<Sockets>,
}

impl Ready {
    pub(super) fn new(rng: ChaCha12Rng, network: Box<dyn Network>) -> Self {
        Self { rng, network, made: 0, accounts: HashMap::new() }
    }

    /// Binds anew for an account, or forgets it.
    pub(super) fn set(&mut self, now: Instant, account: AccountId, ways: Option<Ways>) {
        self.accounts.remove(&account);
        let Some(ways) = ways else { return };
        let sockets = self.bind(now, &ways).inspect_err(|why| tracing::warn!(%account, why, "no sockets yet")).ok();
        self.accounts.insert(account, Account { ways, sockets });
    }

    /// Gives a set away, with the ways it was made for. [`Self::refill`] makes the next one.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(super) fn take(&mut self, now: Instant, account: &AccountId) -> Result<(Sockets, Ways), String> {
        let own = self.accounts.get_mut(account).ok_or("the account is not in use")?;
        let (ways, waiting) = (own.ways.clone(), own.sockets.take());
        let mut sockets = match waiting {
            Some(sockets) => sockets,
            None => self.bind(now, &ways)?,
        };
        sockets.taken();
        Ok((sockets, ways))
    }

    /// New sets in place of those given away.
    pub(super) fn refill(&mut self, now: Instant) {
        let empty = self.accounts.iter().filter(|(_, own)| own.sockets.is_none());
        for (account, ways) in empty.map(|(account, own)| (account.clone(), own.ways.clone())).collect::<Vec<_>>() {
            let sockets = self.bind(now, &ways).ok();
            self.accounts.insert(account, Account { ways, sockets });
        }
    }

    /// Takes what belongs to a waiting set; `false` when it belongs to none.
    pub(super) fn take_datagram(&mut self, now: Instant, datagram: &Datagram<'_>) -> bool {
        let mut waiting = self.accounts.values_mut().filter_map(|own| own.sockets.as_mut());
        let Some(sockets) = waiting.find(|sockets| sockets.id() == datagram.mark) else { return false };
        // Nobody was told of these sockets yet, so there is nothing for a path.
        sockets.take(now, datagram);
        sockets.relayed();
        true
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for sockets in self.accounts.values_mut().filter_map(|own| own.sockets.as_mut()) {
            if sockets.deadline().is_some_and(|at| at <= now) {
                sockets.handle_timeout(now);
            }
        }
    }

    pub(super) fn deadline(&mut self) -> Option<Instant> {
        self.accounts.values_mut().filter_map(|own| own.sockets.as_mut()?.deadline()).min()
    }

    fn bind(&mut self, now: Instant, ways: &Ways) -> Result<Sockets, String> {
        self.made += 1;
        Sockets::bind(now, self.made, ways.clone(), self.network.as_mut(), self.rng.random())
    }
}
