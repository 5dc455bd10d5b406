// JsSIP in headless Chromium with the devices of the system, driven by JSON lines as that of the tests (tests/interop/browser).
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const here = new URL(".", import.meta.url).pathname;
const modules = here + "../../tests/interop/browser/node_modules";
const need = createRequire(modules + "/");
const { build } = need("esbuild");
const { chromium } = need("playwright-core");

const say = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const bundle = await build({ entryPoints: [here + "page.js"], nodePaths: [modules], bundle: true, write: false, format: "iife", logLevel: "error" });
const browser = await chromium.launch({
  executablePath: process.env.BELLBIRD_CHROMIUM ?? "/usr/bin/chromium",
  // It shall be heard.
  ignoreDefaultArgs: ["--mute-audio"],
  args: [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--ignore-certificate-errors", "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream", "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks,LocalNetworkAccessForWorkers,LocalNetworkAccessChecksWebSockets",
  ],
});
const page = await (await browser.newContext({ ignoreHTTPSErrors: true, permissions: ["microphone"] })).newPage();
page.on("pageerror", (error) => say({ event: "page-error", message: String(error) }));
await page.exposeFunction("tell", say);
await page.route("https://page.invalid/", (route) => route.fulfill({ contentType: "text/html", body: "<!doctype html><title>JsSIP</title>" }));
await page.goto("https://page.invalid/");
await page.addScriptTag({ content: bundle.outputFiles[0].text });
say({ event: "ready" });
for await (const line of createInterface({ input: process.stdin })) {
  const { do: verb, ...more } = JSON.parse(line);
  await page.evaluate(([name, values]) => window.act[name](values), [verb, more]).catch((error) => say({ event: "page-error", message: String(error) }));
}
await browser.close();
