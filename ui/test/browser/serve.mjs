// Builds the gallery and serves it on a free port with the app's own content security policy.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, preview } from 'vite';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export async function serveGallery() {
  const policy = JSON.parse(readFileSync(at('../../../tauri.conf.json'), 'utf8')).app.security.csp;
  const configFile = at('../../vite.config.ts');
  await build({ configFile, mode: 'gallery', logLevel: 'warn' });
  const server = await preview({
    configFile, mode: 'gallery', logLevel: 'warn',
    preview: { port: 0, host: '127.0.0.1', headers: { 'Content-Security-Policy': policy } },
  });
  const { port } = server.httpServer.address();
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}
