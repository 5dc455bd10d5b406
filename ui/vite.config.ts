import { svelte } from '@sveltejs/vite-plugin-svelte';
import { svelteTesting } from '@testing-library/svelte/vite';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// Two builds: the window itself into ui/dist, and with `--mode gallery` the gallery, which no package ever holds.
export default defineConfig(({ mode }) => {
  const gallery = mode === 'gallery';
  return {
    root: here('.'),
    plugins: [svelte(), svelteTesting()],
    server: { port: 1420, strictPort: true, host: 'localhost' },
    clearScreen: false,
    build: {
      outDir: here(gallery ? '../target/gallery' : 'dist'),
      emptyOutDir: true,
      target: 'es2022',
      // The content security policy has no `data:` for fonts and no `fetch` of scripts.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rollupOptions: { input: here(gallery ? 'gallery.html' : 'index.html') },
    },
    test: {
      environment: 'happy-dom',
      include: ['test/**/*.test.ts'],
      setupFiles: ['test/setup.ts'],
      // Only a test that hangs may fail by it; a busy machine is no fault of the window.
      testTimeout: 60_000,
    },
  };
});
