//! A person at a phone: speaks into it, hears from it, and reads its lines.

use std::sync::Arc;

use acceptance::PATIENCE;
use phone::{
    Door, Listener, Phone, Setup,
    contract::{
        Account, Call, Cause, CauseKind, Error, HistoryRow, Line, LineState, Notice, Phase, PhoneState, Reply, SipLine,
    },
};
use serde_json::{Value, json};
use vault::Memory;

use crate::ear::Ear;

/// A person at a phone.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) phone: Phone,
    pub(crate) state: Arc<PhoneState>,
    pub(crate) ear: Ear,
    /// The notices and the messages so far.
    pub(crate) notices: Vec<Notice>,
    pub(crate) sip: Vec<SipLine>,
    /// The last phase of a call and the last of a line that were told, for who asks what went wrong.
    log: Vec<String>,
    door: Door,
    listener: Listener,
    secrets: Vec<String>,
    asked: u64,
}

impl Person {
    /// At a phone without accounts. `secrets` must be in no line.
    pub(crate) async fn new(name: &str, secrets: Vec<String>) -> Self {
        Self::with(name, secrets, |setup| setup).await
    }

    /// At a phone with something more.
    pub(crate) async fn with(name: &str, secrets: Vec<String>, more: impl FnOnce(Setup) -> Setup) -> Self {
        let (buffers, ear) = Ear::new(name);
        let setup =
            Setup { sound: Box::new(buffers), secrets: Arc::new(Memory::default()), ..Setup::new("0.0.0-test") };
        let phone = phone::start(more(setup)).await.expect("a phone");
        let (door, mut listener) = phone.attach();
        let Some(Line::Hello(hello)) = listener.next().await else { panic!("{name}: hello comes first") };
        assert_eq!((hello.name.as_str(), hello.contract), ("bellbird", 1));
        let Some(Line::State(state)) = listener.next().await else { panic!("{name}: the state comes second") };
        let mut own = Self {
            name: name.to_owned(),
            phone,
            state,
            ear,
            notices: Vec::new(),
            sip: Vec::new(),
            log: Vec::new(),
            door,
            listener,
            secrets,
            asked: 0,
        };
        // They come twenty times a second in a call, and so say when to listen again.
        own.ask(json!({ "do": "watch", "watch": "levels" })).await;
        own
    }

    /// The next line. It holds no secret.
    async fn next(&mut self) -> Line {
        let line = self.listener.next().await.expect("the phone runs");
        if !matches!(line, Line::Levels(_)) {
            let text = serde_json::to_string(&line).expect("a line is JSON");
            for secret in &self.secrets {
                assert!(!text.contains(secret.as_str()), "{}: a password in {text}", self.name);
            }
        }
        match &line {
            Line::State(state) => {
                assert!(state.seq >= self.state.seq, "{}: an older state after a newer one", self.name);
                self.state = Arc::clone(state);
                let lines = state.accounts.iter().map(|account| format!("{} {:?}", account.id, account.line));
                let calls = state.calls.iter().map(|call| format!("{} {:?} {:?}", call.id, call.phase, call.hold));
                self.log.push(lines.chain(calls).collect::<Vec<_>>().join("; "));
            }
            Line::Notice(notice) => self.notices.push(notice.clone()),
            Line::Sip(message) => self.sip.push(message.clone()),
            _ => {}
        }
        line
    }

    /// Goes on line by line until `look` sees something.
    async fn look<T>(&mut self, what: &str, mut look: impl FnMut(&mut Self, Option<&Line>) -> Option<T>) -> T {
        let looking = async {
            let mut seen = look(self, None);
            while seen.is_none() {
                let line = self.next().await;
                seen = look(self, Some(&line));
            }
            seen
        };
        let looked = tokio::time::timeout(PATIENCE, looking).await;
        looked.ok().flatten().unwrap_or_else(|| {
            let last = self.log[self.log.len().saturating_sub(12)..].join("\n  ");
            panic!("{}: {what} did not come. The last states:\n  {last}", self.name)
        })
    }

    /// Submits a command and reads on to its reply.
    async fn reply(&mut self, mut command: Value) -> Reply {
        self.asked += 1;
        let id = json!(self.asked);
        command["id"] = id.clone();
        self.door.submit(&command.to_string()).await;
        self.look("the reply", |_, line| match line {
            Some(Line::Reply(reply)) if reply.reply == id => Some(reply.clone()),
            _ => None,
        })
        .await
    }

    /// Does something that works.
    pub(crate) async fn ask(&mut self, command: Value) -> phone::contract::Ok {
        let reply = self.reply(command.clone()).await;
        match reply.ok {
            Some(ok) => ok,
            None => panic!("{}: {} was refused: {:?}", self.name, command["do"], reply.error),
        }
    }

    /// Does something that is refused.
    pub(crate) async fn refused(&mut self, command: Value) -> Error {
        let reply = self.reply(command).await;
        reply.error.unwrap_or_else(|| panic!("{}: it was taken: {:?}", self.name, reply.ok))
    }

