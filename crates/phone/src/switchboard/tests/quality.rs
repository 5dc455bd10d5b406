//! The quality of a call, from the media thread to the state and the history.

use super::super::quality::{SAID_AFTER, SETTLING, tests::lossy};
use super::*;

#[test]
fn a_call_says_what_spoils_it_and_leaves_it_in_the_history() {
    let mut desk = Desk::registered();
    let (call, sip) = desk.talks();
    let told = |quality: media::quality::Quality| Happened::Quality { call: call.clone(), quality };
    (0..SETTLING + SAID_AFTER).for_each(|_| desk.voice(told(lossy())));
    let trouble = desk.state().calls[0].trouble.clone().unwrap();
    assert_eq!((trouble.code.as_str(), trouble.message.as_str()), ("sound-loss", "Your network loses packets"));
    // Whoever is on hold hears nothing that could be poor.
    desk.ask(json!({ "do": "hold" })).unwrap();
    desk.voice(told(lossy()));
    assert_eq!(desk.state().calls[0].trouble, None);
    desk.voice(Happened::Dtmf { call: call.clone(), digit: '5' });
    desk.agent(Event::Digit { call: sip, digit: '#' });
    let keys: Vec<char> = desk
        .wanted()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Notice(Notice::Dtmf { call: of, digit }) if of == call => Some(digit),
            _ => None,
        })
        .collect();
    assert_eq!(keys, ['5', '#']);
    desk.ask(json!({ "do": "hangup" })).unwrap();
    desk.agent(ended(sip, EndedBy::Local, None, true));
    let rows: Vec<_> = desk
        .wanted()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Row(row) => Some(row),
            _ => None,
        })
        .collect();
    let quality = rows[0].quality.clone().unwrap();
    assert_eq!((quality.poor_s, quality.mos, quality.far_loss_pct), (SAID_AFTER, 2.9, Some(9.0)));
    assert_eq!(quality.trouble.unwrap().code, "sound-loss");
}
