// Every call from the page passes here before it reaches Rust. Only the two commands of the phone's door get
// through, and only in their own shape; anything else becomes a call that Rust refuses.
"use strict";
window.__TAURI_ISOLATION_HOOK__ = (payload) => {
  const refused = { ...payload, cmd: "refused", payload: {} };
  const plain = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  const only = (value, names) => plain(value) && Object.keys(value).every((name) => names.includes(name));
  switch (payload.cmd) {
    case "attach":
      return only(payload.payload, ["channel"]) ? payload : refused;
    case "send":
      return only(payload.payload, ["id", "command"]) &&
        Number.isSafeInteger(payload.payload.id) &&
        plain(payload.payload.command)
        ? payload
        : refused;
    // Tauri's own way of handing a long message of a channel to the page.
    case "plugin:__TAURI_CHANNEL__|fetch":
      return payload;
    default:
      return refused;
  }
};
