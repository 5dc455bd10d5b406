// The window as it is built and served: it attaches through the two commands of the shell, starts under the locale C,
// and its policy lets nothing in or out.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, preview } from 'vite';
import { attacks } from './attacks.mjs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

async function serve() {
  const policy = JSON.parse(readFileSync(at('../../../tauri.conf.json'), 'utf8')).app.security.csp;
  const configFile = at('../../vite.config.ts');
  const outDir = at('../../../target/window');
  await build({ configFile, logLevel: 'warn', build: { outDir } });
  const server = await preview({ configFile, logLevel: 'warn', build: { outDir }, preview: { port: 0, host: '127.0.0.1', headers: { 'Content-Security-Policy': policy } } });
  return { url: `http://127.0.0.1:${server.httpServer.address().port}`, close: () => server.close() };
}

/** Stands in for the shell, before any script of the page. */
function shell({ state, language }) {
  if (language) for (const [name, value] of [['language', language], ['languages', [language]]]) Object.defineProperty(Navigator.prototype, name, { get: () => value });
  const callbacks = new Map();
  window.invoked = [];
  window.violations = [];
  document.addEventListener('securitypolicyviolation', (event) => window.violations.push(event.effectiveDirective));
  let say = () => {};
  window.__TAURI_INTERNALS__ = {
    transformCallback: (callback) => {
      const id = callbacks.size + 1;
      callbacks.set(id, callback);
      return id;
    },
    unregisterCallback: (id) => callbacks.delete(id),
    invoke: async (name, payload) => {
      window.invoked.push(name === 'send' ? payload.command.do : name);
      if (name === 'attach') {
        let index = 0;
        say = (message) => callbacks.get(payload.channel.id)({ index: index++, message });
        say({ hello: { name: 'bellbird', version: '0', contract: 1 } });
        say({ state });
      } else if (name === 'send') say({ reply: payload.id, ok: payload.command.do === 'history' ? { rows: [] } : {} });
      else throw new Error(`not allowed: ${name}`);
    },
  };
}

/** @returns {Promise<string[]>} a line for everything that is not as it should be */
export async function builtWindow(browser, state) {
  const server = await serve();
  const faults = [];
  const open = async (path, language) => {
    const page = await browser.newPage({ viewport: { width: 360, height: 560 } });
    page.on('pageerror', (error) => faults.push(`${path} threw ${error.message}`));
    await page.addInitScript(shell, { state, language });
    await page.goto(server.url + path);
    return page;
  };
  try {
    for (const language of [undefined, 'C']) {
      const page = await open('/index.html', language);
      await page.waitForSelector('[data-part="line-name"]', { timeout: 30_000 }).catch(() => faults.push(`the window stays blank under ${language ?? 'its own language'}`));
      const invoked = await page.evaluate(() => window.invoked.slice(0, 2));
      if (invoked.join() !== 'attach,history') faults.push(`the window asked for ${invoked}`);
      await page.close();
    }
    const small = await open('/index.html?window=call');
    await small.waitForFunction(() => window.invoked.length > 0);
    if ((await small.evaluate(() => window.invoked)).join() !== 'attach') faults.push('the call window asks for more than to attach');
    await small.close();
    faults.push(...(await attacks(await open('/index.html'))));
  } finally {
    await server.close();
  }
  return faults;
}
