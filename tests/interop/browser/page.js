// The page: JsSIP with a tone for a microphone and an ear that says which tone it hears.
import JsSIP from "jssip";

const tell = (event, more = {}) => window.tell({ event, ...more });
let agent, session, context, ear;

/** A stream of one steady tone, so that no device and no permission is needed. */
function tone(hz) {
  context ??= new AudioContext();
  const source = new OscillatorNode(context, { frequency: hz });
  const gain = new GainNode(context, { gain: 0.4 });
  const out = context.createMediaStreamDestination();
  source.connect(gain).connect(out);
  source.start();
  return out.stream;
}

/** Says `heard` when the loudest tone of the far end has stayed the same for half a second. */
function listen(stream) {
  const sink = new Audio();
  sink.muted = true; // Chromium only decodes what some element plays.
  sink.srcObject = stream;
  sink.play();
  clearInterval(ear);
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(stream).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  let last = 0, same = 0;
  ear = setInterval(() => {
    analyser.getFloatFrequencyData(bins);
    let top = 0;
    for (let i = 1; i < bins.length; i++) if (bins[i] > bins[top]) top = i;
    const hz = (top * context.sampleRate) / analyser.fftSize;
    same = bins[top] > -60 && Math.abs(hz - last) < 12 ? same + 1 : 0;
    last = hz;
    if (same === 4) tell("heard", { hz: Math.round(hz), db: Math.round(bins[top]) });
  }, 125);
}

function follow(next) {
  session = next;
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

window.act = {
  start({ url, user, domain, password, hz }) {
    window.stream = tone(hz);
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
    follow(agent.call(to, { mediaStream: window.stream, pcConfig: { iceServers: [] } }));
  },
  answer: () => session.answer({ mediaStream: window.stream, pcConfig: { iceServers: [] } }),
  hold: () => session.hold(),
  unhold: () => session.unhold(),
  dtmf: ({ digit }) => session.sendDTMF(digit),
  hangup: () => session.terminate(),
  stop: () => agent.stop(),
};
