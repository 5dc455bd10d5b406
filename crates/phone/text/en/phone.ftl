# Sound, what was asked, and the phone itself.
no-microphone = There is no microphone
    .why = They cannot hear you.
    .hint = Plug one in or choose another.

no-speaker = There is no speaker
    .why = You cannot hear them.
    .hint = Plug in a headset.

device-lost = A sound device is gone
    .why = { $role ->
        [mic] The microphone does not answer any more.
        [speaker] The speaker does not answer any more.
       *[ringer] The speaker that rings does not answer any more.
    }
    .hint = Plug it in again or choose another.

device-busy = A sound device is in use
    .why = { $role ->
        [mic] Another program keeps the microphone to itself.
        [speaker] Another program keeps the speaker to itself.
       *[ringer] Another program keeps the speaker that rings to itself.
    }
    .hint = Close that program or choose another device.

device-denied = A sound device may not be used
    .why = { $role ->
        [mic] The system does not let Bellbird use the microphone.
        [speaker] The system does not let Bellbird use the speaker.
       *[ringer] The system does not let Bellbird use the speaker that rings.
    }
    .hint = Allow it in the settings of the system.

sound-failed = The sound system failed
    .why = Its devices cannot be listed or opened.
    .hint = Check that sound works in other programs.

microphone-quiet = They can hardly hear you
    .why = The microphone is very quiet, or switched off at the device itself.
    .hint = Speak into it, turn it up in the settings of the system, or choose another.

microphone-clipped = Your voice is distorted
    .why = The microphone is turned up too far.
    .hint = Turn it down in the settings of the system, or speak from further away.

disk-full = There is no room left for the recording
    .why = The disk is full. What was recorded before is kept.
    .hint = Make room, then record again.

recording-failed = The call cannot be recorded
    .why = Its file cannot be written.
    .hint = Look into the log for what the system says.

no-such-account = There is no such account
    .hint = It may have been removed.

no-such-call = There is no such call
    .hint = It may have ended.

no-such-device = There is no such device
    .hint = Choose one of those that are there.

no-such-test = There is no such test
    .hint = Test the account again.

no-such-certificate = This certificate was not shown
    .why = Only a certificate that was refused and shown can be trusted.
    .hint = Look at the certificate again.

no-account = There is no account to call on
    .hint = Add an account first.

which-call = It is not clear which call is meant
    .why = None fits, or more than one does.
    .hint = Name the call.

not-now = This cannot be done now
    .why = It does not fit the state of the phone or of the call.
    .hint = Try again when it fits.

bad-command = This is not understood
    .why = The trouble is at { $place }.
    .hint = See docs/cli.md for what can be asked.

bad-setting = This setting cannot be made
    .why = { $setting } is not known, or cannot have that value.
    .hint = See docs/cli.md for the settings.

bad-account = The account is not right yet
    .why = { $field ->
        [address] The address must look like 2001@example.com.
        [server] The server must be a name, or an address that begins with wss://.
        [auth-user] The name for the password is too long or has letters that cannot be sent.
        [display-name] The name that others see is too long.
        [name] The name of the account is too long.
        [ca] The certificate authority must be PEM text of at most 64 kB.
        [pin] The pin must be 64 hexadecimal digits.
        [origin] The origin must look like https://example.com.
        [http-user] The name for opening the connection is too long or has letters that cannot be sent.
        [headers] The headers must look like “Name: value”, one a line, 16 at most, and none that the connection sets itself.
        [client-cert] The certificate of your own must be PEM text that holds it and its key, without a pass phrase.
        [proxy] The proxy must look like http://proxy.example.com:3128 or socks5://…, with a user if need be but no password, or be “none”.
        [stun] A STUN server must look like stun:example.com:3478, and there can be four.
        [turn] A TURN server must look like turn:example.com:3478 and have a user, and there can be four.
        [expires] The time for the server to keep us must be 60 to 86400 seconds.
        [password] The password is too long.
       *[practice] The practice line is made by the phone itself.
    }
    .hint = Correct it and save again.

account-exists = There is such an account already
    .why = Another account has this user at this server.
    .hint = Change that one, or remove it first.

account-limit = There are too many accounts
    .why = This phone keeps no more at the same time.
    .hint = Remove one first.

store-damaged = The stored data was damaged
    .why = It was moved aside to { $file }, and Bellbird began afresh.
    .hint = Add your accounts again. Passwords in the keychain are not touched.

store-failed = Nothing can be stored now
    .why = The disk is full, or the folder cannot be written.
    .hint = Calls go on. Make room, and what is new is stored again.

practice-failed = The practice line cannot run
    .why = This computer did not let it open a port of its own.
    .hint = Your other accounts are not touched.

already-running = Bellbird is running already
    .why = Only one phone at a time uses the stored accounts.
    .hint = Use the one that runs, or end it first.

no-display = There is no screen to show the window on
    .hint = Use bellbird-cli in a terminal.

internal = Something went wrong inside Bellbird
    .why = This is a fault of the program.
    .hint = Start it again, and please report it with the detail beside it.

# The name of the account that the phone makes itself.
practice-line = Practice line
