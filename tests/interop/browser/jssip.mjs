// JsSIP in headless Chromium, driven by JSON lines: `{"do":"start",…}` and the like in, `{"event":…}` out.
// The tests start it, end it by closing its input, and wait for its events.
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import { chromium } from "playwright-core";

const RATE = 48000;
const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const here = new URL(".", import.meta.url).pathname;
const bundle = await build({ entryPoints: [here + "page.js"], bundle: true, write: false, format: "iife", logLevel: "error" });
const browser = await chromium.launch({
  executablePath: process.env.BELLBIRD_CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--ignore-certificate-errors", "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks,LocalNetworkAccessForWorkers,LocalNetworkAccessChecksWebSockets",
  ],
});
// Only a page that may use the microphone tells its peers the addresses it really sends from; Asterisk insists on them.
const page = await (await browser.newContext({ ignoreHTTPSErrors: true, permissions: ["microphone"] })).newPage();
page.on("pageerror", (error) => say({ event: "page-error", message: String(error) }));
await page.exposeFunction("tell", say);
// A secure origin without a server: WebRTC and WebCrypto want one.
await page.route("https://page.invalid/", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>JsSIP</title>" }));
await page.goto("https://page.invalid/");
await page.addScriptTag({ content: bundle.outputFiles[0].text });
say({ event: "ready" });

/** The header of a WAV file with one channel of 16-bit samples. */
function header(bytes) {
  const head = Buffer.alloc(44);
  head.write("RIFF", 0); head.writeUInt32LE(36 + bytes, 4); head.write("WAVEfmt ", 8); head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); head.writeUInt16LE(1, 22); head.writeUInt32LE(RATE, 24); head.writeUInt32LE(2 * RATE, 28);
  head.writeUInt16LE(2, 32); head.writeUInt16LE(16, 34); head.write("data", 36); head.writeUInt32LE(bytes, 40);
  return head;
}

const verbs = {
  /** Writes what the far end said in the last call to a file. */
  async recorded({ file }) {
    const samples = Buffer.from(await page.evaluate(() => window.recorded()), "base64");
    await writeFile(file, Buffer.concat([header(samples.length), samples]));
    say({ event: "recorded", seconds: samples.length / 2 / RATE });
  },
  async start({ voice, ...more }) {
    const sound = (await readFile(voice)).toString("base64");
    await page.evaluate((values) => window.act.start(values), { ...more, voice: sound });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { do: verb, ...more } = JSON.parse(line);
  const done = verbs[verb] ? verbs[verb](more) : page.evaluate(([name, values]) => window.act[name](values), [verb, more]);
  await done.catch((error) => say({ event: "page-error", message: String(error) }));
}
await browser.close();
