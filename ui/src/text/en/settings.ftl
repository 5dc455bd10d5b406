# Settings, sound, appearance, and the sheet of keys.
settings-find = Find a setting
settings-accounts = Accounts
settings-phone = Phone
settings-none = No setting of that name
settings-practice-inside = Inside Bellbird
settings-practice-back = Bring back the practice line
settings-account-line = { $address } · { $shape ->
    [ready] ready
    [working] connecting
    [failed] not reachable
   *[off] off the line
}
settings-appearance = Appearance and language
settings-appearance-line = { $theme }, { $language }
sound = Sound
sound-microphone = Microphone
sound-speaker = Speaker
sound-ringer = Ring on
sound-also-ring = Ring on { $name } too
sound-not-there = Not connected
sound-record = Recordings
sound-record-wav = WAV: plays everywhere, large
sound-record-ogg = Ogg Opus: small
sound-record-tone = A tone says that a call is recorded
sound-record-tone-hint = Both sides hear it every fifteen seconds.
sound-default = As the system
sound-default-now = As the system: { $name }
sound-absent = { $name } (not connected)
sound-none = None found
sound-level = Level of the microphone
sound-echo = Cancel echo
sound-echo-on = Always
sound-echo-auto = Automatic: not with a headset
sound-echo-off = Never
sound-noise = Quiet the background
sound-noise-off = Not at all
sound-noise-low = A little
sound-noise-medium = Medium
sound-noise-high = Much
sound-noise-strong = All that is no speech
sound-even = Even out my volume
sound-even-hint = Near the microphone or far from it
sound-delay = Delay
sound-delay-auto = Automatic: short on a good connection
sound-delay-safe = Safe: bears lost packets best
sound-delay-low = Short: least delay
sound-test = Test call: hear yourself
theme = Appearance
theme-system = As the system
theme-light = Light
theme-dark = Dark
language = Language
language-system = As the system
keys = Keys
keys-line = F1 shows them anywhere
keys-call = Call, or answer the focused call
keys-recall = Bring back the last number (in the empty field)
keys-back = Back; then decline a ringing call that has the focus
keys-hangup = Hang up
keys-mute = Mute
keys-hold = Hold
keys-keypad = Keypad
keys-callback = Call back
keys-field = To the field
keys-tabs = Calls, keypad
keys-sheet = This sheet
keys-digits = Digits typed anywhere land in the field; in a call they are sent as tones. Space never answers a call by itself.
