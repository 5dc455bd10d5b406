// The window on a fake phone: what a hand and a keyboard do, and what the phone is asked.
import { fireEvent, render, screen } from '@testing-library/svelte';
import { tick } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as people from '../../gallery/people';
import type { Call, Command, PhoneState } from '../../src/ipc';
import { Fake } from '../../src/ipc/fake';
import Root from '../../src/Root.svelte';
import { App } from '../../src/state/app.svelte';
import { CALM_MS } from '../../src/state/guard';
import { follow } from '../../src/state/follow.svelte';

const rings = people.call('c1', people.priya, { is: 'incoming', mayAutoAnswerAt: null }, { direction: 'in', active: false, can: ['answer', 'decline', 'ignore'] });
const talks = people.talking('c1', people.priya, 5);
const over: Call = { ...people.call('c1', people.priya, { is: 'ended', cause: { is: 'hung-up-there', error: null, elsewhere: null } }, { active: false, can: [] }), endedAt: people.before(0) };

let stop = () => {};
async function open(more: Partial<PhoneState> = {}, which: 'main' | 'call' = 'main') {
  const fake = new Fake(people.state(more), (command) => (command.do === 'history' ? { rows: people.rows } : {}));
  const app = new App(fake, people.NOW);
  stop = follow(app, which === 'main');
  render(Root, { app, which });
  await app.phone.open();
  await settle();
  return { fake, app };
}
async function settle() {
  for (let turn = 0; turn < 6; turn++) await tick();
}
const asked = (fake: Fake, ...kinds: Command['do'][]) => fake.asked.filter((command) => kinds.includes(command.do));
const calm = () => vi.advanceTimersByTime(CALM_MS);
const key = async (name: string, target: Element | Window = document.activeElement ?? window, more: KeyboardEventInit = {}) => {
  await fireEvent.keyDown(target, { key: name, ...more });
  await settle();
};
const field = () => screen.getByRole<HTMLInputElement>('combobox');

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }));
afterEach(() => {
  stop();
  vi.useRealTimers();
});

describe('the one field', () => {
  it('takes figures typed anywhere and calls them at Enter', async () => {
    const { fake } = await open();
    for (const digit of '600') await key(digit, document.body);
    expect(field().value).toBe('600');
    await key('Enter', field());
    expect(asked(fake, 'call')).toEqual([{ do: 'call', to: '600' }]);
    expect(field().value).toBe('');
  });
  it('means the first match of a name, and the next after a step down', async () => {
    const { fake } = await open();
    await fireEvent.input(field(), { target: { value: 'pri' } });
    await key('Enter', field());
    await fireEvent.input(field(), { target: { value: 'pri' } });
    await key('ArrowDown', field());
    await key('Enter', field());
    expect(asked(fake, 'call')).toEqual([{ do: 'call', to: people.priya.uri }, { do: 'call', to: 'pri' }]);
  });
  it('means a number as it stands, even where the history knows a longer one', async () => {
    const { fake } = await open();
    await fireEvent.input(field(), { target: { value: '44' } });
    expect(screen.getAllByRole('option')).toHaveLength(2);
    await key('Enter', field());
    expect(asked(fake, 'call')).toEqual([{ do: 'call', to: '44' }]);
  });
  it('brings back the last number at an empty Enter, and calls it at the next', async () => {
    const { fake } = await open();
    await key('Enter', field());
    expect(field().value).toBe('602');
    expect(asked(fake, 'call')).toEqual([]);
    await key('Enter', field());
    expect(asked(fake, 'call')).toEqual([{ do: 'call', to: '602' }]);
  });
  it('is emptied by Escape', async () => {
    await open();
    await key('7', document.body);
    await key('Escape', field());
    expect(field().value).toBe('');
  });
});

describe('a call that was sent elsewhere', () => {
  it('is called there at a press, and not before', async () => {
    const cause = { is: 'moved' as const, error: people.error('moved', 'They are to be called elsewhere', { who: 'peer' }), elsewhere: 'sip:300@b.example' };
    const { fake } = await open();
    fake.change({ calls: [people.call('c1', people.priya, { is: 'dialing' })] });
    await settle();
    fake.change({ calls: [{ ...over, phase: { is: 'ended', cause } }] });
    await settle();
    calm();
    expect(asked(fake, 'call')).toEqual([]);
    await fireEvent.click(screen.getByRole('button', { name: 'Call there' }));
    expect(asked(fake, 'call')).toEqual([{ do: 'call', to: 'sip:300@b.example', account: 'a1' }]);
  });
});

