// What the scripts of this folder share: headless Chromium with an empty page, driven by JSON lines.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

export const RATE = 48000;
export const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");

/** A browser and a page of a secure origin, which `tell`s us what happens in it. */
export async function open(title) {
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
  await page.route("https://page.invalid/", (route) => route.fulfill({ contentType: "text/html", body: `<!doctype html><title>${title}</title>` }));
  await page.goto("https://page.invalid/");
  return { browser, page };
}

/** Does what each line of our input says, until it is closed. */
export async function follow(act) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: verb, ...more } = JSON.parse(line);
    await act(verb, more).catch((error) => say({ event: "page-error", message: String(error) }));
  }
}

/** A WAV file with one channel of 16-bit samples. */
export function wav(samples) {
  const head = Buffer.alloc(44), bytes = samples.length;
  head.write("RIFF", 0); head.writeUInt32LE(36 + bytes, 4); head.write("WAVEfmt ", 8); head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20); head.writeUInt16LE(1, 22); head.writeUInt32LE(RATE, 24); head.writeUInt32LE(2 * RATE, 28);
  head.writeUInt16LE(2, 32); head.writeUInt16LE(16, 34); head.write("data", 36); head.writeUInt32LE(bytes, 40);
  return Buffer.concat([head, samples]);
}
