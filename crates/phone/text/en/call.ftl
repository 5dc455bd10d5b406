# A call: why it ended, or could not begin.
busy = The line is busy
    .why = They are in another call.
    .hint = Call again in a while.

declined = The call was declined
    .why = They do not want to talk now.
    .hint = Call again later, or send a message.

no-answer = Nobody answered
    .why = It rang there, and nobody took the call.
    .hint = Call again in a while.

unreachable = They cannot be reached
    .why = No phone of theirs is on the line now.
    .hint = Call again in a while.

not-found = There is no such number
    .why = The server knows nobody called { $number }.
    .hint = Check the number.

moved = They are to be called elsewhere
    .why = The call was sent on to { $elsewhere }, which is another number.
    .hint = Call it only if you know it.

not-allowed = The call is not allowed
    .why = The server does not let this account call { $number }.
    .hint = Ask the administrator of the server.

server-error = The server could not make the call
    .why = Something failed on the way to them.
    .hint = Call again in a while.

no-common-codec = There is no common way to speak
    .why = The two phones share no way to code sound.
    .hint = Ask the administrator of the server to allow Opus or G.711.

media-insecure = The sound would not be secure
    .why = The other end does not prove who may listen, so nothing was sent.
    .hint = Ask the administrator of the server to turn on DTLS-SRTP and ICE.

media-failed = There is no way for the sound
    .why = No network path between the two phones was found.
    .hint = A STUN or TURN server in the account may help.

bad-sdp = The other end describes its sound wrongly
    .why = What it sent does not follow the rules.
    .hint = Ask the administrator of the server.

not-registered = The line is not ready
    .why = This account is not connected to its server now.
    .hint = Wait until the line is ready, then call again.

bad-number = This cannot be called
    .why = { $number } is no number, name or address.
    .hint = Type a number, a name, or an address like 2001@example.com.

call-limit = There are too many calls
    .why = This phone cannot hold any more at the same time.
    .hint = Hang up one of them first.

not-answered = This call is not answered yet
    .why = Only calls in which one can talk are joined.
    .hint = Wait until it is answered.

conference-too-small = A conference needs two calls
    .why = There are not two calls that are up.
    .hint = Call somebody else first.

not-secure = The address asks for a secure line
    .why = A sips address is not called over a connection in the clear.
    .hint = Use a wss server for this account, or call the address as sip.
