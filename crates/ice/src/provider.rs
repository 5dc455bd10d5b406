//! The crypto provider with a random source that is handed in, so that what ICE and DTLS draw from it comes from a seed.

use std::sync::{Arc, Mutex, PoisonError};

use rand_chacha::{
    ChaCha12Rng,
    rand_core::{RngCore, SeedableRng},
};
use rtc_crypto::{CryptoError, RTCCrypto, RTCCryptoProvider, RTCRandom, default_provider};

use crate::error::PathError;

/// Ring with our randomness.
pub(crate) struct Provider {
    inner: Arc<dyn RTCCryptoProvider>,
    random: Random,
}

struct Random(Mutex<ChaCha12Rng>);

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Provider")
    }
}

impl Provider {
    pub(crate) fn new(seed: [u8; 32]) -> Result<Arc<Self>, PathError> {
        let inner = default_provider().map_err(|_| PathError::Crypto)?;
        Ok(Arc::new(Self { inner, random: Random(Mutex::new(ChaCha12Rng::from_seed(seed))) }))
    }

    pub(crate) fn next_u64(&self) -> u64 {
        self.random.0.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }

    /// `length` characters of the ice-char grammar (RFC 8839 5.4), six bits each.
    pub(crate) fn ice_chars(&self, length: usize) -> String {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        (0..length).map(|_| char::from(ALPHABET[usize::try_from(self.next_u64() % 64).expect("below 64")])).collect()
    }
}

impl RTCRandom for Random {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(out);
        Ok(())
    }
}

impl RTCCryptoProvider for Provider {
    fn name(&self) -> &'static str {
        "seeded"
    }

    fn crypto(&self) -> &dyn RTCCrypto {
        self.inner.crypto()
    }

    fn random(&self) -> &dyn RTCRandom {
        &self.random
    }
}
