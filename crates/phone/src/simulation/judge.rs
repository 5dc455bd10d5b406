//! What must hold in every call: while it goes on, and when it is over.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use super::{pairs, phone::End, port::lock, stranger::Stranger, world::World};
use crate::{
    contract::Command,
    switchboard::{CallEntry, Exchange},
};

/// Whoever did not hang up by then does.
const PATIENCE: Duration = Duration::from_secs(150);
/// Two people who talk hear each other within this on a good way.
const AT_ONCE: Duration = Duration::from_millis(1500);
/// And on a bad one, else the phone says that it hears nothing: five seconds (CONFORMANCE R15), and what is on its way.
const IN_TIME: Duration = Duration::from_millis(6500);

/// A call that is over there is over here within this: messages on their way, and a client that waits for an answer.
const TOLD: Duration = Duration::from_secs(6);
/// And this long where the message that tells it was lost: the sound has ended, and is given up after a minute (R15).
const FOUND_OUT: Duration = Duration::from_secs(75);

/// A re-INVITE is answered within 64*T1 or has failed (RFC 3261 17.1.1.2), and so is a 200 acknowledged.
const EXCHANGE: Duration = Duration::from_secs(34);
/// Where messages are lost, one that is refused with 491 is made anew for as long as the other one, whose answer is lost.
const EXCHANGE_LOST: Duration = Duration::from_secs(70);
/// On a good way a restart has found its new pair, and left the old sockets, within this, even where the first one was
/// refused because the far end moved too, and five seconds of silence brought the next (R15).
const RESTART: Duration = Duration::from_secs(20);

/// What was seen of one call.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) pairs: Vec<(Option<End>, Option<End>)>,
    pub(super) answered: bool,
    pub(super) heard: [bool; 2],
}

/// What was seen of all.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    calls: u64,
    answered: u64,
    heard: u64,
    pairs: BTreeMap<String, u64>,
}

impl Verdict {
    pub(super) fn add(&mut self, report: &Report) {
        self.calls += 1;
        self.answered += u64::from(report.answered);
        self.heard += u64::from(report.heard == [true, true]);
        for pair in &report.pairs {
            *self.pairs.entry(pairs::name(pair)).or_default() += 1;
        }
    }

    /// Was there enough of everything? Half of the calls are answered, and of those with ears most are heard.
    pub(super) const fn is_lively(&self) -> bool {
        self.answered * 2 > self.calls && self.heard * 20 > self.calls
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.heard += other.heard;
        for (pair, count) in &other.pairs {
            *self.pairs.entry(pair.clone()).or_default() += count;
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} worlds, {} with an answered call, {} with sound both ways",
            self.calls, self.answered, self.heard
        )?;
        let mut pairs: Vec<_> = self.pairs.iter().collect();
        pairs.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (pair, count) in pairs {
            writeln!(f, "{count:>8}  {pair}")?;
        }
        Ok(())
    }
}

/// Plays one call from its beginning until nothing is left of it.
pub(super) fn play(seed: u64, traced: bool, trace: &mut Vec<String>) -> Result<Report, String> {
    let mut world = World::new(seed, Instant::now(), traced);
    let verdict = judge(&mut world);
    *trace = world.trace.take().unwrap_or_default();
    verdict
}

fn judge(world: &mut World) -> Result<Report, String> {
    let mut watch = Watch::default();
    run(world, PATIENCE, &mut watch, World::is_still)?;
    for who in 0..2 {
        world.hangs_up(who);
    }
    run(world, Duration::from_secs(100), &mut watch, World::is_still)?;
    if let Some(call) = world.phones.iter().find_map(|phone| phone.open_calls().next()) {
        return Err(format!("a call does not end: {call:?}"));
    }
    let report = report(world, &watch)?;
    // RFC 3261 13.3.1.4 and 17.1.2.2: a call that waits for its ACK and then for the answer to its BYE takes 64 s; after
    // that an agent without calls keeps only the times of its registration. A change whose answer is lost is waited for
    // as a proxy would (16.6, timer C).
    let idle = if world.lost == 0 { 70 } else { 250 };
    run(world, Duration::from_secs(idle), &mut watch, |_| false)?;
    // A registration that is refreshed at this very moment is waited for: until the answer comes, or, where the connection
    // is cut just then, until the phone notices or has waited for 64*T1 (RFC 3261 17.1.2.2).
    let rests = |world: &World| {
        world.phones.iter().flat_map(|phone| &phone.joint.connections).all(|own| own.agent.live().0 == 0)
    };
    if !rests(world) {
        run(world, if world.lost == 0 { Duration::from_secs(2) } else { EXCHANGE }, &mut watch, rests)?;
    }
    for (phone, own) in
        world.phones.iter().flat_map(|phone| phone.joint.connections.iter().map(move |own| (phone, own)))
    {
        let (transactions, calls, timers) = own.agent.live();
        if transactions + calls > 0 || timers > 2 {
            return Err(format!("phone {}: an idle agent keeps {:?}: {:?}", phone.number, own.agent.live(), own.agent));
        }
    }
    // Off the line, and then nothing may be left.
    let at = world.at();
    for who in 0..2 {
        world.phones[who].ask(at, Command::Unregister { account: None });
        world.serve(who);
    }
    run(world, Duration::from_secs(200), &mut watch, |_| false)?;
    nothing_is_left(world)?;
    Ok(report)
}

