//! Where the persons of a test are: a server of their own.

use pbx::{Config, Faults, Pbx};
use serde_json::{Value, json};

use crate::person::Person;

/// A server and the passwords of its users.
pub(crate) struct Place {
    pub(crate) pbx: Pbx,
}

impl Place {
    /// A server with so many users.
    pub(crate) async fn with(users: usize) -> Self {
        Self::with_faults(users, Faults::default()).await
    }

    /// One that does something wrong.
    pub(crate) async fn with_faults(users: usize, faults: Faults) -> Self {
        let config = Config { users, faults, ..Config::practice() };
        Self { pbx: pbx::start(config).await.expect("a server") }
    }

    /// The name of a user, which is the number too.
    pub(crate) fn number(&self, user: usize) -> String {
        self.pbx.users[user].name.clone()
    }

    /// The words that no line may have.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.pbx.users.iter().map(|user| user.password.expose().clone()).collect()
    }

    /// What a person types to have the account of a user, who is called `name`.
    pub(crate) fn wish(&self, user: usize, name: &str) -> Value {
        json!({
            "address": format!("sip:{}@{}", self.number(user), self.pbx.domain),
            "server": self.pbx.url,
            "pin": self.pbx.pin,
            "displayName": name,
            "password": self.pbx.users[user].password.expose(),
        })
    }

    /// A person at a phone with the account of a user, on the line.
    pub(crate) async fn person(&self, user: usize, name: &str) -> Person {
        let mut person = Person::new(name, self.secrets()).await;
        person.add(self.wish(user, name)).await;
        person.registered("a1").await;
        person
    }
}
