// Every view in every state. The first seventeen are those of the pictures and bear their names.
import { tick } from 'svelte';
import type { CauseKind, Command, HistoryRow, Line, PhoneState, ReplyOk } from '../src/ipc';
import type { App } from '../src/state/app.svelte';
import * as p from './people';

export interface Scene {
  state: PhoneState;
  rows?: HistoryRow[];
  window?: 'main' | 'call';
  /** Levels and quality, said after the first state. */
  lines?: Line[];
  answer?: (command: Command) => ReplyOk;
  then?: (app: App) => void | Promise<void>;
}

const find = <T extends HTMLElement>(selector: string) => document.querySelector<T>(selector);
async function type(selector: string, text: string) {
  const input = find<HTMLInputElement>(selector);
  if (!input) throw new Error(`nothing to type into: ${selector}`);
  input.focus();
  input.value = text;
  input.dispatchEvent(new Event('input', { bubbles: true }));
  await tick();
}
async function press(selector: string) {
  const button = find(selector);
  if (!button) throw new Error(`nothing to press: ${selector}`);
  button.click();
  await tick();
}
const heard = (call: string): Line[] => [
  { levels: { call, mic: -22.8, far: -37.2 } },
  { quality: { call, grade: 'clear', lossPct: 0.4, burst: 1, latePct: 0.1, jitterMs: 7, bufferMs: 34, rttMs: 42, mos: 4.3, concealedPct: 0.2, farLossPct: 0.1, farBurst: 1, farJitterMs: 5, farMos: 4.2, codec: 'opus', packetMs: 20 } },
];
const pressed = (call: string, digit: string): Line => ({ notice: { is: 'dtmf', call, digit } });
const inBursts = p.error('sound-bursts', 'Your network loses packets in bursts', {
  why: 'Whole words go missing at once.', hint: 'Move closer to the Wi-Fi or use a cable, and stop large downloads.', who: 'network',
});
const open = (page: Parameters<App['view']['go']>[0]) => (app: App) => app.view.go(page);
const ringing = p.call('c1', { ...p.priya, verified: 'passed' }, { is: 'incoming', mayAutoAnswerAt: null }, { direction: 'in', account: 'a2', active: false, can: ['answer', 'decline', 'ignore'] });
const withSales = { accounts: [p.mara, p.sales, p.practice] };
const refused = p.error('wrong-password', 'The server refused the password', {
  why: 'sip.example.com does not accept the password of 2001.', hint: 'Calls cannot come in until it is right.', act: 'enter-password', sip: 403,
});
const done = (steps: [('find' | 'connect' | 'tls' | 'websocket' | 'register' | 'sound'), number | null][]) => steps.map(([step, ms]) => ({ step, ms, skipped: false, error: null }));
const unproven = p.error('certificate-untrusted', 'The certificate is not known', {
  why: 'pbx.office.lan shows a certificate that nobody known to this computer vouches for.', hint: 'Look at it before you trust it.', act: 'show-certificate', who: 'network', cert: p.certificate,
});
const tests = (steps: PhoneState['tests'][0]['steps'], finished: boolean) => p.state({ tests: [{ id: 't1', account: null, steps, done: finished }] });
async function fill(app: App, address: string) {
  app.view.go({ is: 'account', account: null, test: 't1' });
  await tick();
  await type('[data-part="input"] input', address);
  await type('#account-password', 'secret-100');
}
const ended = (cause: CauseKind, more: Parameters<typeof p.error>[2] & { code: string; message: string } | null, from = 7) =>
  p.state({ calls: [p.call('c1', p.support, { is: 'ended', cause: { is: cause, error: more ? p.error(more.code, more.message, more) : null, elsewhere: null } }, { active: false, can: [], startedAt: p.before(from), endedAt: p.before(0) })] });

const failedLine = p.state({ accounts: [{ ...p.mara, line: { is: 'failed', error: refused } }, p.practice] });
const onHold = p.talking('c1', p.jonas, 252, { hold: 'local', heldAt: p.before(51), active: false, can: ['resume', 'hangup'] });

const conference = (members: number) =>
  [p.priya, p.support, p.jonas, p.tomas].concat(['301', '302', '303', '304'].map((number) => p.party('', number))).slice(0, members)
    .map((who, at) => p.talking(`c${at + 1}`, who, 252 - 30 * at, { conference: 'f1', can: ['mute', 'hold', 'dtmf', 'record', 'hangup', 'leave'] }));

