# A call, from the first ring to its end.
call-incoming = Incoming call
call-says = Call with { $who }
call-via = via { $account }
verified-passed = Number verified
verified-failed = Number may be forged
answer-call = Answer
decline-call = Decline
silence = Silence
silenced = Silenced
call-dialing = Calling
call-ringing = Ringing
call-early-media = Ringing, with sound
call-connecting = Connecting
call-ending = Ending
encrypted = Encrypted
securing = Securing
no-sound = No sound path
reconnecting = Reconnecting { $seconds } s
reconnecting-title = { $why ->
    [network-changed] Moving to the other network
   *[other] The connection was interrupted
}
reconnecting-words = The call is being kept. { $who } hears a short silence.
on-hold = On hold
held-by-them = They put you on hold
held-by-both = Both on hold
# keys: what the other end pressed.
they-press = They press { $keys }
quality = { $grade ->
    [clear] Clear
    [fair] Uneven
    [poor] Poor
    [bad] Poor
   *[other] Measuring
}
level-mic = Your voice
level-far = Their voice
mute = Mute
muted = Muted
hold = Hold
held = On hold
keypad = Keypad
transfer = Transfer
add = Add
record = Record
recording = Recording
grid = Actions of the call
hang-up = Hang up
hang-up-who = Hang up { $who }
swap = Swap with { $who }
conference = Conference
in-conference = Conference
leave = Split off
leave-who = Split off { $who }
held-line = { $number } · { $time }, held { $held }
held-line-there = { $number } · { $time }
waiting-line = { $number } · ringing
call-there = Call there
call-again = Call again
ended-chip = { $is ->
    [busy] Busy
    [declined] Declined
    [no-answer] No answer
    [cancelled] Cancelled
    [answered-elsewhere] Answered on another phone
    [unreachable] Not reachable
    [not-found] Not found
    [moved] Sent elsewhere
    [not-allowed] Not allowed
    [no-common-codec] No common way to speak
    [media-failed] Sound failed
    [network] Network failed
    [server-error] Server failed
    [hung-up-here] Ended
    [hung-up-there] They hung up
   *[other] Ended
}
back-to-call = Back to the call
tones-sent = Tones sent
call-card = { $number } · { $time }
