//! The handles on a running phone: [`Phone`] to own it, [`Door`] to ask it for something, [`Listener`] to hear it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::{
    contract::{Command, Error, Line, Ok},
    fault::{Code, Fault},
    run::{Queue, Request},
    words::Words,
};

/// A running phone. It lives until [`Phone::shutdown`], or until the last of its handles is dropped.
#[derive(Clone)]
pub struct Phone {
    requests: mpsc::UnboundedSender<Request>,
    next: Arc<AtomicU64>,
}

/// The way in. Answers to [`Door::submit`] come to the listener that was made with it.
#[derive(Clone)]
pub struct Door {
    listener: u64,
    requests: mpsc::UnboundedSender<Request>,
}

/// The way out: the hello, one whole state, and every line after it.
pub struct Listener {
    id: u64,
    queue: Arc<Queue>,
    requests: mpsc::UnboundedSender<Request>,
}

impl Phone {
    pub(crate) fn new(requests: mpsc::UnboundedSender<Request>) -> Self {
        Self { requests, next: Arc::new(AtomicU64::new(1)) }
    }

    /// Joins the phone.
    #[must_use]
    pub fn attach(&self) -> (Door, Listener) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let queue = Arc::new(Queue::default());
        if self.requests.send(Request::Attach { listener: id, queue: Arc::clone(&queue) }).is_err() {
            queue.close();
        }
        let requests = self.requests.clone();
        (Door { listener: id, requests: requests.clone() }, Listener { id, queue, requests })
    }

    /// Asks for something, without listening.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn send(&self, command: Command) -> Result<Ok, Error> {
        ask(&self.requests, None, command).await
    }

    /// Ends the phone: calls are hung up, accounts unregistered, what is kept is written; within two seconds or so.
    /// Listeners hear of it all and then nothing more.
    pub async fn shutdown(&self) {
        let (done, ended) = oneshot::channel();
        if self.requests.send(Request::Shutdown(done)).is_ok() {
            let _ = ended.await;
        }
    }
}

impl Door {
    /// Hands over one line of JSON. Its answer, and that to a line that is none, comes to the listener.
    pub async fn submit(&self, line: &str) {
        let request = match read(line) {
            Ok((reply, command)) => Request::Ask { listener: Some(self.listener), reply, command, answer: None },
            Err(fault) => Request::Bad { listener: self.listener, fault },
        };
        let _ = self.requests.send(request);
    }

    /// Asks for something and waits for the answer, which no listener hears.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn send(&self, command: Command) -> Result<Ok, Error> {
        ask(&self.requests, Some(self.listener), command).await
    }
}

impl Listener {
    /// The next line; nothing when the phone has ended.
    pub async fn next(&mut self) -> Option<Line> {
        self.queue.next().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.requests.send(Request::Detach(self.id));
    }
}

async fn ask(requests: &mpsc::UnboundedSender<Request>, listener: Option<u64>, command: Command) -> Result<Ok, Error> {
    let gone = || Words::of("system").error(&Fault::new(Code::Internal).detail("the phone has ended"));
    let (answer, answered) = oneshot::channel();
    let request = Request::Ask { listener, reply: Value::Null, command, answer: Some(answer) };
    requests.send(request).map_err(|_| gone())?;
    answered.await.map_err(|_| gone())?
}

/// The longest id of a command that is given back.
const LONGEST_ID: usize = 128;

/// A command with the id of whoever sent it.
fn read(line: &str) -> Result<(Value, Command), Fault> {
    let bad = |place: String| Fault::new(Code::BadCommand).with("place", &place).detail(place);
    let value: Value = serde_json::from_str(line).map_err(|error| bad(format!("column {}", error.column())))?;
    let Value::Object(mut fields) = value else { return Err(bad("the line is no object".to_owned())) };
    let reply = match fields.remove("id") {
        None => Value::Null,
        Some(Value::String(id)) if id.len() > LONGEST_ID => return Err(bad("id".to_owned())),
        Some(id @ (Value::Number(_) | Value::String(_) | Value::Null)) => id,
        Some(_) => return Err(bad("id".to_owned())),
    };
    let named = fields.get("do").and_then(Value::as_str).unwrap_or_default().to_owned();
    serde_json::from_value(Value::Object(fields)).map(|command| (reply, command)).map_err(|error| {
        // The reason names the field; a value, which might be a password, is never repeated.
        bad(place(&named, &error.to_string()))
    })
}

/// What was wrong, without any value of the line: the names that serde puts between backquotes are fields and words of
/// the contract, or what stood in their place.
fn place(command: &str, reason: &str) -> String {
    let known = |start: &str| reason.starts_with(start);
    let what = if known("missing field") || known("unknown field") {
        reason.split(',').next().unwrap_or_default().to_owned()
    } else if known("unknown variant") {
        "an unknown word".to_owned()
    } else {
        "a value of the wrong kind".to_owned()
    };
    let what = crate::party::clean(&what);
    if command.is_empty() { what } else { format!("{}: {what}", crate::party::clean(command)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_command_with_its_id() {
        let (id, command) = read(r#"{"id":7,"do":"call","to":"600"}"#).unwrap();
        assert!(id == 7 && matches!(command, Command::Call { to, account: None } if to == "600"));
        assert!(matches!(read(r#"{"do":"state"}"#).unwrap(), (Value::Null, Command::State {})));
        let line = r#"{"id":"x","do":"add-account","address":"sip:a@b","password":"geheim"}"#;
        assert!(matches!(read(line).unwrap().1, Command::AddAccount(wish) if wish.password.is_some()));
    }

    #[test]
    fn a_line_that_is_none_is_named_without_its_values() {
        for line in [
            "",
            "{",
            "7",
            "[]",
            r#"{"do":"fly"}"#,
            r#"{"do":"call"}"#,
            r#"{"id":{},"do":"state"}"#,
            r#"{"do":"call","to":"600","password":"geheim"}"#,
            r#"{"do":"add-account","password":["geheim"]}"#,
            r#"{"do":"add-account","keep":"geheim"}"#,
            r#"{"do":"dtmf","digits":["geheim"]}"#,
        ] {
            let Err(fault) = read(line) else { panic!("{line}") };
            assert_eq!(fault.code, Code::BadCommand, "{line}");
            assert!(!format!("{fault:?}").contains("geheim"), "{line}: {fault:?}");
        }
    }
}
