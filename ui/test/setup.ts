import { afterEach } from 'vitest';
import { setLanguage } from '../src/text/words.svelte';

process.env['TZ'] = 'UTC';
afterEach(() => setLanguage('en'));
