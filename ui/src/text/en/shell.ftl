# Words of the tray and of notifications, read by the desktop shell.
tray-ready = Bellbird: ready
tray-working = Bellbird: connecting
tray-unreachable = Bellbird: not reachable
tray-in-call = Bellbird: in a call
tray-missed = { $count ->
    [one] Bellbird: one missed call
   *[other] Bellbird: { $count } missed calls
}
tray-dnd = Bellbird: do not disturb
menu-show = Show Bellbird
menu-quit = Quit Bellbird
incoming-title = Incoming call
incoming-body = { $who } on { $account }
recorded-title = Call recorded
missed-title = Missed call
missed-body = { $who } called
answer = Answer
decline = Decline
no-display = There is no display to open a window on. Use bellbird-cli to phone from a terminal.
already-running = Bellbird is already running for this user. Close the other one first, or use its window.
cannot-start = Bellbird could not start: { $reason }
