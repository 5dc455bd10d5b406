# The line at the top: who I am and whether I can be reached.
practice-line = Practice line
line-ready = Ready · { $address }
line-ready-practice = Ready · nothing leaves this computer
line-off = Off the line
line-connecting = { $why ->
    [network-changed] Network changed · registering again
    [connection-lost] Connection lost · { $step ->
        [find] finding the server
        [connect] connecting
        [tls] securing
        [websocket] connecting
       *[register] registering again
    }
   *[start] { $step ->
        [find] Finding the server
        [connect] Connecting
        [tls] Securing the connection
        [websocket] Connecting
       *[register] Registering
    }
}
line-suspect = No sign of the server · checking
line-retrying = Trying again in { $seconds } s
line-failed = Not reachable · { $code ->
    [wrong-password] password refused
    [unknown-user] user not known
    [forbidden] not allowed
    [password-needed] password needed
    [keychain-locked] keychain locked
    [no-keychain] no keychain
    [certificate-untrusted] certificate not known
    [certificate-expired] certificate expired
    [certificate-wrong-name] certificate of another name
    [certificate-changed] certificate changed
    [host-unknown] server not found
   *[other] see why
}
line-none = No account
line-show = Show the line of { $name }
line-others = { $name }: { $shape ->
    [failed] not reachable
   *[working] connecting
}
settings = Settings
back = Back
close = Close
details = Details

# The evidence for the line.
evidence-title = The line
evidence-server = Server
evidence-since = On the line since
evidence-proven = Last sign of life
evidence-round-trip = Round trip
evidence-expires = Registered until
evidence-flows = Connections
evidence-tls = Encryption
evidence-digest = Password proof
evidence-certificate = Certificate
evidence-issued = Issued by
evidence-valid = Valid
evidence-fingerprint = SHA-256
evidence-itself = itself
evidence-span = { $from } to { $until }
evidence-again = Register again
evidence-edit = Edit account
evidence-account = Account
milliseconds = { $n } ms
seconds-ago = { $n ->
    [0] just now
   *[other] { $n } s ago
}

# A failure: what one may do about it, and the small print.
act-enter-password = { $code ->
    [password-needed] Enter it
   *[other] Enter it again
}
act-show-certificate = Look at the certificate
act-choose-device = Choose a device
act-retry = Try again
small-print = { $code } · { $time }
small-print-sip = { $code } · SIP { $sip } · { $time }
