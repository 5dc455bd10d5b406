// The gallery: every view in every state on a fake phone. `?scene=home&theme=dark`; without a scene a list of them.
import type { HistoryRow } from '../src/ipc';
import { Fake } from '../src/ipc/fake';
import { start } from '../src/start.svelte';
import { NOW } from './people';
import { scenes } from './scenes';

const query = new URLSearchParams(location.search);
const target = document.getElementById('app');
const scene = scenes[query.get('scene') ?? ''];

declare global {
  interface Window {
    /** `text` takes the place of every name in the history, for the test with hostile names. */
    gallery: { scenes: string[]; ready: boolean; phone?: Fake; text?: string };
  }
}
window.gallery = { scenes: Object.keys(scenes), ready: false };

if (!target) throw new Error('the page has no place for the window');
if (scene) {
  const theme = query.get('theme') === 'dark' ? 'dark' : 'light';
  const state = { ...scene.state, settings: { ...scene.state.settings, theme, language: query.get('lang') ?? scene.state.settings.language } as const };
  const phone = new Fake(state, (command) => (command.do === 'history' ? { rows: named(scene.rows ?? []) } : (scene.answer?.(command) ?? {})));
  window.gallery.phone = phone;
  const app = await start({ host: phone, target, window: scene.window ?? 'main', now: NOW });
  for (const line of scene.lines ?? []) phone.say(line);
  await frame();
  await scene.then?.(app);
  await frame();
  window.gallery.ready = true;
} else {
  for (const name of window.gallery.scenes) {
    const link = document.createElement('a');
    link.href = `?scene=${name}`;
    link.textContent = name;
    target.append(link, document.createElement('br'));
  }
}

function named(rows: HistoryRow[]): HistoryRow[] {
  const text = window.gallery.text;
  if (text === undefined) return rows;
  return rows.map((row, place) => ({ ...row, asked: text, with: { ...row.with, name: text, nameFrom: 'caller', uri: `sip:${place}${text}@example.com` } }));
}

function frame() {
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}
