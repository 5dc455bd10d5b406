//! Sound devices under the test's control, and a person at them.

use std::{
    collections::HashSet,
    future::Future,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use media::{
    offer::Policy,
    port::{Capture, DeviceKind, Health, Playback, PortDevice, PortDirection, PortError, SoundPort},
    signal::{Speech, find_delay},
};
use tokio::sync::mpsc;

use super::super::{Happened, Order, PathState, Voice, Ways, Wish, start};
use crate::sound::{Buffers, Heard};

/// Far longer than anything takes; only a failing test waits so long.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A stream that stopped without a word is lost after this, as the watch of a real one has it (`audio::watch`).
const SILENT: Duration = Duration::from_millis(200);

/// What is plugged in, and what was done with it.
#[derive(Default)]
pub(super) struct Plugged {
    pub(super) devices: Vec<PortDevice>,
    /// Do the microphones hear a room, and how loud?
    pub(super) room: Option<f32>,
    /// Those that stopped delivering.
    pub(super) dead: HashSet<String>,
    /// Those that stopped without a word.
    pub(super) silent: HashSet<String>,
    /// Those that another program holds.
    pub(super) busy: HashSet<String>,
    /// Those that are open now.
    pub(super) open: Vec<String>,
    /// All that were ever opened, in order.
    pub(super) opened: Vec<String>,
    /// Speakers that were ever given more than silence.
    pub(super) loud: HashSet<String>,
    /// Whom the system tells that the devices changed.
    pub(super) changed: Option<Arc<dyn Fn() + Send + Sync>>,
}

impl Plugged {
    /// The system tells that the devices changed.
    pub(super) fn tell(plugged: &Mutex<Self>) {
        let changed = plugged.lock().unwrap().changed.clone();
        changed.expect("somebody wants to know")();
    }
}

pub(super) struct Rig {
    pub(super) plugged: Arc<Mutex<Plugged>>,
    pub(super) buffers: Buffers,
}

struct Stream<S> {
    inner: S,
    id: String,
    plugged: Arc<Mutex<Plugged>>,
    silent_since: Option<Instant>,
}

impl Rig {
    fn find(&self, id: Option<&str>, direction: PortDirection) -> Result<String, PortError> {
        let mut plugged = self.plugged.lock().unwrap();
        let device = plugged
            .devices
            .iter()
            .find(|device| device.direction == direction && id.map_or(device.is_default, |id| device.id == id));
        let id = device.map(|device| device.id.clone()).ok_or(PortError::NoDevice)?;
        if plugged.busy.contains(&id) {
            return Err(PortError::Busy(id));
        }
        plugged.open.push(id.clone());
        plugged.opened.push(id.clone());
        Ok(id)
    }
}

impl SoundPort for Rig {
    fn devices(&mut self) -> Result<Vec<PortDevice>, PortError> {
        Ok(self.plugged.lock().unwrap().devices.clone())
    }

    fn watch(&mut self, changed: Arc<dyn Fn() + Send + Sync>) {
        self.plugged.lock().unwrap().changed = Some(changed);
    }

    fn open_capture(&mut self, id: Option<&str>) -> Result<Box<dyn Capture>, PortError> {
        let id = self.find(id, PortDirection::Capture)?;
        let plugged = Arc::clone(&self.plugged);
        Ok(Box::new(Stream { inner: self.buffers.open_capture(None)?, id, plugged, silent_since: None }))
    }

    fn open_playback(&mut self, id: Option<&str>) -> Result<Box<dyn Playback>, PortError> {
        let id = self.find(id, PortDirection::Playback)?;
        let plugged = Arc::clone(&self.plugged);
        Ok(Box::new(Stream { inner: self.buffers.open_playback(None)?, id, plugged, silent_since: None }))
    }
}

impl<S> Stream<S> {
    fn is_still(&self) -> bool {
        let plugged = self.plugged.lock().unwrap();
        plugged.dead.contains(&self.id) || plugged.silent.contains(&self.id)
    }

    fn own_health(&mut self, now: Instant) -> Health {
        let plugged = self.plugged.lock().unwrap();
        if plugged.dead.contains(&self.id) {
            Health::Lost(PortError::Gone(self.id.clone()))
        } else if plugged.silent.contains(&self.id) && now >= *self.silent_since.get_or_insert(now) + SILENT {
            Health::Lost(PortError::Unresponsive)
        } else {
            Health::Ok
        }
    }
}

impl<S> Drop for Stream<S> {
    fn drop(&mut self) {
        let mut plugged = self.plugged.lock().unwrap();
        let at = plugged.open.iter().position(|id| *id == self.id).unwrap();
        plugged.open.remove(at);
    }
}

impl Capture for Stream<Box<dyn Capture>> {
    fn rate(&self) -> u32 {
        self.inner.rate()
    }
    fn read(&mut self, now: Instant, out: &mut Vec<f32>) {
        if !self.is_still() {
            let start = out.len();
            self.inner.read(now, out);
            if let Some(gain) = self.plugged.lock().unwrap().room {
                out[start..].iter_mut().for_each(|sample| *sample = (*sample * gain).clamp(-1.0, 1.0));
            }
        }
    }
    fn hears_room(&self) -> bool {
        self.plugged.lock().unwrap().room.is_some()
    }
    fn health(&mut self, now: Instant) -> Health {
        self.own_health(now)
    }
    fn device(&self) -> &str {
        &self.id
    }
}

impl Playback for Stream<Box<dyn Playback>> {
    fn rate(&self) -> u32 {
        self.inner.rate()
    }
    fn write(&mut self, now: Instant, samples: &[f32]) -> usize {
        if self.is_still() {
            return 0;
        }
        if media::level::rms_dbfs(samples) > -40.0 {
            self.plugged.lock().unwrap().loud.insert(self.id.clone());
        }
        self.inner.write(now, samples)
    }
    fn queued(&self) -> usize {
        self.inner.queued()
    }
    fn health(&mut self, now: Instant) -> Health {
        self.inner.health(now);
        self.own_health(now)
    }
    fn device(&self) -> &str {
        &self.id
    }
}

pub(super) fn device(id: &str, direction: PortDirection, kind: DeviceKind, is_default: bool) -> PortDevice {
    PortDevice { id: id.into(), name: id.into(), kind, direction, is_default }
}

/// A voice and the person who uses it.
pub(super) struct Person {
    pub(super) voice: Voice,
    pub(super) happened: mpsc::UnboundedReceiver<Happened>,
    pub(super) log: Vec<Happened>,
    pub(super) heard: Heard,
    said: Arc<Mutex<Vec<f32>>>,
    plugged: Arc<Mutex<Plugged>>,
}

impl Person {
    /// With a microphone `mic` and a speaker `ear`.
    pub(super) fn new(seed: u8) -> Self {
        Self::with(
            seed,
            vec![
                device("mic", PortDirection::Capture, DeviceKind::Other, true),
                device("ear", PortDirection::Playback, DeviceKind::Other, true),
            ],
        )
    }

    pub(super) fn with(seed: u8, devices: Vec<PortDevice>) -> Self {
        let said = Arc::new(Mutex::new(Vec::new()));
        let (mut speech, spoken) = (Speech::new(seed.into()), Arc::clone(&said));
        let (buffers, heard) = Buffers::new(move |out| {
            speech.fill(out);
            spoken.lock().unwrap().extend_from_slice(out);
        });
        let plugged = Arc::new(Mutex::new(Plugged { devices, ..Plugged::default() }));
        let rig = Rig { plugged: Arc::clone(&plugged), buffers };
        let (voice, happened) = start(Box::new(rig), [seed; 32]);
        let ways = Ways { loopback: true, stun: Vec::new(), turn: Vec::new(), policy: Policy::default() };
        voice.order(Order::Ready { account: "a1".into(), ways: Some(ways) });
        voice.order(Order::Watch { levels: true });
        Self { voice, happened, log: Vec::new(), heard, said, plugged }
    }

    pub(super) fn plugged(&self) -> MutexGuard<'_, Plugged> {
        self.plugged.lock().unwrap()
    }

    pub(super) fn plugged_by(&self) -> Arc<Mutex<Plugged>> {
        Arc::clone(&self.plugged)
    }

    /// All that the person said so far.
    pub(super) fn said_by(&self) -> Arc<Mutex<Vec<f32>>> {
        Arc::clone(&self.said)
    }

    /// Hears another person, from now on.
    pub(super) async fn hears_of(&mut self, other: &Self) {
        let said = other.said_by();
        self.hears(move || said.lock().unwrap().clone()).await;
    }

    pub(super) fn order(&self, order: Order) {
        self.voice.order(order);
    }

    /// The next thing that `pick` wants; what else happens is in the log.
    pub(super) async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&Happened) -> Option<T>) -> T {
        let limit = tokio::time::timeout(PATIENCE, async {
            loop {
                let happened = self.happened.recv().await.expect("the media thread runs");
                let picked = pick(&happened);
                if !matches!(happened, Happened::Levels { .. } | Happened::Quality { .. }) {
                    self.log.push(happened);
                }
                if let Some(picked) = picked {
                    return picked;
                }
            }
        });
        match limit.await {
            Ok(picked) => picked,
            Err(_) => panic!("{what} did not come; {:#?}", self.log),
        }
    }

    /// Waits, looking each time that anything happens (levels do, 20 times a second).
    pub(super) async fn until_so<T>(&mut self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        match look() {
            Some(seen) => seen,
            None => self.until(what, |_| look()).await,
        }
    }

    pub(super) async fn offer(&mut self, call: &str, wish: Wish) -> bytes::Bytes {
        self.order(Order::Offer { call: call.into(), account: "a1".into(), wish });
        self.offered().await
    }

    pub(super) async fn offered(&mut self) -> bytes::Bytes {
        self.until("an offer", |happened| match happened {
            Happened::Offer { sdp, .. } => Some(sdp.clone()),
            _ => None,
        })
        .await
    }

    /// Answers; gives the words and whether we are held by them.
    pub(super) async fn answer(&mut self, call: &str, offer: bytes::Bytes, wish: Wish) -> (bytes::Bytes, bool) {
        self.order(Order::Answer { call: call.into(), account: "a1".into(), offer, wish });
        self.until("an answer", |happened| match happened {
            Happened::Answer { sdp, remote_hold, .. } => Some((sdp.clone(), *remote_hold)),
            _ => None,
        })
        .await
    }

    pub(super) async fn accept(&mut self, call: &str, answer: bytes::Bytes) {
        self.order(Order::Accept { call: call.into(), answer });
        self.until("the answer to be taken", |happened| match happened {
            Happened::Accepted { .. } => Some(()),
            Happened::Refused { why, .. } => panic!("{why}"),
            _ => None,
        })
        .await;
    }

    /// The person picks up.
    pub(super) fn talk(&self, call: &str) {
        self.order(Order::Active { calls: vec![call.into()] });
        self.order(Order::Talk { call: call.into(), on: true });
    }

    /// The path of a call is secure; on which socket.
    pub(super) async fn secure(&mut self) -> std::net::SocketAddr {
        self.until("a secure path", |happened| match happened {
            Happened::Path { path: PathState::Secure { local, .. }, .. } => Some(*local),
            _ => None,
        })
        .await
    }

    /// Hears what is said, from now on.
    pub(super) async fn hears(&mut self, said: impl Fn() -> Vec<f32>) {
        let (from, heard) = (self.heard.len(), self.heard.clone());
        let mut looked = from;
        self.until_so("the voice of the far end", || {
            // Each half second of more sound is worth a look.
            (heard.len() >= looked + 24_000).then(|| looked = heard.len())?;
            is_heard(&said(), &heard.since(from)).then_some(())
        })
        .await;
    }

    /// Hears half a second of nothing, from now on.
    pub(super) async fn hears_nothing(&mut self) {
        let heard = self.heard.clone();
        let from = heard.len();
        self.until_so("silence", || {
            let sound = heard.since(from);
            let last = sound.len().checked_sub(24_000)?;
            (media::level::rms_dbfs(&sound[last..]) < -70.0).then_some(())
        })
        .await;
    }
}

/// Is half a second of what was said just now in what was heard just now?
pub(super) fn is_heard(said: &[f32], heard: &[f32]) -> bool {
    const PART: usize = 24_000;
    let heard = &heard[heard.len().saturating_sub(3 * PART)..];
    let said = &said[said.len().saturating_sub(4 * PART)..];
    // The sound of a moment ago may still be on its way.
    said.chunks_exact(PART).any(|part| find_delay(part, heard, heard.len()).is_some_and(|found| found.likeness > 0.6))
}

/// Waits for something that tells nobody when it happens.
pub(super) async fn eventually(what: &str, so: impl Fn() -> bool) {
    let until = async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, until).await.is_ok(), "{what} did not come");
}

/// Runs a test; far ends have a thread of their own, so that looking at sound does not hold them up.
pub(super) fn play(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.unwrap().block_on(test);
}
