//! Secrets for this run only: of a phone made from flags, and of the tests.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use phone::secret::{Secret, SecretError, SecretKind, SecretStore};

/// Keeps secrets in memory, where they are wiped when it is dropped.
#[derive(Default)]
pub struct Memory {
    kept: Mutex<HashMap<(String, SecretKind), Secret<String>>>,
}

impl SecretStore for Memory {
    fn get(&self, account: &str, kind: SecretKind) -> Result<Secret<String>, SecretError> {
        self.lock().get(&(account.to_owned(), kind)).cloned().ok_or(SecretError::NotFound)
    }

    fn set(&self, account: &str, kind: SecretKind, secret: &Secret<String>) -> Result<(), SecretError> {
        self.lock().insert((account.to_owned(), kind), secret.clone());
        Ok(())
    }

    fn delete(&self, account: &str, kind: SecretKind) -> Result<(), SecretError> {
        self.lock().remove(&(account.to_owned(), kind));
        Ok(())
    }
}

impl Memory {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, SecretKind), Secret<String>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_kept_by_account_and_kind() {
        let memory = Memory::default();
        memory.set("a1", SecretKind::Sip, &Secret::new("one".to_owned())).unwrap();
        assert_eq!(memory.get("a1", SecretKind::Sip).unwrap().expose(), "one");
        assert!(matches!(memory.get("a1", SecretKind::Turn), Err(SecretError::NotFound)));
        assert!(matches!(memory.get("a2", SecretKind::Sip), Err(SecretError::NotFound)));
        memory.delete("a1", SecretKind::Sip).unwrap();
        assert!(matches!(memory.get("a1", SecretKind::Sip), Err(SecretError::NotFound)));
    }
}
