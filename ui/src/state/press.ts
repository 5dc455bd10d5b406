// Carries out what a key means.
import { tick } from 'svelte';
import { place } from './acts';
import type { App } from './app.svelte';
import type { Action, Where } from './keys';
import { isEnded, isIncoming } from './pick';

/** Where the person is, for the table of keys. */
export function whereIs(app: App, target: EventTarget | null): Where {
  const { view, shown } = app;
  const element = target instanceof Element ? target : null;
  const live = shown && !isEnded(shown) ? shown : null;
  const first = view.pages.length === 0 && !view.sheet;
  const call = first && live !== null && (!view.adding || isIncoming(live));
  return {
    typing: element?.matches('input, textarea, [contenteditable]') ?? false,
    pressing: element?.closest('button, a, [role="option"], [role="menuitem"]') !== null && element !== null,
    call,
    ringing: call && live !== null && isIncoming(live),
    onRinging: element?.closest('#ringing') !== null && element !== null,
    above: view.sheet || view.pages.length > 0 || view.pad || view.field !== '' || view.adding || view.ended !== null,
    field: first && !call,
  };
}

/** Does it; false when nothing could be done, so that the key keeps its usual meaning. */
export function act(app: App, action: Action, input: HTMLInputElement | undefined): boolean {
  const { view, shown } = app;
  const call = shown && !isEnded(shown) ? shown : null;
  switch (action.is) {
    case 'sheet':
      view.sheet = !view.sheet;
      return true;
    case 'back':
      return view.back();
    case 'digit':
      view.ended = null;
      view.field += action.digit;
      void focusField(input);
      return true;
    case 'field':
      view.ended = null;
      void focusField(input);
      return true;
    case 'tab':
      if (action.tab > 2) return false;
      view.home();
      view.tab = action.tab === 1 ? 'calls' : 'keypad';
      return true;
    case 'callback':
      return callBack(app);
    case 'keypad':
      if (call) app.guard.press(() => place(app, call, 'keypad'));
      else if (view.pages.length === 0) view.tab = 'keypad';
      return true;
    case 'tone':
      if (call) app.guard.press(() => void app.tone(call, action.digit));
      return true;
    case 'mute':
    case 'hold':
      if (call) app.guard.press(() => place(app, call, action.is));
      return true;
    case 'hangup':
    case 'answer':
    case 'decline':
      if (call?.can.includes(action.is)) app.guard.press(() => void app.phone.wish({ do: action.is, call: call.id }));
      return true;
  }
}

async function focusField(input: HTMLInputElement | undefined) {
  await tick();
  const field = input?.isConnected ? input : document.querySelector<HTMLInputElement>('[data-part="field-text"]');
  field?.focus();
  field?.setSelectionRange(field.value.length, field.value.length);
}

/** Calls back whoever the focused row or the ended card is about. */
function callBack(app: App): boolean {
  const { ended, pages } = app.view;
  if (pages.length > 0) return false;
  if (ended) {
    app.guard.press(() => void app.call(ended.direction === 'out' ? ended.asked : ended.with.uri, ended.account));
    return true;
  }
  const uri = document.activeElement instanceof HTMLElement ? document.activeElement.dataset['uri'] : undefined;
  const row = app.history.rows.find((one) => one.with.uri === uri);
  if (!row) return false;
  void app.call(row.with.uri, row.account);
  return true;
}
