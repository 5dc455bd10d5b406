// JsSIP in headless Chromium, driven by JSON lines: `{"do":"start",…}` and the like in, `{"event":…}` out.
// The tests start it, end it by closing its input, and wait for its events.
import { readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { RATE, follow, open, say, wav } from "./chromium.mjs";

const here = new URL(".", import.meta.url).pathname;
const bundle = await build({ entryPoints: [here + "page.js"], bundle: true, write: false, format: "iife", logLevel: "error" });
const { browser, page } = await open("JsSIP");
await page.addScriptTag({ content: bundle.outputFiles[0].text });
say({ event: "ready" });

const verbs = {
  /** Writes what the far end said in the last call to a file. */
  async recorded({ file }) {
    const samples = Buffer.from(await page.evaluate(() => window.recorded()), "base64");
    await writeFile(file, wav(samples));
    say({ event: "recorded", seconds: samples.length / 2 / RATE });
  },
  async start({ voice, ...more }) {
    const sound = (await readFile(voice)).toString("base64");
    await page.evaluate((values) => window.act.start(values), { ...more, voice: sound });
  },
};

await follow((verb, more) => (verbs[verb] ? verbs[verb](more) : page.evaluate(([name, values]) => window.act[name](values), [verb, more])));
await browser.close();