const pictured: Record<string, Scene> = {
  home: { state: p.state(), rows: p.rows },
  typing: { state: p.state(), rows: p.jons, then: () => type('[data-part="field-text"]', 'jon') },
  keypad: { state: p.state({ missed: 2 }), rows: p.rows, then: async (app) => { app.view.tab = 'keypad'; await tick(); await type('[data-part="field-text"]', '0855 501'); } },
  incoming: { state: p.state({ ...withSales, calls: [ringing] }) },
  incall: { state: p.state({ calls: [p.talking('c1', p.priya, 767)] }), lines: heard('c1') },
  trouble: { state: p.state({ calls: [p.talking('c1', p.priya, 767, { trouble: inBursts })] }), lines: [...heard('c1'), pressed('c1', '4'), pressed('c1', '2')] },
  two: { state: p.state({ calls: [onHold, p.talking('c2', p.support, 51, { muted: true })] }) },
  reconnect: {
    state: p.state({
      accounts: [{ ...p.mara, line: { is: 'connecting', step: 'register', since: p.before(1), why: 'network-changed' } }, p.practice],
      calls: [p.talking('c1', p.priya, 782, { phase: { is: 'reconnecting', since: p.before(1), why: 'network-changed' }, media: { ...p.secure, path: 'lost' }, can: ['mute', 'hangup'] })],
    }),
  },
  failed: { state: failedLine, rows: p.rows },
  account: { state: tests(done([['find', 12], ['connect', 31], ['tls', 14], ['websocket', 9], ['register', null]]), false), then: (app) => fill(app, '2001@example.com') },
  cert: {
    state: tests([...done([['find', 12], ['connect', 31]]), { step: 'tls', ms: null, skipped: false, error: unproven }], true),
    then: async (app) => { await fill(app, '2001@pbx.office.lan'); await press('[data-part="note"] .link'); },
  },
  sound: { state: p.state(), lines: [{ levels: { call: null, mic: -18, far: null } }], then: open({ is: 'sound' }) },
  ended: { state: ended('busy', { code: 'busy', message: 'The line is busy.', why: 'They are in another call.', hint: 'Call again in a while.', who: 'peer', sip: 486 }) },
  tones: {
    state: p.state({ calls: [p.talking('c1', p.priya, 130)] }),
    then: (app) => { app.view.pad = true; app.view.tone('c1', '402#'); },
  },
  settings: { state: p.state(), then: open({ is: 'settings' }) },
  callwin: { state: p.state({ ...withSales, calls: [ringing] }), window: 'call' },
  welcome: { state: p.state({ accounts: [p.practice], settings: { ...p.state().settings, defaultAccount: null } }) },
  zh: {
    state: p.state({ accounts: [{ ...p.mara, displayName: '林曼' }, p.practice], settings: { ...p.state().settings, language: 'zh-CN' } }),
    rows: p.chinese,
  },
};

