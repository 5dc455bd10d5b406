// The door of the window. `Error`, `Ok` and `Line` of the contract go by names that no language takes for its own.
export type * from './contract';
export type { Error as ContractError, Ok as ReplyOk } from './contract';
export { Door, Refused, type Host, type Shell } from './door';
