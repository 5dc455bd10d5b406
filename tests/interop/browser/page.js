// The page: JsSIP with a voice from a file for a microphone, and a tape that records what the far end says.
import JsSIP from "jssip";

const RATE = 48000;
const tell = (event, more = {}) => window.tell({ event, ...more });
let agent, session, context, mouth, tape, reel, sound, seconds;

/** A node that hands every block it hears to the tape. It runs in the sound thread, so it is a module of its own. */
const EAR = `registerProcessor("ear", class extends AudioWorkletProcessor {
  process([[heard]]) { if (heard) this.port.postMessage(heard.slice()); return true; }
});`;

/** The voice, again and again, as the stream of a microphone: no device and no permission is needed. */
async function speak(base64) {
  context = new AudioContext({ sampleRate: RATE });
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([EAR], { type: "text/javascript" })));
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const source = new AudioBufferSourceNode(context, { buffer: await context.decodeAudioData(bytes.buffer), loop: true });
  mouth = context.createMediaStreamDestination();
  source.connect(mouth);
  source.start();
}

/** Puts a new stream of the far end on the tape; says after each second of sound how many it `heard` in this call. */
function listen(stream) {
  const element = new Audio();
  element.muted = true; // Chromium only decodes what some element plays.
  element.srcObject = stream;
  element.play();
  reel?.disconnect();
  reel = new AudioWorkletNode(context, "ear", { channelCount: 1, channelCountMode: "explicit" });
  reel.port.onmessage = ({ data }) => {
    tape.push(data);
    if (!data.some((sample) => Math.abs(sample) > 0.01)) return;
    sound += data.length;
    if (sound >= (seconds + 1) * RATE) tell("heard", { seconds: ++seconds });
  };
  context.createMediaStreamSource(stream).connect(reel).connect(new GainNode(context, { gain: 0 })).connect(context.destination);
}

function follow(next) {
  session = next;
  tape = [];
  sound = seconds = 0;
  session.on("progress", (e) => e.originator === "remote" && tell("progress", { status: e.response?.status_code }));
  session.on("accepted", () => tell("accepted"));
  session.on("confirmed", () => tell("confirmed"));
  session.on("hold", (e) => tell("hold", { by: e.originator }));
  session.on("unhold", (e) => tell("unhold", { by: e.originator }));
  session.on("newDTMF", (e) => e.originator === "remote" && tell("dtmf", { digit: e.dtmf.tone }));
  session.on("ended", (e) => tell("ended", { by: e.originator, cause: e.cause }));
  session.on("failed", (e) => tell("failed", { by: e.originator, cause: e.cause, status: e.message?.status_code }));
  const wire = (connection) => connection.addEventListener("track", (e) => listen(new MediaStream([e.track])));
  if (session.connection) wire(session.connection);
  else session.on("peerconnection", (e) => wire(e.peerconnection));
}

/** JsSIP refuses while another offer is on its way, and keys until the media is secured: then again. */
function insist(act) {
  if (!act()) setTimeout(insist, 50, act);
}

/** Keys that wait, in the order in which they were pressed. */
const keys = [];

function press() {
  const { dtmf } = session.connection.getSenders().find((sender) => sender.dtmf);
  if (!dtmf.canInsertDTMF) return false;
  while (keys.length) session.sendDTMF(keys.shift(), { transportType: "RFC2833" });
  return true;
}

const media = () => ({ mediaStream: mouth.stream, pcConfig: { iceServers: [] } });

window.act = {
  async start({ url, user, domain, password, voice }) {
    await speak(voice);
    const socket = new JsSIP.WebSocketInterface(url);
    agent = new JsSIP.UA({ sockets: [socket], uri: `sip:${user}@${domain}`, password, register: true, session_timers: false });
    agent.on("registered", () => tell("registered"));
    agent.on("registrationFailed", (e) => tell("registration-failed", { cause: e.cause }));
    agent.on("newRTCSession", ({ originator, session: next }) => {
      if (originator !== "remote") return;
      follow(next);
      tell("incoming", { from: next.remote_identity.uri.user, name: next.remote_identity.display_name });
    });
    agent.start();
  },
  call({ to }) {
    // JsSIP tells of the new call before it returns it.
    agent.once("newRTCSession", ({ originator, session: next }) => originator === "local" && follow(next));
    agent.call(to, media());
  },
  answer: () => session.answer(media()),
  hold: () => insist(() => session.hold({}, () => tell("held"))),
  unhold: () => insist(() => session.unhold({}, () => tell("unheld"))),
  dtmf({ digit }) {
    keys.push(digit);
    if (keys.length === 1) insist(press);
  },
  /** How Chromium says that the call is protected, and by which certificate it knows the far end. */
  async security() {
    const stats = await session.connection.getStats();
    const transport = [...stats.values()].find((own) => own.type === "transport");
    const { fingerprint } = stats.get(transport.remoteCertificateId);
    tell("security", { tls: transport.tlsVersion, cipher: transport.dtlsCipher, srtp: transport.srtpCipher, fingerprint });
  },
  hangup: () => session.terminate(),
  stop: () => agent.stop(),
};

/** What is on the tape of the last call, as 16-bit samples in base64. */
window.recorded = () => {
  const samples = new Int16Array(tape.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of tape) for (const sample of block) samples[at++] = Math.max(-1, Math.min(1, sample)) * 32767;
  const bytes = new Uint8Array(samples.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
};
