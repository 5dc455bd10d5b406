# The one field, the list, the tabs.
field-label = Name, number or address
field-call = Call
field-recall = Bring back the last: { $who }
tab-calls = Calls
tab-keypad = Keypad
tabs = Pages
missed-count = { $count ->
    [one] one missed call
   *[other] { $count } missed calls
}
calls-list = Calls
today = Today
yesterday = Yesterday
found-history = From your calls
found-typed = Call as typed
found-list = Matches
found-from = from account { $account }
no-calls = No calls yet
no-calls-hint = Type a name, a number or an address, and press Enter.
call-back = Call back
copy-number = Copy the number
recorded = Recorded: { $file }
# n: which of several; 0 where there is only one.
copy-recording = { $n ->
    [0] Copy the path of the recording
   *[other] Copy the path of recording { $n }
}

outcome-missed = { $count ->
    [one] Missed
   *[other] Missed, { $count } times
}
outcome-answered = Answered, { $length }
outcome-spoke = { $length }
sound-was = { $grade ->
    [clear] The sound was clear.
    [fair] The sound was uneven at times.
   *[other] The sound was poor.
}
sound-poor-for = The sound was poor for { $length }.
sound-figures = Opinion { $mos } of 4.5, { $loss } % lost, jitter { $jitter } ms{ $rtt ->
    [none] {""}
   *[other] , round trip { $rtt } ms
}.
outcome-ended = { $is ->
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
    [media-failed] No sound could be made
    [network] The network failed
    [server-error] The server failed
    [hung-up-here] Ended
    [hung-up-there] Ended by them
   *[other] Not connected
}
length-seconds = { $n } s
length-minutes = { $n } min
length-hours = { $hours } h { $minutes } min

welcome-title = Make your first call
welcome-words = The practice line lives inside Bellbird. Speak, and hear how others will hear you.
welcome-echo = Call the echo · 600
welcome-ring = Let it ring here in five seconds · 603
welcome-add = Add your account

pad = Keypad
pad-star = star
pad-hash = hash
