// Every view in every state, on the gallery's fake phone in a real browser, under the content security policy of the
// app: beside its picture (boxes within 8 px, colours from the tokens), without a violation of accessibility or of
// the policy, and at 200 % zoom with every control in reach.
//   node ui/test/gallery.mjs [--update] [SCENE...]
// Screenshots go to target/screenshots; with --update also to ui/screenshots, where they lie beside the pictures.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { accessible } from './browser/accessible.mjs';
import { compareBoxes } from './browser/boxes.mjs';
import { compareColours } from './browser/colours.mjs';
import { contactSheet } from './browser/sheet.mjs';
import { serveGallery } from './browser/serve.mjs';
import { reachable } from './browser/zoom.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const update = process.argv.includes('--update');
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const out = update ? `${root}/ui/screenshots` : `${root}/target/screenshots`;
const pictures = JSON.parse(readFileSync(`${root}/ui/test/pictures.json`, 'utf8'));
const SIZES = { callwin: { width: 340, height: 124 } };
const sizeOf = (scene) => SIZES[scene] ?? { width: 360, height: 560 };

if (wanted.length === 0) rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const server = await serveGallery();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const failures = [];
const sheet = { light: [], dark: [] };
let looked = 0;

/** Opens `scene` and gives it to `look`; whatever the page complains of is a failure. */
async function open(scene, theme, viewport, scale, look) {
  const context = await browser.newContext({ viewport, deviceScaleFactor: scale, timezoneId: 'UTC', locale: 'en-GB', reducedMotion: 'reduce' });
  const page = await context.newPage();
  const complain = (text) => failures.push(`${scene}-${theme}: ${text}`);
  page.on('pageerror', (error) => complain(`threw ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') complain(message.text());
  });
  await page.goto(`${server.url}/gallery.html?scene=${scene}&theme=${theme}`);
  await page.waitForFunction(() => window.gallery?.ready === true, undefined, { timeout: 10_000 });
  await page.evaluate(() => document.fonts.ready);
  await look(page, complain);
  await context.close();
  looked++;
}

try {
  const listing = await browser.newPage();
  await listing.goto(`${server.url}/gallery.html`);
  const all = await listing.evaluate(() => window.gallery.scenes);
  await listing.close();
  for (const scene of Object.keys(pictures)) if (!all.includes(scene)) failures.push(`${scene}: has a picture and no scene`);

  for (const scene of wanted.length > 0 ? wanted : all)
    for (const theme of ['light', 'dark']) {
      await open(scene, theme, sizeOf(scene), 2, async (page, complain) => {
        const shot = await page.screenshot(scene in pictures ? { path: `${out}/${scene}-${theme}.png` } : {});
        sheet[theme].push({ scene, shot });
        if (scene in pictures) for (const fault of await compareBoxes(page, pictures[scene])) complain(fault);
        for (const fault of await compareColours(page)) complain(fault);
        for (const fault of await accessible(page)) complain(fault);
      });
      if (theme === 'light')
        await open(scene, theme, { width: 180, height: 280 }, 1, async (page, complain) => {
          for (const fault of await reachable(page)) complain(`at 200 %: ${fault}`);
        });
    }
  for (const theme of wanted.length === 0 ? ['light', 'dark'] : []) await contactSheet(browser, sheet[theme], `${out}/contact-${theme}.png`);
} finally {
  await browser.close();
  await server.close();
}

for (const failure of failures) console.error(failure);
console.log(`gallery: ${looked} pages looked at, ${failures.length} faults; screenshots in ${out.replace(`${root}/`, '')}`);
process.exitCode = failures.length === 0 && looked > 0 ? 0 : 1;
