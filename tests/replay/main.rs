//! The recorded flows of four real servers, replayed from the server's side to our own agent.
//!
//! What the recorded client made up (Call-IDs, tags, branches, contacts) is rewritten to what ours made up; a person does
//! what the person at the recorded client did; and in the end the calls and the registration are as they were there, or
//! better.

mod answers;
mod capture;
mod hostile;
mod line;
mod names;
mod play;
mod told;

use play::replay;

macro_rules! flows {
    ($($test:ident: $case:literal $count:literal),* $(,)?) => {
        $(#[test]
        fn $test() {
            let captures = capture::named($case);
            assert_eq!(captures.len(), $count, "{}", $case);
            captures.iter().for_each(replay);
        })*
    };
}

// The number is that of the servers that were recorded so, and for a `*` of their variants too.
flows! {
    register: "register" 4,
    register_sipjs: "register-sipjs" 4,
    register_wrong_password: "register-wrong-password" 4,
    idle: "idle*" 9,
    call_echo: "call-echo*" 16,
    outgoing: "outgoing-*" 10,
    incoming: "incoming" 4,
    incoming_cancel: "incoming-cancel" 4,
    incoming_reject: "incoming-reject" 4,
    incoming_sipjs: "incoming-sipjs" 4,
    originate: "originate*" 3,
    cancel_out: "cancel-out" 4,
    reject_by_server: "reject-by-server" 4,
    early_media: "early-media*" 8,
    hold_by_client_peer_and_server: "hold-by-*" 9,
    hold_echo: "hold-echo" 4,
    fork: "fork-*" 7,
    server_bye: "server-bye" 4,
}

#[test]
#[should_panic(expected = "all is over")]
fn a_call_that_does_not_end_is_found_out() {
    let mut capture = capture::Capture::read("kamailio/incoming");
    // The BYE and its answer.
    capture.messages.truncate(capture.messages.len() - 2);
    replay(&capture);
}

#[test]
#[should_panic(expected = "nobody does that")]
fn an_answer_that_is_not_made_is_found_out() {
    let mut capture = capture::Capture::read("kamailio/incoming-cancel");
    // The CANCEL, so that nobody has a reason for the 200 and the 487 behind it.
    capture.messages.remove(3);
    replay(&capture);
}
