// Every call from the page passes here before it reaches Rust (CONFORMANCE H5). Only the two commands of the phone's
// door get through, and only in their own shape; anything else becomes a call that Rust refuses, so that the page
// hears an error instead of nothing. What is inside a command is for the phone to judge.
"use strict";
(() => {
  const WORDS = [
    "add-account", "change-account", "remove-account", "register", "unregister", "test-account", "trust-certificate",
    "call", "answer", "decline", "ignore", "hangup", "hold", "resume", "conference", "leave", "mute", "unmute", "dtmf", "key",
    "set-device", "set-devices", "also-ring", "record", "stop-recording",
    "set", "listen", "unlisten", "history", "seen", "watch", "unwatch", "state",
  ];
  const plain = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const exactly = (value, names) => plain(value) && Object.keys(value).sort().join() === names;

  const attach = (payload) => exactly(payload, "channel") && /^__CHANNEL__:\d+$/.test(payload.channel);
  const send = (payload) =>
    exactly(payload, "command,id") &&
    Number.isSafeInteger(payload.id) &&
    payload.id >= 0 &&
    plain(payload.command) &&
    Object.hasOwn(payload.command, "do") &&
    WORDS.includes(payload.command.do);
  // Tauri's own way of handing a long message of a channel to the page.
  const fetchOfChannel = (payload) => payload === null || payload === undefined || exactly(payload, "");

  const passes = (call) => {
    switch (call.cmd) {
      case "attach":
        return attach(call.payload);
      case "send":
        return send(call.payload);
      case "plugin:__TAURI_CHANNEL__|fetch":
        return fetchOfChannel(call.payload);
      default:
        return false;
    }
  };
  const hook = (call) => (passes(call) ? call : { cmd: "refused", callback: call.callback, error: call.error, options: undefined, payload: {} });
  Object.defineProperty(window, "__TAURI_ISOLATION_HOOK__", { value: hook, writable: false, configurable: false });
})();
