// The lines that cross the door, as `bellbird-cli run --json` prints them, and the commands that this window sends.
import type {
  AccountFields, Error as ContractError, HistoryRow, Levels, Notice, PhoneState, Quality, Role,
} from './contract.draft';

export type { ContractError };

type AccountWish = AccountFields & { password?: string; turnPassword?: string; keep?: 'keychain' | 'run' };

export type Command =
  | ({ do: 'add-account' } & AccountWish)
  | ({ do: 'change-account'; account: string } & AccountWish)
  | { do: 'remove-account' | 'register' | 'unregister'; account: string }
  | ({ do: 'test-account'; account?: string } & AccountWish)
  | { do: 'trust-certificate'; account?: string; test?: string; sha256: string }
  | { do: 'call'; to: string; account?: string }
  | { do: 'answer' | 'decline' | 'ignore' | 'hangup' | 'hold' | 'resume' | 'mute' | 'unmute'; call?: string }
  | { do: 'dtmf'; call?: string; digits: string }
  | { do: 'set-device'; role: Role; device: string }
  | { do: 'set'; setting: string; value: unknown }
  | { do: 'listen'; device?: string }
  | { do: 'unlisten' | 'state' }
  | { do: 'history'; before?: string; limit: number }
  | { do: 'seen'; before?: string }
  | { do: 'watch' | 'unwatch'; watch: 'levels' | 'quality' };

/** What `ok` of a reply may carry; which of it depends on the command. */
export interface ReplyOk {
  account?: string;
  call?: string;
  test?: string;
  pin?: string;
  rows?: HistoryRow[];
}

export type Line =
  | { hello: { name: string; version: string; contract: number } }
  | { state: PhoneState }
  | { reply: number | null; ok?: ReplyOk; error?: ContractError }
  | { notice: Notice }
  | { levels: Levels }
  | { quality: Quality }
  | { sip: unknown };
