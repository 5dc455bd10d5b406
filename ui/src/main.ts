import { tauri } from './ipc/tauri';
import { start } from './start.svelte';

const target = document.getElementById('app');
const which = new URLSearchParams(location.search).get('window') === 'call' ? 'call' : 'main';
if (target) void start({ host: tauri, target, window: which });