describe('a call that rings', () => {
  it('shows in the call window alone while the shell says so', async () => {
    const { fake } = await open();
    fake.say({ elsewhere: true });
    fake.change({ calls: [rings] });
    await settle();
    expect(screen.queryByRole('button', { name: /Answer/ })).toBeNull();
    fake.say({ elsewhere: false });
    await settle();
    expect(screen.getByRole('button', { name: /Answer/ })).toBeTruthy();
  });
  it('leaves a call that goes on in the window', async () => {
    const { fake } = await open({ calls: [talks, { ...rings, id: 'c2' }] });
    fake.say({ elsewhere: true });
    await settle();
    expect(screen.queryByRole('button', { name: /Answer/ })).toBeNull();
    expect(screen.getByRole('button', { name: /Hang up/ })).toBeTruthy();
  });
  it('takes no press for 400 ms, then the button answers', async () => {
    const { fake } = await open();
    fake.change({ calls: [rings] });
    await settle();
    fake.change({ calls: [talks] });
    fake.change({ calls: [{ ...rings, id: 'c2' }] });
    await settle();
    await fireEvent.click(screen.getByRole('button', { name: 'Answer' }));
    expect(asked(fake, 'answer')).toEqual([]);
    calm();
    await fireEvent.click(screen.getByRole('button', { name: 'Answer' }));
    expect(asked(fake, 'answer')).toEqual([{ do: 'answer', call: 'c2' }]);
  });
  it('is not answered by Space, nor declined by Escape, unless the focus is on it', async () => {
    const { fake } = await open({ calls: [rings] });
    calm();
    for (const name of [' ', 'Enter', 'Escape']) await key(name, document.body);
    expect(asked(fake, 'answer', 'decline')).toEqual([]);
    const card = document.getElementById('ringing');
    await key(' ', card ?? window);
    expect(asked(fake, 'answer', 'decline')).toEqual([]);
    await key('Enter', card ?? window);
    await key('Escape', card ?? window);
    expect(asked(fake, 'answer', 'decline').map((command) => command.do)).toEqual(['answer', 'decline']);
  });
  it('is seen whatever page is open', async () => {
    const { fake, app } = await open();
    app.view.go({ is: 'settings' });
    await settle();
    fake.change({ calls: [rings] });
    await settle();
    expect(screen.getByRole('button', { name: 'Answer' })).toBeTruthy();
  });
  it('shows the number beside the name', async () => {
    await open({ calls: [rings] });
    expect(screen.getByText('Priya Nair')).toBeTruthy();
    expect(screen.getByText('+44 20 7946 0121')).toBeTruthy();
  });
});

describe('a call', () => {
  it('is muted, held and hung up by its keys', async () => {
    const { fake } = await open({ calls: [talks] });
    calm();
    await key('m', document.body);
    await key('h', document.body);
    await key('d', document.body, { ctrlKey: true });
    expect(asked(fake, 'mute', 'hold', 'hangup')).toEqual([{ do: 'mute', call: 'c1' }, { do: 'hold', call: 'c1' }, { do: 'hangup', call: 'c1' }]);
  });
  it('sends typed figures as tones, and shows them on its keypad', async () => {
    const { fake } = await open({ calls: [talks] });
    calm();
    await key('4', document.body);
    await key('k', document.body);
    await fireEvent.click(screen.getByRole('button', { name: 'hash' }));
    await settle();
    expect(asked(fake, 'dtmf')).toEqual([{ do: 'dtmf', call: 'c1', digits: '4' }, { do: 'dtmf', call: 'c1', digits: '#' }]);
    expect(screen.getByLabelText('Tones sent').textContent).toBe('4 #');
  });
  it('has six places that keep their place, dimmed where the word is not in `can`', async () => {
    const { fake } = await open({ calls: [{ ...talks, can: ['hangup'] }] });
    calm();
    const places = screen.getByRole('group', { name: 'Actions of the call' }).querySelectorAll('button');
    expect([...places].map((place) => place.textContent?.trim())).toEqual(['Mute', 'Hold', 'Keypad', 'Transfer', 'Add', 'Record']);
    for (const place of places) await fireEvent.click(place);
    await key('m', document.body);
    expect(asked(fake, 'mute', 'hold')).toEqual([]);
  });
  it('is swapped with the held one by one press', async () => {
    const { fake } = await open({ calls: [people.talking('c2', people.jonas, 5, { hold: 'local', active: false, can: ['resume', 'hangup'] }), talks] });
    calm();
    await fireEvent.click(screen.getByRole('button', { name: /Swap with/ }));
    expect(asked(fake, 'resume')).toEqual([{ do: 'resume', call: 'c2' }]);
  });
  it('is joined with the held one where that would work, and by no press before', async () => {
    const { fake } = await open({ calls: [talks] });
    calm();
    expect(screen.queryByRole('button', { name: 'Conference' })).toBeNull();
    const held = people.talking('c2', people.jonas, 5, { hold: 'local', active: false, can: ['resume', 'hangup', 'conference'] });
    fake.change({ calls: [held, { ...talks, can: [...talks.can, 'conference'] }] });
    await settle();
    calm();
    await fireEvent.click(screen.getByRole('button', { name: 'Conference' }));
    expect(asked(fake, 'conference')).toEqual([{ do: 'conference' }]);
  });
});

