// The phone behind Tauri: the two commands of the shell and nothing else.
import { Channel, invoke } from '@tauri-apps/api/core';
import type { Line } from './contract';
import type { Host, Shell } from './door';

export const tauri: Host = {
  async attach(hear) {
    const channel = new Channel<Line | Shell>();
    channel.onmessage = hear;
    await invoke('attach', { channel });
  },
  send: (id, command) => invoke('send', { id, command }),
};
