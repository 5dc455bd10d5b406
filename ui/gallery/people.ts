// The people, accounts and devices of the pictures.
import type { Account, Call, CauseKind, Certificate, Devices, Direction, ContractError, HistoryRow, Party, PhoneState, Phase } from '../src/ipc';

export const NOW = Date.parse('2026-03-05T14:06:40.000Z');
export const before = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

export const party = (name: string, number: string, more: Partial<Party> = {}): Party => ({
  name, number, uri: `sip:${number.replace(/\s/g, '')}@example.com`, contact: null, nameFrom: 'contacts', verified: null, ...more,
});
export const jonas = party('Jonas Okafor', '214');
export const priya = party('Priya Nair', '+44 20 7946 0121');
export const support = party('Support, west desk', '602');
export const tomas = party('Tomás Berger', '221');

export const error = (code: string, message: string, more: Partial<ContractError> = {}): ContractError => ({
  code, message, why: null, hint: null, act: null, who: 'user', sip: null, detail: null, at: '2026-03-05T14:06:31.000Z', cert: null, ...more,
});

export const certificate: Certificate = {
  sha256: '4f1a90c2770b5e31d862af093cb411e7582d96f0437acb158e2064b9da013f6c',
  subject: 'CN=pbx.office.lan', issuer: 'CN=pbx.office.lan', selfSigned: true, names: ['pbx.office.lan'],
  notBefore: '2026-02-03T00:00:00.000Z', notAfter: '2028-02-03T00:00:00.000Z',
};

const registered = { is: 'registered', since: before(7200), expiresAt: before(-480), provenAt: before(4), rttMs: 21, server: 'wss://sip.example.com/', flows: 1 } as const;

export const mara: Account = {
  id: 'a1', practice: false, line: registered, voicemail: null,
  security: { tls: 'TLS 1.3', cipher: 'AES-256-GCM', digest: 'SHA-256', cert: { ...certificate, selfSigned: false, names: ['sip.example.com'], issuer: 'CN=Example Root R1' } },
  secret: 'stored', name: 'Sales line', address: 'sip:2001@example.com', server: 'wss://sip.example.com/', user: '2001', domain: 'example.com', authUser: null,
  displayName: 'Mara Lindqvist', ca: null, pin: null, origin: null, httpUser: null, headers: [], clientCert: null, proxy: null, keepalive: 'ping', stun: [], turn: [], contactForm: 'learned', expiresS: 600, codecs: [], bitrate: null, enabled: true,
};
export const practice: Account = {
  ...mara, id: 'a0', practice: true, name: 'Practice line', displayName: null, address: 'sip:you@practice.invalid', server: 'wss://127.0.0.1:41000/', domain: 'practice.invalid', user: 'you',
};
export const sales: Account = { ...mara, id: 'a2', displayName: null, name: 'Sales line', address: 'sip:300@example.com' };

const headset = { id: 'd1', name: 'Jabra Evolve2 65', kind: 'headset', present: true } as const;
const builtIn = { id: 'd2', name: 'Built-in speakers', kind: 'speakers', present: true } as const;
export const devices: Devices = {
  microphones: [headset], speakers: [headset, builtIn],
  inUse: { mic: 'd1', speaker: 'd1', ringer: 'd2', alsoRing: [] }, prefer: { mic: ['d1', 'default'], speaker: ['d1', 'default'], ringer: ['d2', 'default'], alsoRing: [] }, problem: null,
};

export const state = (more: Partial<PhoneState> = {}): PhoneState => ({
  contract: 1, seq: 1, accounts: [mara, practice], calls: [], devices, dnd: { on: false, until: null },
  settings: { language: 'en', theme: 'light', defaultAccount: 'a1', practice: true, recordAs: 'wav', recordTone: false, echo: 'on', noise: 'medium', level: true, delay: 'auto' },
  missed: 0, historySeq: 1, problems: [], listening: false, tray: 'ready', tests: [], ...more,
});

export const call = (id: string, who: Party, phase: Phase, more: Partial<Call> = {}): Call => ({
  id, account: 'a1', direction: 'out', with: who, phase, startedAt: before(800), answeredAt: null, heldAt: null, endedAt: null, silenced: false,
  muted: false, hold: 'none', active: true, can: ['hangup'], recording: false, transfer: null, conference: null, asked: who.number,
  media: { path: 'none', secureMs: null, firstSoundMs: null, codec: null, srtp: null, cipher: null, local: null, remote: null, relay: false }, trouble: null, ...more,
});
export const secure = { path: 'secure', secureMs: 84, firstSoundMs: 120, codec: 'opus', srtp: 'AEAD_AES_128_GCM', cipher: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', local: null, remote: null, relay: false } as const;
export const talking = (id: string, who: Party, seconds: number, more: Partial<Call> = {}): Call =>
  call(id, who, { is: 'connected' }, { answeredAt: before(seconds), media: secure, can: ['mute', 'hold', 'dtmf', 'hangup'], ...more });

const row = (id: string, who: Party, at: string, direction: Direction, is: CauseKind, seconds: number | null, day = '2026-03-05'): HistoryRow => {
  const startedAt = `${day}T${at}:00.000Z`;
  const end = Date.parse(startedAt) + 7000 + (seconds ?? 0) * 1000;
  return {
    id, account: 'a1', direction, with: who, asked: who.number, startedAt, answeredAt: seconds === null ? null : new Date(Date.parse(startedAt) + 7000).toISOString(),
    endedAt: new Date(end).toISOString(), cause: { is, error: null, elsewhere: null }, recordings: [], quality: null, seen: true,
  };
};
const unknown = party('', '+46 8 555 0199');
export const rows: HistoryRow[] = [
  row('h7', jonas, '14:02', 'in', 'hung-up-there', 240),
  row('h6', unknown, '13:47', 'in', 'cancelled', null),
  row('h5', unknown, '13:45', 'in', 'cancelled', null),
  row('h4', support, '11:20', 'out', 'busy', null),
  row('h3', priya, '09:31', 'out', 'hung-up-here', 2280),
  row('h2', tomas, '17:15', 'in', 'answered-elsewhere', null, '2026-03-04'),
];
export const jons: HistoryRow[] = [
  row('h11', jonas, '14:02', 'in', 'hung-up-there', 240),
  row('h10', party('Jonas Okafor', '+47 55 50 12 34'), '13:02', 'out', 'hung-up-there', 240),
  row('h9', party('Mika Jónsson', '+354 555 0164'), '12:02', 'out', 'hung-up-there', 240),
  ...rows,
];
export const chinese: HistoryRow[] = [
  row('h7', party('周永安', '8001'), '14:02', 'in', 'hung-up-there', 240),
  row('h6', party('', '+86 10 5555 0199'), '13:47', 'in', 'cancelled', null),
  row('h5', party('', '+86 10 5555 0199'), '13:45', 'in', 'cancelled', null),
  row('h4', party('西区支持台', '602'), '11:20', 'out', 'busy', null),
];
const HOSTILE = '\u202Egnp.exe\u202C <img src=x onerror=alert(1)> ' + 'Z\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307'.repeat(6) + '\u200b'.repeat(30) + ' very long name indeed '.repeat(4);
export const eve = party(HOSTILE, '+1 900 555 0166', { nameFrom: 'caller', verified: 'failed' });
export const hostile: HistoryRow[] = [row('h9', eve, '14:05', 'in', 'cancelled', null), row('h8', party('Jonas Okafor', '214', { nameFrom: 'server' }), '14:02', 'in', 'hung-up-there', 95), ...rows];
