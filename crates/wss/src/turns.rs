//! One connection at a time is being made to a place (RFC 6455 4.1, 2), whatever the account it is for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

/// The places to which somebody is connecting, in this process: the rule is about all of its connections.
static PLACES: Mutex<BTreeMap<String, Weak<Queue<()>>>> = Mutex::new(BTreeMap::new());

/// The right to connect to a place, until it is dropped.
pub(crate) struct Turn {
    _held: OwnedMutexGuard<()>,
}

/// Waits until nobody else connects to `place`: an address and port, or what a proxy is asked for.
pub(crate) async fn take(place: String) -> Turn {
    let queue = {
        let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, queue| queue.strong_count() > 0);
        let queue = places.get(&place).and_then(Weak::upgrade).unwrap_or_default();
        places.insert(place, Arc::downgrade(&queue));
        queue
    };
    Turn { _held: queue.lock_owned().await }
}
