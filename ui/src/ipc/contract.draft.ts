// The types of the phone's contract as the window uses them. To be replaced by the generated contract.ts.
export type Tray = 'in-call' | 'unreachable' | 'missed' | 'dnd' | 'working' | 'ready';
export interface Certificate { sha256: string; subject: string; issuer: string; selfSigned: boolean; names: string[]; notBefore: string; notAfter: string }
export interface Error {
  code: string; message: string; why: string | null; hint: string | null;
  act: 'enter-password' | 'show-certificate' | 'choose-device' | 'retry' | null;
  who: 'peer' | 'network' | 'user' | 'phone'; sip: number | null; detail: string | null; at: string; cert: Certificate | null;
}
export type LineStep = 'find' | 'connect' | 'tls' | 'websocket' | 'register';
export type LineState =
  | { is: 'off' }
  | { is: 'connecting'; step: LineStep; since: string; why: 'start' | 'asked' | 'network-changed' | 'connection-lost' }
  | { is: 'registered'; since: string; expiresAt: string; provenAt: string; rttMs: number | null; server: string; flows: number }
  | { is: 'suspect'; since: string; provenAt: string }
  | { is: 'retrying'; at: string; attempt: number; error: Error }
  | { is: 'failed'; error: Error };
export interface Security { tls: string; cipher: string; cert: Certificate; digest: string | null }
export interface Turn { url: string; user: string }
export interface Account {
  id: string; practice: boolean; line: LineState; voicemail: null; security: Security | null; secret: 'stored' | 'run' | 'missing';
  name: string; address: string; server: string; user: string; domain: string; authUser: string | null; displayName: string | null;
  ca: string | null; pin: string | null; origin: string | null; stun: string[]; turn: Turn[]; contactForm: string; expiresS: number; enabled: boolean;
}
export interface Party { name: string; number: string; uri: string; contact: string | null; nameFrom: 'contacts' | 'server' | 'caller'; verified: 'passed' | 'failed' | null }
export interface Cause { is: string; error: Error | null }
export type Phase =
  | { is: 'dialing' } | { is: 'ringing' } | { is: 'early-media' }
  | { is: 'incoming'; mayAutoAnswerAt: string | null }
  | { is: 'connecting' } | { is: 'connected' }
  | { is: 'reconnecting'; since: string; why: string }
  | { is: 'ending' } | { is: 'ended'; cause: Cause };
export interface Media { path: 'none' | 'gathering' | 'checking' | 'secure' | 'lost'; secureMs: number | null; firstSoundMs: number | null; codec: string | null; srtp: string | null; local: string | null; remote: string | null; relay: boolean }
export interface Call {
  id: string; account: string; direction: 'out' | 'in'; with: Party; phase: Phase; startedAt: string; answeredAt: string | null; heldAt: string | null; endedAt: string | null;
  silenced: boolean; muted: boolean; hold: 'none' | 'local' | 'remote' | 'both'; media: Media; active: boolean; can: string[];
  recording: boolean; transfer: null; conference: string | null; asked: string;
}
export type Role = 'mic' | 'speaker' | 'ringer';
export interface Device { id: string; name: string; kind: 'headset' | 'speakers' | 'other'; present: boolean }
export interface Devices { microphones: Device[]; speakers: Device[]; inUse: Record<Role, string | null>; prefer: Record<Role, string[]>; problem: Error | null }
export interface Settings { language: string; theme: 'system' | 'light' | 'dark'; defaultAccount: string | null; practice: boolean }
export type TestStep = LineStep | 'sound';
export interface Test { id: string; account: string | null; steps: { step: TestStep; ms: number | null; error: Error | null }[]; done: boolean }
export interface PhoneState {
  contract: number; seq: number; accounts: Account[]; calls: Call[]; devices: Devices; dnd: { on: boolean; until: string | null }; settings: Settings;
  missed: number; historySeq: number; problems: Error[]; listening: boolean; tray: Tray; tests: Test[];
}
export interface HistoryRow { id: string; account: string; direction: 'out' | 'in'; with: Party; asked: string; startedAt: string; answeredAt: string | null; endedAt: string; cause: Cause; seen: boolean }
export type Notice = { is: string };
export interface Levels { call: string | null; mic: number; far: number | null }
export interface Quality { call: string; grade: string; lossPct: number; jitterMs: number; bufferMs: number; rttMs: number; mos: number; concealedPct: number; codec: string }
export interface AccountFields {
  name?: string; address?: string; server?: string; user?: string; domain?: string; authUser?: string; displayName?: string; ca?: string; pin?: string; origin?: string;
  stun?: string[]; turn?: Turn[]; contactForm?: string; expiresS?: number; enabled?: boolean; password?: string; turnPassword?: string; keep?: 'keychain' | 'run';
}
