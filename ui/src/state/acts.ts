// What a place of the call grid does: by hand and by key alike.
import type { Act, Call } from '../ipc';
import type { App } from './app.svelte';
import { mayAdd } from './pick';

export function place(app: App, call: Call, what: 'mute' | 'hold' | 'keypad' | 'add') {
  const wish = (does: 'mute' | 'unmute' | 'hold' | 'resume') => void app.phone.wish({ do: does, call: call.id });
  const can = (word: Act) => call.can.includes(word);
  if (what === 'mute' && can('mute')) wish(call.muted ? 'unmute' : 'mute');
  else if (what === 'hold' && (can('hold') || can('resume'))) wish(call.hold === 'local' || call.hold === 'both' ? 'resume' : 'hold');
  else if (what === 'keypad' && can('dtmf')) app.view.pad = true;
  else if (what === 'add' && mayAdd(call)) app.view.adding = true;
}
