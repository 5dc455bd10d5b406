// The page: JsSIP with the microphone and the speaker of the system, and nothing done to the sound.
import JsSIP from "jssip";

const tell = (event, more = {}) => window.tell({ event, ...more });
const media = { mediaConstraints: { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } }, pcConfig: { iceServers: [] } };
let agent, session;

function hear(connection) {
  connection.addEventListener("track", (e) => {
    const ear = new Audio();
    ear.srcObject = new MediaStream([e.track]);
    ear.play();
    document.body.append(ear);
  });
}

window.act = {
  start({ url, user, domain, password }) {
    agent = new JsSIP.UA({ sockets: [new JsSIP.WebSocketInterface(url)], uri: `sip:${user}@${domain}`, password, register: true, session_timers: false });
    agent.on("registered", () => tell("registered"));
    agent.on("registrationFailed", (e) => tell("registration-failed", { cause: e.cause }));
    agent.on("newRTCSession", ({ originator, session: next }) => {
      session = next;
      session.on("confirmed", () => tell("confirmed"));
      session.on("failed", (e) => tell("failed", { cause: e.cause }));
      if (session.connection) hear(session.connection);
      else session.on("peerconnection", (e) => hear(e.peerconnection));
      if (originator === "remote") tell("incoming");
    });
    agent.start();
  },
  call: ({ to }) => void agent.call(to, media),
  answer: () => session.answer(media),
};
