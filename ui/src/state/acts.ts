// What a place of the call grid does: by hand and by key alike.
import type { Act, Call } from '../ipc';
import type { App } from './app.svelte';
import { mayAdd } from './pick';

export type Place = 'mute' | 'hold' | 'keypad' | 'add' | 'record';

export function place(app: App, call: Call, what: Place) {
  const wish = (does: 'mute' | 'unmute' | 'hold' | 'resume' | 'record' | 'stop-recording') => void app.phone.wish({ do: does, call: call.id });
  const can = (word: Act) => call.can.includes(word);
  if (what === 'mute' && can('mute')) wish(call.muted ? 'unmute' : 'mute');
  else if (what === 'hold' && (can('hold') || can('resume'))) wish(call.hold === 'local' || call.hold === 'both' ? 'resume' : 'hold');
  else if (what === 'keypad' && can('dtmf')) app.view.pad = true;
  else if (what === 'record' && (call.recording || can('record'))) wish(call.recording ? 'stop-recording' : 'record');
  else if (what === 'add' && mayAdd(call)) app.view.adding = true;
}
