// The types of crates/phone/src/contract as the lines carry them. Written by hand after the Rust types until their test writes
// this file; nothing here is the window's own.
export type Tray = 'in-call' | 'unreachable' | 'missed' | 'dnd' | 'working' | 'ready';
export interface Certificate { sha256: string; subject: string; issuer: string; selfSigned: boolean; names: string[]; notBefore: string; notAfter: string }
export type ErrorAct = 'enter-password' | 'show-certificate' | 'choose-device' | 'retry';
export type Who = 'peer' | 'network' | 'user' | 'phone';
export interface Error {
  code: string; message: string; why: string | null; hint: string | null; act: ErrorAct | null;
  who: Who; sip: number | null; detail: string | null; at: string; cert: Certificate | null;
}
export type ConnectStep = 'find' | 'connect' | 'tls' | 'websocket' | 'register';
export type ConnectWhy = 'start' | 'asked' | 'network-changed' | 'connection-lost';
export type LineState =
  | { is: 'off' }
  | { is: 'connecting'; step: ConnectStep; since: string; why: ConnectWhy }
  | { is: 'registered'; since: string; expiresAt: string; provenAt: string; rttMs: number | null; server: string; flows: number }
  | { is: 'suspect'; since: string; provenAt: string }
  | { is: 'retrying'; at: string; attempt: number; error: Error }
  | { is: 'failed'; error: Error };
export interface Security { tls: string; cipher: string; cert: Certificate | null; digest: string | null }
export interface Turn { url: string; user: string }
export type ContactForm = 'invalid' | 'learned';
export type SecretState = 'stored' | 'run' | 'missing';
export type Keep = 'keychain' | 'run';
export interface Account {
  id: string; practice: boolean; line: LineState; voicemail: null; security: Security | null; secret: SecretState;
  name: string; address: string; server: string; user: string; domain: string; authUser: string | null; displayName: string | null;
  ca: string | null; pin: string | null; origin: string | null; stun: string[]; turn: Turn[]; contactForm: ContactForm; expiresS: number; enabled: boolean;
}
export interface AccountWish {
  account?: string; name?: string; address?: string; server?: string; user?: string; domain?: string; authUser?: string; displayName?: string; ca?: string; pin?: string;
  origin?: string; stun?: string[]; turn?: Turn[]; contactForm?: ContactForm; expiresS?: number; enabled?: boolean; password?: string; turnPassword?: string; keep?: Keep;
}
export type NameFrom = 'contacts' | 'server' | 'caller';
export type Verified = 'passed' | 'failed';
export interface Party { name: string; number: string; uri: string; contact: string | null; nameFrom: NameFrom; verified: Verified | null }
export type CauseKind =
  | 'hung-up-here' | 'hung-up-there' | 'busy' | 'declined' | 'no-answer' | 'cancelled' | 'answered-elsewhere' | 'unreachable' | 'not-found' | 'not-allowed'
  | 'no-common-codec' | 'media-failed' | 'network' | 'server-error';
export interface Cause { is: CauseKind; error: Error | null }
export type Phase =
  | { is: 'dialing' } | { is: 'ringing' } | { is: 'early-media' }
  | { is: 'incoming'; mayAutoAnswerAt: string | null }
  | { is: 'connecting' } | { is: 'connected' }
  | { is: 'reconnecting'; since: string; why: string }
  | { is: 'ending' } | { is: 'ended'; cause: Cause };