fn run(world: &mut World, time: Duration, watch: &mut Watch, over: impl Fn(&World) -> bool) -> Result<(), String> {
    let end = world.now + time;
    let (mut before, mut turns) = (world.now, 0_u32);
    while world.step(end) {
        watch.look(world)?;
        turns = if world.now == before { turns + 1 } else { 0 };
        before = world.now;
        if turns > 2_000 {
            return Err("time stands still".to_owned());
        }
        if over(world) {
            break;
        }
    }
    Ok(())
}

impl World {
    /// Has everything been done, and are all calls over and gone?
    fn is_still(&self) -> bool {
        self.now - self.begun > Duration::from_secs(5)
            && self.deeds_are_done()
            && self.phones.iter().all(|phone| phone.joint.board.calls().is_empty())
            && self.proxy.live() == 0
    }
}

/// What is looked at all the time.
#[derive(Default)]
struct Watch {
    /// Since when both sides say that they talk on the same call.
    since: Option<(String, Instant)>,
    heard: [bool; 2],
    /// Since when an exchange of offer and answer is under way, and since when there are more sockets than calls want.
    exchanging: [Option<Instant>; 2],
    restarting: [Option<Instant>; 2],
    /// Since when a call is up on one side alone.
    alone: Option<(String, Instant)>,
}

impl Watch {
    fn look(&mut self, world: &World) -> Result<(), String> {
        for phone in &world.phones {
            let sound = lock(&phone.sound);
            // L15, S15.
            if sound.mics > 0 && !phone.open_calls().any(CallEntry::is_up) {
                return Err(format!("phone {}: the microphone is open and no call is answered", phone.number));
            }
            if sound.echo.is_some() {
                return Err(format!("phone {} hears itself", phone.number));
            }
            let calls = phone.open_calls().count();
            if phone.voice.live().1 > calls {
                return Err(format!("phone {}: sound of a call that is over", phone.number));
            }
            self.heard[phone.number] |= sound.heard.is_some();
            drop(sound);
            if let Some(what) = phone.twice.as_ref().filter(|_| world.plan.far.twice == 0.0) {
                return Err(format!("phone {} answers twice: {what}", phone.number));
            }
            if let Some(what) = &phone.owes {
                return Err(format!("phone {}: a 200 without an ACK: {what}", phone.number));
            }
            let exchanges = phone.open_calls().any(|call| call.is_up() && call.exchange != Exchange::None);
            let since = held(&mut self.exchanging[phone.number], exchanges, world.now);
            if since > if world.lost == 0 { EXCHANGE } else { EXCHANGE_LOST } {
                return Err(format!("phone {}: an exchange of offer and answer does not end", phone.number));
            }
            // One set waits for the next call.
            let restarts = phone.voice.live().0 > calls + 1;
            let since = held(&mut self.restarting[phone.number], restarts, world.now);
            // Who moves just then loses what was on its way, and 64*T1 pass before it is known (RFC 3261 17.1.1.2).
            if since > if world.lost == 0 { RESTART } else { EXCHANGE_LOST } && world.plan.may_restart() {
                return Err(format!("phone {}: a restart does not end", phone.number));
            }
        }
        self.leave(world)?;
        self.listen(world)
    }

