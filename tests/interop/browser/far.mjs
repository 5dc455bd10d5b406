// Peer connections in headless Chromium without signalling of their own, as far ends of the quality of sound: each verb is
// answered by an event of its name.
import { readFile, writeFile } from "node:fs/promises";
import { follow, open, say, wav } from "./chromium.mjs";

const { browser, page } = await open("far ends");
await page.addScriptTag({ content: await readFile(new URL("far-page.js", import.meta.url), "utf8") });

const verbs = {
  async start({ voice }) {
    const sound = (await readFile(voice)).toString("base64");
    await page.evaluate((values) => window.act.start(values), { voice: sound });
  },
  async tape({ name, file }) {
    const samples = await page.evaluate((values) => window.act.tape(values), { name });
    await writeFile(file, wav(Buffer.from(samples, "base64")));
  },
};

await follow(async (verb, more) => {
  const done = verbs[verb] ? verbs[verb](more) : page.evaluate(([name, values]) => window.act[name](values), [verb, more]);
  say({ event: verb, result: (await done) ?? null });
});
await browser.close();
