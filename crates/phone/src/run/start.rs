//! How a phone begins.

use std::sync::Arc;

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha12Rng;
use tokio::sync::mpsc;

use super::{Joint, Ladder, Listeners, Runner, Told, Ways};
use crate::{
    account::Profile,
    contract::{AccountId, CONTRACT, Error, Hello},
    fault::{Code, Fault},
    phone::Phone,
    setup::{Setup, StorePlace},
    store::Store,
    switchboard::{Beginning, Switchboard},
    voice,
    words::Words,
};

/// What work aside may bring before it has to wait.
const QUEUE: usize = 256;

/// Starts a phone on the current tokio runtime.
///
/// # Errors
/// `bad-account` for an account from flags that cannot be, `internal` when the system gives no random numbers, no thread
/// or no crypto.
pub async fn start(mut setup: Setup) -> Result<Phone, Error> {
    let words = Words::of("system");
    begin(&mut setup).await.map_err(|fault| words.error(&fault))
}

async fn begin(setup: &mut Setup) -> Result<Phone, Fault> {
    let internal = |detail: String| Fault::new(Code::Internal).detail(detail);
    let mut rng = match setup.seed {
        Some(seed) => ChaCha12Rng::from_seed(seed),
        None => ChaCha12Rng::try_from_os_rng().map_err(|error| internal(error.to_string()))?,
    };
    let for_this_run = !setup.accounts.is_empty();
    let place = if for_this_run { StorePlace::Memory } else { setup.store.clone() };
    let opened = tokio::task::spawn_blocking(move || Store::open(&place)).await;
    let (store, kept) = opened.map_err(|error| internal(error.to_string()))?;
    let mut passwords = std::collections::HashMap::new();
    let mut accounts = kept.accounts;
    for (wish, number) in setup.accounts.iter_mut().zip(1_u64..) {
        let mut profile = Profile::from_wish(wish, None)?;
        profile.id = AccountId::from(format!("a{number}"));
        let typed = wish.take_secrets();
        passwords.extend(typed.into_iter().map(|(kind, secret)| ((profile.id.clone(), kind), secret)));
        accounts.push(profile);
    }
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    let port = std::mem::replace(&mut setup.sound, Box::new(crate::sound::Silence));
    let (voice, happened) = voice::start(port, seed);
    let next_account = kept.next_account.max(accounts.len() as u64 + 1);
    let beginning = Beginning {
        accounts,
        settings: kept.settings,
        prefer: kept.prefer,
        next_account,
        next_history: kept.next_history,
        missed: kept.missed,
        problems: kept.faults,
        recordings: setup.recordings.clone(),
        practice: setup.practice.is_some(),
        for_this_run,
    };
    let board = Switchboard::new(super::now(), beginning);
    let (requests, asked) = mpsc::unbounded_channel();
    let (tell, told) = mpsc::channel::<Told>(QUEUE);
    let trouble = store.trouble();
    let runner = Runner {
        joint: Joint::new(board),
        links: std::collections::HashMap::new(),
        voice,
        store,
        secrets: Arc::clone(&setup.secrets),
        environment: setup.environment,
        dns: setup.dns.clone(),
        passwords,
        practice: setup.practice.clone(),
        practice_order: None,
        listeners: Listeners::default(),
        ladder: Ladder::default(),
        hello: Hello { name: "bellbird".to_owned(), version: setup.version.clone(), contract: CONTRACT },
        instance: kept.instance,
        pace: setup.pace,
        rng,
        generation: 0,
        tell,
        seq: 0,
        published: None,
        publish_at: None,
        listener: None,
        ending: None,
    };
    tokio::spawn(runner.run(Ways { requests: asked, told, happened, trouble }));
    Ok(Phone::new(requests))
}

/// An instance that nobody else has (RFC 5626 4.1, RFC 9562 5.4).
pub(super) fn made_up_instance(rng: &mut ChaCha12Rng) -> String {
    let mut bytes = [0_u8; 16];
    rng.fill_bytes(&mut bytes);
    let number = u128::from_be_bytes(bytes);
    let (high, mid, low) = ((number >> 96) as u32, (number >> 80) as u16, (number >> 64) as u16 & 0x0fff);
    let (clock, node) = ((number >> 48) as u16 & 0x3fff | 0x8000, number & 0xffff_ffff_ffff);
    format!("urn:uuid:{high:08x}-{mid:04x}-4{low:03x}-{clock:04x}-{node:012x}")
}