describe('a conference', () => {
  const member = (id: string, who: Call['with'], more: Partial<Call> = {}) => people.talking(id, who, 5, { conference: 'f1', can: ['mute', 'hold', 'hangup', 'leave'], ...more });
  const buttons = () => screen.queryAllByRole('button', { name: /Split off/ });

  it('has a card for each member, and each can be split from it', async () => {
    const { fake } = await open({ calls: [member('c1', people.priya), member('c2', people.jonas), member('c3', people.support)] });
    calm();
    expect(screen.queryAllByRole('button', { name: /Swap with/ })).toEqual([]);
    const names = buttons().map((one) => one.getAttribute('aria-label') ?? one.textContent ?? '');
    expect(names.map((name) => name.replace(/[\u2068\u2069]/g, ''))).toEqual([
      'Split off Jonas Okafor', 'Split off Support, west desk', 'Split off Priya Nair',
    ]);
    for (const one of buttons()) await fireEvent.click(one);
    expect(asked(fake, 'leave')).toEqual(['c2', 'c3', 'c1'].map((call) => ({ do: 'leave', call })));
    expect(screen.getAllByText('Conference').length).toBe(3);
  });
  it('that is on hold is taken up by one press on any card of it', async () => {
    const held = { hold: 'local', active: false, heldAt: people.before(3), can: ['resume', 'hangup', 'leave'] } as const;
    const { fake } = await open({ calls: [member('c1', people.priya, { ...held, can: [...held.can] }), member('c2', people.jonas, { ...held, can: [...held.can] }), people.talking('c3', people.support, 5)] });
    calm();
    await fireEvent.click(screen.getAllByRole('button', { name: /Swap with/ })[1] as Element);
    expect(asked(fake, 'resume')).toEqual([{ do: 'resume', call: 'c2' }]);
  });
});

describe('a call that ended', () => {
  it('leaves its card until the phone lets it go', async () => {
    const { fake } = await open({ calls: [talks] });
    fake.change({ calls: [over] });
    await settle();
    expect(screen.getByText('They hung up')).toBeTruthy();
    fake.change({ calls: [] });
    await settle();
    expect(screen.queryByText('They hung up')).toBeNull();
  });
  it('keeps its card while the pointer is on it', async () => {
    const { fake } = await open({ calls: [talks] });
    fake.change({ calls: [over] });
    await settle();
    const card = screen.getByText('They hung up').closest('.live') as Element;
    await fireEvent.pointerEnter(card);
    fake.change({ calls: [] });
    await settle();
    expect(screen.getByText('They hung up')).toBeTruthy();
    await fireEvent.pointerLeave(card);
    await settle();
    expect(screen.queryByText('They hung up')).toBeNull();
  });
  it('is closed by hand at once and does not come back', async () => {
    const { fake } = await open({ calls: [talks] });
    fake.change({ calls: [over] });
    await settle();
    calm();
    await fireEvent.click(screen.getByRole('button', { name: 'Close' }));
    fake.change({ calls: [over] });
    await settle();
    expect(screen.queryByText('They hung up')).toBeNull();
  });
  it('gives way to the field when a number is typed', async () => {
    const { fake } = await open({ calls: [talks] });
    fake.change({ calls: [over] });
    await settle();
    await key('6', document.body);
    expect(field().value).toBe('6');
  });
});

describe('the page of sound', () => {
  it('opens the microphone once, whatever else changes, and closes it when one goes', async () => {
    const { fake, app } = await open();
    app.view.go({ is: 'sound' });
    await settle();
    for (const missed of [1, 2, 3]) {
      fake.change({ missed, devices: structuredClone(people.devices) });
      await settle();
    }
    expect(asked(fake, 'listen', 'unlisten').map((command) => command.do)).toEqual(['listen']);
    app.view.back();
    await settle();
    expect(asked(fake, 'listen', 'unlisten').map((command) => command.do)).toEqual(['listen', 'unlisten']);
  });
  it('shows and changes what is done to the microphone', async () => {
    const { fake, app } = await open({ settings: { ...people.state().settings, noise: 'strong' } });
    app.view.go({ is: 'sound' });
    await settle();
    expect(screen.getByText('All that is no speech')).toBeTruthy();
    expect(screen.getByText('Always')).toBeTruthy();
    await fireEvent.click(screen.getByRole('switch', { name: 'Even out my volume' }));
    expect(asked(fake, 'set')).toEqual([{ do: 'set', setting: 'level', value: false }]);
  });
  it('leaves the microphone to a call', async () => {
    const { fake, app } = await open();
    app.view.go({ is: 'sound' });
    await settle();
    fake.change({ calls: [talks] });
    await settle();
    fake.change({ calls: [{ ...talks, muted: true }] });
    await settle();
    expect(asked(fake, 'listen', 'unlisten').map((command) => command.do)).toEqual(['listen', 'unlisten']);
  });
});

describe('the small call window', () => {
  it('answers, declines and silences the call that rings', async () => {
    const { fake } = await open({ calls: [rings] }, 'call');
    calm();
    for (const name of ['Answer', 'Decline', 'Silence']) await fireEvent.click(screen.getByRole('button', { name }));
    expect(asked(fake, 'answer', 'decline', 'ignore').map((command) => command.do)).toEqual(['answer', 'decline', 'ignore']);
  });
  it('asks for nothing by itself', async () => {
    const { fake } = await open({}, 'call');
    expect(fake.asked).toEqual([]);
  });
});