    /// Submits what is no command, and reads on to what is said to it.
    pub(crate) async fn babble(&mut self, line: &str) -> Error {
        self.door.submit(line).await;
        self.look("the reply to nothing", |_, line| match line {
            Some(Line::Reply(reply)) if reply.reply.is_null() => reply.error.clone(),
            _ => None,
        })
        .await
    }

    /// Waits for a state.
    pub(crate) async fn until<T>(&mut self, what: &str, mut find: impl FnMut(&PhoneState) -> Option<T>) -> T {
        self.look(what, |own, line| match line {
            None | Some(Line::State(_)) => find(&own.state),
            _ => None,
        })
        .await
    }

    /// Waits until so many notices or messages have come, or whatever else is in its lines.
    pub(crate) async fn until_told<T>(&mut self, what: &str, mut find: impl FnMut(&Self) -> Option<T>) -> T {
        self.look(what, |own, _| find(own)).await
    }

    /// Waits until what was said by somebody is heard here. There has to be a call, so that levels come.
    pub(crate) async fn hears(&mut self, who: &Ear) {
        let mut looked = self.ear.heard_so_far();
        self.look("the voice", |own, _| own.ear.hears(who, &mut looked).then_some(())).await;
    }

    /// Waits until nothing is heard here any more.
    pub(crate) async fn hears_nothing(&mut self) {
        let from = self.ear.heard_so_far();
        self.look("silence", |own, _| own.ear.is_quiet_since(from).then_some(())).await;
    }

    pub(crate) async fn add(&mut self, mut wish: Value) {
        wish["do"] = json!("add-account");
        self.ask(wish).await;
    }

    pub(crate) async fn registered(&mut self, account: &str) -> Account {
        self.line(account, "the registered line", |line| matches!(line, LineState::Registered { .. })).await
    }

    /// Waits for a line to be so.
    pub(crate) async fn line(&mut self, account: &str, what: &str, is: impl Fn(&LineState) -> bool) -> Account {
        self.until(what, |state| state.accounts.iter().find(|own| own.id.as_str() == account && is(&own.line)).cloned())
            .await
    }

    /// Waits for a line that needs a person, and says why it does.
    pub(crate) async fn failed(&mut self, account: &str) -> Error {
        let account = self.line(account, "the failed line", |line| matches!(line, LineState::Failed { .. })).await;
        let LineState::Failed { error } = account.line else { unreachable!("it was looked for") };
        error
    }

    /// Dials, and gives the id of the call.
    pub(crate) async fn dial(&mut self, number: &str) -> String {
        let done = self.ask(json!({ "do": "call", "to": number })).await;
        done.call.expect("a call").as_str().to_owned()
    }

    /// Does something with a call.
    pub(crate) async fn act(&mut self, what: &str, call: &str) {
        let done = self.ask(json!({ "do": what, "call": call })).await;
        assert_eq!(done.call.expect("a call").as_str(), call);
    }

    /// Waits for a call to be so.
    pub(crate) async fn call(&mut self, id: &str, what: &str, is: impl Fn(&Call) -> bool) -> Call {
        self.until(what, |state| state.calls.iter().find(|call| call.id.as_str() == id && is(call)).cloned()).await
    }

    pub(crate) async fn connected(&mut self, id: &str) -> Call {
        self.call(id, "the connected call", |call| matches!(call.phase, Phase::Connected {})).await
    }

    pub(crate) async fn ringing(&mut self, id: &str) -> Call {
        self.call(id, "the ringing there", |call| matches!(call.phase, Phase::Ringing {})).await
    }

    /// Waits until somebody calls with whom one is not talking yet.
    pub(crate) async fn rings(&mut self) -> Call {
        self.until("a call that comes", |state| {
            state.calls.iter().find(|call| matches!(call.phase, Phase::Incoming { .. }) && !call.silenced).cloned()
        })
        .await
    }

    /// Waits for the end of a call, and says why it came.
    pub(crate) async fn over(&mut self, id: &str) -> Cause {
        let call = self.call(id, "the end of the call", |call| matches!(call.phase, Phase::Ended { .. })).await;
        let Phase::Ended { cause } = call.phase else { unreachable!("it was looked for") };
        cause
    }

    pub(crate) async fn ends(&mut self, id: &str, why: CauseKind) {
        let cause = self.over(id).await;
        assert_eq!(cause.is, why, "{}: {cause:?}", self.name);
    }

    /// The calls of the past, the newest first.
    pub(crate) async fn history(&mut self) -> Vec<HistoryRow> {
        self.ask(json!({ "do": "history" })).await.rows.expect("rows")
    }

    pub(crate) async fn shutdown(self) {
        tokio::time::timeout(PATIENCE, self.phone.shutdown()).await.expect("the phone ends");
    }
}
