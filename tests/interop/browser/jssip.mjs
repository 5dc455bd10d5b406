// JsSIP in headless Chromium, driven by JSON lines: `{"do":"start",…}` and the like in, `{"event":…}` out.
// The tests start it, end it by closing its input, and wait for its events.
import { createInterface } from "node:readline";
import { build } from "esbuild";
import { chromium } from "playwright-core";

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
const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
page.on("pageerror", (error) => say({ event: "page-error", message: String(error) }));
await page.exposeFunction("tell", say);
// A secure origin without a server: WebRTC and WebCrypto want one.
await page.route("https://page.invalid/", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>JsSIP</title>" }));
await page.goto("https://page.invalid/");
await page.addScriptTag({ content: bundle.outputFiles[0].text });
say({ event: "ready" });

for await (const line of createInterface({ input: process.stdin })) {
  const { do: verb, ...more } = JSON.parse(line);
  await page.evaluate(([name, values]) => window.act[name](values), [verb, more]).catch((error) => say({ event: "page-error", message: String(error) }));
}
await browser.close();
