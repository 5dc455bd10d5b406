# The line: the way to the server, and who we are there.
host-unknown = The server was not found
    .why = No name server knows { $host }.
    .hint = Check the name of the server and your network.

connect-refused = The server refused the connection
    .why = { $host } cannot be reached on this port.
    .hint = Check the port, or try again in a while.

connect-timeout = The server does not answer
    .why = { $host } said nothing in time.
    .hint = Check your network, or try again in a while.

tls-failed = The connection could not be secured
    .why = { $host } and this phone found no common encryption.
    .hint = Ask the administrator of the server.

certificate-untrusted = The certificate is not known
    .why = { $host } shows a certificate that nobody known to this computer vouches for.
    .hint = Look at it before you trust it.

certificate-expired = The certificate is not valid now
    .why = The certificate of { $host } has run out, or is not valid yet.
    .hint = Check the clock of this computer, or ask the administrator of the server.

certificate-wrong-name = The certificate is for another name
    .why = The certificate is not one for { $host }.
    .hint = Check the name of the server. Somebody else may be answering for it.

certificate-changed = The certificate has changed
    .why = { $host } shows another certificate than the one you trusted.
    .hint = Ask the administrator whether it was renewed before you trust it.

websocket-refused = The server refused the connection for calls
    .why = { $host } answers, but opens no WebSocket here.
    .hint = Check the path of the server address.

handshake-password = The server asks for a name and password before calls
    .why = { $host } wants them when the connection is opened; they are not those of the account.
    .hint = Ask the administrator, and type them in the account under “Connection”.

proxy-password = The proxy asks for a name and password
    .why = Connections of this account go through a proxy, which lets nobody through without them.
    .hint = Type them in the account under “Connection”.

proxy-failed = The proxy does not lead to the server
    .why = Connections of this account go through a proxy, and it let this one not through.
    .hint = Check the proxy in the account under “Connection”.

subprotocol-missing = The server does not speak SIP here
    .why = { $host } opens a WebSocket, but not one for calls.
    .hint = Check the port and the path of the server address.

wrong-password = The server refused the password
    .why = { $host } does not accept the password of { $user }.
    .hint = Calls cannot come in until it is right.

unknown-user = The server does not know this user
    .why = There is no { $user } at { $host }.
    .hint = Check the address of the account.

forbidden = The server does not allow this account
    .why = { $host } knows { $user } and does not let it register.
    .hint = Ask the administrator of the server.

server-unavailable = The server cannot serve calls now
    .why = { $host } answers that it is not able to.
    .hint = Try again in a while.

connection-lost = The connection was lost
    .why = { $scope ->
        [call] The server could not be reached any more.
       *[line] The connection to { $host } broke.
    }
    .hint = { $scope ->
        [call] Call again when the line is ready.
       *[line] It is made again by itself.
    }

bad-sip = The server gave an answer that makes no sense
    .why = What { $host } sent does not follow the rules of SIP.
    .hint = Ask the administrator of the server.

password-needed = The password is needed
    .why = The password of { $user } is not stored on this computer.
    .hint = Type it to come on the line.

password-anew = The password is needed again
    .why = It was kept for another server and is not shown to { $host } unasked.
    .hint = Type it once more if this server is the right one.

digest-weaker = The server asks for a weaker proof of the password
    .why = { $host } asked for a stronger one before. Somebody else may be answering for it.
    .hint = Ask the administrator. Typing the password again accepts the weaker proof.

realm-changed = The server asks for the password under another name
    .why = { $host } took it under a name that is not among those it uses now. Somebody else may be answering for it.
    .hint = Ask the administrator. Typing the password again accepts the new name.

server-unproven = The server did not prove that it knows the password
    .why = What { $host } showed as a proof is wrong. Somebody else may be answering for it.
    .hint = Ask the administrator of the server.

no-keychain = There is no keychain
    .why = Passwords cannot be stored on this computer.
    .hint = Bellbird asks for them each time it starts.

keychain-locked = The keychain is locked
    .why = The password is in it and cannot be read.
    .hint = Unlock the keychain, or type the password for this run.

keychain-failed = The keychain failed
    .why = The password could not be read or stored.
    .hint = Type the password for this run.
