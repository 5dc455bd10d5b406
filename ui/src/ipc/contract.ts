// Generated from crates/phone/src/contract by its tests; BELLBIRD_REGENERATE=1 cargo test -p phone contract writes it.
export type AccountId = string;
export type CallId = string;
export type ConferenceId = string;
export type HistoryId = string;
export type TestId = string;
export type Timestamp = string;
export type Tray = "in-call" | "unreachable" | "missed" | "dnd" | "working" | "ready";
export type Certificate = { 
/**
 * The SHA-256 of its DER in lower-case hexadecimal: what a pin is.
 */
sha256: string, 
/**
 * Whom it is for.
 */
subject: string, 
/**
 * Who says so.
 */
issuer: string, 
/**
 * Is it signed by itself?
 */
selfSigned: boolean, 
/**
 * The names and addresses it is for.
 */
names: Array<string>, 
/**
 * From when, RFC 3339; empty when it cannot be read.
 */
notBefore: string, 
/**
 * Until when, RFC 3339; empty when it cannot be read.
 */
notAfter: string, };
export type ErrorAct = "enter-password" | "show-certificate" | "choose-device" | "retry";
export type Who = "peer" | "network" | "user" | "phone";
export type Error = { 
/**
 * Stable, kebab-case, documented, never reworded.
 */
code: string, 
/**
 * One sentence in the language of the phone.
 */
message: string, 
/**
 * The next sentence: why.
 */
why: string | null, 
/**
 * And what to do.
 */
hint: string | null, 
/**
 * The button that goes with it.
 */
act: ErrorAct | null, 
/**
 * Whose fault it is.
 */
who: Who, 
/**
 * The SIP status that said so.
 */
sip: number | null, 
/**
 * For the log and the curious. Never a secret.
 */
detail: string | null, 
/**
 * When.
 */
at: Timestamp, 
/**
 * The certificate it is about.
 */
cert: Certificate | null, };
export type ConnectStep = "find" | "connect" | "tls" | "websocket" | "register";
export type ConnectWhy = "start" | "asked" | "network-changed" | "connection-lost";
export type LineState = { "is": "off", } | { "is": "connecting", 
/**
 * How far.
 */
step: ConnectStep, 
/**
 * Since when.
 */
since: Timestamp, 
/**
 * Why it connects.
 */
why: ConnectWhy, } | { "is": "registered", 
/**
 * Since when.
 */
since: Timestamp, 
/**
 * Until when the server keeps us unless we refresh, which we do.
 */
expiresAt: Timestamp, 
/**
 * The last pong, response or request seen.
 */
provenAt: Timestamp, 
/**
 * The last round trip, in milliseconds.
 */
rttMs: number | null, 
/**
 * The address of the server; empty through a proxy, which alone knows it.
 */
server: string, 
/**
 * How many connections there are.
 */
flows: number, } | { "is": "suspect", 
/**
 * Since when.
 */
since: Timestamp, 
/**
 * The last sign of life.
 */
provenAt: Timestamp, } | { "is": "retrying", 
/**
 * When.
 */
at: Timestamp, 
/**
 * The how manieth try that will be.
 */
attempt: number, 
/**
 * Why.
 */
error: Error, } | { "is": "failed", 
/**
 * Why.
 */
error: Error, };
export type Security = { 
/**
 * The TLS version.
 */
tls: string, 
/**
 * The cipher suite.
 */
cipher: string, 
/**
 * The server's certificate.
 */
cert: Certificate | null, 
/**
 * The digest that proved us.
 */
digest: string | null, };
export type Turn = { 
/**
 * `turn:host:port`.
 */
url: string, 
/**
 * The user there.
 */
user: string, };
export type ContactForm = "invalid" | "learned";
export type Keepalive = "ping" | "crlf" | "both" | "none";
export type SecretState = "stored" | "run" | "missing";
export type Keep = "keychain" | "run";
export type Account = { 
/**
 * Its id.
 */
id: AccountId, 
/**
 * Is it the practice line of this phone?
 */
practice: boolean, 
/**
 * Can one be reached?
 */
line: LineState, 
/**
 * Waiting messages; always null in this version.
 */
voicemail: null, 
/**
 * How the connection is secured, while there is one.
 */
security: Security | null, 
/**
 * Where its password is.
 */
secret: SecretState, 
/**
 * What the person calls it.
 */
name: string, 
/**
 * `sip:user@domain`.
 */
address: string, 
/**
 * The server, `wss://…`.
 */
server: string, 
/**
 * The user part of the address.
 */
user: string, 
/**
 * The domain of the address.
 */
domain: string, 
/**
 * The name for the password, where it is not the user.
 */
authUser: string | null, 
/**
 * The name that others see.
 */
displayName: string | null, 
/**
 * A private certificate authority, PEM.
 */
ca: string | null, 
/**
 * The pinned certificate, SHA-256 in hexadecimal.
 */
pin: string | null, 
/**
 * The Origin of the handshake, where it is not the server's own.
 */
origin: string | null, 
/**
 * The name for the HTTP side of the server, where that asks for one in the handshake.
 */
httpUser: string | null, 
/**
 * The names of further headers of the handshake; what they say is a secret.
 */
headers: Array<string>, 
/**
 * Our own certificate for TLS.
 */
clientCert: Certificate | null, 
/**
 * The proxy to go through, `http://[user@]host:port` or `socks5://…`; `none` for no proxy, and nothing for that of the
 * system.
 */
proxy: string | null, 
/**
 * By what the connection is kept alive.
 */
keepalive: Keepalive, 
/**
 * STUN servers, `stun:host:port`.
 */
stun: Array<string>, 
/**
 * TURN servers.
 */
turn: Array<Turn>, 
/**
 * How our Contact looks.
 */
contactForm: ContactForm, 
/**
 * For how long to ask the server to keep us, in seconds.
 */
expiresS: number, 
/**
 * Codecs of its calls, the best first: `opus`, `g722`, `pcmu`, `pcma`. This order goes before that of others; an empty
 * list is all of them, in the order of whoever calls.
 */
codecs: Array<string>, 
/**
 * Bits per second of Opus in both directions, 6000 to 510000; nothing for the usual.
 */
bitrate: number | null, 
/**
 * Shall it be on the line?
 */
enabled: boolean, };
export type AccountWish = { 
/**
 * Which account: absent to add one.
 */
account?: AccountId, name?: string, address?: string, server?: string, user?: string, domain?: string, authUser?: string, displayName?: string, ca?: string, pin?: string, origin?: string, httpUser?: string, 
/**
 * Further headers of the handshake, `Name: value`, one a line. What they say is a secret.
 */
headers?: string, 
/**
 * Our certificate for TLS and its key without a pass phrase, as one PEM text.
 */
clientCert?: string, proxy?: string, keepalive?: Keepalive, stun?: Array<string>, turn?: Array<Turn>, contactForm?: ContactForm, expiresS?: number, codecs?: Array<string>, 
/**
 * As in Account; 0 clears.
 */
bitrate?: number, enabled?: boolean, 
/**
 * The SIP password.
 */
password?: string, 
/**
 * The password for the HTTP side of the server.
 */
httpPassword?: string, 
/**
 * The password of the proxy.
 */
proxyPassword?: string, 
/**
 * The password of the TURN servers.
 */
turnPassword?: string, 
/**
 * Where to keep them; `keychain` when absent.
 */
keep?: Keep, };
export type NameFrom = "contacts" | "server" | "caller";
export type Verified = "passed" | "failed";
export type Party = { 
/**
 * Its name; empty when nobody gave one.
 */
name: string, 
/**
 * Its number or user name.
 */
number: string, 
/**
 * Its address.
 */
uri: string, 
/**
 * Always null in this version.
 */
contact: string | null, 
/**
 * Who gave the name.
 */
nameFrom: NameFrom, 
/**
 * Whether a server that we trust checked the number.
 */
verified: Verified | null, };
export type CauseKind = "hung-up-here" | "hung-up-there" | "busy" | "declined" | "no-answer" | "cancelled" | "answered-elsewhere" | "unreachable" | "not-found" | "moved" | "not-allowed" | "no-common-codec" | "media-failed" | "network" | "server-error";
export type Cause = { 
/**
 * In one word.
 */
is: CauseKind, 
/**
 * In sentences, where something went wrong.
 */
error: Error | null, 
/**
 * Where the call was sent instead: another number, which only a person may choose to call.
 */
elsewhere: string | null, };
export type Phase = { "is": "dialing", } | { "is": "ringing", } | { "is": "early-media", } | { "is": "incoming", 
/**
 * Always null in this version.
 */
mayAutoAnswerAt: Timestamp | null, } | { "is": "connecting", } | { "is": "connected", } | { "is": "reconnecting", 
/**
 * Since when.
 */
since: Timestamp, 
/**
 * Why, as a code.
 */
why: string, } | { "is": "ending", } | { "is": "ended", 
/**
 * Why.
 */
cause: Cause, };
export type MediaPath = "none" | "gathering" | "checking" | "secure" | "lost";
export type Media = { 
/**
 * How far its path is.
 */
path: MediaPath, 
/**
 * From the answer (ours or theirs) to the keys, in milliseconds.
 */
secureMs: number | null, 
/**
 * From the answer to the first sound, in milliseconds.
 */
firstSoundMs: number | null, 
/**
 * The codec we send.
 */
codec: string | null, 
/**
 * The SRTP profile.
 */
srtp: string | null, 
/**
 * The cipher suite of the DTLS handshake that agreed its keys.
 */
cipher: string | null, 
/**
 * Our end.
 */
local: string | null, 
/**
 * Their end.
 */
remote: string | null, 
/**
 * Does a TURN server relay it?
 */
relay: boolean, };
export type Act = "answer" | "decline" | "ignore" | "hold" | "resume" | "dtmf" | "mute" | "record" | "hangup" | "conference" | "leave";
export type Direction = "out" | "in";
export type Hold = "none" | "local" | "remote" | "both";
export type Call = { 
/**
 * Its id.
 */
id: CallId, 
/**
 * On which account.
 */
account: AccountId, 
/**
 * Who called.
 */
direction: Direction, 
/**
 * The other party.
 */
with: Party, 
/**
 * How far it is.
 */
phase: Phase, 
/**
 * Since when.
 */
startedAt: Timestamp, 
/**
 * When it was answered.
 */
answeredAt: Timestamp | null, 
/**
 * Since when it is on hold.
 */
heldAt: Timestamp | null, 
/**
 * When it ended.
 */
endedAt: Timestamp | null, 
/**
 * Does it ring without a sound?
 */
silenced: boolean, 
/**
 * Is the microphone muted for it?
 */
muted: boolean, 
/**
 * Who holds it.
 */
hold: Hold, 
/**
 * Its sound.
 */
media: Media, 
/**
 * What has spoiled its sound for some seconds, and what one can do; null while it is well.
 */
trouble: Error | null, 
/**
 * Is it talked on? At most one call is, or all members of one conference.
 */
active: boolean, 
/**
 * What would work now.
 */
can: Array<Act>, 
/**
 * Is it kept in a file?
 */
recording: boolean, 
/**
 * Always null in this version.
 */
transfer: null, 
/**
 * The conference it is in: all calls of the same one hear each other, and are held, resumed and muted as one.
 */
conference: ConferenceId | null, 
/**
 * What was dialled or clicked; empty for a call that came.
 */
asked: string, };
export type Role = "mic" | "speaker" | "ringer";
export type DeviceKind = "headset" | "speakers" | "other";
export type Device = { 
/**
 * Its id, stable over restarts.
 */
id: string, 
/**
 * What the system calls it.
 */
name: string, 
/**
 * What sort of thing it is.
 */
kind: DeviceKind, 
/**
 * Is it there?
 */
present: boolean, };
export type InUse = { mic: string | null, speaker: string | null, ringer: string | null, 
/**
 * Those that ring beside the ringer.
 */
alsoRing: Array<string>, };
export type Prefer = { mic: Array<string>, speaker: Array<string>, ringer: Array<string>, 
/**
 * Those that are to ring beside the ringer.
 */
alsoRing: Array<string>, };
export type Devices = { 
/**
 * All microphones; a chosen one that is gone stays, with `present` false.
 */
microphones: Array<Device>, 
/**
 * All speakers, likewise.
 */
speakers: Array<Device>, 
/**
 * What would be used now, or is.
 */
inUse: InUse, 
/**
 * What the person prefers.
 */
prefer: Prefer, 
/**
 * What is wrong with them.
 */
problem: Error | null, };
export type Theme = "system" | "light" | "dark";
export type RecordAs = "wav" | "ogg";
export type Echo = "on" | "auto" | "off";
export type Delay = "auto" | "safe" | "low";
export type Noise = "off" | "low" | "medium" | "high" | "strong";
export type Settings = { 
/**
 * A language tag, or `system`.
 */
language: string, 
/**
 * Light or dark.
 */
theme: Theme, 
/**
 * The account for calls that name none.
 */
defaultAccount: AccountId | null, 
/**
 * Is there a practice line?
 */
practice: boolean, 
/**
 * What recordings are kept as.
 */
recordAs: RecordAs, 
/**
 * Does a tone tell both sides, every fifteen seconds, that a call is recorded?
 */
recordTone: boolean, 
/**
 * When the echo of the speaker is taken out of what the microphone hears.
 */
echo: Echo, 
/**
 * How much of the noise round the microphone goes.
 */
noise: Noise, 
/**
 * Is the level of the microphone brought to that of speech?
 */
level: boolean, 
/**
 * How soon sound is to be at the far end.
 */
delay: Delay, };
export type Dnd = { 
/**
 * Is it on?
 */
on: boolean, 
/**
 * Until when; for good when null.
 */
until: Timestamp | null, };
export type TestStep = "find" | "connect" | "tls" | "websocket" | "register" | "sound";
export type StepResult = { 
/**
 * Which.
 */
step: TestStep, 
/**
 * How long it took, in milliseconds; null while it runs, when it failed and when it was skipped.
 */
ms: number | null, 
/**
 * Was it left out, because the account has nothing to try it on?
 */
skipped: boolean, 
/**
 * Why it failed.
 */
error: Error | null, };
export type Test = { 
/**
 * Its id.
 */
id: TestId, 
/**
 * The account whose stored fields were the base, if one was named.
 */
account: AccountId | null, 
/**
 * Its steps so far, in order; the last one is under way until it has a time or an error.
 */
steps: Array<StepResult>, 
/**
 * Is it over?
 */
done: boolean, };
export type PhoneState = { 
/**
 * The version of the contract.
 */
contract: number, 
/**
 * Grows with each change; may jump.
 */
seq: number, 
/**
 * All accounts, the practice line first.
 */
accounts: Array<Account>, 
/**
 * All calls, the oldest first.
 */
calls: Array<Call>, 
/**
 * Sound devices.
 */
devices: Devices, 
/**
 * Do not disturb; always off in this version.
 */
dnd: Dnd, 
/**
 * What the person chose.
 */
settings: Settings, 
/**
 * Missed calls that were not seen.
 */
missed: number, 
/**
 * Grows with each change of the history.
 */
historySeq: number, 
/**
 * What is wrong with the phone as a whole.
 */
problems: Array<Error>, 
/**
 * Is the microphone open for the meter?
 */
listening: boolean, 
/**
 * What the tray shows.
 */
tray: Tray, 
/**
 * The tests of accounts, kept until replaced.
 */
tests: Array<Test>, };
export type HistoryRow = { 
/**
 * Its id; ids grow with time.
 */
id: HistoryId, 
/**
 * On which account.
 */
account: AccountId, 
/**
 * Who called.
 */
direction: Direction, 
/**
 * The other party.
 */
with: Party, 
/**
 * What was dialled or clicked.
 */
asked: string, 
/**
 * When it began.
 */
startedAt: Timestamp, 
/**
 * When it was answered.
 */
answeredAt: Timestamp | null, 
/**
 * When it ended.
 */
endedAt: Timestamp, 
/**
 * Why it ended.
 */
cause: Cause, 
/**
 * The files that it was recorded to, in order; the person may have moved them since.
 */
recordings: Array<string>, 
/**
 * How good it was; null when there was not enough of it, and for calls of older versions.
 */
quality: CallQuality | null, 
/**
 * Has the person seen it? Only missed calls are ever unseen.
 */
seen: boolean, };
export type Notice = { "is": "missed-call", 
/**
 * Which.
 */
row: HistoryRow, } | { "is": "device-changed", 
/**
 * For what.
 */
role: Role, 
/**
 * Its id; null when none is left.
 */
device: string | null, } | { "is": "recorded", 
/**
 * Of which call.
 */
call: CallId, 
/**
 * The file; null where none could be made.
 */
path: string | null, 
/**
 * How much of the call it holds.
 */
lengthMs: number, 
/**
 * Why it is not whole.
 */
error: Error | null, } | { "is": "dtmf", 
/**
 * In which call.
 */
call: CallId, 
/**
 * 0-9, A-D, * or #.
 */
digit: string, } | { "is": "practice-stopped", 
/**
 * Why.
 */
error: Error, };
export type Levels = { 
/**
 * The active call, or each of a conference; null while one only listens to the microphone.
 */
call: CallId | null, 
/**
 * The microphone.
 */
mic: number, 
/**
 * The far end.
 */
far: number | null, };
export type Grade = "clear" | "fair" | "poor" | "bad";
export type Quality = { 
/**
 * The call.
 */
call: CallId, 
/**
 * In one word.
 */
grade: Grade, 
/**
 * Packets that did not come, in per cent.
 */
lossPct: number, 
/**
 * How many of them were missing in a row, on average; null while none is.
 */
burst: number | null, 
/**
 * Packets that came too late to be played, in per cent.
 */
latePct: number, 
/**
 * How unevenly they come, in milliseconds (RFC 3550 6.4.1).
 */
jitterMs: number, 
/**
 * How long sound waits to be played, in milliseconds.
 */
bufferMs: number, 
/**
 * The round trip, in milliseconds.
 */
rttMs: number | null, 
/**
 * Estimated opinion, 1 to 4.5 (ITU-T G.107).
 */
mos: number, 
/**
 * Sound that had to be made up, in per cent.
 */
concealedPct: number, 
/**
 * Our packets that the far end misses, in per cent.
 */
farLossPct: number | null, 
/**
 * How many of ours it misses in a row, on average; null where it does not tell (RFC 3611 4.1).
 */
farBurst: number | null, 
/**
 * How unevenly ours come there, in milliseconds.
 */
farJitterMs: number | null, 
/**
 * Opinion of what the far end hears, by itself; null where it does not tell (RFC 3611 4.7.5).
 */
farMos: number | null, 
/**
 * The codec that is heard.
 */
codec: string | null, 
/**
 * How long the sound of a packet of ours lasts, in milliseconds: 10 while they are short for the sake of delay.
 */
packetMs: number, };
export type CallQuality = { 
/**
 * In one word, by the mean opinion.
 */
grade: Grade, 
/**
 * Estimated opinion, 1 to 4.5 (ITU-T G.107).
 */
mos: number, 
/**
 * Packets that did not come, in per cent.
 */
lossPct: number, 
/**
 * How many of them were missing in a row, on average; null when none was.
 */
burst: number | null, 
/**
 * Packets that came too late to be played, in per cent.
 */
latePct: number, 
/**
 * Sound that had to be made up, in per cent.
 */
concealedPct: number, 
/**
 * How unevenly packets came, in milliseconds.
 */
jitterMs: number, 
/**
 * The round trip, in milliseconds; null when the far end never reported.
 */
rttMs: number | null, 
/**
 * Our packets that the far end missed, in per cent.
 */
farLossPct: number | null, 
/**
 * Opinion of what the far end heard, by itself.
 */
farMos: number | null, 
/**
 * For so many seconds it was poor, here or there.
 */
poorS: number, 
/**
 * What spoiled it the longest, in sentences; null for a call that was never poor for some seconds.
 */
trouble: Error | null, };
export type Watch = "levels" | "quality" | "sip";
export type Command = { "do": "add-account" } & AccountWish | { "do": "change-account" } & AccountWish | { "do": "remove-account", 
/**
 * Which.
 */
account: AccountId, } | { "do": "register", 
/**
 * Which account; all without one.
 */
account?: AccountId, } | { "do": "unregister", 
/**
 * Which account; all without one.
 */
account?: AccountId, } | { "do": "test-account" } & AccountWish | { "do": "trust-certificate", 
/**
 * The account whose line showed it.
 */
account?: AccountId, 
/**
 * Or the test that did.
 */
test?: TestId, 
/**
 * The SHA-256 that was shown.
 */
sha256: string, } | { "do": "call", 
/**
 * A number, a name or an address.
 */
to: string, 
/**
 * On which account; the default one without it.
 */
account?: AccountId, } | { "do": "answer", 
/**
 * Which call; the only one that fits without it.
 */
call?: CallId, } | { "do": "decline", 
/**
 * Which call; the only one that fits without it.
 */
call?: CallId, } | { "do": "ignore", 
/**
 * Which call; the only one that fits without it.
 */
call?: CallId, } | { "do": "hangup", 
/**
 * Which call; the only one that fits without it.
 */
call?: CallId, } | { "do": "hold", 
/**
 * Which call; the only one that fits without it.
 */
call?: CallId, } | { "do": "resume", 
/**
 * Which call; the only one that fits without it.
 */
call?: CallId, } | { "do": "conference", 
/**
 * Which calls, each with those it is in a conference with; all that are up without it.
 */
calls?: Array<CallId>, } | { "do": "leave", 
/**
 * Which call; the only one that fits without it.
 */
call?: CallId, } | { "do": "mute", 
/**
 * Which call; the only one that fits without it.
 */
call?: CallId, } | { "do": "unmute", 
/**
 * Which call; the only one that fits without it.
 */
call?: CallId, } | { "do": "record", 
/**
 * Which call; the only one that fits without it.
 */
call?: CallId, } | { "do": "stop-recording", 
/**
 * Which call; the only one that fits without it.
 */
call?: CallId, } | { "do": "dtmf", 
/**
 * Which call; the only one that fits without it.
 */
call?: CallId, 
/**
 * 0-9, A-D, `*`, `#`, and `,` for a pause of a second.
 */
digits: string, } | { "do": "key", 
/**
 * 0-9, A-D, `*`, `#`.
 */
key: string, } | { "do": "set-device", 
/**
 * For what.
 */
role: Role, 
/**
 * Its id, or `default`.
 */
device: string, } | { "do": "set-devices", 
/**
 * For what.
 */
role: Role, 
/**
 * Ids or `default`, the best first, 1..=8.
 */
devices: Array<string>, } | { "do": "also-ring", 
/**
 * Ids or `default`, 0..=8.
 */
devices: Array<string>, } | { "do": "set", 
/**
 * A key of [`super::Settings`].
 */
setting: string, 
/**
 * Its value.
 */
value: unknown, } | { "do": "listen", 
/**
 * Which microphone; the chosen one without it.
 */
device?: string, } | { "do": "unlisten", } | { "do": "history", 
/**
 * Only those before this one.
 */
before?: HistoryId, 
/**
 * How many, 1..=500; 50 without it.
 */
limit?: number, 
/**
 * Only those with this in a name, a number or what was dialled.
 */
filter?: string, } | { "do": "seen", 
/**
 * Those up to this one; all without it.
 */
before?: HistoryId, } | { "do": "watch", 
/**
 * Which.
 */
watch: Watch, 
/**
 * For `sip`: replay what was said for this call first.
 */
call?: CallId, } | { "do": "unwatch", 
/**
 * Which.
 */
watch: Watch, } | { "do": "state", };
export type Hello = { 
/**
 * `bellbird`.
 */
name: string, 
/**
 * The version of the program.
 */
version: string, 
/**
 * The version of the contract.
 */
contract: number, };
export type SipLine = { 
/**
 * When.
 */
at: Timestamp, 
/**
 * On which connection of the account, counted from 1.
 */
connection: number, 
/**
 * Of which account.
 */
account: AccountId, 
/**
 * Of which call.
 */
call: CallId | null, 
/**
 * Did we send it?
 */
out: boolean, 
/**
 * The message.
 */
text: string, };
export type Ok = { 
/**
 * The account that was added or changed.
 */
account?: AccountId, 
/**
 * The call that was made.
 */
call?: CallId, 
/**
 * The conference that the calls are joined in.
 */
conference?: ConferenceId, 
/**
 * The test that has begun.
 */
test?: TestId, 
/**
 * The pin of the certificate that a test is to trust.
 */
pin?: string, 
/**
 * Calls of the past.
 */
rows?: Array<HistoryRow>, };
export type Reply = { 
/**
 * The id of the command; null when the line was none.
 */
reply: number | string | null, 
/**
 * It was accepted.
 */
ok?: Ok, 
/**
 * It was not.
 */
error?: Error, };
export type Line = { "hello": Hello } | { "state": PhoneState } | { "notice": Notice } | { "levels": Levels } | { "quality": Quality } | { "sip": SipLine } | Reply;
