//! What comes through the door: listeners that join and leave, and commands. Those that belong to their listener are done
//! here, all others by the switchboard.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;

use super::{Queue, Runner, now};
use crate::{
    contract::{Command, Error, Line, Ok, Reply},
    fault::{Code, Fault},
    voice::Order,
};

/// What comes through the door.
pub(crate) enum Request {
    Attach { listener: u64, queue: Arc<Queue> },
    Detach(u64),
    Ask { listener: Option<u64>, reply: Value, command: Command, answer: Option<oneshot::Sender<Result<Ok, Error>>> },
    Bad { listener: u64, fault: Fault },
    Shutdown(oneshot::Sender<()>),
}

impl Runner {
    pub(super) async fn on_request(&mut self, request: Request) {
        match request {
            Request::Attach { listener, queue } => {
                queue.push(Line::Hello(self.hello.clone()));
                let state = match &self.published {
                    Some(state) => Arc::clone(state),
                    None => Arc::new(self.joint.board.state(self.seq)),
                };
                queue.push(Line::State(state));
                self.listeners.add(listener, queue);
            }
            Request::Detach(listener) => {
                self.listeners.remove(listener);
                self.watch_voice();
                if self.listener == Some(listener) {
                    self.listener = None;
                    self.voice.order(Order::Listen { device: None });
                }
            }
            Request::Ask { listener, reply, command, answer } => {
                self.on_command(listener, reply, command, answer).await
            }
            Request::Bad { listener, fault } => {
                let error = Some(self.joint.board.words().error(&fault));
                self.listeners.tell(listener, Line::Reply(Reply { reply: Value::Null, ok: None, error }));
            }
            Request::Shutdown(done) => self.end(Some(done)).await,
        }
    }

    async fn on_command(
        &mut self,
        listener: Option<u64>,
        reply: Value,
        command: Command,
        answer: Option<oneshot::Sender<Result<Ok, Error>>>,
    ) {
        let asks_for_state = matches!(command, Command::State {});
        let done = self.command(listener, command).await.map_err(|fault| self.joint.board.words().error(&fault));
        match (answer, listener) {
            (Some(answer), _) => {
                let _ = answer.send(done);
            }
            (None, Some(listener)) => {
                let (ok, error) = match done {
                    Ok(ok) => (Some(ok), None),
                    Err(error) => (None, Some(error)),
                };
                self.listeners.tell(listener, Line::Reply(Reply { reply, ok, error }));
            }
            (None, None) => {}
        }
        if let (true, Some(listener)) = (asks_for_state, listener) {
            let state = Arc::new(self.joint.board.state(self.seq));
            self.listeners.tell(listener, Line::State(state));
        }
    }

    /// Commands that belong to their listener are done here, all others by the switchboard.
    async fn command(&mut self, listener: Option<u64>, command: Command) -> Result<Ok, Fault> {
        match command {
            Command::State {} => {}
            Command::History { before, limit, filter } => {
                let limit = limit.unwrap_or(50).clamp(1, 500);
                let rows = self.store.history(before.as_ref(), limit, filter.as_deref()).await;
                return Ok(Ok { rows: Some(rows), ..Ok::default() });
            }
            Command::Watch { watch, call } => {
                let listener = listener.unwrap_or_default();
                if let Some(call) = &call {
                    for line in self.ladder.of(call) {
                        self.listeners.tell(listener, Line::Sip(line.clone()));
                    }
                }
                self.listeners.watch(listener, watch, Some(call));
                self.watch_voice();
            }
            Command::Unwatch { watch } => {
                self.listeners.watch(listener.unwrap_or_default(), watch, None);
                self.watch_voice();
            }
            Command::Listen { device } => {
                self.joint.board.may_listen(device.as_deref())?;
                self.listener = listener;
                self.joint.board.listens(true);
                self.voice.order(Order::Listen { device: Some(device) });
            }
            Command::Unlisten {} => {
                self.listener = None;
                self.voice.order(Order::Listen { device: None });
            }
            Command::Key { key } => {
                if !matches!(key, '0'..='9' | 'A'..='D' | 'a'..='d' | '*' | '#') {
                    return Err(Fault::new(Code::BadCommand).detail("a key is one of 0-9 A-D * #"));
                }
                self.voice.order(Order::Key(key.to_ascii_uppercase()));
            }
            command => return self.joint.board.command(now(), command),
        }
        Ok(Ok::default())
    }

    fn watch_voice(&self) {
        self.voice.order(Order::Watch { levels: self.listeners.watch_levels() });
    }
}
