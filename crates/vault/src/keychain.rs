//! The keychain: Secret Service, Keychain or Credential Manager, one entry a secret, under the service `bellbird` and
//! the user `<account id>/sip`, `/http` or `/turn`.
//!
//! A keychain that was missing at the start may come later (no session bus at login, a locked collection), so the
//! connection is made when it is needed and made again after a failure. Everything here blocks, for minutes when the
//! system asks its user: call it on a thread that may wait.

use std::sync::{Arc, Mutex, PoisonError};

use keyring_core::{CredentialStore, Entry, Error};
use phone::secret::{Secret, SecretError, SecretKind, SecretStore};

const SERVICE: &str = "bellbird";

/// The keychain of the operating system.
#[derive(Default)]
pub struct Keychain {
    store: Mutex<Option<Arc<CredentialStore>>>,
}

impl Keychain {
    /// A keychain that is looked for at its first use.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Does `ask` with the entry of this secret; a store that failed is forgotten, so that the next call connects anew.
    fn with<T>(
        &self,
        account: &str,
        kind: SecretKind,
        ask: impl FnOnce(&Entry) -> Result<T, Error>,
    ) -> Result<T, SecretError> {
        let done = self
            .open()
            .and_then(|store| ask(&Entry::new_in_store(&store, SERVICE, &format!("{account}/{}", kind.as_str()))?));
        done.map_err(|error| {
            if matches!(error, Error::PlatformFailure(_)) {
                *self.store.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            verdict(error)
        })
    }

    fn open(&self) -> Result<Arc<CredentialStore>, Error> {
        let mut kept = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &*kept {
            return Ok(Arc::clone(store));
        }
        let store = platform_store()?;
        *kept = Some(Arc::clone(&store));
        Ok(store)
    }
}

#[cfg(target_os = "linux")]
fn platform_store() -> Result<Arc<CredentialStore>, Error> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

#[cfg(target_os = "macos")]
fn platform_store() -> Result<Arc<CredentialStore>, Error> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(target_os = "windows")]
fn platform_store() -> Result<Arc<CredentialStore>, Error> {
    Ok(windows_native_keyring_store::Store::new()?)
}

/// What an error of the store means for a person. On a Secret Service without any collection, `set` fails with
/// `NoStorageAccess` too: it can be mended in the same way, by opening the keychain.
fn verdict(error: Error) -> SecretError {
    match error {
        Error::NoEntry => SecretError::NotFound,
        Error::NoStorageAccess(error) => SecretError::Locked(error.to_string()),
        Error::PlatformFailure(error) => SecretError::NoKeychain(error.to_string()),
        // Says nothing of what is stored: these variants may hold the bytes of the secret.
        Error::BadEncoding(_) | Error::BadDataFormat(..) => {
            SecretError::Failed("the stored entry is damaged".to_owned())
        }
        other => SecretError::Failed(other.to_string()),
    }
}

impl SecretStore for Keychain {
    fn get(&self, account: &str, kind: SecretKind) -> Result<Secret<String>, SecretError> {
        self.with(account, kind, Entry::get_password).map(Secret::new)
    }

    fn set(&self, account: &str, kind: SecretKind, secret: &Secret<String>) -> Result<(), SecretError> {
        self.with(account, kind, |entry| entry.set_password(secret.expose()))
    }

    fn delete(&self, account: &str, kind: SecretKind) -> Result<(), SecretError> {
        match self.with(account, kind, Entry::delete_credential) {
            Err(SecretError::NotFound) => Ok(()),
            done => done,
        }
    }
}
