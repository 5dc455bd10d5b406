import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import ts from 'typescript-eslint';
import svelteConfig from './ui/svelte.config.js';

const door = {
  patterns: [{ group: ['@tauri-apps/*'], message: 'Only ui/src/ipc may touch Tauri.' }],
};

export default ts.config(
  { ignores: ['ui/dist/**', 'target/**', 'ui/isolation/**', 'ui/src/ipc/contract.ts'] },
  ...ts.configs.recommended,
  ...svelte.configs['flat/recommended'],
  {
    files: ['ui/**/*.svelte', 'ui/**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig } },
  },
  {
    files: ['ui/**/*.{ts,js,mjs,svelte}'],
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      // A name from the network is text and nothing else (CONFORMANCE S4).
      'svelte/no-at-html-tags': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-restricted-properties': [
        'error',
        ...['innerHTML', 'outerHTML', 'insertAdjacentHTML'].map((property) => ({ property, message: 'Text nodes only.' })),
      ],
      'no-restricted-imports': ['error', door],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/no-explicit-any': 'error',
    },
  },
  // The door itself, and the test that stands in for what is behind it.
  { files: ['ui/src/ipc/**', 'ui/test/unit/door.test.ts'], rules: { 'no-restricted-imports': 'off' } },
  // It tries what is forbidden, and expects the policy to stop it.
  {
    files: ['ui/test/browser/attacks.mjs'],
    rules: { 'no-eval': 'off', 'no-implied-eval': 'off', 'no-restricted-properties': 'off' },
  },
);
