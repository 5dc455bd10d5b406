import { clearMocks, mockIPC } from '@tauri-apps/api/mocks';
import { afterEach, describe, expect, it } from 'vitest';
import { error, state } from '../../gallery/people';
import { Door, Refused, type Command, type Line, type Shell } from '../../src/ipc';
import { Fake } from '../../src/ipc/fake';
import { tauri } from '../../src/ipc/tauri';
import { Phone } from '../../src/state/phone.svelte';

describe('the door', () => {
  it('gives an answer to the one who asked', async () => {
    const door = new Door(new Fake(state(), (command) => (command.do === 'call' ? { call: `to ${command.to}` } : {})));
    await door.open(() => {});
    const answers = await Promise.all([door.ask({ do: 'call', to: '600' }), door.ask({ do: 'seen' }), door.ask({ do: 'call', to: '601' })]);
    expect(answers).toEqual([{ call: 'to 600' }, {}, { call: 'to 601' }]);
  });
  it('refuses with the words of the phone', async () => {
    const refusal = error('no-microphone', 'There is no microphone');
    const door = new Door(new Fake(state(), () => ({ error: refusal })));
    await door.open(() => {});
    await expect(door.ask({ do: 'call', to: '600' })).rejects.toMatchObject({ error: refusal, message: 'There is no microphone' });
  });
  it('refuses what the shell refused', async () => {
    const door = new Door({ attach: async () => {}, send: () => Promise.reject('too-long') });
    await expect(door.ask({ do: 'seen' })).rejects.toBeInstanceOf(Refused);
  });
  it('passes every other line on, in order, and an answer to nobody is dropped', async () => {
    const fake = new Fake(state());
    const heard: (Line | Shell)[] = [];
    await new Door(fake).open((line) => heard.push(line));
    fake.say({ reply: 99, ok: {} });
    fake.say({ reply: null, error: error('bad-command', '') });
    fake.say({ notice: { is: 'practice-stopped' } as never });
    expect(heard.map((line) => Object.keys(line)[0])).toEqual(['hello', 'state', 'notice']);
  });
});

describe('the host behind Tauri', () => {
  afterEach(clearMocks);
  it('calls attach with a channel and send with a command, and nothing else', async () => {
    const calls: [string, unknown][] = [];
    let channel: { id: number } | undefined;
    mockIPC((name, payload) => {
      calls.push([name, payload]);
      if (name === 'attach') channel = (payload as { channel: { id: number } }).channel;
    });
    const heard: (Line | Shell)[] = [];
    await tauri.attach((line) => heard.push(line));
    await tauri.send(7, { do: 'call', to: '600' });
    expect(calls.map(([name]) => name)).toEqual(['attach', 'send']);
    expect(Object.keys(calls[0]?.[1] as object)).toEqual(['channel']);
    expect(calls[1]?.[1]).toEqual({ id: 7, command: { do: 'call', to: '600' } });
    const inside = (window as unknown as { __TAURI_INTERNALS__: { runCallback: (id: number, message: unknown) => void } }).__TAURI_INTERNALS__;
    const line = { reply: 7, ok: { call: 'c1' } };
    inside.runCallback(channel?.id ?? -1, { index: 0, message: line });
    expect(heard).toEqual([line]);
  });
});

describe('the snapshot', () => {
  const said = (fake: Fake, what: Command['do']) => fake.asked.filter((command) => command.do === what);
  it('watches once for all parts of the window, and stops with the last', async () => {
    const fake = new Fake(state());
    const phone = new Phone(fake);
    await phone.open();
    const [first, second] = [phone.watch('levels'), phone.watch('levels')];
    first();
    expect(said(fake, 'watch')).toHaveLength(1);
    expect(said(fake, 'unwatch')).toHaveLength(0);
    second();
    expect(said(fake, 'unwatch')).toEqual([{ do: 'unwatch', watch: 'levels' }]);
  });
  it('forgets the levels of a call that is gone', async () => {
    const fake = new Fake(state());
    const phone = new Phone(fake);
    await phone.open();
    fake.say({ levels: { call: 'c1', mic: -30, far: -30 } });
    fake.say({ levels: { call: null, mic: -30, far: null } });
    fake.change({ missed: 1 });
    expect(Object.keys(phone.levels)).toEqual(['']);
  });
  it('keeps a refusal until a wish is granted', async () => {
    let granted = false;
    const fake = new Fake(state(), () => {
      if (granted) return {};
      return { error: error('no-such-call', 'There is no such call') };
    });
    const phone = new Phone(fake);
    await phone.open();
    expect(await phone.wish({ do: 'hangup' })).toBeNull();
    expect(phone.refusal?.code).toBe('no-such-call');
    granted = true;
    await phone.wish({ do: 'hangup' });
    expect(phone.refusal).toBeNull();
  });
});
