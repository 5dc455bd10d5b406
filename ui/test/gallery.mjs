// Every view in every state, on the gallery's fake phone in a real browser, under the content security policy of the
// app: beside its picture (boxes within 8 px, colours from the tokens), without a violation of accessibility or of
// the policy, in each language, and at 200 % zoom with every control in reach; hostile names; and the window as it
// is built.
//   node ui/test/gallery.mjs [--update] [SCENE...]
// Screenshots go to $BELLBIRD_ARTEFACTS/gallery (target/artefacts without it); with --update to ui/screenshots, where
// they lie beside the pictures.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { accessible } from './browser/accessible.mjs';
import { builtWindow } from './browser/app.mjs';
import { compareBoxes } from './browser/boxes.mjs';
import { compareColours } from './browser/colours.mjs';
import { HOSTILE_VIEWS, hostileNames } from './browser/hostile.mjs';
import { contactSheet } from './browser/sheet.mjs';
import { serveGallery } from './browser/serve.mjs';
import { reachable } from './browser/zoom.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const update = process.argv.includes('--update');
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const out = update ? `${root}ui/screenshots` : `${process.env.BELLBIRD_ARTEFACTS ?? `${root}target/artefacts`}/gallery`;
const pictures = JSON.parse(readFileSync(`${root}ui/test/pictures.json`, 'utf8'));
const SIZES = { callwin: { width: 340, height: 124 } };
const sizeOf = (scene) => SIZES[scene] ?? { width: 360, height: 560 };
/** How many pages are looked at side by side. */
const ABREAST = 3;

if (wanted.length === 0) rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const server = await serveGallery();
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
const failures = [];
const fail = (fault) => {
  failures.push(fault);
  console.error(fault);
};
let looked = 0;

/** Opens `scene` and gives it to `look`; whatever the page complains of is a failure. */
async function open({ scene, theme, lang }, look) {
  const context = await browser.newContext({ viewport: sizeOf(scene), deviceScaleFactor: 2, timezoneId: 'UTC', locale: 'en-GB', reducedMotion: 'reduce' });
  const page = await context.newPage();
  const complain = (text) => fail(`${[scene, theme, lang].filter(Boolean).join('-')}: ${text}`);
  page.on('pageerror', (error) => complain(`threw ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') complain(message.text());
  });
  try {
    await page.goto(`${server.url}/gallery.html?scene=${scene}&theme=${theme}${lang ? `&lang=${lang}` : ''}`);
    await page.waitForFunction(() => window.gallery?.ready === true);
    await page.evaluate(() => document.fonts.ready);
    await look(page, complain);
    looked++;
  } catch (error) {
    complain(`could not be looked at: ${error.message.split('\n')[0]}`);
  }
  await context.close();
}

const shots = { light: [], dark: [], 'zh-CN': [] };
const pictured = ({ scene, lang }) => scene in pictures && !lang;

/** As it is seen: beside its picture, in the colours of the tokens, with nothing for axe to find; then at 200 %. */
const looks = (job) => () =>
  open(job, async (page, complain) => {
    const shot = await page.screenshot(pictured(job) ? { path: `${out}/${job.scene}-${job.theme}.png` } : {});
    shots[job.lang ?? job.theme].push({ scene: job.scene, shot });
    if (pictured(job)) (await compareBoxes(page, pictures[job.scene])).forEach(complain);
    (await compareColours(page)).forEach(complain);
    (await accessible(page)).forEach(complain);
    if (job.theme === 'dark') return;
    await page.setViewportSize({ width: 180, height: 280 });
    for (const fault of await reachable(page)) complain(`at 200 %: ${fault}`);
  });
const hostile = (view) => async () => {
  const page = await browser.newPage({ viewport: sizeOf(view), reducedMotion: 'reduce' });
  for (const fault of await hostileNames(page, server.url, view)) fail(`hostile names in ${view}: ${fault}`);
  await page.close();
};

/** The scenes there are, and the phone of one of them. */
async function listing() {
  const page = await browser.newPage();
  await page.goto(`${server.url}/gallery.html`);
  const all = await page.evaluate(() => window.gallery.scenes);
  await page.goto(`${server.url}/gallery.html?scene=home`);
  await page.waitForFunction(() => window.gallery?.ready === true);
  const state = await page.evaluate(() => window.gallery.phone.state);
  await page.close();
  return { all, state };
}

async function abreast(jobs) {
  const rest = jobs.values();
  await Promise.all(Array.from({ length: ABREAST }, async () => {
    for (const job of rest) await job();
  }));
}

try {
  const { all, state } = await listing();
  for (const scene of Object.keys(pictures)) if (!all.includes(scene)) fail(`${scene}: has a picture and no scene`);
  const scenes = wanted.length > 0 ? wanted : all;
  await abreast([
    ...(wanted.length === 0 ? HOSTILE_VIEWS.map(hostile) : []),
    ...scenes.flatMap((scene) => [{ theme: 'light' }, { theme: 'dark' }, { theme: 'light', lang: 'zh-CN' }].map((how) => looks({ scene, ...how }))),
  ]);
  if (wanted.length === 0) for (const fault of await builtWindow(browser, state)) fail(`the built window: ${fault}`);
  const order = ({ scene }) => all.indexOf(scene);
  for (const [name, taken] of Object.entries(shots)) await contactSheet(browser, taken.sort((a, b) => order(a) - order(b)), `${out}/contact-${name}.png`);
} finally {
  await browser.close();
  await server.close();
}

console.log(`gallery: ${looked} pages looked at, ${failures.length} faults; screenshots in ${out.replace(root, '')}`);
process.exitCode = failures.length === 0 && looked > 0 ? 0 : 1;
