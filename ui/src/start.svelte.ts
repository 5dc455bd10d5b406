// Puts a window together: the phone behind a host, the language, the theme, and the first page of it.
import '@fontsource-variable/inter/index.css';
import { mount } from 'svelte';
import '../tokens.css';
import type { Host } from './ipc';
import Root from './Root.svelte';
import { App } from './state/app.svelte';
import { follow } from './state/follow.svelte';
import './styles/base.css';
import './styles/parts.css';
import { choose, language, setLanguage } from './text/words.svelte';

export interface Start {
  host: Host;
  target: HTMLElement;
  /** Which window this is. */
  window: 'main' | 'call';
  /** The time that stands still, for the gallery. */
  now?: number;
}

export async function start({ host, target, window: which, now }: Start): Promise<App> {
  const app = new App(host, now);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let system = $state(dark.matches);
  dark.addEventListener('change', () => (system = dark.matches));

  $effect.root(() => {
    $effect.pre(() => {
      const settings = app.phone.state?.settings;
      setLanguage(choose(settings?.language ?? 'system', navigator.languages));
      const theme = settings?.theme ?? 'system';
      const root = document.documentElement;
      root.dataset['theme'] = theme === 'system' ? (system ? 'dark' : 'light') : theme;
      root.lang = language();
      root.dir = 'ltr';
    });
  });
  follow(app, which === 'main');
  mount(Root, { target, props: { app, which } });
  await app.phone.open();
  return app;
}