const unpictured: Record<string, Scene> = {
  dialing: { state: p.state({ calls: [p.call('c1', p.support, { is: 'dialing' })] }) },
  ringing: { state: p.state({ calls: [p.call('c1', p.support, { is: 'ringing' })] }) },
  held: { state: p.state({ calls: [{ ...onHold, can: ['resume', 'hangup'] }] }) },
  'held-by-them': { state: p.state({ calls: [p.talking('c1', p.priya, 90, { hold: 'remote' })] }), lines: heard('c1') },
  'call-waiting': { state: p.state({ ...withSales, calls: [p.talking('c2', p.support, 51), ringing] }) },
  'may-join': { state: p.state({ calls: [{ ...onHold, can: ['resume', 'hangup', 'conference'] }, p.talking('c2', p.support, 51, { can: ['mute', 'hold', 'dtmf', 'record', 'hangup', 'conference'] })] }) },
  conference: { state: p.state({ calls: conference(3) }) },
  'conference-of-eight': { state: p.state({ calls: conference(8) }) },
  silenced: { state: p.state({ ...withSales, calls: [{ ...ringing, silenced: true, can: ['answer', 'decline'] }] }) },
  'call-failed': { state: ended('network', { code: 'connection-lost', message: 'The connection was lost', why: 'The server could not be reached for 32 seconds.', hint: 'Call again when the line is ready.', who: 'network', sip: 408 }, 33) },
  'hung-up': { state: ended('hung-up-there', null, 95) },
  'no-microphone': {
    state: p.state({
      calls: [p.talking('c1', p.priya, 12)],
      devices: { ...p.devices, microphones: [], inUse: { ...p.devices.inUse, mic: null }, problem: p.error('no-microphone', 'There is no microphone', { why: 'They cannot hear you.', hint: 'Plug one in or choose another.', act: 'choose-device' }) },
    }),
  },
  'sound-lost': {
    state: p.state({ devices: { ...p.devices, microphones: [], speakers: [], inUse: { mic: null, speaker: null, ringer: null, alsoRing: [] }, prefer: { mic: ['default'], speaker: ['default'], ringer: ['default'], alsoRing: [] }, problem: p.error('no-speaker', 'There is no speaker', { hint: 'Plug in a headset.', act: 'choose-device' }) } }),
    then: open({ is: 'sound' }),
  },
  'password-needed': {
    state: p.state({ accounts: [{ ...p.mara, secret: 'missing', line: { is: 'failed', error: p.error('password-needed', 'The password is needed', { why: 'This computer has no keychain that keeps it.', hint: 'Type it for this run.', act: 'enter-password' }) } }, p.practice] }),
    rows: p.rows,
  },
  retrying: { state: p.state({ accounts: [{ ...p.mara, line: { is: 'retrying', at: p.before(-8), attempt: 3, error: p.error('connect-refused', 'The server refused the connection', { who: 'network', act: 'retry' }) } }, p.practice] }), rows: p.rows },
  'other-line': { state: p.state({ accounts: [p.mara, { ...p.sales, line: { is: 'failed', error: refused } }, p.practice] }), rows: p.rows },
  evidence: { state: p.state(), then: open({ is: 'evidence', account: 'a1' }) },
  'evidence-failed': { state: failedLine, then: open({ is: 'evidence', account: 'a1' }) },
  'account-empty': { state: p.state(), then: open({ is: 'account', account: null }) },
  'account-edit': { state: p.state(), then: open({ is: 'account', account: 'a1' }) },
  'account-practice': { state: p.state(), then: open({ is: 'account', account: 'a0' }) },
  'account-failed': {
    state: tests([...done([['find', 12], ['connect', 31], ['tls', 14], ['websocket', 9]]), { step: 'register', ms: null, skipped: false, error: refused }], true),
    then: (app) => fill(app, '2001@example.com'),
  },
  'account-more': { state: p.state(), then: async (app) => { app.view.go({ is: 'account', account: null }); await tick(); await press('.more'); } },
  appearance: { state: p.state(), then: open({ is: 'appearance' }) },
  keys: { state: p.state(), rows: p.rows, then: (app) => void (app.view.sheet = true) },
  empty: { state: p.state() },
  adding: { state: p.state({ calls: [p.talking('c1', p.priya, 767)] }), rows: p.rows, then: (app) => void (app.view.adding = true) },
  problem: {
    state: p.state({ problems: [p.error('no-keychain', 'There is no keychain', { why: 'Passwords cannot be stored on this computer.', hint: 'Bellbird asks for them each time it starts.', who: 'phone' })] }),
    rows: p.rows,
    then: (app) => void (app.phone.refusal = p.error('no-microphone', 'There is no microphone', { hint: 'Plug one in or choose another.', act: 'choose-device' })),
  },
  hostile: { state: p.state(), rows: p.hostile },
  'hostile-call': { state: p.state({ ...withSales, calls: [{ ...ringing, with: p.eve }] }) },
  'zh-call': { state: p.state({ settings: { ...p.state().settings, language: 'zh-CN' }, calls: [p.talking('c1', p.party('周永安', '8001'), 767)] }), lines: heard('c1') },
  'zh-settings': { state: p.state({ settings: { ...p.state().settings, language: 'zh-CN' } }), then: open({ is: 'settings' }) },
};

export const scenes: Record<string, Scene> = { ...pictured, ...unpictured };
export const PICTURED = Object.keys(pictured);