export type MediaPath = 'none' | 'gathering' | 'checking' | 'secure' | 'lost';
export interface Media { path: MediaPath; secureMs: number | null; firstSoundMs: number | null; codec: string | null; srtp: string | null; local: string | null; remote: string | null; relay: boolean }
export type Act = 'answer' | 'decline' | 'ignore' | 'hold' | 'resume' | 'dtmf' | 'mute' | 'hangup';
export type Direction = 'out' | 'in';
export type Hold = 'none' | 'local' | 'remote' | 'both';
export interface Call {
  id: string; account: string; direction: Direction; with: Party; phase: Phase; startedAt: string; answeredAt: string | null; heldAt: string | null; endedAt: string | null;
  silenced: boolean; muted: boolean; hold: Hold; media: Media; active: boolean; can: Act[];
  recording: boolean; transfer: null; conference: string | null; asked: string;
}
export type Role = 'mic' | 'speaker' | 'ringer';
export interface Device { id: string; name: string; kind: 'headset' | 'speakers' | 'other'; present: boolean }
export interface Devices { microphones: Device[]; speakers: Device[]; inUse: Record<Role, string | null>; prefer: Record<Role, string[]>; problem: Error | null }
export type Theme = 'system' | 'light' | 'dark';
export interface Settings { language: string; theme: Theme; defaultAccount: string | null; practice: boolean }
export type TestStep = ConnectStep | 'sound';
export interface StepResult { step: TestStep; ms: number | null; skipped: boolean; error: Error | null }
export interface Test { id: string; account: string | null; steps: StepResult[]; done: boolean }
export interface PhoneState {
  contract: number; seq: number; accounts: Account[]; calls: Call[]; devices: Devices; dnd: { on: boolean; until: string | null }; settings: Settings;
  missed: number; historySeq: number; problems: Error[]; listening: boolean; tray: Tray; tests: Test[];
}
export interface HistoryRow { id: string; account: string; direction: Direction; with: Party; asked: string; startedAt: string; answeredAt: string | null; endedAt: string; cause: Cause; seen: boolean }
export interface Levels { call: string | null; mic: number; far: number | null }
export type Grade = 'clear' | 'fair' | 'poor' | 'bad';
export interface Quality {
  call: string; grade: Grade; lossPct: number; jitterMs: number; bufferMs: number; rttMs: number | null; mos: number; concealedPct: number; farLossPct: number | null; codec: string | null;
}
export type Watch = 'levels' | 'quality' | 'sip';
export type Command =
  | { do: 'add-account' } & AccountWish
  | { do: 'change-account' } & AccountWish
  | { do: 'remove-account'; account: string }
  | { do: 'register'; account?: string }
  | { do: 'unregister'; account?: string }
  | { do: 'test-account' } & AccountWish
  | { do: 'trust-certificate'; account?: string; test?: string; sha256: string }
  | { do: 'call'; to: string; account?: string }
  | { do: 'answer'; call?: string } | { do: 'decline'; call?: string } | { do: 'ignore'; call?: string } | { do: 'hangup'; call?: string }
  | { do: 'hold'; call?: string } | { do: 'resume'; call?: string } | { do: 'mute'; call?: string } | { do: 'unmute'; call?: string }
  | { do: 'dtmf'; call?: string; digits: string }
  | { do: 'set-device'; role: Role; device: string }
  | { do: 'set'; setting: string; value: unknown }
  | { do: 'listen'; device?: string } | { do: 'unlisten' }
  | { do: 'history'; before?: string; limit?: number; filter?: string }
  | { do: 'seen'; before?: string }
  | { do: 'watch'; watch: Watch; call?: string } | { do: 'unwatch'; watch: Watch }
  | { do: 'state' };
export interface Hello { name: string; version: string; contract: number }
export interface Ok { account?: string; call?: string; test?: string; pin?: string; rows?: HistoryRow[] }
export interface Reply { reply: number | string | null; ok?: Ok; error?: Error }
export type Notice =
  | { is: 'missed-call'; row: HistoryRow } | { is: 'device-changed'; role: Role; device: string | null } | { is: 'practice-stopped'; error: Error };
export interface SipLine { at: string; connection: number; account: string; call: string | null; out: boolean; text: string }
export type Line = { hello: Hello } | { state: PhoneState } | { notice: Notice } | { levels: Levels } | { quality: Quality } | { sip: SipLine } | Reply;
