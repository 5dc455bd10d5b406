// The page of far.mjs: ends by name, all of which say the same voice, and a tape of what each hears.
const RATE = 48000;
const ends = new Map();
let context, voice;

/** A node that hands what it hears to the tape, a tenth of a second at a time. It runs in the sound thread. */
const EAR = `registerProcessor("ear", class extends AudioWorkletProcessor {
  piece = new Float32Array(4800); length = 0;
  process([[heard]]) {
    for (let i = 0; i < 128; i++) {
      this.piece[this.length++] = heard ? heard[i] : 0;
      if (this.length < this.piece.length) continue;
      this.port.postMessage(this.piece.slice());
      this.length = 0;
    }
    return true;
  }
});`;

function hear(end, stream) {
  const element = new Audio();
  element.muted = true; // Chromium only decodes what some element plays.
  element.srcObject = stream;
  element.play();
  end.element = element;
  end.ear.port.onmessage = ({ data }) => {
    if (!end.runs) return;
    end.tape.push(data);
    end.taped?.();
  };
  context.createMediaStreamSource(stream).connect(end.ear).connect(new GainNode(context, { gain: 0 })).connect(context.destination);
}

/** An end as a page makes one that asks for nothing. */
function make(name) {
  const connection = new RTCPeerConnection();
  const mouth = context.createMediaStreamDestination();
  const ear = new AudioWorkletNode(context, "ear", { channelCount: 1, channelCountMode: "explicit" });
  const end = { connection, mouth, ear, tape: [], runs: false };
  connection.addTrack(mouth.stream.getTracks()[0], mouth.stream);
  connection.addEventListener("track", ({ track }) => hear(end, new MediaStream([track])));
  ends.set(name, end);
  return connection;
}

/** The local description with all of its candidates. */
async function gathered(connection) {
  while (connection.iceGatheringState !== "complete") {
    await new Promise((done) => connection.addEventListener("icegatheringstatechange", done, { once: true }));
  }
  return connection.localDescription.sdp;
}

window.act = {
  async start({ voice: base64 }) {
    context = new AudioContext({ sampleRate: RATE });
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([EAR], { type: "text/javascript" })));
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    voice = await context.decodeAudioData(bytes.buffer);
  },
  async offer({ name }) {
    const connection = make(name);
    await connection.setLocalDescription();
    return gathered(connection);
  },
  async answer({ name, sdp }) {
    const connection = make(name);
    await connection.setRemoteDescription({ type: "offer", sdp });
    await connection.setLocalDescription();
    return gathered(connection);
  },
  accept: ({ name, sdp }) => ends.get(name).connection.setRemoteDescription({ type: "answer", sdp }),
  async connected({ name }) {
    const { connection } = ends.get(name);
    while (connection.connectionState !== "connected") {
      if (connection.connectionState === "failed") throw new Error(`${name} failed`);
      await new Promise((done) => connection.addEventListener("connectionstatechange", done, { once: true }));
    }
  },
  speak({ names }) {
    const at = context.currentTime + 0.1;
    for (const end of ends.values()) end.runs = true;
    for (const name of names) {
      const source = new AudioBufferSourceNode(context, { buffer: voice, loop: true });
      source.connect(ends.get(name).mouth);
      source.start(at);
    }
  },
  async taped({ name, seconds }) {
    const end = ends.get(name);
    while (end.tape.length < 10 * seconds) await new Promise((done) => (end.taped = done));
  },
  tape({ name }) {
    const { tape } = ends.get(name);
    const samples = new Int16Array(tape.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of tape) for (const sample of piece) samples[at++] = Math.max(-1, Math.min(1, sample)) * 32767;
    const bytes = new Uint8Array(samples.buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    return btoa(text);
  },
  async received({ name }) {
    const stats = await ends.get(name).connection.getStats();
    return [...stats.values()].find(({ type, kind }) => type === "inbound-rtp" && kind === "audio");
  },
};