    /// Nobody stays alone in a call that the other side has left.
    fn leave(&mut self, world: &World) -> Result<(), String> {
        let left = |at: usize| {
            let (here, there) = (&world.phones[at], &world.phones[1 - at]);
            let up = here.open_calls().filter(|call| call.is_up());
            let named = up.filter_map(|call| here.names.iter().find(|(_, own)| *own == call.id));
            named.map(|(name, _)| name).find(|name| there.ends.contains_key(*name))
        };
        // Whoever a stranger took the call from has left it, and the stranger is there.
        let stranger = world.strangers.iter().any(Stranger::talks);
        let Some(name) = left(0).or_else(|| left(1)).filter(|_| !stranger) else {
            self.alone = None;
            return Ok(());
        };
        match &self.alone {
            Some((own, since)) if own == name => {
                let limit = if world.lost == 0 { TOLD } else { FOUND_OUT };
                if world.now.saturating_duration_since(*since) > limit {
                    return Err(format!("one side is still in a call that the other left {limit:?} ago"));
                }
            }
            _ => self.alone = Some((name.clone(), world.now)),
        }
        Ok(())
    }

    /// Two who say that they talk with each other hear each other, or say that they do not.
    fn listen(&mut self, world: &World) -> Result<(), String> {
        let [anna, ben] = &world.phones;
        let (one, two) = (anna.talks(), ben.talks());
        if one.is_none() || one != two || anna.is_muted() || ben.is_muted() {
            self.since = None;
            return Ok(());
        }
        let name = one.unwrap_or_default();
        let since = match &self.since {
            Some((own, since)) if own == name => *since,
            _ => {
                self.since = Some((name.to_owned(), world.now));
                world.now
            }
        };
        if !world.plan.ears {
            return Ok(());
        }
        let limit = if world.plan.has_clean_media() { AT_ONCE } else { IN_TIME };
        for phone in &world.phones {
            let last = lock(&phone.sound).heard.map_or(since, |heard| heard.max(since));
            if world.now.saturating_duration_since(last) > limit {
                return Err(format!("phone {} hears nothing and does not say so", phone.number));
            }
        }
        Ok(())
    }
}

/// For how long something holds now.
fn held(since: &mut Option<Instant>, holds: bool, now: Instant) -> Duration {
    *since = holds.then(|| since.unwrap_or(now));
    since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
}

/// Compares how the two sides say that each call ended.
fn report(world: &World, watch: &Watch) -> Result<Report, String> {
    let [anna, ben] = &world.phones;
    let mut report = Report { answered: world.answered.is_some(), heard: watch.heard, pairs: Vec::new() };
    let names: std::collections::BTreeSet<&String> = anna.ends.keys().chain(ben.ends.keys()).collect();
    for name in names {
        let ends = [anna.ends.get(name).copied(), ben.ends.get(name).copied()];
        // The caller first.
        let pair = if ends.iter().flatten().any(|end| end.ours) && ends[0].is_none_or(|end| !end.ours) {
            (ends[1], ends[0])
        } else {
            (ends[0], ends[1])
        };
        if pair.0.is_none() {
            return Err(format!("{name}: nobody called, yet it was a call: {}", pairs::name(&pair)));
        }
        pairs::fits(world, &pair).map_err(|why| format!("{}: {why}", pairs::name(&pair)))?;
        report.pairs.push(pair);
    }
    Ok(report)
}

/// Nothing outlives its clause.
fn nothing_is_left(world: &mut World) -> Result<(), String> {
    if world.proxy.live() > 0 {
        return Err("the server still waits for somebody".to_owned());
    }
    for phone in &mut world.phones {
        let number = phone.number;
        if let Some(connection) = phone.joint.connections.first() {
            return Err(format!("phone {number}: a connection is left: {:?}", connection.agent));
        }
        if !phone.joint.board.calls().is_empty() {
            return Err(format!("phone {number}: a call is left: {:?}", phone.joint.board.calls()));
        }
        if phone.voice.live() != (0, 0) {
            return Err(format!("phone {number}: (sockets, sounds) are left: {:?}", phone.voice.live()));
        }
        let sound = lock(&phone.sound);
        if (sound.mics, sound.speakers) != (0, 0) {
            return Err(format!("phone {number}: devices are open: {sound:?}"));
        }
        drop(sound);
        if let Some(due) = phone.next_deadline() {
            return Err(format!(
                "phone {number}: a timer is left, due in {:?}",
                due.saturating_duration_since(world.now)
            ));
        }
    }
    Ok(())
}
